"""The problem model (`realm-problem/1`): people, vehicles, places, tasks, jobs, and what the source leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.planning.times import OpenMinutes


class _Fact(BaseModel):
    """Base of what a problem states; sources add keys of their own, which are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class Horizon(_Fact):
    """The planning horizon; a clock counts minutes of the day, else time is a bare number."""

    start: OpenMinutes = None
    end: OpenMinutes = None
    unit: str = "minutes"


class MustBe(_Fact):
    """Where a person has to be, and by when."""

    at: str
    by: OpenMinutes = None


class Person(_Fact):
    """Somebody who moves or is moved."""

    id: str
    start: str | None = None
    available_from: OpenMinutes = None
    can_drive: bool | None = None
    needs_ride: bool = False
    must_be: tuple[MustBe, ...] = ()
    must_do: tuple[str, ...] = ()


class Vehicle(_Fact):
    """What moves people and goods; where it has a driver, only that person drives it, and takes a seat."""

    id: str
    driver: str | None = None
    seats: int | None = None
    start: str | None = None
    available_from: OpenMinutes = None
    obtain: str | None = None


class Group(_Fact):
    """People who move together on foot."""

    id: str
    size: int = 1
    start: str | None = None
    available_from: OpenMinutes = None


class Supervision(_Fact):
    """Who has to be where while a task runs."""

    any_of: str | tuple[str, ...] = "anyone_home"
    at: str | None = None
    whole_duration: bool = True


class Task(_Fact):
    """Something to be done: an errand, a visit, cooking, an event."""

    id: str
    kind: str
    place: str | tuple[str, ...] | None = None
    duration: float | None = None
    window: tuple[OpenMinutes, OpenMinutes] = (None, None)
    deadline: OpenMinutes = None
    start: OpenMinutes = None
    performer: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    supervised_by: Supervision | None = None
    deliver_to: str | None = None

    @property
    def at(self) -> str:
        """The task's one place; empty where the source names none or several."""
        return self.place if isinstance(self.place, str) else ""


class Job(_Fact):
    """Operations in a fixed order, each `(machine, duration)`; one entry may stand for several equal jobs."""

    id: str
    operations: tuple[tuple[str, float], ...]


class Constraint(_Fact):
    """A stated constraint."""

    id: str
    kind: str
    text: str = ""
    by: OpenMinutes = None
    max: float | None = None
    task: str | None = None
    open: OpenMinutes = None
    close: OpenMinutes = None
    derived: bool = False


class Disruption(_Fact):
    """A change of the world, known from a moment on."""

    id: str
    kind: str
    known_at: OpenMinutes = None
    effective_from: OpenMinutes = None
    until: OpenMinutes = None
    scope: Any = None
    magnitude: Any = None


class Augmentation(_Fact):
    """Minutes that common sense adds for somebody; counted only where a plan or a person asks for it."""

    id: str
    applies_to: tuple[str, ...] = ()
    minutes: float = 0


class Unspecified(_Fact):
    """What the source leaves open, and what is taken for it."""

    item: str
    default: Any = None
    effect: str = ""


class Problem(_Fact):
    """A problem as its file states it; `extends` is resolved by the loader."""

    schema_: Literal["realm-problem/1"] = Field(alias="schema")
    id: str
    name: str = ""
    family: str = ""
    extends: str | None = None
    clock: Horizon = Horizon()
    places: dict[str, str | None] = Field(default_factory=dict)
    travel_minutes: dict[str, Any] = Field(default_factory=dict)
    travel_km: dict[str, Any] = Field(default_factory=dict)
    speed_kmh: dict[str, float] = Field(default_factory=dict)
    people: tuple[Person, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    groups: tuple[Group, ...] = ()
    machines: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    tasks: tuple[Task, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    disruptions: tuple[Disruption, ...] = ()
    augmentations: tuple[Augmentation, ...] = ()
    objective: str = ""
    unspecified: tuple[Unspecified, ...] = ()

    @field_validator("jobs", mode="before")
    @classmethod
    def _each_job_alone(cls, jobs: Any) -> Any:
        """Write out an entry whose `id` is a list: so many equal jobs."""
        if not isinstance(jobs, list | tuple):
            return jobs
        alone: list[Any] = []
        for job in jobs:
            ids = job.get("id") if isinstance(job, dict) else None
            alone.extend([{**job, "id": one} for one in ids] if isinstance(ids, list) else [job])
        return alone

    @field_validator("machines", mode="before")
    @classmethod
    def _machine_ids(cls, machines: Any) -> Any:
        """Take the first word of `M1 lathe` as the id; the rest is a label."""
        return [str(name).split()[0] for name in machines] if isinstance(machines, list) else machines

    @model_validator(mode="after")
    def _names_exist(self) -> Problem:
        """Refuse what refers to nothing: a place, person or machine that the problem does not list."""
        for where, place in self._mentioned_places():
            if place and place not in self.places:
                raise ValueError(f"{where} '{place}' is not in `places`: {', '.join(self.places)}")
        known = {person.id for person in self.people}
        for vehicle in self.vehicles:
            if vehicle.driver is not None and vehicle.driver not in known:
                raise ValueError(f"vehicles: {vehicle.id}: driver '{vehicle.driver}' is not in `people`")
        for job in self.jobs:
            for machine, _ in job.operations:
                if machine not in self.machines:
                    raise ValueError(f"jobs: {job.id}: machine '{machine}' is not in `machines`")
        return self

    def _mentioned_places(self) -> Iterator[tuple[str, str | None]]:
        for kind, listed in (("people", self.people), ("vehicles", self.vehicles), ("groups", self.groups)):
            yield from ((f"{kind}: {one.id}: start", one.start) for one in listed)
        for person in self.people:
            yield from ((f"people: {person.id}: must_be", place.at) for place in person.must_be)
        for task in self.tasks:
            yield f"tasks: {task.id}: place", task.at if task.at != "each" else None
            yield f"tasks: {task.id}: deliver_to", task.deliver_to

    @property
    def is_shop(self) -> bool:
        """Whether this is a job shop: machines and jobs rather than people and places."""
        return bool(self.jobs)

    @property
    def has_clock(self) -> bool:
        """Whether times are times of the day."""
        return self.clock.unit == "minutes" and not self.is_shop
