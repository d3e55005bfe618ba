"""Publish checks of waits: what ends them, and what belongs to signals only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from engine.core.errors import Problem
from engine.core.saga import Saga, WaitStep
from engine.core.signals import MAX_WAIT_S

OF_SIGNALS = ("key", "timeout_s", "on_timeout")


def wait_problems(path: str, step: WaitStep) -> Iterator[Problem]:
    """Yield what is wrong with what a step waits for."""
    waits = step.with_
    ends = [name for name in ("duration_s", "until", "event") if getattr(waits, name) not in {None, ""}]
    if len(ends) != 1:
        what = f"{' and '.join(f'`{name}`' for name in ends)} at once" if ends else "nothing ends this wait"
        yield Problem(f"{path}.with", what, "give one of `duration_s`, `until` and `event`")
    for name in () if waits.event else sorted(waits.model_fields_set.intersection(OF_SIGNALS)):
        yield Problem(
            f"{path}.with.{name}", "only a wait for a signal has this", "remove it, or name an `event`"
        )
    for name, seconds in (("duration_s", waits.duration_s), ("timeout_s", waits.timeout_s)):
        if seconds is not None and not _can_wait(seconds):
            remedy = "give 0 to 31622400 seconds, or one `${...}`"
            yield Problem(f"{path}.with.{name}", f"a wait of {seconds} s", remedy)
    if waits.until and "${" not in waits.until and not _is_moment(waits.until):
        remedy = "write a moment such as 2026-12-24T18:00:00Z"
        yield Problem(f"{path}.with.until", f"'{waits.until}' is no moment", remedy)


def late_wait_problems(saga: Saga, pivot: str, name: str) -> Iterator[Problem]:
    """Yield a wait after a pivot that could run out with nobody to go on another way (R12)."""
    step = saga.steps[name]
    if not isinstance(step, WaitStep) or step.with_.timeout_s is None or step.with_.on_timeout == "continue":
        return
    if not saga.graph.watched.get(name, set()) & {"failed", "timed_out"}:
        what = f"its signal could fail to come after the pivot '{pivot}'"
        yield Problem(
            f"steps.{name}.with.timeout_s", what, f"let a step need `{name}.timed_out`, or use `continue`"
        )


def _can_wait(seconds: float | str) -> bool:
    return "${" in seconds if isinstance(seconds, str) else 0 <= seconds <= MAX_WAIT_S


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
