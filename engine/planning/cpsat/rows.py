"""From a solution's routes to the rows of a plan, and the figures that it comes to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.planning.case import Case
from engine.planning.cpsat.stops import Mover, Stop
from engine.planning.plan import Row
from engine.planning.planner import Standing


@dataclass(frozen=True)
class Visit:
    """A stop made at a moment."""

    stop: Stop
    at: int


@dataclass(frozen=True)
class Route:
    """What one vehicle does."""

    mover: Mover
    leaves: int
    visits: tuple[Visit, ...]


class _Telling:
    """Tells a route row by row, and counts."""

    def __init__(self, case: Case, route: Route) -> None:
        self.case, self.mover = case, route.mover
        self.place, self.now = route.mover.place, float(route.leaves)
        own = route.mover.driver in case.people
        self.people = [route.mover.driver] if own else []
        self.people += route.mover.aboard
        self.rows: list[dict[str, Any]] = []
        self.driving = self.km = 0.0

    def go(self, there: str) -> None:
        """Drive to a place, at once."""
        if there == self.place:
            return
        took = math.ceil((self.case.travel.needed(self.place, there, self.now) or 0) - 1e-9)
        kind = "drive" if self.mover.id in self.case.cars else "walk"
        self._add(kind, self.now, self.now + took, **{"from": self.place, "to": there})
        self.driving += took
        self.km += self.case.travel.distance(self.place, there) or 0
        self.place, self.now = there, self.now + took

    def stop(self, visit: Visit) -> None:
        """Make a stop; who is picked up is aboard from then on."""
        stop, end = visit.stop, visit.at + visit.stop.minutes
        self.go(stop.place)
        if stop.rider:
            self.people.append(stop.rider)
            self._add("pickup", visit.at, end, place=stop.place)
        elif stop.task:
            self._add(stop.kind, visit.at, end, place=stop.place, item=stop.task)
        self.now = max(self.now, float(end))

    def _add(self, kind: str, start: float, end: float, **more: Any) -> None:
        self.rows.append(
            {
                "kind": kind,
                "agent": self.mover.driver,
                "start": start,
                "end": end,
                "people": list(self.people),
                **more,
            }
        )


def rows_of(
    case: Case, goal: str, routes: list[Route], cooked: dict[str, tuple[int, int]], standing: Standing | None
) -> tuple[tuple[Row, ...], dict[str, float]]:
    """Return the rows in order of time, what stays first, and the figures of the whole plan."""
    told = [_told(case, goal, route) for route in routes]
    rows = [row for one in told for row in one.rows]
    kept = standing.rows if standing else ()
    home = _home(case, goal, {row.agent for row in kept} | {one.mover.driver for one in told})
    for task, (start, end) in cooked.items():
        place = case.tasks[task].at
        rows.append(
            {"kind": "cook", "item": task, "place": place, "start": start, "end": end, "people": home[:1]}
        )
    rows += _events(case)
    rows.sort(key=lambda row: (row["start"], row["end"] if row.get("end") is not None else row["start"]))
    past = [row.model_dump(by_alias=True, exclude={"n"}, exclude_unset=True) for row in kept]
    whole = tuple(Row.model_validate({**row, "n": n}) for n, row in enumerate([*past, *rows], start=1))
    return whole, _figures(case, goal, told, whole, kept)


def _told(case: Case, goal: str, route: Route) -> _Telling:
    told = _Telling(case, route)
    for visit in route.visits:
        told.stop(visit)
    told.go(goal)
    return told


def _home(case: Case, goal: str, going: set[str | None]) -> list[str]:
    """Return who is where everybody must be all the time, by when they are there."""
    stay = [one for one in case.people.values() if one.start == goal and one.id not in going]
    return [one.id for one in sorted(stay, key=lambda one: one.ready or 0)]


def _events(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "kind": "event", "activity": task.id, "place": task.at, "start": task.start,
            "people": list(task.participants),
        }
        for task in case.tasks.values() if task.kind == "event" and task.start is not None
    ]  # fmt: skip


def _figures(
    case: Case, goal: str, told: list[_Telling], rows: tuple[Row, ...], kept: tuple[Row, ...]
) -> dict[str, float]:
    ways = [row for row in rows if row.moves]
    there = [row.ends for row in ways if row.to == goal]
    waiting = [one.ready for one in case.people.values() if one.start == goal and one.ready is not None]
    figures = {
        "all_done": max([*there, *waiting], default=0.0),
        "driving_minutes": sum(w.ends - w.start for w in ways),
    }
    if case.travel.km:
        before = sum(case.travel.distance(row.from_ or "", row.to or "") or 0 for row in kept if row.moves)
        figures["distance_km"] = before + sum(one.km for one in told)
    return figures
