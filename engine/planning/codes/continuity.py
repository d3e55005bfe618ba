"""continuity: somebody or something would have to be in two places at once, or jump from one to another.

- A way begins where its driver, a rider or the vehicle is not, or before they have arrived or finished
  (an errand, a pick-up or a visit keeps who takes part until its end).
- An errand, a pick-up, a visit, an event or a wait has somebody who is elsewhere or on the way.
- The names in a cooking row claim no presence (that is `supervision_gap`), and who comes late or never to
  an event of the problem is told once, by `deadline` or `missing`.
- An operation of a job begins before the one before it has ended.
A row that breaks is then believed, so what fits it afterwards is no finding; nor is what only follows from a
row that contradicts the history. Rows out of order are read in the order of their times or of their numbers,
whichever needs fewer breaks. One violation for each row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from engine.planning.codes import history_contradiction
from engine.planning.codes.words import at, listed, numbers, span
from engine.planning.finding import Violation
from engine.planning.outcome import arrivals
from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE
from engine.planning.walk import Break


def find(reading: Reading) -> Iterator[Violation]:
    """Yield each row that somebody can't take part in because of where they are or what they do."""
    told = {number for one in history_contradiction.find(reading) for number in one.rows}
    excused = _excused(reading)
    groups: dict[int, list[Break]] = defaultdict(list)
    for track in reading.tracks.values():
        for one in track.breaks:
            consequence = one.too_soon or one.row.n in told or one.after in told
            if not consequence and (one.who, one.row.n) not in excused and not _follows(reading, one):
                groups[one.row.n].append(one)
    for _, breaks in sorted(groups.items()):
        row = breaks[0].row
        who = listed(one.who for one in breaks)
        yield Violation(
            code="continuity", rows=numbers([row]), required=f"{who} is {breaks[0].because}",
            claimed=f"{row.kind} at {row.from_ if row.moves else row.place} {span(reading.case, row)}",
        )  # fmt: skip
    yield from _operations(reading)


def _excused(reading: Reading) -> set[tuple[str, int]]:
    """Return who is absent from which event of the problem because they come late, or never."""
    absent = {one.what for one in arrivals(reading) if one.is_late or one.at is None}
    return {(who, row.n) for _, row in reading.events() for who in absent}


def _follows(reading: Reading, one: Break) -> bool:
    """Whether a vehicle is elsewhere only because its driver's own way has a break up to there."""
    car = reading.case.cars.get(one.who)
    if car is None or car.driver is None:
        return False
    own = reading.tracks[car.driver].breaks
    return any((broken.row.start, broken.row.n) <= (one.row.start, one.row.n) for broken in own)


def _operations(reading: Reading) -> Iterator[Violation]:
    jobs: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        if row.kind == "operation" and row.job is not None:
            jobs[row.job].append(row)
    for job, rows in jobs.items():
        ordered = sorted(rows, key=lambda row: row.op or 0)
        for before, after in pairwise(ordered):
            if after.start < before.ends - TOLERANCE:
                yield Violation(
                    code="continuity", rows=numbers([before, after]),
                    required=f"{job}, operation {after.op} after operation {before.op} has ended at {at(reading.case, before.ends)}",
                    claimed=at(reading.case, after.start),
                )  # fmt: skip
