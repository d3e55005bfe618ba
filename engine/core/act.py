"""Carrying out what is due: each task becomes the events that record it. Decides nothing about when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from engine.core import disrupt
from engine.core import events as e
from engine.core.activities import happen
from engine.core.attempts import fault, give_up, intend, out_of_tries, probe_request, request_of
from engine.core.choreography import event_in, happened
from engine.core.commit import commit
from engine.core.composite import begin, turn
from engine.core.composites import COMPOSITES
from engine.core.condition import OUTCOMES
from engine.core.dropped import dropped
from engine.core.errors import ExpressionError
from engine.core.expressions import is_true
from engine.core.frames import peer, plan_of
from engine.core.late import late_obstacle, late_request
from engine.core.limits import at_limit
from engine.core.memory import learn
from engine.core.panel import check
from engine.core.parts import ApprovalPolicy
from engine.core.queues import term
from engine.core.recovery import choose_direction, undo_request
from engine.core.repair import redo
from engine.core.replan import ask, judge_plan, verify
from engine.core.run import Run, StepState
from engine.core.saga import ApprovalStep, WaitStep, request_hash
from engine.core.schedule import Task, begins_at_once
from engine.core.scope import forward_scope
from engine.core.signals import begin_wait, end_wait
from engine.core.standing import CALLS_NOTHING
from engine.core.templates import as_text, render
from engine.core.verify import boundary, validate

Json = Any


def carry_out(run: Run, task: Task, now: datetime) -> list[e.Event]:
    """Return the events by which a task is done; an expression that fails becomes a fault that names it."""
    try:
        return _ACTIONS[task.kind](run, task.step, now)
    except ExpressionError as error:
        return _expression_failed(run, task, str(error))


def _expression_failed(run: Run, task: Task, reason: str) -> list[e.Event]:
    if task.kind == "undo_late":
        return [e.HelpNeeded(step=task.step, kind="late_success", reason=reason)]
    if task.kind == "undo":
        return [e.HelpNeeded(step=task.step, kind="comp_failed", reason=reason)]
    if task.kind == "probe":
        return [e.HelpNeeded(step=task.step, kind="unknown_outcome", reason=reason)]
    step = run.step(task.step)
    failed = dropped(run, step) if task.kind == "turn" else ()
    return [*failed, *give_up(run, step, "expression", reason)]


def _deadline(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    return fault(run, "deadline", None, f"the run took longer than {run.saga.deadline_s:g} s")


def _open(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Decide a step whose dependencies are settled: skip it, or make it ready with the evidence (R10)."""
    step = run.step(name)
    condition = plan_of(run, step).graph.conditions[step.local]
    terms = {(other, branch): term(run, other, branch, step.frame) for other, branch in condition.terms}
    if condition.truth(lambda other, branch: terms[other, branch]) is not True:
        return [
            e.StepSkipped(
                step=name, reason=_why_not(run, step, [key for key, held in terms.items() if held is False])
            )
        ]
    shown = {_asked(other, branch): held for (other, branch), held in terms.items()}
    evidence: dict[str, Json] = {"needs": shown} if len(shown) <= 20 else {"needs_count": len(shown)}
    guard = step.definition.when
    if guard is not None:
        evidence["when"] = guard
        if not is_true(guard, forward_scope(run, step)):
            return [e.StepSkipped(step=name, reason=f"its condition `{guard}` is false")]
    return [_at_once(run, step, evidence, now) or e.StepReady(step=name, evidence=evidence)]


def _at_once(run: Run, step: StepState, evidence: dict[str, Json], now: datetime) -> e.AttemptIntended | None:
    """Return the intent of a step that need not wait to begin: one fact instead of two. None if it has to."""
    definition = step.definition
    if definition.kind in CALLS_NOTHING or definition.approval is not None or definition.locks:
        return None
    if not begins_at_once(run, step, now):
        return None
    try:
        return intend(run, step, "forward", request_of(run, step), now, evidence=evidence)
    except ExpressionError:
        return None  # that is the failure of a step that was ready


def _asked(other: str, branch: str | None) -> str:
    """Return what a term asks for, as people read it in the evidence."""
    if event := event_in(branch):
        return f"{event} from {other}"
    return other if branch is None else f"{other}.{branch}"


def _why_not(run: Run, step: StepState, missing: list[tuple[str, str | None]]) -> str:
    if not missing:
        return "its condition over other steps is false"
    other, branch = missing[0]
    state = run.steps[peer(step, other)]
    taken = state.output
    if event := event_in(branch):
        how = {"committed": "ended without it", "handled": "failed"}.get(state.status, "was skipped")
        return f"'{event}' can't happen any more: '{other}' {how}"
    if branch in OUTCOMES:
        return f"'{other}' was {state.status}, not {branch}"
    if branch is not None and isinstance(taken, dict) and state.status == "committed":
        because = f": {taken['reason']}" if taken.get("reason") else ""
        return f"'{other}' chose '{taken.get('branch')}', not '{branch}'{because}"
    return f"'{other}' was {state.status}"


def _begin(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Start a ready step: ask, wait, or intend the first call of this round (R1, R33)."""
    step = run.step(name)
    definition = step.definition
    if isinstance(definition, WaitStep):
        return [begin_wait(run, step, definition.with_, now)]
    request = request_of(run, step)
    if isinstance(definition, ApprovalStep):
        return [_ask(run, step, definition.with_, request["evidence"], now)]
    gate = definition.approval
    approval = step.approval
    approved = approval is not None and approval.status == "approved"  # then what they saw is what is sent
    if gate is not None and (approved or gate.when is None or is_true(gate.when, forward_scope(run, step))):
        if approval is None or not approved:
            return [_ask(run, step, gate, request, now)]
        if approval.request.request_hash != request_hash(request):
            drift = e.ApprovalEnded(
                step=name, how="superseded", reason="what would be sent has changed since"
            )
            return [drift, _ask(run, step, gate, request, now)]
    if definition.locks and not step.locked:
        wanted = _want_locks(run, step, now)
        lost = next((key for key in wanted.keys if key in run.lost), None)
        return [wanted] if lost is None else give_up(run, step, "locks", f"'{lost}' can't be had any more")
    if (
        step.id in run.composites
    ):  # it failed when its frames had ended; only what is made of them is tried again
        return [e.FramesOpened(step=name, frames=(), concurrency=run.composites[name].concurrency)]
    if definition.kind in COMPOSITES:
        return begin(run, step, request)
    return [intend(run, step, "forward", request, now)]


def _want_locks(run: Run, step: StepState, now: datetime) -> e.LocksWanted:
    """Return the wish for what a step locks: in sorted order, so that two runs never hold half each (R37)."""
    scope = forward_scope(run, step)
    keys = tuple(sorted({as_text(render(lock, scope)) for lock in step.definition.locks}))
    return e.LocksWanted(step=step.id, keys=keys, until=now + timedelta(seconds=step.definition.lock_wait_s))


def _no_locks(run: Run, name: str, _now: datetime) -> list[e.Event]:
    step = run.step(name)
    reason = f"other runs held {', '.join(step.wanted)} for {step.definition.lock_wait_s:g} s"
    return give_up(run, step, "locks", reason)


def _turn(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Go on with a composite step whose frames have ended."""
    return turn(run, run.step(name), now)


def _limit(run: Run, _name: str, now: datetime) -> list[e.Event]:
    return at_limit(run, now)


def _ask(
    run: Run, step: StepState, policy: ApprovalPolicy, request: Json, now: datetime
) -> e.ApprovalRequested:
    question = policy.question or f"Run '{step.definition.title or step.id}'?"
    expires = None if policy.expires_s is None else now + timedelta(seconds=policy.expires_s)
    return e.ApprovalRequested(
        step=step.id,
        question=as_text(render(question, forward_scope(run, step))),
        group=policy.group,
        request=request,
        request_hash=request_hash(request),
        quorum=policy.quorum,
        four_eyes=policy.four_eyes,
        expires_at=expires,
        on_expire=policy.on_expire,
    )


def _retry(run: Run, name: str, now: datetime) -> list[e.Event]:
    step = run.step(name)
    approval = step.approval
    approved = approval is not None and approval.status == "consumed"
    request = approval.request.request if approval is not None and approved else request_of(run, step)
    return [intend(run, step, "forward", request, now)]


def _expire(run: Run, name: str, _now: datetime) -> list[e.Event]:
    step = run.step(name)
    approval = step.approval
    assert approval is not None
    reason = "nobody answered in time"
    if approval.request.on_expire == "approve":
        return approve(run, step, "the deadline", reason, final=True)
    return [e.ApprovalEnded(step=name, how="expired", reason=reason), *_after_expiry(run, step, reason)]


def _after_expiry(run: Run, step: StepState, reason: str) -> list[e.Event]:
    if isinstance(step.definition, ApprovalStep) and step.definition.with_.on_deny == "continue":
        return _commit_answer(run, step, "expired", "", reason)
    return give_up(run, step, "expired", f"approval expired: {reason}")


def approve(run: Run, step: StepState, by: str, reason: str, *, final: bool) -> list[e.Event]:
    """Return the events of a yes; an approval step is done with the last one it needs."""
    given = _answer(step, "approved", by, reason, final=final)
    if final and isinstance(step.definition, ApprovalStep):
        return [given, *_commit_answer(run, step, "approved", by, reason)]
    return [given]


def _commit_answer(run: Run, step: StepState, decision: str, by: str, comment: str) -> list[e.Event]:
    """Commit an approval step with the answer as its output, or fail where that can't be written (R11)."""
    output = {"decision": decision, "by": by, "comment": comment}
    scope = {**forward_scope(run, step), "output": output}
    try:
        if decision != "approved":  # what a yes would write is not written
            return [e.StepCommitted(step=step.id, output=output, emits=happened(step.definition, scope))]
        return commit(run, step, scope, output)
    except ExpressionError as error:
        return give_up(run, step, "expression", str(error))


def deny(run: Run, step: StepState, by: str, reason: str) -> list[e.Event]:
    """Return the events of a no: a fault, or an answer that later steps look at."""
    given = _answer(step, "denied", by, reason, final=True)
    return [given, *_after_denial(run, step, by, reason)]


def _after_denial(run: Run, step: StepState, by: str, reason: str) -> list[e.Event]:
    if isinstance(step.definition, ApprovalStep) and step.definition.with_.on_deny == "continue":
        return _commit_answer(run, step, "denied", by, reason)
    return give_up(run, step, "denied", f"denied by {by}" + (f": {reason}" if reason else ""))


def after_answer(run: Run, step: StepState) -> list[e.Event]:
    """Return what follows from an approval that has been decided, or has expired."""
    approval = step.approval
    assert approval is not None
    if approval.status == "expired":
        return _after_expiry(run, step, approval.reason)
    last = approval.answers[-1]
    if approval.status == "denied":
        return _after_denial(run, step, last.by, last.reason)
    return _commit_answer(run, step, "approved", last.by, last.reason)


def _answer(step: StepState, decision: Any, by: str, reason: str, *, final: bool) -> e.ApprovalGiven:
    assert step.approval is not None
    hashed = step.approval.request.request_hash
    return e.ApprovalGiven(
        step=step.id, decision=decision, by=by, reason=reason, request_hash=hashed, final=final
    )


def _probe(run: Run, name: str, now: datetime) -> list[e.Event]:
    step = run.step(name)
    return [intend(run, step, "probe", probe_request(run, step), now)]


def _help(run: Run, name: str, _now: datetime) -> list[e.Event]:
    step = run.step(name)
    how = "its probe gave no answer" if step.definition.probe else "it has no probe"
    reason = f"nobody knows whether '{name}' landed, and {how}; look at the target and say"
    return [e.HelpNeeded(step=name, kind="unknown_outcome", reason=reason)]


def _give_up(run: Run, name: str, _now: datetime) -> list[e.Event]:
    step = run.step(name)
    return give_up(run, step, "exhausted", out_of_tries(step))


def _withdraw(_run: Run, name: str, _now: datetime) -> list[e.Event]:
    return [e.ApprovalEnded(step=name, how="withdrawn", reason="the run is going back")]


def _choose(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    return choose_direction(run)


def _undo(run: Run, name: str, now: datetime) -> list[e.Event]:
    step = run.step(name)
    return [intend(run, step, "undo", undo_request(step), now)]


def _undo_late(run: Run, name: str, now: datetime) -> list[e.Event]:
    step = run.step(name)
    obstacle = late_obstacle(run, step)
    if obstacle:
        return [e.HelpNeeded(step=name, kind="late_success", reason=obstacle)]
    return [intend(run, step, "late", late_request(run, step), now)]


def _empty(_run: Run, name: str, _now: datetime) -> list[e.Event]:
    return [e.StepUndone(step=name, empty=True, reason="it never landed")]


def _excuse(run: Run, name: str, _now: datetime) -> list[e.Event]:
    reason = run.step(name).definition.compensate_reason or "it has no compensation"
    return [e.StepExcused(step=name, how="skipped", by="the definition", reason=reason)]


def _close(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    if run.direction == "undo":
        return [e.RunCompensated(exceptions=tuple(run.exceptions))]
    scope, output, notes = forward_scope(run), {}, []
    try:
        output = render(dict(run.saga.output), scope)
    except ExpressionError as error:
        notes.append(f"the run's output can't be made: {error}")
    lesson = learn(run, scope)
    completed = e.RunCompleted(output=output, remembers=lesson.facts, memory_key=lesson.key)
    return [*(e.Noted(text=text) for text in (*notes, *lesson.untold)), completed]


_ACTIONS: dict[str, Callable[[Run, str, datetime], list[e.Event]]] = {
    "known": disrupt.known, "strike": disrupt.strike, "lift": disrupt.lifted,
    "deadline": _deadline, "open": _open, "limit": _limit, "begin": _begin, "no_locks": _no_locks, "retry": _retry, "turn": _turn, "validate": validate, "check": check, "boundary": boundary,
    "expire": _expire, "end_wait": end_wait, "probe": _probe, "ask": _help, "give_up": _give_up, "withdraw": _withdraw,
    "choose": _choose, "undo": _undo, "undo_late": _undo_late, "redo": redo, "empty": _empty, "excuse": _excuse, "close": _close,
    "happen": happen,
    "verify": verify, "plan": ask, "judge_plan": judge_plan,
}  # fmt: skip
