"""Dates and moments as they are written in ISO 8601; what is written otherwise is none."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

Json = Any
Moment = date | datetime | float
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:?\d{2})?")


def date_of(value: Json) -> date | None:
    """Return the date that a text is, or None."""
    if not isinstance(value, str) or not _DATE.fullmatch(value.strip()):
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:  # such as the 30th of February
        return None


def datetime_of(value: Json) -> datetime | None:
    """Return the date with a time of day that a text is, or None."""
    if not isinstance(value, str) or not _DATETIME.fullmatch(value.strip()):
        return None
    try:
        return datetime.fromisoformat(value.strip().upper())
    except ValueError:
        return None


def day_of(value: Json) -> date | None:
    """Return the day that a date or moment falls on where it was written, or None."""
    moment = datetime_of(value)
    return date_of(value) if moment is None else moment.date()


def offset_kind(value: str) -> str:
    """Return how a moment says its offset from UTC."""
    if value.strip().upper().endswith("Z"):
        return "Z"
    moment = datetime_of(value)
    return "no offset" if moment is None or moment.tzinfo is None else "an offset in hours"


def distance_s(earlier: Moment, later: Moment) -> float | None:
    """Return the seconds between two moments at most, negative where they stand the wrong way round.

    A date beside a moment is the whole day: it is in order unless no hour of it would be. None where
    they can't be compared: one with an offset and one without, or a number and a date.
    """
    if isinstance(earlier, int | float) or isinstance(later, int | float):
        return _difference(earlier, later)
    if not isinstance(earlier, datetime) and not isinstance(later, datetime):
        return (later - earlier).total_seconds()
    first = _in_day(earlier, time.min, later)
    then = _in_day(later, time.max, earlier)
    if (first.utcoffset() is None) != (then.utcoffset() is None):
        return None
    return (then - first) / timedelta(seconds=1)


def _difference(earlier: Moment, later: Moment) -> float | None:
    if not isinstance(earlier, int | float) or not isinstance(later, int | float):
        return None
    try:
        return later - earlier
    except OverflowError:
        return float("inf") if later > earlier else float("-inf")


def _in_day(moment: date, hour: time, beside: date) -> datetime:
    if isinstance(moment, datetime):
        return moment
    zone = beside.tzinfo if isinstance(beside, datetime) else None
    return datetime.combine(moment, hour, tzinfo=zone)
