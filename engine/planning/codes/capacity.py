"""capacity: more at once than there is room for.

- More people in a vehicle than it has seats; where it has a driver, the driver takes one. Legs that follow
  each other overfull are one finding.
- Two operations at once on one machine.
- Groups at a place at the same time that are together larger than `place_capacity`.
One violation for each vehicle's stretch, each pair of operations, each meeting of groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from engine.planning.codes.words import at, listed, numbers, span
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE


def find(reading: Reading) -> Iterator[Violation]:
    """Yield what is overfull or in use twice."""
    yield from _cars(reading)
    yield from _machines(reading)
    yield from _places(reading)


def _cars(reading: Reading) -> Iterator[Violation]:
    rides: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        car = reading.car(row) if row.moves else None
        if car is not None:
            rides[car.id].append(row)
    for name, rows in rides.items():
        car = reading.case.cars[name]
        overfull: list[Row] = []
        ride: Row | None
        for ride in [*rows, None]:
            if ride is not None and len(_aboard(ride, name)) > car.seats:
                overfull.append(ride)
            elif overfull:
                most = max((_aboard(one, name) for one in overfull), key=len)
                yield Violation(
                    code="capacity", rows=numbers(overfull), required=f"{name} has {car.seats} seats",
                    claimed=f"{len(most)}: {listed(most)}",
                )  # fmt: skip
                overfull = []


def _aboard(row: Row, car: str) -> list[str]:
    return [name for name in row.names if name != car]


def _machines(reading: Reading) -> Iterator[Violation]:
    used: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        if row.kind == "operation" and row.machine is not None:
            used[row.machine].append(row)
    for machine, rows in used.items():
        last = rows[0]
        for row in rows[1:]:
            if row.start < last.ends - TOLERANCE:
                yield Violation(
                    code="capacity", rows=numbers([last, row]), required=f"machine {machine} does one operation at a time",
                    claimed=f"{span(reading.case, last)} and {span(reading.case, row)}",
                )  # fmt: skip
            last = max(last, row, key=lambda one: one.ends)


def _places(reading: Reading) -> Iterator[Violation]:
    """Yield the meetings of groups that a place is too small for."""
    rooms = (reading.case.problem.model_extra or {}).get("place_capacity") or {}
    sizes = {group.id: group.size for group in reading.case.problem.groups}
    for place, room in rooms.items():
        stays = [row for row in reading.rows if row.kind == "visit" and row.place == place]
        moments = sorted({row.start for row in stays} | {row.ends for row in stays})
        crowded: set[tuple[int, ...]] = set()
        for start, end in pairwise(moments):
            there = [row for row in stays if row.start < end - TOLERANCE and row.ends > start + TOLERANCE]
            size = sum(sizes.get(name, 0) for row in there for name in row.names)
            rows = numbers(there)
            if size > room and rows not in crowded:
                crowded.add(rows)
                yield Violation(
                    code="capacity", rows=rows, required=f"{place} has room for {room}",
                    claimed=f"{size} at {at(reading.case, start)}",
                )  # fmt: skip
