"""The fold of what happened to calls: intents, results, answers that came later, retries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine.core import events as e
from engine.core.attempt import Attempt, Late, Panel
from engine.core.errors import IllegalTransition
from engine.core.evolve_replan import (
    ask_again,
    help_asked,
    kept_seen,
    plan_delayed,
    plan_ended,
    plan_intended,
)
from engine.core.late_queue import await_undo, late_settled
from engine.core.queues import activate, counts, get_ready, relieve
from engine.core.run import Run, StepState
from engine.core.saga import effect_of
from engine.core.standing import Standing

Handlers = dict[type[Any], Callable[[Run, e.Recorded, Any], None]]


def _attempt_intended(run: Run, recorded: e.Recorded, event: e.AttemptIntended) -> None:
    if event.phase == "plan":
        plan_intended(run, recorded, event)
    else:
        _of_a_step(run, recorded, event)
        for standing in _striking(run, event):
            standing.struck += 1
    run.open_calls[event.step, event.phase, event.attempt] = None
    run.attempts += 1
    run.calls += event.phase == "forward"


def _of_a_step(run: Run, recorded: e.Recorded, event: e.AttemptIntended) -> None:
    step = run.step(event.step)
    if event.phase == "late":
        late = _late(step)
        late.status, late.due = "undoing", None
    elif event.phase == "forward":
        if event.evidence is not None:
            get_ready(run, recorded, step, event.evidence)
        if step.status == "ready" and step.approval is not None and step.approval.status == "approved":
            step.approval.status = "consumed"
        activate(run, step, "running")
    elif event.phase == "undo" and step.status != "compensating":
        step.move("compensating")
    if event.phase != "late":
        step.due = None
    step.add_call(Attempt(event, recorded.at, recorded.seq))


def _striking(run: Run, event: e.AttemptIntended) -> list[Standing]:
    """Return the disruption that strikes a call; the first releases did not say which, and had one per step."""
    if event.disruption:
        return [run.standing[event.disruption]]
    planted = event.injection is not None and event.phase == "forward"
    return [s for s in run.standing.values() if planted and getattr(s.known.what, "step", "") == event.step]


def _attempt_ended(run: Run, recorded: e.Recorded, event: e.AttemptEnded) -> None:
    if event.phase == "plan":
        plan_ended(run, recorded, event)
    else:
        _step_ended(run, recorded, event)
    del run.open_calls[event.step, event.phase, event.attempt]
    if event.meta:
        run.cost_usd += float(_amount(event.meta.get("cost_usd")))
        run.tokens += int(_amount(event.meta.get("tokens")))


def _step_ended(run: Run, recorded: e.Recorded, event: e.AttemptEnded) -> None:
    step = run.step(event.step)
    attempt = _attempt(step, event.phase, event.attempt)
    if attempt.result is not None:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' has its result already")
    attempt.result, attempt.ended_at, attempt.ended_seq = event, recorded.at, recorded.seq
    if event.phase == "probe":
        kept_seen(run, event)
    if event.phase == "forward" and event.outcome == "ok":
        take_output(run, step, event.output)
        step.move("validating")
        if event.commits:
            step.move("committed")
            counts(run, recorded, step)
    elif event.phase == "forward" and event.outcome == "unknown" and effect_of(step.definition) != "readonly":
        step.move("unknown")


def take_output(run: Run, step: StepState, output: Any) -> None:
    """Put a new output before the validators; what they said about an earlier one is past."""
    step.output = output
    step.panel = Panel(verdicts_from=len(step.verdicts), checks_from=len(step.checks))
    run.validating[step.id] = None


def _amount(value: Any) -> int | float:
    """Return a number that a call told, or 0 for what is none."""
    return value if isinstance(value, int | float) and math.isfinite(value) else 0


def _attempt(step: StepState, phase: e.Phase, number: int) -> Attempt:
    call = step.call(phase, number)
    if call is None:
        raise IllegalTransition(f"step '{step.id}' has no {phase} attempt {number}")
    return call


def _attempt_resolved(run: Run, recorded: e.Recorded, event: e.AttemptResolved) -> None:
    step = run.step(event.step)
    attempt = _attempt(step, event.phase, event.attempt)
    if not attempt.unresolved:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' is not unknown")
    attempt.landed, attempt.resolution, attempt.resolved_seq = event.landed, event, recorded.seq
    relieve(run, step, "unknown_outcome", "stuck_after_pivot")
    if event.landed and event.phase == "forward":
        _take_effect(run, step, None if event.how == "retry" else event.output)


def _late_landed(run: Run, _recorded: e.Recorded, event: e.LateLanded) -> None:
    step = run.step(event.step)
    attempt = _attempt(run.epoch_of(step, "forward", event.attempt), "forward", event.attempt)
    if not attempt.lost:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' can't land late")
    attempt.landed = True
    if not event.counts:
        step.lates += (Late(event.attempt, event.output, before=len(step.late_undos)),)
        await_undo(run, step.id)
        return
    relieve(run, step, "unknown_outcome", "stuck_after_pivot")
    _take_effect(run, step, event.output)


def _take_effect(run: Run, step: StepState, output: Any) -> None:
    """Go on with a step whose effect turned out to be there."""
    if step.status in {"unknown", "retry_wait", "ready", "failed", "withdrawn"}:
        activate(run, step, "validating")
        take_output(run, step, step.output if output is None else output)
    elif output is not None:
        step.output = output


def _late(step: StepState) -> Late:
    if step.late is None:
        raise IllegalTransition(f"step '{step.id}' has no late effect to settle")
    return step.late


def _late_undone(run: Run, _recorded: e.Recorded, event: e.LateUndone) -> None:
    step = run.step(event.step)
    _late(step).status = "settled"
    if event.how in {"done", "skipped"}:
        run.exceptions.append(step.id)
    following = step.late
    if following is None:
        late_settled(run, step.id)
    else:
        following.before = len(step.late_undos)
    relieve(run, step, "late_success")


def _retry_scheduled(run: Run, _recorded: e.Recorded, event: e.RetryScheduled) -> None:
    if event.phase == "plan":
        plan_delayed(run, event)
        return
    step = run.step(event.step)
    if event.phase == "late":
        _late(step).due = event.due
        return
    step.due = event.due
    if event.phase == "forward" and step.status != "retry_wait":
        step.move("retry_wait")
        run.validating.pop(step.id, None)


def _help_needed(run: Run, _recorded: e.Recorded, event: e.HelpNeeded) -> None:
    step = run.step(event.step)
    step.reason = event.reason
    before = run.attention.get(step.id)
    if before is not None and before.kind != event.kind:
        run.behind.setdefault(step.id, []).append(before)
    run.attention[step.id] = event
    if event.kind == "comp_failed":
        step.move("comp_failed")
        step.due = None
    elif event.kind == "late_success":
        _late(step).status = "failed"
    elif event.kind == "verdict":
        run.validating.pop(step.id, None)
        step.panel.examined = True
    elif event.kind == "replan":
        help_asked(run, event)
    if run.status in {"draining", "compensating", "repairing"}:
        run.move("needs_attention")


def _retry_asked(run: Run, recorded: e.Recorded, event: e.RetryAsked) -> None:
    step = run.step(event.step)
    asked = run.attention.get(step.id)
    if step.late is not None and asked is not None and asked.kind == "late_success":
        step.late.status, step.late.before = "to_undo", len(step.late_undos)
        relieve(run, step, "late_success")
        return
    if asked is not None and asked.kind == "replan":
        ask_again(run)
        relieve(run, step, "replan")
        return
    if step.status == "validating":
        _ask_anew(run, step)
    elif step.status == "comp_failed":
        step.granted_undo = len(step.undos)
        step.edited_undo = event.request
        step.move("compensating")
    elif step.status == "failed":
        step.granted = len(step.attempts)
        if step.ready_at is None:
            step.move("pending")  # its guard could not be evaluated; it has to hold first (R10)
            run.fresh[step.id] = None
        else:
            step.move("ready")
            run.ready[step.id] = None
    step.due = recorded.at if step.status in {"retry_wait", "compensating"} else None
    relieve(run, step)


def _ask_anew(run: Run, step: StepState) -> None:
    """Ask the validators of an output that waits for a verdict, or for its next vote, once more."""
    if step.id in run.attention:
        augmented, asked = step.panel.augmented, [v for v in step.judged.values() if v.kind == "loop"]
        take_output(run, step, step.output)
        step.panel.augmented = augmented
        step.verdicts += tuple(asked)  # no validator would say it again


HANDLERS: Handlers = {
    e.AttemptIntended: _attempt_intended,
    e.AttemptEnded: _attempt_ended,
    e.AttemptResolved: _attempt_resolved,
    e.LateLanded: _late_landed,
    e.LateUndone: _late_undone,
    e.RetryScheduled: _retry_scheduled,
    e.HelpNeeded: _help_needed,
    e.RetryAsked: _retry_asked,
}
