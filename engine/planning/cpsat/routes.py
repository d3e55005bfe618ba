"""Routes with times: each vehicle makes one round of stops and ends where everybody must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.planning.case import Case
from engine.planning.cpsat.aims import aims
from engine.planning.cpsat.cooking import Kitchen, add_kitchen
from engine.planning.cpsat.model import INFEASIBLE, SOLVED, Named, Solvers
from engine.planning.cpsat.rows import Route, Visit, rows_of
from engine.planning.cpsat.stops import Mover, Stop, goal_of, movers_of, stops_of
from engine.planning.planner import Objective, Solution, Standing
from engine.planning.times import TOLERANCE, write_time

AFTER_HOURS = 12 * 60


@dataclass
class Tour:
    """The variables of one vehicle: node 0 is where it begins, node i+1 the stop i, and 0 again its end."""

    mover: Mover
    arcs: dict[tuple[int, int], Any] = field(default_factory=dict)
    way: dict[int, Any] = field(default_factory=dict)
    used: Any = None
    leaves: Any = None
    arrives: Any = None


class RouteModel:
    """The whole model: tours, stops with their times, and what must hold."""

    def __init__(self, case: Case, standing: Standing | None) -> None:
        self.case, self.named, self.goal = case, Named(), goal_of(case)
        self.model = self.named.model
        movers = movers_of(case, standing)
        self.stops = stops_of(case, movers, standing)
        self.low = math.floor(standing.now if standing else case.start or 0)
        self.high = math.ceil(case.end if case.end is not None else self.low) + self._at_most()
        self.times = [self.moment(stop.name) for stop in self.stops]
        self.tours = [self._tour(mover) for mover in movers]
        self._visits()
        self._rules(standing)
        self.kitchen: Kitchen = add_kitchen(self, standing)

    def _at_most(self) -> int:
        """Return minutes that are enough for everything after the end, so that only named rules say no."""
        places = {place for pair in self.case.travel.minutes for place in pair}
        last = max((slow.since for slow in self.case.travel.slowdowns), default=0.0)
        longest = max(self.minutes(a, b, last) for a in places for b in places)
        return min(AFTER_HOURS, sum(longest + stop.minutes for stop in self.stops) + longest)

    def moment(self, name: str) -> Any:
        """Return a new moment within the horizon."""
        return self.model.new_int_var(self.low, self.high, name)

    def text(self, moment: float) -> str:
        """Return a moment as people write it."""
        return str(write_time(moment))

    def _tour(self, mover: Mover) -> Tour:
        """Add a vehicle's round: a circuit over the stops that it may make."""
        tour = Tour(
            mover, leaves=self.moment(f"{mover.id} leaves"), arrives=self.moment(f"{mover.id} arrives")
        )
        tour.used = self.model.new_bool_var(f"{mover.id} goes")
        mine = [n for n, stop in enumerate(self.stops, start=1) if mover.id in stop.vehicles]
        loops = [(0, 0, ~tour.used)]
        for node in [0, *mine]:
            tour.way[node] = self.model.new_int_var(0, self.high - self.low, f"{mover.id} way {node}")
            loops += [(node, node, self.model.new_bool_var(""))] if node else []
            for after in [0, *mine]:
                if node != after and (literal := self._arc(tour, node, after)) is not None:
                    tour.arcs[node, after] = literal
        if mover.place != self.goal or mover.aboard or mover.carries:
            direct = self._arc(tour, 0, 0)
            if direct is not None:
                tour.arcs[0, 0] = direct
        self._circuit(tour, loops)
        return tour

    def _circuit(self, tour: Tour, loops: list[tuple[int, int, Any]]) -> None:
        """Close the round; going straight to the end is a node of its own between begin and end."""
        arcs = [(a, b, literal) for (a, b), literal in tour.arcs.items() if (a, b) != (0, 0)]
        if (0, 0) in tour.arcs:
            straight = len(self.stops) + 1
            other = self.model.new_bool_var("")
            arcs += [
                (0, straight, tour.arcs[0, 0]),
                (straight, 0, tour.arcs[0, 0]),
                (straight, straight, other),
            ]
        self.model.add_circuit(arcs + loops)
        if not arcs:
            self.model.add(tour.used == 0)

    def _arc(self, tour: Tour, node: int, after: int) -> Any:
        """Add the way from one node to another, with its minutes; None where there is no way."""
        here = self.stops[node - 1].place if node else tour.mover.place
        there = self.stops[after - 1].place if after else self.goal
        if self.case.travel.base(here, there) is None:
            return None
        literal = self.model.new_bool_var(f"{tour.mover.id} {node}-{after}")
        self.model.add_implication(literal, tour.used)
        leaves = self.times[node - 1] + self.stops[node - 1].minutes if node else tour.leaves
        reaches = self.times[after - 1] if after else tour.arrives
        way = tour.way[node]
        self.model.add(reaches >= leaves + way).only_enforce_if(literal)
        self._length(way, leaves, here, there, literal)
        return literal

    def _length(self, way: Any, leaves: Any, here: str, there: str, literal: Any) -> None:
        """Say how many minutes a way takes; where it gets slower from a moment on, by when it is begun."""
        slow = [one for one in self.case.travel.slowdowns if one.touches(here, there)]
        if all(one.since <= self.low and one.until is None for one in slow) or here == there:
            self.model.add(way == self.minutes(here, there, self.low)).only_enforce_if(literal)
            return
        table = [self.minutes(here, there, moment) for moment in range(self.low, self.high + 1)]
        index = self.model.new_int_var(0, len(table) - 1, "")
        value = self.model.new_int_var(min(table), max(table), "")
        self.model.add(index == leaves - self.low).only_enforce_if(literal)
        self.model.add_element(index, table, value)
        self.model.add(way == value).only_enforce_if(literal)

    def minutes(self, here: str, there: str, moment: float) -> int:
        """Return the whole minutes of a way begun at a moment."""
        return math.ceil((self.case.travel.needed(here, there, moment) or 0.0) - 1e-9)

    def visited(self, tour: Tour, number: int) -> Any:
        """Return whether a tour makes a stop (a sum that is 0 or 1)."""
        return sum(literal for (_, after), literal in tour.arcs.items() if after == number)

    def _visits(self) -> None:
        """Make each stop once, but for the places only passed; count nothing for a node not visited."""
        for number, stop in enumerate(self.stops, start=1):
            visits = sum(self.visited(tour, number) for tour in self.tours)
            if stop.kind == "via":
                continue
            what = (
                f"{stop.rider} is fetched from {stop.place}"
                if stop.rider
                else f"{stop.task} is done at {stop.place}"
            )
            self.model.add(visits <= 1)
            self.model.add(visits >= 1).only_enforce_if(self.named.cause(stop.name, what))
        for tour in self.tours:
            for node, way in tour.way.items():
                leaving = sum(literal for (before, _), literal in tour.arcs.items() if before == node)
                self.model.add(way <= (self.high - self.low) * leaving)
            if tour.mover.must_go(self.goal):
                self.model.add(tour.used == 1)

    def _rules(self, standing: Standing | None) -> None:
        for tour in self.tours:
            self._start_and_seats(tour)
            self._in_time(tour)
        self._there_by_now(standing)
        for number, stop in enumerate(self.stops, start=1):
            time = self.times[number - 1]
            ready = self.case.ready(stop.rider) if stop.rider else None
            if ready is not None:
                self._if(
                    f"available:{stop.rider}",
                    f"{stop.rider} from {self.text(ready)}",
                    time >= math.ceil(ready),
                )
            if stop.task:
                self._window(stop, time)

    def _if(self, name: str, text: str, constraint: Any, *conditions: Any) -> None:
        literal = self.named.cause(name, text)
        self.model.add(constraint).only_enforce_if([literal, *conditions])

    def _window(self, stop: Stop, time: Any) -> None:
        opens, closes = self.case.tasks[stop.task].window
        if opens is not None:
            self._if(f"opens:{stop.task}", f"{stop.task} from {self.text(opens)}", time >= math.ceil(opens))
        if closes is not None:
            end = time + stop.minutes if self.case.window_means_finish else time
            self._if(f"closes:{stop.task}", f"{stop.task} by {self.text(closes)}", end <= math.floor(closes))

    def _start_and_seats(self, tour: Tour) -> None:
        mover = tour.mover
        if mover.since is not None:
            text = f"{mover.id} from {self.text(mover.since)}"
            self._if(f"available:{mover.id}", text, tour.leaves >= math.ceil(mover.since))
        riders = [self.visited(tour, n) for n, stop in enumerate(self.stops, start=1) if stop.rider]
        if riders and mover.id in self.case.cars:
            room = mover.seats - (mover.driver != mover.id) - len(mover.aboard)
            self._if(f"seats:{mover.id}", f"{mover.id} has {mover.seats} seats", sum(riders) <= room)

    def _in_time(self, tour: Tour) -> None:
        """Let everybody and everything that a vehicle brings be in time."""
        by = self._limits()
        for name in (tour.mover.driver, *tour.mover.aboard):
            if name in by:
                self._by(tour, name, by[name], tour.used)
        for number, stop in enumerate(self.stops, start=1):
            limit = by.get(stop.rider) if stop.rider else self._deadline(stop.task)
            if limit is not None:
                for (_, after), literal in tour.arcs.items():
                    if after == number:
                        self._by(tour, stop.rider or stop.task, limit, literal)
        for task in tour.mover.carries:
            limit = self._deadline(task)
            if limit is not None:
                self._by(tour, task, limit, tour.used)

    def _limits(self) -> dict[str, float]:
        """Return by when people must be there."""
        return {
            one.id: must.by
            for one in self.case.people.values()
            for must in one.must_be
            if must.by is not None
        }

    def _there_by_now(self, standing: Standing | None) -> None:
        """Let those be in time, too, whose last way has begun: they may go nowhere any more."""
        if standing is None:
            return
        by = self._limits()
        for name, since in standing.home.items():
            if name in by and since > by[name] + TOLERANCE:
                text = f"{name} at {self.goal} by {self.text(by[name])}"
                self._if(f"deadline:{name}", text, self.model.new_constant(0) >= 1)

    def _deadline(self, task: str) -> float | None:
        return self.case.tasks[task].deadline if task in self.case.tasks else None

    def _by(self, tour: Tour, what: str, limit: float, condition: Any) -> None:
        text = f"{what} at {self.goal} by {self.text(limit)}"
        self._if(f"deadline:{what}", text, tour.arrives <= math.floor(limit), condition)

    def route(self, tour: Tour, value: Callable[[Any], int]) -> Route | None:
        """Return what a vehicle does in a solution; None if it stays."""
        if not value(tour.used):
            return None
        visits: list[Visit] = []
        node = 0
        while True:
            node = next(
                after for (before, after), literal in tour.arcs.items() if before == node and value(literal)
            )
            if node == 0:
                return Route(tour.mover, value(tour.leaves), tuple(visits))
            visits.append(Visit(self.stops[node - 1], value(self.times[node - 1])))


def solve_routes(case: Case, objective: Objective, standing: Standing | None, solvers: Solvers) -> Solution:
    """Return the best plan by the objective, then by the others in turn; or the constraints in conflict."""
    built = RouteModel(case, standing)
    conflict = built.named.conflict(solvers)
    if conflict is not None:
        return Solution(status="infeasible", objective=objective, conflict=conflict)
    built.named.require_all()
    solver, optimal, impossible = _staged(built, aims(built, objective), solvers)
    if solver is None:
        return Solution(status="infeasible" if impossible else "unknown", objective=objective)
    routes = [route for tour in built.tours if (route := built.route(tour, solver.value)) is not None]
    rows, figures = rows_of(case, built.goal, routes, built.kitchen.cooked(solver.value), standing)
    return Solution(
        status="optimal" if optimal else "feasible", objective=objective, rows=rows, figures=figures
    )  # fmt: skip


def _staged(built: RouteModel, stages: list[Any], solvers: Solvers) -> tuple[Any, bool, bool]:
    """Minimise one figure after the other, each fixed before the next.

    Return the last solver with a plan, whether all is optimal, and whether it is proven that there is none.
    """
    solver, optimal = None, True
    for stage in stages:
        built.model.minimize(stage)
        now = solvers()
        status = now.solve(built.model)
        if status not in SOLVED:
            return solver, False, solver is None and status == INFEASIBLE
        solver, optimal = now, optimal and now.status_name(status) == "OPTIMAL"
        built.model.add(stage == round(solver.objective_value))
    return solver, optimal, False
