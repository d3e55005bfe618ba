"""What a plan of routes is to be good at: the figures to minimise, one after the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine.planning.planner import Objective

if TYPE_CHECKING:
    from engine.planning.cpsat.routes import RouteModel, Tour

SCALE_KM = 10


def aims(built: RouteModel, objective: Objective) -> list[Any]:
    """Return the figures by which a plan is chosen, the first one first.

    After those of the objective: fresh food, little time on the way, nobody who waits longer than needed,
    everything as early as it can be. So equally good plans don't differ from run to run.
    """
    late = -sum(tour.leaves for tour in built.tours)
    first = {
        "earliest": lambda: [_all_done(built), _driving(built)],
        "driving": lambda: [_driving(built), _all_done(built)],
        "distance": lambda: [_distance(built), late, _driving(built)],
    }[objective]()  # fmt: skip
    timed = list(zip(built.times, built.stops, strict=True))
    waiting = sum(time for time, stop in timed if stop.rider)
    soon = sum(time for time, stop in timed if stop.task)
    return [*first, *built.kitchen.wishes, _away(built), waiting, soon]


def _all_done(built: RouteModel) -> Any:
    """Return the moment from which everybody is there."""
    done = built.moment("all done")
    people = built.case.people.values()
    waiting = [one.ready for one in people if one.ready is not None and one.start == built.goal]
    built.model.add(done >= math.ceil(max(waiting, default=built.low)))
    for tour in built.tours:
        built.model.add(done >= tour.arrives).only_enforce_if(tour.used)
    return done


def _driving(built: RouteModel) -> Any:
    """Return the minutes on the way, of all together."""
    return sum(way for tour in built.tours for way in tour.way.values())


def _distance(built: RouteModel) -> Any:
    """Return the kilometres of all together, times ten."""
    return sum(
        round(SCALE_KM * (built.case.travel.distance(*_ends(built, tour, arc)) or 0)) * literal
        for tour in built.tours for arc, literal in tour.arcs.items()
    )  # fmt: skip


def _ends(built: RouteModel, tour: Tour, arc: tuple[int, int]) -> tuple[str, str]:
    before, after = arc
    return (
        built.stops[before - 1].place if before else tour.mover.place,
        built.stops[after - 1].place if after else built.goal,
    )


def _away(built: RouteModel) -> Any:
    """Return the minutes between leaving and arriving, of all who go."""
    total = []
    for tour in built.tours:
        away = built.model.new_int_var(0, built.high - built.low, "")
        built.model.add(away >= tour.arrives - tour.leaves).only_enforce_if(tour.used)
        total.append(away)
    return sum(total)
