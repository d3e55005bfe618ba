"""How long a way takes: a matrix of minutes (or kilometres and speeds), and what slows it down from a moment on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.slowdown import Slowdown, slowdown_of, takes
from engine.planning.problem import Disruption, Problem

_WORDS = {"symmetric", "note"}


@dataclass(frozen=True)
class Travel:
    """Minutes and kilometres between places."""

    minutes: dict[tuple[str, str], float]
    km: dict[tuple[str, str], float] = field(default_factory=dict)
    slowdowns: tuple[Slowdown, ...] = ()

    def base(self, here: str, there: str) -> float | None:
        """Return the minutes of an undisturbed way, or None where the problem gives none."""
        return 0.0 if here == there else self.minutes.get((here, there))

    def needed(self, here: str, there: str, start: float) -> float | None:
        """Return the minutes of a way begun at `start`.

        A way that is under way when it gets slower keeps what it has behind it, and the rest takes the
        factor: T_affected = max(0, T_total - T_elapsed), T_new = T_elapsed + M * T_affected.
        """
        base = self.base(here, there)
        return None if base is None else takes(self.slowdowns, here, there, base, start)

    def distance(self, here: str, there: str) -> float | None:
        """Return the kilometres of a way, or None where the problem gives none."""
        return 0.0 if here == there else self.km.get((here, there))

    def sparing_under_way(self) -> Travel:
        """Return the same with whoever is under way at a slow-down past the place of it."""
        return replace(self, slowdowns=tuple(replace(s, spares_under_way=True) for s in self.slowdowns))


def travel_of(problem: Problem) -> Travel:
    """Return the ways of a problem; of a range (`[15, 30]`) the slowest."""
    km = dict(_pairs(problem, problem.travel_km))
    minutes = dict(_pairs(problem, problem.travel_minutes)) or _by_speed(problem, km)
    slow = [found for one in problem.disruptions if (found := _slowdown(one)) is not None]
    return Travel(minutes, km, tuple(sorted(slow, key=lambda one: one.since)))


def _pairs(problem: Problem, table: dict[str, Any]) -> Iterator[tuple[tuple[str, str], float]]:
    both = bool(table.get("symmetric", True))
    for key, value in table.items():
        if key in _WORDS:
            continue
        minutes = max(value) if isinstance(value, list) else value
        for here, there in _places(problem, key):
            yield (here, there), float(minutes)
            if both:
                yield (there, here), float(minutes)


def _places(problem: Problem, key: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs that a key stands for: `A-B`, a family `X-G` (X1, X2...), or `any_two_<label>`."""
    if key.startswith("any_two_"):
        alike = [place for place, label in problem.places.items() if label == key.removeprefix("any_two_")]
        yield from ((a, b) for a in alike for b in alike if a != b)
        return
    here, found, there = key.partition("-")
    if found:
        yield from ((a, b) for a in _family(problem, here) for b in _family(problem, there) if a != b)


def _family(problem: Problem, name: str) -> list[str]:
    if name in problem.places:
        return [name]
    return [place for place in problem.places if re.fullmatch(rf"{re.escape(name)}\d+", place)]


def _by_speed(problem: Problem, km: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Return minutes from kilometres: ways between places of one label at that label's speed, else the other."""
    if not km or not problem.speed_kmh:
        return {}
    fast = max(problem.speed_kmh.values())
    return {
        (a, b): far
        / (
            problem.speed_kmh.get(str(problem.places[a]), fast)
            if problem.places[a] == problem.places[b]
            else fast
        )
        * 60
        for (a, b), far in km.items()
    }


def _slowdown(one: Disruption) -> Slowdown | None:
    if one.kind not in {"travel_time_multiplier", "traffic"} or not isinstance(one.magnitude, int | float):
        return None
    since = one.effective_from if one.effective_from is not None else one.known_at
    return slowdown_of(one.scope, float(one.magnitude), since or 0.0, one.until)
