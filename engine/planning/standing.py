"""How far a plan has come at a moment: what was begun stays, and every vehicle is where that has brought it."""

from __future__ import annotations

from engine.planning.case import Case, Someone
from engine.planning.plan import Plan, Row
from engine.planning.planner import Spot, Standing
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE


def standing_of(case: Case, plan: Plan, now: float) -> Standing:
    """Return what stays of a plan at `now`, with ways under way as long as they take by then.

    Whoever is on the way finishes the way: nobody turns round or changes the destination.
    """
    begun = [row for row in plan.rows if row.start < now - TOLERANCE]
    return standing_after(case, plan.model_copy(update={"rows": tuple(begun)}), now)


def standing_after(case: Case, past: Plan, now: float) -> Standing:
    """Return the same of a plan all of whose rows have begun."""
    kept = tuple(_extended(case, row) for row in past.rows)
    reading = Reading(case, past.model_copy(update={"rows": kept}))
    begun = {task for task in case.tasks for row in reading.work(task) if row in kept}
    spots = {car.id: _spot(reading, car.id, car.driver or car.id, now) for car in case.cars.values()}
    spots |= {one.id: _spot(reading, one.id, one.id, now) for one in case.people.values() if one.on_foot}
    home = {
        one.id: since
        for one in case.people.values()
        if (since := _home_from(reading, one, now)) is not None
    }  # fmt: skip
    found = {name: spot for name, spot in spots.items() if spot is not None}
    return Standing(now, kept, found, frozenset(begun), home)


def _extended(case: Case, row: Row) -> Row:
    if not row.moves:
        return row
    needed = case.travel.needed(row.from_ or "", row.to or "", row.start) or 0.0
    end = max(row.start + needed, row.ends)
    return row.model_copy(update={"end": end})


def _home_from(reading: Reading, one: Someone, now: float) -> float | None:
    """Return from when on somebody is where they must be, if that is where their last way brings them; else None."""
    track = reading.tracks[one.id]
    goals = {must.at for must in one.must_be}
    if track.legs:
        return track.legs[-1].end if track.legs[-1].there in goals else None
    return 0.0 if one.needs_ride and track.at(now) in goals else None


def _spot(reading: Reading, mover: str, driver: str, now: float) -> Spot | None:
    """Return where a vehicle is after its rows; None if it has none."""
    rows = [row for row in reading.rows if row.agent == driver and row.kind not in {"event", "cook"}]
    if not rows:
        return None
    track = reading.tracks[mover]
    place = track.legs[-1].there if track.legs else track.place
    aboard = _aboard(reading, rows, place)
    carries = tuple(
        task.id for task in reading.case.tasks.values()
        if task.deliver_to is not None
        and any(_still_carried(rows, row, task.deliver_to, now) for row in reading.work(task.id))
    )  # fmt: skip
    return Spot(place, max(row.ends for row in rows), aboard, carries)


def _aboard(reading: Reading, rows: list[Row], place: str) -> tuple[str, ...]:
    """Return the riders of the last way, or picked up since; not those whom it brings where they must be."""
    last = max((n for n, row in enumerate(rows) if row.moves), default=0)
    names = [name for row in rows[last:] if row.moves or row.kind == "pickup" for name in reading.who(row)]
    people = reading.case.people
    return tuple(
        name for name in dict.fromkeys(names)
        if people[name].needs_ride and (place != people[name].start or rows[-1].kind == "pickup")
        and place not in {must.at for must in people[name].must_be}
    )  # fmt: skip


def _still_carried(rows: list[Row], errand: Row, goal: str, now: float) -> bool:
    """Whether what was fetched in a row of this driver has not been brought to its place by a way begun later."""
    if errand not in rows:
        return False
    later = [row for row in rows if row.moves and row.start >= errand.ends - TOLERANCE]
    arrived = [row for row in later if row.to == goal]
    return not arrived or (arrived[0] is later[-1] and arrived[0].ends > now + TOLERANCE)
