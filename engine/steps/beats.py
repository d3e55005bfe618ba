"""Heartbeats of long calls: the latest one of each, kept in memory and never in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from engine.progress import Beat

Json = Any
CallId = tuple[str, str]


class NoBeat(Exception):
    """A call gave no sign of life for longer than it may."""


class Pulse:
    """The heart of one call. Safe in threads: its function beats wherever it runs."""

    def __init__(self) -> None:
        self.latest = Beat(time.monotonic())

    def __call__(self, text: str = "", share: float | None = None) -> None:
        """Say that the work goes on: what it is at, and how much of it is done, from 0 to 1."""
        done = None if share is None else min(max(float(share), 0.0), 1.0)
        self.latest = Beat(time.monotonic(), str(text)[:200], done)


class Beats:
    """The hearts of the calls that are going on in this process."""

    def __init__(self) -> None:
        self._pulses: dict[CallId, Pulse] = {}

    def begin(self, run_id: str, step: str) -> Pulse:
        """Return the heart of a call that begins now."""
        pulse = self._pulses[run_id, step] = Pulse()
        return pulse

    def end(self, run_id: str, step: str, pulse: Pulse) -> None:
        """Forget the heart of a call that is over, unless another one took its place."""
        if self._pulses.get((run_id, step)) is pulse:
            del self._pulses[run_id, step]

    def of(self, run_id: str) -> dict[str, Beat]:
        """Return the latest beat of each call of a run that has said something."""
        going = list(self._pulses.items())
        return {
            step: pulse.latest
            for (run, step), pulse in going
            if run == run_id and (pulse.latest.text or pulse.latest.share is not None)
        }


async def while_it_beats(work: Coroutine[Any, Any, Json], pulse: Pulse, limit_s: float) -> Json:
    """Return what `work` gives, as long as no pause between two beats is longer than `limit_s`.

    Raises:
        NoBeat: if one is; the work is cancelled, as far as it can be.
    """
    task = asyncio.ensure_future(work)
    try:
        while True:
            left_s = pulse.latest.at + limit_s - time.monotonic()
            if left_s <= 0:
                raise NoBeat(f"no heartbeat for {limit_s:g} s")
            done, _ = await asyncio.wait({task}, timeout=left_s)
            if done:
                return task.result()
    finally:
        task.cancel()
