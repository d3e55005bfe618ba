"""The facts of a timetable: when activities begin and end on the virtual clock, and what changes them."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from engine.core.fact import Json, fact


@fact
class ClockSet:
    """A person set the virtual clock: how fast it goes from `at` on, in minutes a second."""

    type: Literal["clock_set"] = "clock_set"
    at: float
    speed: float
    by: str


@fact
class ActivityBegun:
    """An activity began on the virtual clock; its end is fixed until something changes it (R32)."""

    type: Literal["activity_begun"] = "activity_begun"
    step: str
    at: float
    until: float


@fact
class TimesChanged:
    """Something takes longer, or can't be done before, from `since` on; known from `at` on.

    `ends` are the new ends of the activities under way: T_new = T_elapsed + M * max(0, T_total - T_elapsed).
    """

    type: Literal["times_changed"] = "times_changed"
    name: str
    kind: str
    text: str = ""
    scope: dict[str, Json] = field(default_factory=dict)
    magnitude: float = 0
    at: float
    since: float
    until: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    by: str = ""


@fact
class ActivityRevised:
    """An activity under way ends at another moment than was thought; somebody knows better."""

    type: Literal["activity_revised"] = "activity_revised"
    step: str
    until: float
    reason: str
    by: str
