"""What routes are made of: the stops that may be made, and the vehicles (or groups on foot) that make them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from engine.core.errors import CommandRejected
from engine.planning.case import Case
from engine.planning.planner import Standing


@dataclass(frozen=True)
class Stop:
    """A stop at a place: to pick somebody up, to do a task, or only to pass (`via`)."""

    name: str
    kind: str
    place: str
    minutes: int
    rider: str = ""
    task: str = ""
    vehicles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mover:
    """A vehicle with its driver, or a group on foot: where it is, from when, and what it already brings."""

    id: str
    driver: str
    place: str
    since: float | None
    seats: int
    aboard: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    returns: bool = True

    def must_go(self, goal: str) -> bool:
        """Whether it has to reach the goal: its driver is elsewhere, or it brings somebody or something."""
        return bool(self.aboard or self.carries) or (self.returns and self.place != goal)


def goal_of(case: Case) -> str:
    """Return the one place where everybody must be.

    Raises:
        CommandRejected: if there are several, which this planner does not plan.
    """
    goals = sorted({must.at for one in case.people.values() for must in one.must_be})
    if len(goals) != 1:
        said = ", ".join(goals) or "none"
        raise CommandRejected(
            f"{case.problem.id} has to have one place where everybody must be; it has {said}"
        )
    return goals[0]


def movers_of(case: Case, standing: Standing | None) -> list[Mover]:
    """Return everything that moves by itself, as it stands."""
    found = [
        Mover(car.id, car.driver or car.id, car.start, car.ready, car.seats, returns=car.driver is not None)
        for car in case.cars.values()
        if car.driver is None or case.people[car.driver].can_drive is not False
    ]
    found += [
        Mover(one.id, one.id, one.start, one.ready, 1) for one in case.people.values() if one.on_foot
    ]  # fmt: skip
    if standing is None:
        return found
    return [_as_it_stands(mover, standing) for mover in found]


def _as_it_stands(mover: Mover, standing: Standing) -> Mover:
    spot = standing.spots.get(mover.id)
    if spot is None:
        since = max(standing.now, mover.since or standing.now)
        return Mover(mover.id, mover.driver, mover.place, since, mover.seats, returns=mover.returns)
    since = max(standing.now, spot.since, mover.since or 0.0)
    return Mover(
        mover.id, mover.driver, spot.place, since, mover.seats, spot.aboard, spot.carries, mover.returns
    )  # fmt: skip


def stops_of(case: Case, movers: list[Mover], standing: Standing | None) -> list[Stop]:
    """Return the stops still to be made, and the places that may be worth passing."""
    done = standing.done if standing else frozenset()
    gone = {name for mover in movers for name in mover.aboard} | set(standing.home if standing else ())
    goal, cars = goal_of(case), tuple(mover.id for mover in movers if mover.id in case.cars)
    found = [
        Stop(f"ride:{one.id}", "pickup", one.start, ceil(case.service), rider=one.id, vehicles=cars)
        for one in case.people.values()
        if one.needs_ride and one.start != goal and one.id not in gone
    ]
    for task in case.tasks.values():
        if task.kind in {"errand", "visit"} and task.id not in done and not case.is_implied(task):
            able = tuple(m.id for m in movers if not task.performer or m.driver in task.performer)
            minutes = ceil(case.minutes_for(task))
            found.append(Stop(f"task:{task.id}", task.kind, task.at, minutes, task=task.id, vehicles=able))
    passing = [
        Stop(f"via:{mover.id}:{place}", "via", place, 0, vehicles=(mover.id,))
        for place in _shortcuts(case) for mover in movers
    ]  # fmt: skip
    return found + passing


def _shortcuts(case: Case) -> list[str]:
    """Return the places by which a way can get shorter, with or without what slows ways down."""
    travel = case.travel
    moments = [0.0, *(slow.since for slow in travel.slowdowns)]
    places = {place for pair in travel.minutes for place in pair}
    found = {
        via for here in places for there in places for via in places if len({here, there, via}) == 3
        for moment in moments
        if _sum(case, here, via, there, moment) < (travel.needed(here, there, moment) or float("inf"))
    }  # fmt: skip
    return sorted(found)


def _sum(case: Case, here: str, via: str, there: str, moment: float) -> float:
    first = case.travel.needed(here, via, moment)
    if first is None:
        return float("inf")
    second = case.travel.needed(via, there, moment + first)
    return float("inf") if second is None else first + second
