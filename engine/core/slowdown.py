"""What makes ways take longer from a moment on, and what that comes to for one under way.

A way that is under way keeps what it has behind it, and the rest takes the factor:
`T_affected = max(0, T_total - T_elapsed)`, `T_new = T_elapsed + M * T_affected` (SagaLLM, equations 4 and 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.core.errors import ExpressionError
from engine.core.moments import read_time
from engine.core.parts import Json

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Slowdown:
    """Legs that take `factor` times as long from `since` until `until`; `places` empty means every leg."""

    since: float
    until: float | None
    factor: float
    places: frozenset[str] = frozenset()
    legs: frozenset[str] = frozenset()
    spares_under_way: bool = False

    def touches(self, here: str, there: str) -> bool:
        """Whether the leg is one of those."""
        if self.legs:
            return f"{here}-{there}" in self.legs or f"{there}-{here}" in self.legs
        return not self.places or here in self.places or there in self.places


def slowdown_of(scope: Json, magnitude: float, since: float, until: float | None) -> Slowdown:
    """Return the slow-down of a scope: `legs_touching` (a place or several) or `legs` (`A-B` each).

    Raises:
        ExpressionError: if the scope says neither of them as it should.
    """
    where = scope if isinstance(scope, dict) else {}
    touching, legs = where.get("legs_touching", []), where.get("legs", [])
    places = [touching] if isinstance(touching, str) else touching
    if not isinstance(places, list | tuple) or not all(isinstance(place, str) for place in places):
        raise ExpressionError(f"`legs_touching` is a place or a list of places, not `{touching}`")
    if not isinstance(legs, list | tuple):
        raise ExpressionError(f"`legs` is a list of A-B each, not `{legs}`")
    for leg in legs:
        if not isinstance(leg, str) or "-" not in leg.strip("-"):
            raise ExpressionError(f"`{leg}` is no leg; write it as A-B")
    return Slowdown(since, until, magnitude, frozenset(places), frozenset(legs))


def takes(slowdowns: Iterable[Slowdown], here: str, there: str, minutes: float, start: float) -> float:
    """Return the minutes of a way begun at `start` that takes `minutes` undisturbed."""
    left, now = minutes, start
    for slow in slowdowns:
        if slow.touches(here, there) and not (slow.spares_under_way and start < slow.since):
            left, now = _through(slow, left, now)
    return now + left - start


def _through(slow: Slowdown, left: float, now: float) -> tuple[float, float]:
    """Return what is left of a way, in undisturbed minutes, and when, once the slow-down is over for it."""
    before = max(0.0, min(left, slow.since - now))
    left, now = left - before, now + before
    if left <= TOLERANCE:
        return left, now
    if slow.until is None or slow.factor <= 0:
        return 0.0, now + slow.factor * left
    inside = max(0.0, min(left, (slow.until - now) / slow.factor))
    return left - inside, now + slow.factor * inside


def open_moment(value: Json) -> float | None:
    """Return a moment as minutes, or None where there is none."""
    return None if value is None else float(read_time(value))
