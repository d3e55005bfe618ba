"""The virtual clock of a run, as its events leave it; it reads no clock itself (R31, R32)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.core.events_time import TimesChanged
from engine.core.slowdown import Slowdown, slowdown_of

ENDLESS = 366 * 1440.0
"""No activity is under way for longer, whatever slows it down."""


@dataclass(slots=True)
class Span:
    """When an activity began and when it ends or ended; `planned` is the end that was thought of first."""

    began: float
    until: float
    planned: float


@dataclass(slots=True)
class VirtualClock:
    """What the clock shows: `moment` at the recorded time `since`, and on from there while it `runs`.

    `known_from` is when each activity that has not begun became possible; `changes` is what changed its world.
    """

    moment: float
    since: datetime
    speed: float
    runs: bool = False
    spans: dict[str, Span] = field(default_factory=dict)
    known_from: dict[str, float] = field(default_factory=dict)
    changes: list[TimesChanged] = field(default_factory=list)

    def at(self, now: datetime) -> float:
        """Return what the clock shows at a recorded time, or at any later one."""
        passed_s = max(0.0, (now - self.since).total_seconds()) if self.runs else 0.0
        return self.moment + passed_s * self.speed

    def when(self, moment: float) -> datetime | None:
        """Return when the clock will show a moment, or None while it stands still."""
        if not self.runs or (self.speed <= 0 and moment > self.moment):
            return None
        if moment <= self.moment:
            return self.since
        wait_s = max(0.0, moment - self.moment) / self.speed
        return self.since + timedelta(seconds=min(wait_s, 366 * 86400.0))

    @property
    def slowdowns(self) -> tuple[Slowdown, ...]:
        """What makes ways take longer, oldest first."""
        found = [slow for change in self.changes if (slow := slowdown(change)) is not None]
        return tuple(sorted(found, key=lambda slow: slow.since))


def slowdown(change: TimesChanged) -> Slowdown | None:
    """Return a change as a slow-down of ways, or None where it is another kind of change."""
    if change.kind != "travel_time_multiplier":
        return None
    return slowdown_of(change.scope, change.magnitude, change.since, change.until)
