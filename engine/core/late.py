"""Late successes: an attempt that was given up lands after all (R3, R25).

1. An answer that comes while the outcome is still open resolves it, like a probe.
2. Where the target honours the key and another attempt landed, both are one effect, as they are where both gave
   the same answer; nothing is to be done. Where that is not sure, a person looks before anything is undone.
3. Any other late effect either becomes the step's effect, if the step still waits for one, or is one too
   many: it is undone by its own output, whatever else the run is doing. The run does not end before.
4. After the end nothing is added to the log: the late effect is an incident.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.core import commands as c
from engine.core import events as e
from engine.core.attempt import BY_HAND, Attempt, Late
from engine.core.attempts import honours_key, key_ttl_s
from engine.core.errors import CommandRejected
from engine.core.recovery import frozen_request
from engine.core.run import UNDONE, Run, StepState
from engine.core.saga import effect_of, undo_of
from engine.core.schedule import undo_needs_output
from engine.core.templates import plain

Json = Any
PAST = UNDONE | {"compensating", "comp_failed", "handled", "skipped"}
"""A step in one of these states no longer waits for an effect of its own."""


def late_attempt(step: StepState, command: c.Report) -> Attempt:
    """Return the attempt whose success comes late.

    Raises:
        CommandRejected: for anything but the success of a call that had been recorded as unknown.
    """
    attempt = step.call(command.phase, command.attempt)
    assert attempt is not None
    has_effect = command.phase == "undo" or (
        command.phase == "forward" and effect_of(step.definition) != "readonly"
    )
    if not has_effect or command.outcome != "ok" or not attempt.lost:
        raise CommandRejected(f"attempt {command.attempt} of '{step.id}' has its result already")
    return attempt


def earlier_epoch(run: Run, step: StepState, command: c.Report) -> list[e.Event]:
    """Return what the success of a call means whose epoch a repair has ended: one effect too many (R25).

    Raises:
        CommandRejected: where there is no such call, or its answer is known.
    """
    old = run.epoch_of(step, command.phase, command.attempt)
    if old is step:
        raise CommandRejected(f"step '{step.id}' has no {command.phase} attempt {command.attempt}")
    late_attempt(old, command)
    if command.phase != "forward":
        raise CommandRejected(
            f"attempt {command.attempt} to undo '{step.id}' belongs to an epoch that is over"
        )
    reason = "it landed after a repair had ended its epoch"
    landed = e.LateLanded(
        step=step.id, attempt=command.attempt, output=plain(command.output), counts=False, reason=reason
    )
    return [landed]


def is_open(step: StepState, attempt: Attempt) -> bool:
    """Return whether the run still wants to know how the attempt ended, so that the answer resolves it."""
    return attempt.landed is None and step.status not in PAST


def late_landed(run: Run, step: StepState, attempt: Attempt, output: Json) -> e.Event:
    """Return what a success means that comes after its attempt had been given up."""
    others = [other for other in step.attempts if other is not attempt]
    landed = any(other.surely_landed for other in others)
    shared = honours_key(step, step.attempts[-1].started_at)
    same_answer = output is not None and step.status not in PAST and output == step.output
    if landed and (shared or same_answer):
        return e.Noted(text=f"attempt {attempt.number} answered late; it is the same effect", step=step.id)
    one_too_many = step.by_hand > 0 or (not shared and any(other.maybe_landed for other in others))
    taken_back = run.takes_back(step) or (run.direction == "undo" and effect_of(step.definition) == "pivot")
    waits = step.status == "to_compensate" if taken_back else step.status not in PAST
    counts = waits and not one_too_many
    reason = "it landed after it had been given up"
    return e.LateLanded(step=step.id, attempt=attempt.number, output=output, counts=counts, reason=reason)


def late_obstacle(run: Run, step: StepState) -> str:
    """Return why the engine can't undo a late effect; empty where it can."""
    late = step.late
    assert late is not None
    if late.attempt == BY_HAND:
        return f"'{step.id}' was done by hand, so it must be undone by hand"
    what = f"attempt {late.attempt} of '{step.id}' landed after it had been given up"
    if undo_of(step.definition) is None:
        return f"{what}, and it has no undo; settle it at the target"
    if run.epoch_of(step, "forward", late.attempt) is not step:
        same = step.attempts and _frozen(run, step, late) == step.frozen
        return f"{what}; its undo would undo the effect that counts as well" if same else ""
    others = (a for a in step.attempts if a.number != late.attempt)
    if step.by_hand and step.status not in PAST:
        return f"{what}; somebody has said that it was done by hand, which may be the same; look first"
    if step.status in PAST or not any(a.maybe_landed for a in others):
        return ""
    if not undo_needs_output(step):
        return f"{what}; its undo goes by the key, which would undo the effect that counts as well"
    if key_ttl_s(step) > 0:
        return f"{what}; its target keeps keys for a while, so it may be the effect that counts; look first"
    return ""


def _frozen(run: Run, step: StepState, late: Late) -> e.CompensationFrozen | None:
    """Return the undo that was frozen for a late effect; without the key under which it would be sent."""
    frozen = run.epoch_of(step, "forward", late.attempt).frozen
    return frozen and replace(frozen, key=step.frozen.key if step.frozen else frozen.key)


def late_request(run: Run, step: StepState) -> Json:
    """Return the request that undoes a late effect, made from that attempt's own output (R25).

    Raises:
        ExpressionError: if the output lacks what the compensation asks for.
    """
    assert step.late is not None
    epoch = run.epoch_of(step, "forward", step.late.attempt)
    return frozen_request(epoch, step.late.output)


def incident_of(run: Run, command: c.Report) -> str:
    """Return what a call that answers after the end of its run means, in words; empty where it means nothing."""
    step = run.steps.get(command.step)
    if step is None or command.phase != "forward":
        return ""
    epoch = run.epoch_of(step, "forward", command.attempt)
    if epoch.call("forward", command.attempt) is None:
        return ""
    try:
        attempt = late_attempt(epoch, command)
    except CommandRejected:
        return ""
    if epoch is step and isinstance(late_landed(run, step, attempt, command.output), e.Noted):
        return ""
    return f"attempt {command.attempt} of '{step.id}' landed after the run had ended as {run.status}"
