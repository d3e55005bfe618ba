"""A case: a problem with every assumption decided, so that each fact is one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.planning.assumptions import Assumption, assumptions_of
from engine.planning.problem import Job, MustBe, Person, Problem, Task
from engine.planning.travel import Travel, travel_of

DEFAULT_SEATS = 5


@dataclass(frozen=True)
class Someone:
    """A person or a group: where they are at first, from when they can act, where they must be.

    `there` is from when they are at that place, before the minutes that it takes until they can act.
    """

    id: str
    start: str
    ready: float | None
    can_drive: bool | None = None
    needs_ride: bool = False
    must_be: tuple[MustBe, ...] = ()
    on_foot: bool = False
    there: float | None = None


@dataclass(frozen=True)
class Car:
    """A vehicle; one with a driver is driven by that person only."""

    id: str
    driver: str | None
    seats: int
    start: str
    ready: float | None


@dataclass(frozen=True)
class Outage:
    """A machine that is down for a while."""

    machine: str
    since: float
    until: float


@dataclass(frozen=True)
class Case:
    """Everything that a plan is checked against and planned with."""

    problem: Problem
    assumptions: dict[str, Assumption]
    travel: Travel
    people: dict[str, Someone]
    cars: dict[str, Car]
    tasks: dict[str, Task]
    start: float | None = None
    end: float | None = None
    service: float = 0
    window_means_finish: bool = True
    jobs: tuple[Job, ...] = ()
    outages: tuple[Outage, ...] = field(default=())

    def own_car(self, driver: str) -> Car | None:
        """Return the vehicle that this person drives, or which this id is."""
        return self.cars.get(driver) or next((c for c in self.cars.values() if c.driver == driver), None)

    def ready(self, who: str) -> float | None:
        """Return from when somebody can act; None is from the beginning."""
        return self.people[who].ready if who in self.people else None

    def minutes_for(self, task: Task) -> float:
        """Return how long a task takes at least; where the source is silent, the service minutes."""
        if task.duration is not None:
            return task.duration
        return self.service if task.kind in {"errand", "visit"} else 0.0

    def who_may_supervise(self, task: Task) -> list[str]:
        """Return who may be the one that is there while a supervised task goes on."""
        allowed = task.supervised_by.any_of if task.supervised_by else ()
        if isinstance(allowed, str):
            return [allowed] if allowed in self.people else list(self.people)
        return [name for name in allowed if name in self.people]

    def supervised_at(self, task: Task) -> str:
        """Return where whoever supervises a task has to be: at its own place, unless another one is said."""
        return (task.supervised_by.at if task.supervised_by else None) or task.at

    def is_implied(self, task: Task) -> bool:
        """Whether a task needs no row of its own: obtaining a vehicle is part of driving it."""
        performers = set(task.performer)
        obtained = {vehicle.driver for vehicle in self.problem.vehicles if vehicle.obtain}
        return task.kind == "errand" and task.deliver_to is None and bool(performers & obtained)


def case_of(problem: Problem, given: Mapping[str, Any] | None = None) -> Case:
    """Return the case of a problem, with these assumptions instead of the defaults.

    Raises:
        CommandRejected: for an assumption that the problem does not have.
    """
    found = assumptions_of(problem, given)
    values = {name: one.value for name, one in found.items() if one.counted}
    start = values.get("day_start") if values.get("day_start") is not None else problem.clock.start
    travel = travel_of(problem)
    if values.get("alert_end") is not None:
        until = float(values["alert_end"])
        travel = replace(travel, slowdowns=tuple(replace(s, until=until) for s in travel.slowdowns))
    if values.get("accident_passed"):
        travel = travel.sparing_under_way()
    case = Case(
        problem, found, travel, {}, {}, {task.id: task for task in _tasks(problem, values)},
        start=start, end=problem.clock.end, service=float(values.get("service_minutes", 0)),
        window_means_finish=values.get("window_means", "finish") == "finish",
        jobs=problem.jobs, outages=_outages(problem),
    )  # fmt: skip
    people = {one.id: _someone(case, one, values) for one in problem.people}
    people |= {
        group.id: Someone(
            group.id, group.start or "", _later(group.available_from, start), must_be=_back(case, group.start), on_foot=True
        )
        for group in problem.groups
    }  # fmt: skip
    case = replace(case, people=people)
    return replace(case, cars=_cars(case, values))


def _someone(case: Case, person: Person, values: Mapping[str, Any]) -> Someone:
    ready = _later(_shifted(case.problem, person), case.start)
    added = sum(_added(case.problem, person, values))
    can_drive = True if values.get("sarah_car") and person.id == "Sarah" else person.can_drive
    return Someone(
        person.id, person.start or "", None if ready is None else ready + added, can_drive,
        person.needs_ride, person.must_be, there=ready,
    )  # fmt: skip


def _shifted(problem: Problem, person: Person) -> float | None:
    """Return from when the person is there; an arrival delay counts unless an override already says it."""
    delays = [d for d in problem.disruptions if d.kind == "arrival_delay" and _scope(d.scope) == person.id]
    overrides = (problem.model_extra or {}).get("overrides") or {}
    said = {entry.get("id") for entry in overrides.get("people", []) if "available_from" in entry}
    late = sum(float(d.magnitude or 0) for d in delays) if person.id not in said else 0
    return None if person.available_from is None else person.available_from + late


def _scope(scope: Any) -> str:
    return str(scope.get("person", "")) if isinstance(scope, dict) else ""


def _added(problem: Problem, person: Person, values: Mapping[str, Any]) -> list[float]:
    """Return the minutes that assumptions add before the person can act: leaving a terminal, renting a car."""
    applies = {one.id: one.applies_to for one in problem.augmentations}
    at_airport = "airport" in str(problem.places.get(person.start or "", "")).lower()
    exits = applies.get("exit_terminal", (person.id,) if at_airport else ())
    rents = applies.get("rent_minutes", ())
    return [
        float(values.get("exit_minutes", 0)) if person.id in exits else 0.0,
        float(values.get("rent_minutes", 0)) if person.id in rents else 0.0,
    ]


def _later(own: float | None, start: float | None) -> float | None:
    known = [value for value in (own, start) if value is not None]
    return max(known, default=None)


def _cars(case: Case, values: Mapping[str, Any]) -> dict[str, Car]:
    seats = int(values.get("seats") or DEFAULT_SEATS)
    cars = {
        one.id: Car(
            one.id, one.driver, one.seats if one.seats is not None else seats, one.start or "",
            _later(one.available_from, case.ready(one.driver) if one.driver else case.start),
        )
        for one in case.problem.vehicles
    }  # fmt: skip
    if values.get("sarah_car"):
        sarah = case.people["Sarah"]
        cars["sarah_car"] = Car("sarah_car", "Sarah", seats, sarah.start, sarah.ready)
    return cars


def _tasks(problem: Problem, values: Mapping[str, Any]) -> list[Task]:
    """Return the tasks with their windows; a visit to where a tour starts counts only if it is asked for."""
    starts = {group.start for group in problem.groups}
    optional = starts if "visit_at_start" in values and not values["visit_at_start"] else set()
    return [
        task.model_copy(update={"window": _window(problem, task)})
        for task in problem.tasks
        if not (task.kind == "visit" and task.at in optional)
    ]


def _window(problem: Problem, task: Task) -> tuple[float | None, float | None]:
    stated = [one for one in problem.constraints if one.kind == "window" and one.task == task.id]
    opens = [value for value in (task.window[0], *(one.open for one in stated)) if value is not None]
    closes = [value for value in (task.window[1], *(one.close for one in stated)) if value is not None]
    return max(opens, default=None), min(closes, default=None)


def _back(case: Case, start: str | None) -> tuple[MustBe, ...]:
    """Return where a tour ends: where it began, by the problem's end."""
    by = [one.by for one in case.problem.constraints if one.kind == "deadline" and one.by is not None]
    return (MustBe(at=start, by=min(by, default=case.end)),) if start else ()


def _outages(problem: Problem) -> tuple[Outage, ...]:
    return tuple(
        Outage(str(one.scope["machine"]), one.effective_from, one.until)
        for one in problem.disruptions
        if one.kind == "machine_down" and isinstance(one.scope, dict) and "machine" in one.scope
        and one.effective_from is not None and one.until is not None
    )  # fmt: skip
