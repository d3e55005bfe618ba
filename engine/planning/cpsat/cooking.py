"""Tasks that go on at a place while somebody must be there: when they begin, and who is there when."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.planning.planner import Standing
from engine.planning.problem import Task

if TYPE_CHECKING:
    from engine.planning.cpsat.routes import RouteModel, Tour


@dataclass(frozen=True)
class Presence:
    """Somebody is at the place from `since` until `until`, where `given` holds."""

    who: str
    since: Any
    until: Any
    given: Any
    open_end: bool


@dataclass
class Kitchen:
    """The cooking of a plan: when each task begins, and what is wished of that."""

    starts: dict[str, tuple[Any, int]] = field(default_factory=dict)
    wishes: list[Any] = field(default_factory=list)

    def cooked(self, value: Callable[[Any], int]) -> dict[str, tuple[int, int]]:
        """Return when each task begins and ends in a solution."""
        return {task: (value(start), value(start) + took) for task, (start, took) in self.starts.items()}


def add_kitchen(built: RouteModel, standing: Standing | None) -> Kitchen:
    """Add the tasks of kind `cook`; they end as late as they may, so that the food is fresh."""
    kitchen = Kitchen()
    done = standing.done if standing else frozenset()
    tasks = [task for task in built.case.tasks.values() if task.kind == "cook" and task.id not in done]
    for task in tasks:
        took = math.ceil(task.duration or 0)
        start = built.model.new_int_var(built.low, built.high - took, task.id)
        kitchen.starts[task.id] = start, took
        if task.deadline is not None:
            literal = built.named.cause(
                f"deadline:{task.id}", f"{task.id} done by {built.text(task.deadline)}"
            )
            built.model.add(start + took <= math.floor(task.deadline)).only_enforce_if(literal)
        if task.supervised_by is not None:
            _supervise(built, task, start, start + took, standing)
    for row in standing.rows if standing else ():
        cooked = built.case.tasks.get(row.item or "")
        if (
            row.kind == "cook"
            and cooked is not None
            and cooked.supervised_by is not None
            and row.ends > built.low
        ):
            _supervise(
                built,
                cooked,
                built.model.new_constant(built.low),
                built.model.new_constant(math.ceil(row.ends)),
                standing,
            )
    if tasks:
        kitchen.wishes.append(-sum(start for start, _ in kitchen.starts.values()))
    return kitchen


def _supervise(built: RouteModel, task: Task, start: Any, end: Any, standing: Standing | None) -> None:
    """Let somebody be there at the start, and whenever somebody leaves before the end, somebody else."""
    place, may = built.case.supervised_at(task), built.case.who_may_supervise(task)
    who = "somebody" if len(may) == len(built.case.people) else " or ".join(may) or "nobody who exists"
    cause = built.named.cause(f"supervision:{task.id}", f"{who} at {place} during {task.id}")
    there = [one for one in _presences(built, place, standing) if one.who in may]
    if task.performer:
        whole = [_covers(built, one, start, end) for one in there]
        built.model.add_bool_or(whole).only_enforce_if(cause)
        return
    built.model.add_bool_or([_covers(built, one, start, start + 1) for one in there]).only_enforce_if(cause)
    for one in there:
        if one.open_end:
            continue
        before, after = built.model.new_bool_var(""), built.model.new_bool_var("")
        built.model.add(one.until <= start).only_enforce_if(before)
        built.model.add(one.until >= end).only_enforce_if(after)
        others = [_covers(built, other, one.until, one.until + 1) for other in there if other is not one]
        built.model.add_bool_or([before, after, ~one.given, *others]).only_enforce_if(cause)


def _covers(built: RouteModel, one: Presence, start: Any, end: Any) -> Any:
    """Return a literal that, where it is true, has somebody there from `start` to `end`."""
    literal = built.model.new_bool_var(f"{one.who} covers")
    built.model.add(one.since <= start).only_enforce_if(literal)
    built.model.add(one.until >= end).only_enforce_if(literal)
    built.model.add_implication(literal, one.given)
    return literal


def _presences(built: RouteModel, place: str, standing: Standing | None) -> list[Presence]:
    """Return when people are at a place: before they leave it, and, where all must be in the end, once they are there."""
    at_goal = place == built.goal
    found = [*_staying(built, place), *_making_stops(built, place)]
    for tour in built.tours:
        if tour.mover.place == place:
            found += _around(built, tour)
        if at_goal:
            there = (tour.mover.driver, *tour.mover.aboard)
            found += [Presence(name, tour.arrives, built.high, tour.used, open_end=True) for name in there]
            found += [
                Presence(stop.rider, tour.arrives, built.high, literal, open_end=True)
                for (_, after), literal in tour.arcs.items()
                if after and (stop := built.stops[after - 1]).rider
            ]
    if at_goal and standing is not None:
        yes = built.model.new_constant(1)
        found += [
            Presence(name, _from(built, since), built.high, yes, open_end=True)
            for name, since in standing.home.items()
            if name not in {tour.mover.driver for tour in built.tours}
        ]
    return found


def _staying(built: RouteModel, place: str) -> list[Presence]:
    """Return the presence of those who begin at a place and drive nothing: to the end, or until they are fetched."""
    yes, found = built.model.new_constant(1), []
    driving = {tour.mover.driver for tour in built.tours}
    gone = {name for tour in built.tours for name in tour.mover.aboard}
    fetched = {stop.rider: time for stop, time in zip(built.stops, built.times, strict=True) if stop.rider}
    for one in built.case.people.values():
        if one.id in driving or one.id in gone or one.start != place:
            continue
        until = fetched.get(one.id)
        since = _from(built, one.ready)
        found.append(
            Presence(one.id, since, built.high if until is None else until, yes, open_end=until is None)
        )
    return found


def _around(built: RouteModel, tour: Tour) -> list[Presence]:
    """Return the presence of a driver who begins at a place, or gets there: until they leave, or for good."""
    who = tour.mover.driver
    ready = [built.case.ready(who), tour.mover.since]
    since = max(_from(built, moment) for moment in ready)
    return [
        Presence(who, since, tour.leaves, tour.used, open_end=False),
        Presence(who, since, built.high, ~tour.used, open_end=True),
    ]


def _making_stops(built: RouteModel, place: str) -> list[Presence]:
    """Return the presence of drivers during the stops that they make at a place."""
    return [
        Presence(tour.mover.driver, time, time + stop.minutes, literal, open_end=False)
        for tour in built.tours
        for (_, after), literal in tour.arcs.items()
        if after
        for stop, time in [(built.stops[after - 1], built.times[after - 1])]
        if stop.place == place and stop.minutes
    ]


def _from(built: RouteModel, moment: float | None) -> int:
    """Return the whole minute from which on something holds; from the beginning where none is said."""
    return built.low if moment is None else max(built.low, math.ceil(moment))
