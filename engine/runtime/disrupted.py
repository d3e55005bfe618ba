"""Faults that an intent says strike its call: what is not sent, what is sent later, what is heard of the answer.

The core decides which call is struck, and records it before the call; here it is only carried out, so it works for
every kind of step and every target. What is planned to land late is lost with the process, as a request on its way
would not be: then nothing lands, and whoever drives next finds that out as for any unknown outcome (R6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from engine.core.events import AttemptIntended
from engine.ports import Call, Clock, Outcome, Performer
from engine.runtime.performed import performed

Work = Coroutine[Any, Any, Outcome]


def unsent(intent: AttemptIntended) -> Outcome | None:
    """Return the outcome of a call that is not made, or None where it is."""
    if intent.injection == "fail":
        return Outcome(outcome="failed", error="a planted failure; no call was made", code="planted")
    if intent.injection == "refuse":
        return Outcome(outcome="rejected", error="a planted refusal; no call was made", code="planted")
    if intent.injection == "down":
        return Outcome(outcome="failed", error="planted: it is down; no call was made", code="down")
    return None


def slowed(work: Work, intent: AttemptIntended) -> Work:
    """Return the work, begun later or answered later where that is planted; its time limit stays."""
    return _late(work, intent.delay_s, intent.factor) if intent.injection == "delay" else work


async def _late(work: Work, delay_s: float, factor: float) -> Outcome:
    try:
        await asyncio.sleep(delay_s)
    except asyncio.CancelledError:
        work.close()
        raise
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcome = await work
    await asyncio.sleep((loop.time() - begun) * (factor - 1))
    return outcome


def heard(outcome: Outcome, intent: AttemptIntended, *, effect: bool) -> Outcome:
    """Return what is heard of an answer: itself, nothing, or garbage."""
    if intent.injection is None:
        return outcome
    meta = {**outcome.meta, "planted": True}
    if intent.injection == "timeout_but_land":
        said = "a planted timeout: the answer was thrown away"
        return Outcome(outcome="unknown" if effect else "failed", error=said, code="timeout", meta=meta)
    if intent.injection == "garbage" and outcome.outcome == "ok":
        return outcome.model_copy(update={"output": intent.spoilt, "meta": meta})
    return outcome


class LateCalls:
    """Calls that are made after their deadline, with nobody waiting; what they answer is a late answer (R25)."""

    def __init__(self, clock: Clock, tell: Callable[[Call, Outcome], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()

    def put_off(self, performer: Performer, call: Call, intent: AttemptIntended, *, effect: bool) -> Outcome:
        """Plan the call for its moment and return what is heard of it now: nothing. Without effect it is not made."""
        said = "a planted timeout: the call is still on its way"
        if not effect:
            return Outcome(outcome="failed", error=said, code="timeout", meta={"planted": True})
        moment = intent.deadline + timedelta(seconds=intent.delay_s)
        task = asyncio.get_running_loop().create_task(self._make(performer, call, moment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Outcome(outcome="unknown", error=said, code="timeout", meta={"planted": True})

    async def _make(self, performer: Performer, call: Call, moment: datetime) -> None:
        await asyncio.sleep(max((moment - self._clock.now()).total_seconds(), 0))
        try:
            outcome = await performed(performer, call)
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            outcome = Outcome(outcome="unknown", error=str(error))
        if outcome.outcome == "ok":
            self._tell(call, outcome)

    async def stop(self) -> None:
        """Drop what has not been made by now."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
