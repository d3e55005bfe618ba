"""Times as minutes since midnight, read from and written as `HH:MM`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from engine.core.moments import CLOCK, read_time, write_time
from engine.core.slowdown import TOLERANCE

__all__ = ["TOLERANCE", "Minutes", "OpenMinutes", "read_open_time", "read_time", "write_time"]


def read_open_time(value: Any) -> Any:
    """Return what `read_time` does, or None for words such as `within 6 h`: the source gives no time."""
    if isinstance(value, str) and CLOCK.fullmatch(value.strip()) is None:
        return None
    return read_time(value)


Minutes = Annotated[float, BeforeValidator(read_time)]
OpenMinutes = Annotated[float | None, BeforeValidator(read_open_time)]
