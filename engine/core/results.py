"""What follows from the result of a call: commit, retry, give up, or find out (R2, R3, R6-R9, R19, R20)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from engine.core import commands as c
from engine.core import events as e
from engine.core.attempts import (
    UNCOUNTED,
    can_retry,
    give_up,
    honours_key,
    is_final,
    named_step,
    not_landed,
    resolve_all,
    schedule_retry,
)
from engine.core.commit import broken_invariant
from engine.core.disrupt_facts import taken_back
from engine.core.errors import ExpressionError
from engine.core.expressions import compile_expression
from engine.core.frames import nested_saga
from engine.core.late import earlier_epoch, is_open, late_attempt, late_landed
from engine.core.panel import check_ended
from engine.core.probes import probe_landed
from engine.core.replan_calls import plan_reported, verified
from engine.core.run import UNDONE, Run, StepState
from engine.core.saga import effect_of, undo_of
from engine.core.schedule import MAX_PROBES
from engine.core.scope import output_scope
from engine.core.standing import told_by_target
from engine.core.templates import plain
from engine.core.verify import counts_at_once

Json = Any
TOLD = frozenset(each.name for each in fields(e.AttemptEnded)) - {"type", "commits"}
"""What a report tells of a call; what it leaves out is as the fact has it."""
_MORE = TOLD - {"step", "phase", "attempt", "outcome"}


def report(run: Run, command: c.Report, now: datetime) -> list[e.Event]:
    """Return what follows from the result of a call; it ends exactly the call that is open (R2, R3)."""
    if command.phase == "plan":
        return plan_reported(run, command, now)
    step = named_step(run, command.step)
    call = step.call(command.phase, command.attempt)
    if call is None:
        return earlier_epoch(run, step, command)
    if call.result is not None:
        return _late(run, step, command, now)
    more = {name: plain(getattr(command, name)) for name in command.model_fields_set & _MORE}
    if command.phase == "forward" and command.outcome == "ok" and counts_at_once(run, step):
        more["commits"] = True
    ended = e.AttemptEnded(
        step=step.id, phase=command.phase, attempt=command.attempt, outcome=command.outcome, **more
    )
    return [ended, *FOLLOW[command.phase](run, step, ended, now)]


def _late(run: Run, step: StepState, command: c.Report, now: datetime) -> list[e.Event]:
    """Return what follows from an answer to a call that had been given up (R25)."""
    attempt = late_attempt(step, command)
    output, evidence = plain(command.output), "its answer came late"
    if command.phase == "undo":
        if step.status not in {"compensating", "comp_failed"}:
            return [e.Noted(text="its undo answered late; it was settled already", step=step.id)]
        told = e.AttemptResolved(
            step=step.id, phase="undo", attempt=attempt.number, landed=True, how="late", evidence=evidence
        )
        return [told, *_undone(run, step, empty=command.empty, answer=output)]
    if is_open(step, attempt):
        return resolved(run, step, landed=True, how="late", output=output, evidence=evidence, by="", now=now)
    found = late_landed(run, step, attempt, output)
    if isinstance(found, e.LateLanded) and found.counts:  # the others share its key: they are the same effect
        same = resolve_all(step, landed=True, how="late", output=None, evidence=evidence, by="")
        return [*same, found]
    return [found]


def _forward_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if ended.outcome == "ok":
        return resolve_all(
            step, landed=True, how="retry", output=None, evidence="a retry with the same key", by=""
        )
    reason = ended.error or ended.outcome
    if ended.outcome == "rejected":
        return give_up(run, step, "rejected", reason, ended)
    readonly = effect_of(step.definition) == "readonly"
    stays_unknown = ended.outcome == "unknown" and not readonly
    if run.fault is not None:
        return [] if stays_unknown else [e.StepFailed(step=step.id, reason=reason)]
    wants_retry = ended.retryable and (can_retry(step, code=ended.code) or ended.code in UNCOUNTED)
    retry = schedule_retry(run, step, "forward", reason, now, unknown=stays_unknown, code=ended.code)
    earlier = [attempt for attempt in step.attempts if attempt.number < ended.attempt]
    in_doubt = not readonly and (stays_unknown or any(a.maybe_landed for a in earlier))
    if wants_retry and (not in_doubt or honours_key(step, retry.due)):
        return [retry]
    if stays_unknown:
        return []  # a probe, a person or the undo tells (R6)
    doubt = "; an earlier attempt may have landed" if step.unresolved else ""
    said = f"gave up after {len(step.attempts)} attempts: {reason}{doubt}"
    return give_up(run, step, "exhausted", said, ended)


def _undo_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if step.status in UNDONE:
        return []  # an earlier try answered late, and said so first
    if ended.outcome == "ok" or (ended.outcome == "rejected" and step.gone):
        empty = ended.empty or ended.outcome == "rejected" or told_by_target(run, step.id)
        return _undone(run, step, empty=empty, answer=ended.output)
    reason = ended.error or ended.outcome
    can = can_retry(step, "undo", ended.code) or ended.code in UNCOUNTED
    if not is_final(ended) and can:
        return [schedule_retry(run, step, "undo", reason, now, unknown=ended.outcome == "unknown")]
    return [e.HelpNeeded(step=step.id, kind="comp_failed", reason=reason)]


def _undone(run: Run, step: StepState, *, empty: bool, answer: Json) -> list[e.Event]:
    undo = undo_of(step.definition)
    sources = undo.writes if undo is not None and not empty else {}
    notes: list[e.Event] = []
    back = taken_back(run, step)
    writes = dict(back)
    for key, source in sources.items():
        try:
            scope = output_scope(run, step)
            scope |= {"undo": answer, "app": {**scope["app"], **back}}
            writes[key] = compile_expression(source).evaluate(scope)
        except ExpressionError as error:
            notes.append(
                e.Noted(text=f"after the undo of '{step.id}', `{key}` stays as it was: {error}", step=step.id)
            )
    reason = "there was nothing to undo" if empty else "undone"
    broken = broken_invariant(run, writes, inside=nested_saga(run, step))
    if broken:
        notes.append(e.Noted(text=f"after the undo of '{step.id}': {broken}", step=step.id))
    return [e.StepUndone(step=step.id, empty=empty, reason=reason, writes=writes), *notes]


def _late_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    late = step.late
    assert late is not None
    if ended.outcome == "ok":
        reason = "it was gone already" if ended.empty else "undone"
        how: Literal["empty", "undone"] = "empty" if ended.empty else "undone"
        return [e.LateUndone(step=step.id, attempt=late.attempt, how=how, reason=reason)]
    reason = ended.error or ended.outcome
    can = can_retry(step, "late", ended.code) or ended.code in UNCOUNTED
    if not is_final(ended) and can:
        return [schedule_retry(run, step, "late", reason, now, unknown=ended.outcome == "unknown")]
    return [e.HelpNeeded(step=step.id, kind="late_success", reason=reason)]


def _probe_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    if not step.unresolved:
        return verified(run, step, ended)  # or someone else told first
    if ended.outcome != "ok":
        if len(step.probes) < MAX_PROBES:
            return [schedule_retry(run, step, "probe", ended.error or "the probe gave no answer", now)]
        return []
    try:
        landed = probe_landed(run, step, empty=ended.empty, output=ended.output)
    except ExpressionError as error:
        return [e.HelpNeeded(step=step.id, kind="unknown_outcome", reason=str(error))]
    evidence = "the probe found it" if landed else "the probe found nothing"
    return resolved(
        run,
        step,
        landed=landed,
        how="probe",
        output=ended.output if landed else None,
        evidence=evidence,
        by="",
        now=now,
    )


def resolved(
    run: Run,
    step: StepState,
    *,
    landed: bool,
    how: e.Told,
    output: Json,
    evidence: str,
    by: str,
    now: datetime,
) -> list[e.Event]:
    """Return the answer to "did it land?" and what follows from it (R6, R8)."""
    events = resolve_all(step, landed=landed, how=how, output=output, evidence=evidence, by=by)
    if landed or run.takes_back(step):
        return events  # an undo that has nothing to do still waits for its turn (R8, R17)
    return [*events, *not_landed(run, step, f"it did not land: {evidence}", now)]


FOLLOW: dict[e.Phase, Callable[[Run, StepState, e.AttemptEnded, datetime], list[e.Event]]] = {
    "forward": _forward_ended, "undo": _undo_ended, "probe": _probe_ended, "late": _late_ended,
    "check": check_ended,
}  # fmt: skip
"""What follows from the end of a call, by phase."""
