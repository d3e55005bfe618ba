"""Reads a plan as written: for each person and vehicle the legs and stays in order, and where they are when.

A row that does not fit what came before it is noted as a break and then believed, so that one mistake
is one finding and not one for each row after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

from engine.planning.case import Car, Case
from engine.planning.history import Past, past_of, said_goal
from engine.planning.plan import Plan, Row
from engine.planning.times import TOLERANCE

EVERYBODY = {"all", "everyone", "everybody"}
HOLDING = {"errand", "pickup", "visit"}


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

    `too_soon` is being at the end of a recorded way before that way can end.
    """

    who: str
    row: Row
    because: str
    too_soon: bool = False


@dataclass
class Track:
    """One person's or vehicle's way through the plan."""

    who: str
    place: str
    since: float
    legs: list[Leg] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    stays: list[tuple[float, str]] = field(default_factory=list)

    def at(self, moment: float) -> str | None:
        """Return the place at a moment, None on the way; at both ends of a leg one is at its place."""
        here: str | None = self.place
        for start, place, arrived in self._steps():
            if moment > start + TOLERANCE:
                here = place if moment >= arrived - TOLERANCE else None
        return here

    def _steps(self) -> list[tuple[float, str, float]]:
        steps = [(leg.start, leg.there, leg.end) for leg in self.legs]
        steps += [(start, place, start) for start, place in self.stays]
        return sorted(steps, key=lambda step: (step[0], step[2]))

    def presence(self, place: str) -> list[tuple[float, float]]:
        """Return the spans in which one is at a place, in order."""
        spans: list[tuple[float, float]] = []
        here, since = self.place, self.since
        for start, there, arrived in self._steps():
            if here == place and start > since:
                spans.append((since, start))
            here, since = there, arrived
        return [*spans, (since, inf)] if here == place else spans


class Reading:
    """A plan, read against a case."""

    def __init__(self, case: Case, plan: Plan, base: Plan | None = None) -> None:
        self.case, self.plan, self.base = case, plan, base
        self.rows = sorted(plan.rows, key=lambda row: (row.start, row.ends, row.n))

    @cached_property
    def past(self) -> dict[str, Past]:
        """What was recorded, by who."""
        return past_of(self.plan.history, self.case)

    def who(self, row: Row) -> tuple[str, ...]:
        """Return the people of the problem who take part in a row; `all` is everybody."""
        if any(name.lower() in EVERYBODY for name in row.people):
            return tuple(self.case.people)
        return tuple(name for name in row.names if name in self.case.people)

    def driver(self, row: Row) -> str | None:
        """Return who drives: the agent, or the first of the people who may."""
        if row.agent:
            return row.agent
        return next((name for name in row.people if self.case.own_car(name)), None)

    def car(self, row: Row) -> Car | None:
        """Return the vehicle of a drive: the one it names, or the driver's own."""
        if row.vehicle is not None:
            return self.case.cars.get(row.vehicle)
        driver = self.driver(row)
        return self.case.own_car(driver) if driver else None

    def arrival(self, row: Row) -> float:
        """Return when a drive ends: as claimed, or as long as it takes where the row does not say."""
        if row.end is not None or row.from_ is None or row.to is None:
            return row.ends
        return row.start + (self.case.travel.needed(row.from_, row.to, row.start) or 0)

    @cached_property
    def tracks(self) -> dict[str, Track]:
        """The ways of all people and vehicles."""
        people = {one.id: self._track(one.id, one.start, one.ready) for one in self.case.people.values()}
        cars = {one.id: self._track(one.id, one.start, one.ready) for one in self.case.cars.values()}
        return people | cars

    def _track(self, who: str, place: str, ready: float | None) -> Track:
        track = Track(who, place, -inf if ready is None else ready)
        walk = _Walk(track, self.past.get(self._person(who)))
        for row in self.rows:
            if row.moves and who in self._movers(row):
                walk.leg(row, self.arrival(row))
            elif who in self.who(row) and row.kind != "cook":
                self._still(walk, row)
        return track

    def _person(self, who: str) -> str:
        """Return whose history tells where a vehicle is: its driver's."""
        car = self.case.cars.get(who)
        return car.driver if car is not None and car.driver else who

    def _movers(self, row: Row) -> set[str]:
        car = self.car(row)
        return {*self.who(row), *({car.id} if car is not None else ())}

    def _still(self, walk: _Walk, row: Row) -> None:
        goal = said_goal(row, self.case)
        if row.kind == "state" and goal is not None:
            walk.heads(row, goal)
        elif row.place in self.case.problem.places:
            walk.stay(row, holds=row.kind in HOLDING, believed=not self._is_event(row))

    def work(self, task: str) -> list[Row]:
        """Return the rows that do a task, by its id or, where none says it, at its place."""
        named = [row for row in self.rows if row.item == task and row.kind not in {"event", "state", "wait"}]
        if named:
            return named
        by_word = [
            row for row in self.rows if row.activity == task and row.kind in {"errand", "cook", "visit"}
        ]
        if by_word:
            return by_word
        one = self.case.tasks[task]
        kinds = {"visit", "errand"} if one.kind == "visit" else {one.kind}
        return [
            row for row in self.rows
            if row.kind in kinds and row.item is None and not row.activity and row.place == one.at and one.at
        ]  # fmt: skip

    def events(self) -> Iterator[tuple[str, Row]]:
        """Yield the rows that are an event of the problem, with its task's id."""
        for row in self.rows:
            name = self._is_event(row)
            if name:
                yield name, row

    def _is_event(self, row: Row) -> str:
        """Return the task whose event a row is; empty where it is none."""
        named = [self.case.tasks[name] for name in (row.item, row.activity) if name in self.case.tasks]
        return next((task.id for task in named if row.kind == task.kind == "event"), "")


class _Walk:
    """Follows one track row by row."""

    def __init__(self, track: Track, past: Past | None) -> None:
        self.track, self.past = track, past
        self.place, self.free, self.doing = track.place, -inf, ""
        self.recorded = False

    def leg(self, row: Row, arrival: float) -> None:
        """Take the way of a row."""
        self._recall(row)
        if row.start < self.free - TOLERANCE:
            self._break(row, self.doing)
        elif self.place != row.from_:
            self._break(row, f"at {self.place} at that time")
        self.track.legs.append(Leg(row.start, max(arrival, row.start), row.from_ or "", row.to or "", row))
        self.place, self.free, self.doing = row.to or "", arrival, f"on the way to {row.to} until then"
        self.recorded = False

    def stay(self, row: Row, *, holds: bool, believed: bool) -> None:
        """Be at the place of a row; a row that holds keeps people until it ends.

        That somebody is listed at an event of the problem brings nobody there: it is not believed.
        """
        self._recall(row)
        place, free, doing = self.place, self.free, self.doing
        self._stay(row, holds=holds)
        if not believed and (place, free) != (self.place, self.free):
            self.place, self.free, self.doing = place, free, doing
            self.track.stays.pop()

    def _stay(self, row: Row, *, holds: bool) -> None:
        moving = self.doing.startswith("on the way")
        if moving and row.start < self.free - TOLERANCE:
            self._break(row, self.doing)
            self._moved_to(row)
        elif self.place != row.place:
            self._break(row, f"at {self.place} at that time")
            self._moved_to(row)
        if holds and (row.ends > self.free or moving):
            self.free, self.doing = row.ends, f"busy at {row.place} until then"

    def heads(self, row: Row, goal: str) -> None:
        """Believe a row that says where somebody is going at that moment."""
        self._recall(row)
        if (
            not (self.doing.startswith("on the way") and self.place == goal)
            and row.start < self.free - TOLERANCE
        ):
            self._break(row, self.doing)
            self.free = row.start
        if self.place != goal:
            self.track.stays.append((row.start, goal))
        self.place = goal

    def _moved_to(self, row: Row) -> None:
        self.place, self.free, self.doing = row.place or "", row.start, ""
        self.track.stays.append((row.start, self.place))

    def _break(self, row: Row, because: str) -> None:
        here = row.from_ if row.moves else row.place
        too_soon = self.recorded and here == self.place
        self.track.breaks.append(Break(self.track.who, row, because, too_soon))

    def _recall(self, row: Row) -> None:
        """Take over what was recorded, where the plan's own rows begin later than that."""
        past = self.past
        if past is None or past.last is None or row.start <= past.last + TOLERANCE:
            return
        self.past = None
        if any(leg.start >= past.last - TOLERANCE for leg in self.track.legs):
            return
        if past.place is not None and past.place != self.place:
            self.place = past.place
            self.track.stays.append((past.last, past.place))
        if past.leg is not None:
            here, there, start, end = past.leg
            self.track.legs.append(Leg(start, end, here, there))
            self.place, self.free, self.doing = there, end, f"on the way to {there} until then"
            self.recorded = True


def names(people: Iterable[str]) -> str:
    """Return names as a text: `Alex, Jamie`."""
    return ", ".join(dict.fromkeys(people))
