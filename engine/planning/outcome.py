"""What a plan comes to: for everyone who must be somewhere and everything to be delivered, when and by which row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE
from engine.planning.walk import Leg, Track


@dataclass(frozen=True)
class Arrival:
    """Who or what has to be at a place by a time, and when it gets there; `at` None is never.

    `row` is the row that brings it there, or, where nothing does, the last row that moved it.
    `stuck` is where it stays then.
    """

    what: str
    place: str
    by: float | None
    at: float | None
    row: Row | None
    stuck: str = ""

    @property
    def is_late(self) -> bool:
        """Whether it gets there, but after its time."""
        return self.at is not None and self.by is not None and self.at > self.by + TOLERANCE


def arrivals(reading: Reading) -> list[Arrival]:
    """Return what becomes of every obligation to be somewhere: of people, and of what is to be delivered."""
    return [*_people(reading), *_deliveries(reading)]


def _people(reading: Reading) -> Iterator[Arrival]:
    for someone in reading.case.people.values():
        track = reading.tracks[someone.id]
        for duty in someone.must_be:
            yield _reaches(track, someone.id, duty.at, duty.by)


def _reaches(track: Track, what: str, place: str, by: float | None) -> Arrival:
    """Return when somebody is at a place to stay for `by`: already there, or brought by a later leg."""
    last = track.legs[-1] if track.legs else None
    if by is not None and track.at(by) == place:
        brought = [leg for leg in track.legs if leg.there == place and leg.end <= by + TOLERANCE]
        return Arrival(what, place, by, brought[-1].end if brought else _since(track), _row(brought[-1:]))
    later = [leg for leg in track.legs if leg.there == place and (by is None or leg.end > by + TOLERANCE)]
    if later:
        return Arrival(what, place, by, later[0].end, later[0].row)
    if track.stays and track.stays[-1][1] == place and (last is None or track.stays[-1][0] >= last.start):
        return Arrival(what, place, by, track.stays[-1][0], None)
    if by is None and last is None and track.place == place:
        return Arrival(what, place, by, _since(track), None)
    return Arrival(what, place, by, None, last.row if last else None, last.there if last else track.place)


def _since(track: Track) -> float | None:
    return max(track.since, 0.0)


def _row(legs: list[Leg]) -> Row | None:
    return legs[-1].row if legs else None


def _deliveries(reading: Reading) -> Iterator[Arrival]:
    for task in reading.case.tasks.values():
        if task.deliver_to is None:
            continue
        ways = [
            _delivered(reading, task.id, task.deliver_to, task.deadline, row) for row in reading.work(task.id)
        ]
        if ways:
            yield min(ways, key=lambda one: (one.at is None, one.at or 0.0))


def _delivered(reading: Reading, item: str, place: str, by: float | None, row: Row) -> Arrival:
    """Return when what was fetched in a row gets to its place, with whoever fetched it.

    Where rows can't be at their times (that is told already) their order counts, too.
    """
    carrier = next((name for name in reading.who(row) if name == row.agent), None) or next(
        iter(reading.who(row)), ""
    )
    track = reading.tracks.get(carrier)
    if track is None:
        return Arrival(item, place, by, None, row, row.place or "")
    if row.place == place:
        return Arrival(item, place, by, row.ends, row)
    for leg in track.legs:
        told_later = bool(track.breaks) and leg.row is not None and leg.row.n > row.n
        later = told_later or leg.end > row.start + TOLERANCE
        if leg.there == place and later:
            return Arrival(item, place, by, leg.end, leg.row)
    after = [start for start, there in track.stays if there == place and start > row.start]
    if after:
        return Arrival(item, place, by, after[0], None)
    last = track.legs[-1] if track.legs else None
    return Arrival(item, place, by, None, last.row if last else row, last.there if last else track.place)
