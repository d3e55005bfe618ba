"""Requests to a run: each becomes events, or is refused and nothing happens (L25).

1. A closed run takes nothing but the late result of a call, which it can't record either.
2. A report ends exactly the call that is open; a second result is refused.
3. Who may decide an approval is checked here, in the same turn that records the answer (R33).
4. Cancel is a fault before the direction is chosen, ignored while undoing, refused past the pivot (R22).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from engine.core import commands as c
from engine.core import events as e
from engine.core.act import approve, broken_invariant, carry_out, deny
from engine.core.attempts import (
    can_retry,
    fault,
    give_up,
    honours_key,
    not_landed,
    resolve_all,
    schedule_retry,
)
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.evolve import evolve
from engine.core.expressions import compile_expression, is_true
from engine.core.recovery import back, forward, left_behind
from engine.core.run import Approval, Run, StepState
from engine.core.saga import canonical_json, effect_of, undo_of
from engine.core.schedule import MAX_PROBES, due
from engine.core.schema import mismatch
from engine.core.scope import output_scope
from engine.core.templates import plain

Json = Any
MAX_STEPS_PER_TURN = 200_000
RESOLVABLE = frozenset({"unknown", "retry_wait", "ready", "failed", "withdrawn", "to_compensate"})


def turn(run: Run, command: c.Command, now: datetime) -> list[e.Recorded]:
    """Apply a command and everything that follows from it; return the new events in order.

    The run is changed in place and is the fold of its old events and the returned ones.

    Raises:
        CommandRejected: if the state forbids the command; the run is unchanged.
    """
    recorded: list[e.Recorded] = []
    for each in interrupted_calls(run) if isinstance(command, c.Recover) else [command]:
        _record(run, decide(run, each, now), now, recorded)
    for _ in range(MAX_STEPS_PER_TURN):
        task = next(due(run, now), None)
        if task is None:
            return recorded
        _record(run, carry_out(run, task, now), now, recorded)
    raise AssertionError(f"run '{run.id}' does not come to rest")  # pragma: no cover - a bug, not a state


def _record(run: Run, events: list[e.Event], now: datetime, into: list[e.Recorded]) -> None:
    for event in events:
        recorded = e.Recorded(seq=run.seq + 1, at=now, event=event)
        evolve(run, recorded)
        into.append(recorded)


def decide(run: Run, command: c.Command, now: datetime) -> list[e.Event]:
    """Return the facts that a command makes; changes nothing.

    Raises:
        CommandRejected: if the state forbids it; the message says why and what would be possible.
    """
    if run.is_closed and not isinstance(command, c.Advance):
        raise CommandRejected(f"run '{run.id}' has ended ({run.status}); start a new one")
    if (run.seq == 0) != isinstance(command, c.Start):
        raise CommandRejected(f"run '{run.id}' has {'not begun' if run.seq == 0 else 'begun already'}")
    return _DECISIONS[type(command)](run, command, now)


def _start(run: Run, command: c.Start, _now: datetime) -> list[e.Event]:
    given = input_with_defaults(run.saga.input, command.input)
    started = e.RunStarted(
        run_id=command.run_id, saga=run.saga.saga, saga_hash=run.saga.hash, input=given, by=command.by
    )
    return [started]


def input_with_defaults(declared: dict[str, dict[str, Json]], given: dict[str, Json]) -> dict[str, Json]:
    """Return the inputs of a run, defaults filled in.

    Raises:
        CommandRejected: naming the input that is unknown, missing, or does not fit its schema.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise CommandRejected(
            f"input '{unknown[0]}' is not declared; inputs are {', '.join(declared) or 'none'}"
        )
    complete = {name: given.get(name, schema.get("default")) for name, schema in declared.items()}
    for name, schema in declared.items():
        if name not in given and "default" not in schema:
            raise CommandRejected(f"input '{name}' is missing; {schema.get('description') or 'give a value'}")
        wrong = mismatch(schema, complete[name], formats=True)
        if wrong is not None:
            raise CommandRejected(f"input '{name}': {wrong[1]}")
    try:
        canonical_json(complete)
    except (TypeError, ValueError, RecursionError):
        raise CommandRejected("an input is no JSON, such as nan or infinity; give plain values") from None
    return complete


def _advance(_run: Run, _command: c.Advance, _now: datetime) -> list[e.Event]:
    return []


def interrupted_calls(run: Run) -> list[c.Report]:
    """Return the reports that end every call a crash left open: each outcome is unknown (R3)."""
    return [
        c.Report(
            step=name, phase=phase, attempt=number, outcome="unknown", code="interrupted",
            error="the engine stopped while this call was open",
        )
        for name, phase, number in run.open_calls
    ]  # fmt: skip


def _report(run: Run, command: c.Report, now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    calls = step.calls(command.phase)
    if not 1 <= command.attempt <= len(calls):
        raise CommandRejected(f"step '{step.id}' has no {command.phase} attempt {command.attempt}")
    if calls[command.attempt - 1].result is not None:
        raise CommandRejected(f"attempt {command.attempt} of '{step.id}' has its result already")
    ended = e.AttemptEnded(
        step=step.id, phase=command.phase, attempt=command.attempt, outcome=command.outcome,
        output=plain(command.output), error=plain(command.error), code=plain(command.code),
        retryable=command.retryable, empty=command.empty, meta=plain(command.meta),
    )  # fmt: skip
    follow = {"forward": _forward_ended, "undo": _undo_ended, "probe": _probe_ended}[command.phase]
    return [ended, *follow(run, step, ended, now)]


def _forward_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if ended.outcome == "ok":
        return resolve_all(
            step, landed=True, how="retry", output=None, evidence="a retry with the same key", by=""
        )
    reason = ended.error or ended.outcome
    if ended.outcome == "rejected":
        return give_up(run, step, "rejected", reason)
    readonly = effect_of(step.definition) == "readonly"
    stays_unknown = ended.outcome == "unknown" and not readonly
    if run.fault is not None:
        return [] if stays_unknown else [e.StepFailed(step=step.id, reason=reason)]
    wants_retry = ended.retryable and (can_retry(step) or ended.code == "interrupted")
    retry = schedule_retry(run, step, "forward", reason, now, unknown=stays_unknown)
    in_doubt = not readonly and (stays_unknown or step.unresolved)
    if wants_retry and (not in_doubt or honours_key(step, retry.due)):
        return [retry]
    if stays_unknown:
        return []  # a probe, a person or the undo tells (R6)
    doubt = "; an earlier attempt may have landed" if step.unresolved else ""
    return give_up(run, step, "exhausted", f"gave up after {len(step.attempts)} attempts: {reason}{doubt}")


def _undo_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if ended.outcome == "ok":
        return _undone(run, step, ended)
    reason = ended.error or ended.outcome
    can = can_retry(step, "undo") or ended.code == "interrupted"
    if ended.outcome != "rejected" and ended.retryable and can:
        return [schedule_retry(run, step, "undo", reason, now, unknown=ended.outcome == "unknown")]
    return [e.HelpNeeded(step=step.id, kind="comp_failed", reason=reason)]


def _undone(run: Run, step: StepState, ended: e.AttemptEnded) -> list[e.Event]:
    undo = undo_of(step.definition)
    sources = undo.writes if undo is not None and not ended.empty else {}
    scope = {**output_scope(run, step), "undo": ended.output}
    notes: list[e.Event] = []
    writes: dict[str, Json] = {}
    for key, source in sources.items():
        try:
            writes[key] = compile_expression(source).evaluate(scope)
        except ExpressionError as error:
            notes.append(
                e.Noted(text=f"after the undo of '{step.id}', `{key}` stays as it was: {error}", step=step.id)
            )
    reason = "there was nothing to undo" if ended.empty else "undone"
    broken = broken_invariant(run, writes)
    if broken:
        notes.append(e.Noted(text=f"after the undo of '{step.id}': {broken}", step=step.id))
    return [e.StepUndone(step=step.id, empty=ended.empty, reason=reason, writes=writes), *notes]


def _probe_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if not step.unresolved:
        return []  # someone else told first
    if ended.outcome != "ok":
        if len(step.probes) < MAX_PROBES:
            return [schedule_retry(run, step, "probe", ended.error or "the probe gave no answer", now)]
        return []
    landed = not ended.empty
    probe = step.definition.probe
    if landed and probe is not None and probe.landed is not None:
        try:
            landed = is_true(probe.landed, {**output_scope(run, step), "output": ended.output})
        except ExpressionError as error:
            return [e.HelpNeeded(step=step.id, kind="unknown_outcome", reason=str(error))]
    evidence = "the probe found it" if landed else "the probe found nothing"
    return _resolved(
        run,
        step,
        landed=landed,
        how="probe",
        output=ended.output if landed else None,
        evidence=evidence,
        by="",
        now=now,
    )


def _resolved(
    run: Run, step: StepState, *, landed: bool, how: str, output: Json, evidence: str, by: str, now: datetime
) -> list[e.Event]:
    """Return the answer to "did it land?" and what follows from it (R6, R8)."""
    events = resolve_all(step, landed=landed, how=how, output=output, evidence=evidence, by=by)
    if landed or run.direction == "undo":
        return events  # an undo that has nothing to do still waits for its turn (R8, R17)
    return [*events, *not_landed(run, step, f"it did not land: {evidence}", now)]


def _pause(run: Run, command: c.Pause, _now: datetime) -> list[e.Event]:
    if run.paused:
        raise CommandRejected(f"run '{run.id}' is paused already")
    return [e.RunPaused(by=command.by)]


def _resume(run: Run, command: c.Resume, _now: datetime) -> list[e.Event]:
    if not run.paused:
        raise CommandRejected(f"run '{run.id}' is not paused")
    return [e.RunResumed(by=command.by)]


def _cancel(run: Run, command: c.Cancel, _now: datetime) -> list[e.Event]:
    if run.direction == "undo":
        return [e.Noted(text="cancel: the run is being undone already", by=command.by)]
    if run.pivot_passed():
        raise CommandRejected("the point of no return is passed; what is left can only go forward")
    reason = f"cancelled by {command.by}" + (f": {command.reason}" if command.reason else "")
    return fault(run, "cancel", None, reason, command.by)


def _decide_approval(run: Run, command: c.Decide, _now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    approval = step.approval
    if approval is None or approval.status != "open":
        state = "has no approval" if approval is None else f"was {approval.status} already"
        raise CommandRejected(f"step '{step.id}' {state}; there is nothing left to decide")
    expires_at = approval.request.expires_at
    if expires_at is not None and _now >= expires_at:
        raise CommandRejected(
            f"the approval of '{step.id}' expired at {expires_at:%H:%M:%S} UTC; it is too late"
        )
    _check_may_decide(run, step, approval, command)
    if command.decision == "denied":
        return deny(run, step, command.by, command.reason)
    yes = 1 + sum(1 for answer in approval.answers if answer.decision == "approved")
    return approve(run, step, command.by, command.reason, final=yes >= approval.request.quorum)


def _check_may_decide(run: Run, step: StepState, approval: Approval, command: c.Decide) -> None:
    asked = approval.request
    if command.request_hash is not None and command.request_hash != asked.request_hash:
        raise CommandRejected(f"what '{step.id}' would send has changed since you looked; look again")
    if asked.group and command.groups is not None and asked.group not in command.groups:
        raise CommandRejected(f"'{step.id}' is decided by {asked.group}; {command.by} is not one of them")
    if asked.four_eyes and command.by == run.starter:
        raise CommandRejected(f"'{step.id}' needs four eyes; {command.by} started this run")
    if any(answer.by == command.by for answer in approval.answers):
        raise CommandRejected(f"{command.by} has answered already; '{step.id}' needs {asked.quorum} people")


def _choose_direction(run: Run, command: c.ChooseDirection, _now: datetime) -> list[e.Event]:
    if not run.direction_asked:
        raise CommandRejected("nobody asked for a direction; the run is not waiting for that")
    reason = command.reason or f"chosen by {command.by}"
    if command.direction == "undo":
        return [back(run, reason, command.by)]
    return forward(run, reason, command.by)


def _try_now(run: Run, command: c.TryNow, _now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    stuck = step.id in run.attention and step.status in {"failed", "comp_failed"}
    waits = step.due is not None and step.status in {"retry_wait", "compensating"}
    if not stuck and not waits:
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only a waiting retry or a failed undo can be tried now"
        )
    if waits and step.status == "retry_wait" and run.fault is not None:
        raise CommandRejected("the run is going back; no new attempt goes forward")
    if command.request is not None and step.status != "comp_failed":
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only the request of a failed undo can be edited"
        )
    settles_at = _settles_at(step)
    if settles_at is not None and _now < settles_at:
        raise CommandRejected(
            f"an attempt of '{step.id}' may still land until {settles_at:%H:%M:%S} UTC; wait for that"
        )
    if step.maybe_landed and step.status in {"failed", "retry_wait"} and not honours_key(step, _now):
        raise CommandRejected(
            f"step '{step.id}' may have landed and its target keeps no key; look, then mark it as done or skip it"
        )
    return [e.RetryAsked(step=step.id, by=command.by, reason=command.reason, request=command.request)]


def _settles_at(step: StepState) -> datetime | None:
    """Return when neither an attempt of a step nor one of its undo can land any more (R7)."""
    window = timedelta(seconds=step.definition.settle_s)
    undos = [undo.intent.deadline + window for undo in step.undos if undo.unresolved]
    return max((moment for moment in (step.settles_at, *undos) if moment is not None), default=None)


def _skip(run: Run, command: c.Skip, _now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    _need_reason(command.reason)
    if step.status == "comp_failed":
        return [e.StepExcused(step=step.id, how="skipped", by=command.by, reason=command.reason)]
    reason = f"skipped by {command.by}: {command.reason}"
    if step.status == "awaiting_approval":
        ended = e.ApprovalEnded(step=step.id, how="superseded", reason=reason)
        return [ended, e.StepSkipped(step=step.id, reason=reason)]
    not_begun = step.status in {"pending", "ready", "waiting", "retry_wait"} and not step.maybe_landed
    if (
        run.fault is None
        and run.direction == "forward"
        and (not_begun or (step.id in run.attention and step.status == "failed"))
    ):
        return [e.StepSkipped(step=step.id, reason=reason)]
    raise CommandRejected(
        f"step '{step.id}' is {step.status}; only what has not begun, or failed, can be skipped"
    )


def _mark_done(run: Run, command: c.MarkDone, _now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    _need_reason(command.reason)
    if step.status == "comp_failed":
        return [e.StepExcused(step=step.id, how="done", by=command.by, reason=command.reason)]
    if step.status == "failed" and step.id in run.attention:
        landed = resolve_all(
            step, landed=True, how="person", output=None, evidence=command.reason, by=command.by
        )
        done = e.StepCommitted(step=step.id, output=command.output, by=command.by, evidence=command.reason)
        return [*landed, done]
    raise CommandRejected(
        f"step '{step.id}' is {step.status}; only what failed can be marked as done by hand"
    )


def _resolve(run: Run, command: c.Resolve, now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    _need_reason(command.reason)
    if not step.unresolved or step.status not in RESOLVABLE:
        raise CommandRejected(f"no outcome of step '{step.id}' waits for an answer")
    settles_at = step.settles_at
    if settles_at is not None and now < settles_at:
        raise CommandRejected(f"'{step.id}' may still land until {settles_at:%H:%M:%S} UTC; look again then")
    return _resolved(
        run, step, landed=command.landed, how="person", output=command.output,
        evidence=command.reason, by=command.by, now=now,
    )  # fmt: skip


def _abandon(run: Run, command: c.Abandon, _now: datetime) -> list[e.Event]:
    _need_reason(command.reason)
    if run.status != "needs_attention":
        raise CommandRejected(
            f"run '{run.id}' is {run.status}; only one that needs attention can be given up"
        )
    return [e.RunAbandoned(by=command.by, reason=command.reason, left_behind=left_behind(run))]


def _disrupt(run: Run, command: c.Disrupt, _now: datetime) -> list[e.Event]:
    step = _step(run, command.step)
    if step.definition.kind in {"approval", "wait"}:
        raise CommandRejected(f"step '{step.id}' makes no call that could be disturbed")
    if run.direction == "undo" or step.status not in {
        "pending",
        "ready",
        "awaiting_approval",
        "retry_wait",
        "running",
        "unknown",
    }:
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only an attempt still to come can be disturbed"
        )
    return [e.Disrupted(step=step.id, injection=command.injection, delay_s=command.delay_s, by=command.by)]


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise CommandRejected("this needs a reason in words; it is kept with the run")


def _step(run: Run, name: str) -> StepState:
    if name not in run.steps:
        raise CommandRejected(f"saga '{run.saga.saga}' has no step '{name}'")
    return run.steps[name]


_DECISIONS: dict[type[c.Command], Callable[[Run, Any, datetime], list[e.Event]]] = {
    c.Start: _start, c.Advance: _advance, c.Report: _report, c.Pause: _pause,
    c.Resume: _resume, c.Cancel: _cancel, c.Decide: _decide_approval, c.ChooseDirection: _choose_direction,
    c.TryNow: _try_now, c.Skip: _skip, c.MarkDone: _mark_done, c.Resolve: _resolve, c.Abandon: _abandon,
    c.Disrupt: _disrupt,
}  # fmt: skip
