"""Moments of a virtual day: minutes since midnight, read from and written as `HH:MM`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
MAX_MOMENT = 1e9
"""Minutes: beyond it sums of moments are not finite, or not exact, any more."""


def read_time(value: Any) -> Any:
    """Return minutes since midnight for `HH:MM` or `HH:MM:SS`; a number is taken as it is.

    Raises:
        ValueError: for a text that is no time of day, and a number that no clock can tell.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) <= MAX_MOMENT:
        raise ValueError("a moment is some minutes from midnight, not more than all of history")
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    found = CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a time is written as 'HH:MM'")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if minutes > 59 or seconds > 59 or hours > 47:
        raise ValueError("there is no such time of day")
    total = hours * 60 + minutes
    return total + seconds / 60 if seconds else total


def write_time(minutes: float, *, clock: bool = True) -> str | int | float:
    """Return `HH:MM` (with seconds where there are any), or the bare number where time has no clock."""
    if not clock:
        return int(minutes) if float(minutes).is_integer() else minutes
    seconds = round(minutes * 60)
    text = f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
    return f"{text}:{seconds % 60:02d}" if seconds % 60 else text


def _is_moment(value: str | float) -> str | float:
    read_time(value)
    return value


Moment = Annotated[str | float, AfterValidator(_is_moment)]
"""A moment as people write it: `HH:MM`, or a number where time has no clock; kept as it was written."""
