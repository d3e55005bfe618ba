"""Follows one person or vehicle through a plan as written: where they are when, and which rows can't be.

A row that does not fit what came before is noted as a break. It is then believed, so that one mistake is
one finding, unless what comes next (or where they must be in the end) shows that it was the odd one out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from engine.planning.history import Past
from engine.planning.plan import Row
from engine.planning.times import TOLERANCE


@dataclass(frozen=True)
class Leg:
    """A way that somebody takes; `row` is None where only the history tells it."""

    start: float
    end: float
    here: str
    there: str
    row: Row | None = None


@dataclass(frozen=True)
class Break:
    """A row that somebody can't take part in, because of where they were or what they were doing.

    `too_soon` is being at the end of a recorded way before that way can end; `after` is the row of the last leg.
    """

    who: str
    row: Row
    because: str
    too_soon: bool = False
    after: int | None = None


@dataclass
class Track:
    """One person's or vehicle's way through the plan."""

    who: str
    place: str
    since: float
    legs: list[Leg] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    stays: list[tuple[float, str]] = field(default_factory=list)
    steps: list[tuple[float, str, float]] = field(default_factory=list)
    disbelieved: int = 0

    def at(self, moment: float) -> str | None:
        """Return the place at a moment, None on the way; at both ends of a leg one is at its place."""
        here: str | None = self.place
        for start, place, arrived in self.steps:
            if moment > start + TOLERANCE:
                here = place if moment >= arrived - TOLERANCE else None
        return here

    def go(self, leg: Leg) -> None:
        """Add a leg; what is added later is believed where times are out of order."""
        self.legs.append(leg)
        self.steps.append((leg.start, leg.there, leg.end))

    def stay(self, since: float, place: str) -> None:
        """Add that one is at a place, or on the way there, without a leg."""
        self.stays.append((since, place))
        self.steps.append((since, place, since))

    def presence(self, place: str) -> list[tuple[float, float]]:
        """Return the spans in which one is at a place, in order."""
        spans: list[tuple[float, float]] = []
        here, since = self.place, self.since
        for start, there, arrived in self.steps:
            if here == place and start > since:
                spans.append((since, start))
            here, since = there, arrived
        return [*spans, (since, inf)] if here == place else spans


@dataclass(frozen=True)
class Step:
    """One row, as it concerns one person or vehicle: a leg with its arrival, a stay, or a stated destination.

    A stay that `holds` keeps them until its end; one that is not `binding` (an event of the problem) brings
    nobody there.
    """

    row: Row
    arrival: float | None = None
    goal: str | None = None
    holds: bool = False
    binding: bool = True

    @property
    def begins_at(self) -> str | None:
        """The place where the row begins; None where it does not say."""
        return None if self.goal is not None else self.row.from_ if self.row.moves else self.row.place


class Walk:
    """Follows one track step by step; `goal` is where it has to end."""

    def __init__(self, track: Track, goal: str | None, past: Past | None) -> None:
        self.track, self.goal, self.past = track, goal, past
        self.place, self.free, self.doing = track.place, -inf, ""
        self.recorded = False
        self.anchor: str | None = None

    def through(self, steps: list[Step]) -> Track:
        """Take all the steps, and return the track."""
        for number, step in enumerate(steps):
            later = steps[number + 1] if number + 1 < len(steps) else None
            self.anchor = later.begins_at if later is not None else self.goal
            self._recall(step.row.start)
            if step.arrival is not None:
                self._leg(step.row, step.arrival)
            elif step.goal is not None:
                self._heads(step.row, step.goal)
            else:
                self._stay(step)
        self._recall(inf)
        return self.track

    def _leg(self, row: Row, arrival: float) -> None:
        early, elsewhere = row.start < self.free - TOLERANCE, self.place != row.from_
        if early or elsewhere:
            self._break(row, self.doing if early else f"at {self.place} at that time")
            if not self._believes(row.to or ""):
                return
        self.track.go(Leg(row.start, max(arrival, row.start), row.from_ or "", row.to or "", row))
        self.place, self.free, self.doing = row.to or "", arrival, f"on the way to {row.to} until then"
        self.recorded = False

    def _stay(self, step: Step) -> None:
        row, moving = step.row, self.doing.startswith("on the way")
        early = moving and row.start < self.free - TOLERANCE
        if early or self.place != row.place:
            self._break(row, self.doing if early else f"at {self.place} at that time")
            if not step.binding or not self._believes(row.place or ""):
                return
            self.place, self.free, self.doing, moving = row.place or "", row.start, "", False
            self.track.stay(row.start, self.place)
        if step.holds and (row.ends > self.free or moving):
            self.free, self.doing = row.ends, f"busy at {row.place} until then"

    def _heads(self, row: Row, goal: str) -> None:
        under_way = self.doing.startswith("on the way") and self.place == goal
        if not under_way and row.start < self.free - TOLERANCE:
            self._break(row, self.doing)
            if not self._believes(goal):
                return
            self.free = row.start
        if self.place != goal:
            self.track.stay(row.start, goal)
        self.place = goal

    def _believes(self, place: str) -> bool:
        """Whether what comes next fits this place, or at least fits the old one no better."""
        believed = self.anchor is None or self.anchor == place or self.anchor != self.place
        self.track.disbelieved += not believed
        return believed

    def _break(self, row: Row, because: str) -> None:
        here = row.from_ if row.moves else row.place
        too_soon = self.recorded and here == self.place
        last = self.track.legs[-1].row if self.track.legs else None
        self.track.breaks.append(Break(self.track.who, row, because, too_soon, last.n if last else None))

    def _recall(self, moment: float) -> None:
        """Take over what was recorded, where the plan's own rows begin later than that."""
        past = self.past
        if past is None or past.last is None or moment <= past.last + TOLERANCE:
            return
        self.past = None
        if any(leg.end >= past.last + TOLERANCE for leg in self.track.legs):
            return
        if past.place is not None and past.place != self.place:
            self.place = past.place
            self.track.stay(past.last, past.place)
        if past.leg is not None:
            here, there, start, end = past.leg
            self.track.go(Leg(start, end, here, there))
            self.place, self.free, self.doing = there, end, f"on the way to {there} until then"
            self.recorded = True
