"""history_contradiction: the plan tells something else than what was recorded before it was made.

- Recorded at a place at a time: the plan has the person elsewhere, or on the way, at that time.
- Recorded as having left a place at a time: the plan lets the person leave it at another time, or stay.
- Recorded as heading somewhere: the plan's way from there, or a `state` row, goes somewhere else. Nobody
  turns round on the way or changes the destination.
- Recorded as begun at a time: the plan begins the task at another time.
- Recorded as aboard: somebody else, or not everybody, is on that way.
- A plan that names the plan under way (`base`): its rows begun before `now` are kept; none is dropped,
  changed or added. A way that is under way may arrive later than was planned.
What was not recorded can't be contradicted; a plan that only begins later takes over what was recorded.
One violation for each row that contradicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.planning.codes.words import at, listed, numbers, span
from engine.planning.finding import Violation
from engine.planning.history import Past, begun, said_goal
from engine.planning.plan import Plan, Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE
from engine.planning.walk import Leg

_Said = tuple[Row, str, str]


def find(reading: Reading) -> Iterator[Violation]:
    """Yield each row that contradicts what was recorded."""
    groups: dict[int, list[_Said]] = defaultdict(list)
    for who, past in reading.past.items():
        if who in reading.plan.history:
            for said in (
                *_places(reading, who, past),
                *_departure(reading, who, past),
                *_states(reading, who, past),
            ):
                groups[said[0].n].append(said)
    for said in _begun(reading):
        groups[said[0].n].append(said)
    for number, said_all in sorted(groups.items()):
        yield Violation(
            code="history_contradiction", rows=(number,), required=listed(said[1] for said in said_all),
            claimed=listed(said[2] for said in said_all),
        )  # fmt: skip
    if reading.base is not None and reading.plan.now is not None:
        yield from _changed(reading, reading.base, reading.plan.now, set(groups))


def _places(reading: Reading, who: str, past: Past) -> Iterator[_Said]:
    """Yield the rows that have somebody elsewhere at a recorded time."""
    case, track = reading.case, reading.tracks[who]
    for moment, place in past.was_at:
        legs = [leg for leg in track.legs if leg.row is not None and leg.start < moment - TOLERANCE]
        if legs and legs[-1].row is not None and track.at(moment) != place:
            claimed = f"{legs[-1].here} to {legs[-1].there} {span(case, legs[-1].row)}"
            yield legs[-1].row, f"{who} at {place} at {at(case, moment)}", claimed


def _departure(reading: Reading, who: str, past: Past) -> Iterator[_Said]:
    """Yield the way that leaves a place at another time, for another place or with others than recorded."""
    case = reading.case
    legs = [leg for leg in reading.tracks[who].legs if leg.row is not None]
    for moment, place in past.left:
        last = (moment, place) == past.left[-1]
        leg = _leg_from(legs, place, moment)
        if leg is None or leg.row is None:
            continue
        if abs(leg.start - moment) > TOLERANCE:
            yield leg.row, f"{who} left {place} at {at(case, moment)}", f"leaves at {at(case, leg.start)}"
        if last and past.heading is not None and leg.there != past.heading:
            yield leg.row, f"{who} left {place} for {past.heading}", f"heads for {leg.there}"
        riders = {name for name in reading.who(leg.row) if name != who}
        if last and past.aboard is not None and riders != set(past.aboard):
            yield (
                leg.row,
                f"aboard: {listed(past.aboard) or 'nobody'}",
                f"aboard: {listed(sorted(riders)) or 'nobody'}",
            )


def _leg_from(legs: list[Leg], place: str, moment: float) -> Leg | None:
    from_there = [leg for leg in legs if leg.here == place]
    near = min(from_there, key=lambda leg: abs(leg.start - moment), default=None)
    if near is not None:
        return near
    return next((leg for leg in legs if leg.start <= moment + TOLERANCE < leg.end), None)


def _states(reading: Reading, who: str, past: Past) -> Iterator[_Said]:
    """Yield the rows that state another destination, or another place, than was recorded."""
    if past.leg is None:
        return
    _, there, start, end = past.leg
    for row in reading.rows:
        if row.kind != "state" or who not in reading.who(row) or not start <= row.start < end - TOLERANCE:
            continue
        goal = said_goal(row, reading.case)
        if goal is not None and goal != there:
            yield row, f"{who} heading for {there}", f"heading for {goal}"
        elif goal is None and row.place in reading.case.problem.places:
            yield row, f"{who} on the way to {there}", f"at {row.place}"


def _begun(reading: Reading) -> Iterator[_Said]:
    """Yield the rows that begin a task at another time than it was begun."""
    for task, moment in begun(reading.plan.history, reading.case).items():
        rows = reading.work(task)
        if rows and all(abs(row.start - moment) > TOLERANCE for row in rows):
            yield rows[0], f"{task} begun at {at(reading.case, moment)}", span(reading.case, rows[0])


def _changed(reading: Reading, base: Plan, now: float, known: set[int]) -> Iterator[Violation]:
    """Yield the rows begun before `now` that are not as the plan under way has them."""
    mine = [row for row in reading.plan.rows if row.start < now - TOLERANCE]
    theirs = [row for row in base.rows if row.start < now - TOLERANCE]
    acts = {"drive", "walk", "errand", "pickup", "cook", "visit"}
    dropped = [row for row in theirs if row.kind in acts and not any(_same(row, one, now) for one in mine)]
    added = [
        row for row in mine
        if row.kind in acts and row.n not in known and not any(_same(one, row, now) for one in theirs)
    ]  # fmt: skip
    for row in added:
        yield Violation(
            code="history_contradiction", rows=numbers([row]), claimed=_told(reading, row),
            required="what was begun before the plan was made stays: "
            + (_told(reading, dropped.pop(0)) if dropped else "this was not"),
        )  # fmt: skip
    if dropped and not added and not known:
        yield Violation(
            code="history_contradiction",
            rows=(),
            required=f"kept: {_told(reading, dropped[0])}",
            claimed="dropped",
        )


def _same(old: Row, new: Row, now: float) -> bool:
    facts = ("kind", "agent", "place", "from_", "to", "item")
    alike = all(getattr(old, fact) == getattr(new, fact) for fact in facts) and set(old.names) == set(
        new.names
    )
    ends = abs(old.ends - new.ends) <= TOLERANCE or (old.ends > now and new.ends >= now - TOLERANCE)
    return alike and abs(old.start - new.start) <= TOLERANCE and ends


def _told(reading: Reading, row: Row) -> str:
    where = f"{row.from_} to {row.to}" if row.moves else f"{row.kind} at {row.place}"
    return f"{listed(row.names)} {where} {span(reading.case, row)}"
