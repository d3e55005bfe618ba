"""Making one recorded call: the time limit, planted disruptions, and what an exception means (R3)."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any

from engine.core.events import AttemptIntended
from engine.core.run import Run, StepState
from engine.core.saga import effect_of, undo_of
from engine.core.validators import JudgeValidator
from engine.core.verify import find_placed
from engine.ports import Call, Clock, Outcome, Performer
from engine.runtime.disrupted import LateCalls, heard, slowed, unsent
from engine.runtime.performed import performed


def call_of(run: Run, intent: AttemptIntended, timeout_s: float) -> Call:
    """Return the call that an intent announces."""
    step = run.steps[intent.step] if intent.phase != "plan" else None
    return Call(
        run_id=run.id,
        step=step.definition if step is not None else None,
        phase=intent.phase,
        kind=_kind(run, step, intent) if step is not None else _planner(intent),
        attempt=intent.attempt,
        key=intent.key,
        request=intent.request,
        timeout_s=timeout_s,
        step_id=intent.step if step is not None else "",
    )


def _planner(intent: AttemptIntended) -> str:
    """Return who plans: a registered function, or a model."""
    return "solver" if "function" in intent.request else "planner"


def _kind(run: Run, step: StepState, intent: AttemptIntended) -> str:
    definition, undo = step.definition, undo_of(step.definition)
    if intent.phase == "check":
        where = find_placed(run, step, intent.validator)
        return "judge" if where is not None and isinstance(where.validator, JudgeValidator) else "check"
    if intent.phase in {"undo", "late"} and undo is not None:
        return undo.kind
    if intent.phase == "probe" and definition.probe is not None:
        return definition.probe.kind
    if intent.phase == "forward" and intent.fallback:
        return definition.fallback[intent.fallback - 1].kind
    return definition.kind


def has_effect(run: Run, intent: AttemptIntended) -> bool:
    """Return whether a call may change the outside, so that its intent must be on disk first (R1)."""
    if intent.phase == "forward":
        return effect_of(run.steps[intent.step].definition) != "readonly"
    return intent.phase in {"undo", "late"}


async def make_call(
    performers: Mapping[str, Performer],
    call: Call,
    intent: AttemptIntended,
    clock: Clock,
    *,
    effect: bool,
    waits: Callable[[], None],
    later: LateCalls,
) -> Outcome:
    """Make the call within its time limit, and never past its deadline; never raises but for cancellation.

    Whoever took the run over waits for that deadline before looking or undoing (R7). So a process that
    slept through it must not send any more, and one that lost time before sending has less left. Nobody
    else sends this attempt: what was not sent here surely had no effect.
    `waits` is called before it waits for anything; a call that answers at once never waits.
    """
    left_s = (intent.deadline - clock.now()).total_seconds()
    if left_s <= 0:
        return Outcome(outcome="failed", error="its time was up before it was sent", code="too_late")
    limit_s = min(call.timeout_s, left_s)
    planted = unsent(intent)
    if planted is not None:
        return planted
    performer = performers.get(call.kind)
    if performer is None:
        return Outcome(
            outcome="rejected", error=f"nothing here can perform '{call.kind}'", code="no_performer"
        )
    lost = "unknown" if effect else "failed"
    try:
        if intent.injection == "land_late":
            return later.put_off(performer, call, intent, effect=effect)
        outcome = await _in_time(slowed(performed(performer, call), intent), limit_s, waits)
    except TimeoutError:
        return Outcome(outcome=lost, error=f"no answer within {call.timeout_s:g} s", code="timeout")
    except Exception as error:  # noqa: BLE001 - a performer's bug must not take the run with it
        return Outcome(outcome=lost, error=f"{type(error).__name__}: {error}", code="exception")
    return heard(outcome, intent, effect=effect)


async def _in_time(
    work: Coroutine[Any, Any, Outcome], timeout_s: float, waits: Callable[[], None]
) -> Outcome:
    """Return what `work` gives; what answers at once is spared the timer.

    Raises:
        TimeoutError: if it takes longer.
    """
    until = asyncio.get_running_loop().time() + timeout_s
    try:
        wanted = work.send(None)
    except StopIteration as done:
        return _result(done)
    waits()
    async with asyncio.timeout_at(until):
        return await _resumed(work, wanted)


@types.coroutine
def _resumed(work: Coroutine[Any, Any, Outcome], wanted: Any) -> Generator[Any, None, Outcome]:
    """Go on with a coroutine that has begun and waits for what it `wanted`; what is thrown in is its own to catch."""
    try:
        while True:
            try:
                yield wanted
            except BaseException as error:  # noqa: BLE001 - cancellation, too, is the coroutine's to see
                wanted = work.throw(error)
            else:
                wanted = work.send(None)
    except StopIteration as done:
        return _result(done)


def _result(done: StopIteration) -> Outcome:
    outcome: Outcome = done.value
    return outcome
