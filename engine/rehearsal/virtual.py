"""An asyncio loop whose time is virtual: when nothing is left to do it jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any


class Stuck(Exception):
    """Nothing is left to do and no timer is set: whoever waits here waits for ever."""


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: the time that a wait would take has passed at once."""

    def __init__(self, on_step: Callable[[], None]) -> None:
        super().__init__()
        self.elapsed = 0.0
        self._on_step = on_step

    def select(self, timeout: float | None = None) -> list[Any]:
        self._on_step()
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck("nothing is left to do, and no timer is set")
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for rehearsals; `on_step` is called between any two of its steps, and what it raises ends it.

    Args:
        start_s: the loop's time at its start.
        on_step: called before each step.
    """

    def __init__(self, start_s: float, on_step: Callable[[], None]) -> None:
        self._jumping = _Jumping(on_step)
        self._start_s = start_s
        super().__init__(self._jumping)
        self.set_exception_handler(lambda *_: None)  # a killed engine's tasks end without a word

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._start_s + self._jumping.elapsed


class VirtualClock:
    """The engine's clock on a virtual loop."""

    def __init__(self, loop: VirtualLoop, origin: datetime) -> None:
        self._loop, self._origin = loop, origin

    def now(self) -> datetime:
        """Return the current virtual time, in UTC."""
        return self._origin + timedelta(seconds=self._loop.time())
