"""Tasks that go on at a place while somebody must be there: when they begin, and who is there when."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.planning.planner import Standing
from engine.planning.problem import Task

if TYPE_CHECKING:
    from engine.planning.cpsat.routes import RouteModel


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
            _supervise(built, task, start, start + took)
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
            )
    if tasks:
        kitchen.wishes.append(-sum(start for start, _ in kitchen.starts.values()))
    return kitchen


def _supervise(built: RouteModel, task: Task, start: Any, end: Any) -> None:
    """Let somebody be there at the start, and whenever somebody leaves before the end, somebody else."""
    cause = built.named.cause(f"supervision:{task.id}", f"somebody at {task.at} during {task.id}")
    there = _presences(built, task.at)
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


def _presences(built: RouteModel, place: str) -> list[Presence]:
    """Return when people are at a place that is where everybody must be in the end."""
    yes = built.model.new_constant(1)
    found: list[Presence] = []
    driving = {tour.mover.driver: tour for tour in built.tours}
    for one in built.case.people.values():
        tour = driving.get(one.id)
        ready = math.ceil(one.ready) if one.ready is not None else built.low
        if tour is None and one.start == place:
            found.append(Presence(one.id, ready, built.high, yes, open_end=True))
        elif tour is not None:
            if tour.mover.place == place:
                found.append(Presence(one.id, ready, tour.leaves, tour.used, open_end=False))
                found.append(Presence(one.id, ready, built.high, ~tour.used, open_end=True))
            found.append(Presence(one.id, tour.arrives, built.high, tour.used, open_end=True))
    for tour in built.tours:
        for number, stop in enumerate(built.stops, start=1):
            if stop.rider:
                brought = [literal for (_, after), literal in tour.arcs.items() if after == number]
                found += [
                    Presence(stop.rider, tour.arrives, built.high, one, open_end=True) for one in brought
                ]
        found += [
            Presence(name, tour.arrives, built.high, tour.used, open_end=True) for name in tour.mover.aboard
        ]
    return found
