"""travel_time: a drive (or walk) that claims less time than the way takes.

- The way takes the problem's minutes between the two places; what slows a leg down from a moment on
  counts, also for a leg under way at that moment (what is left of it takes the factor).
- A way between places for which the problem gives no time can't be driven: any claim is too short.
- More time than needed is allowed (it is waiting), and a drive without an end claims nothing.
- Being at the end of a way that was recorded as under way, before it can end, is such a claim, too.
One violation for each row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.planning.codes.words import at, listed, minutes, numbers, span
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE
from engine.planning.walk import Break


def find(reading: Reading) -> Iterator[Violation]:
    """Yield each way that claims less time than it takes."""
    for row in reading.rows:
        if row.moves:
            yield from _drive(reading, row)
    yield from _recorded(reading)


def _drive(reading: Reading, row: Row) -> Iterator[Violation]:
    case = reading.case
    here, there = row.from_ or "", row.to or ""
    needed = case.travel.needed(here, there, row.start)
    if needed is None:
        yield Violation(
            code="travel_time", rows=numbers([row]), required=f"a way from {here} to {there}: there is none",
            claimed=span(case, row),
        )  # fmt: skip
    elif row.end is not None and row.end - row.start < needed - TOLERANCE:
        yield Violation(
            code="travel_time", rows=numbers([row]),
            required=f"{here} to {there} takes {minutes(needed)} from {at(case, row.start)}: {at(case, row.start + needed)}",
            claimed=f"{minutes(row.end - row.start)}: {span(case, row)}",
        )  # fmt: skip


def _recorded(reading: Reading) -> Iterator[Violation]:
    """Yield the rows at the end of a recorded way before it can end."""
    early: dict[int, list[Break]] = defaultdict(list)
    for track in reading.tracks.values():
        for one in track.breaks:
            if one.too_soon and track.who in reading.case.people:
                early[one.row.n].append(one)
    for breaks in early.values():
        row = breaks[0].row
        leg = next(leg for leg in reading.tracks[breaks[0].who].legs if leg.row is None)
        yield Violation(
            code="travel_time", rows=numbers([row]), claimed=at(reading.case, row.start),
            required=f"{listed(one.who for one in breaks)}, who left {leg.here} at {at(reading.case, leg.start)}, "
            f"at {leg.there} from {at(reading.case, leg.end)}",
        )  # fmt: skip
