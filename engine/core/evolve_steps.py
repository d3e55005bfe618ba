"""The fold of what happened to steps: readiness, questions, pauses, locks, and how they ended."""

from __future__ import annotations

from typing import Any

from engine.core import events as e
from engine.core.attempt import Approval
from engine.core.errors import IllegalTransition
from engine.core.evolve_calls import Handlers
from engine.core.frames import known_of, nested_saga
from engine.core.kept_signals import keep, take
from engine.core.queues import activate, counts, get_ready, leave, settle, unplan
from engine.core.run import Run, StepState


def _step_skipped(run: Run, recorded: e.Recorded, event: e.StepSkipped) -> None:
    step = run.step(event.step)
    step.move("skipped")
    step.reason = event.reason
    known_of(run, step)[step.local] = {"status": "skipped"}
    settle(run, recorded, step)


def _step_ready(run: Run, recorded: e.Recorded, event: e.StepReady) -> None:
    get_ready(run, recorded, run.step(event.step), event.evidence)


def _wait_begun(run: Run, _recorded: e.Recorded, event: e.WaitBegun) -> None:
    step = run.step(event.step)
    activate(run, step, "waiting")
    step.due = event.until
    step.awaits = (event.event, event.key) if event.event else None


def _signal_received(run: Run, _recorded: e.Recorded, event: e.SignalReceived) -> None:
    keep(run, event)


def _locks_wanted(run: Run, _recorded: e.Recorded, event: e.LocksWanted) -> None:
    step = run.step(event.step)
    activate(run, step, "awaiting_locks")
    step.wanted, step.due = event.keys, event.until


def _locks_taken(run: Run, _recorded: e.Recorded, event: e.LocksTaken) -> None:
    step = run.step(event.step)
    step.move("ready")
    step.locked, step.due = True, None
    run.locks |= dict.fromkeys(event.keys, step.id)
    run.active.pop(step.id, None)
    run.ready[step.id] = None


def _approval_requested(run: Run, recorded: e.Recorded, event: e.ApprovalRequested) -> None:
    step = run.step(event.step)
    activate(run, step, "awaiting_approval")
    step.due = event.expires_at
    step.approvals += (Approval(event, recorded.at, recorded.seq),)


def _approval_given(run: Run, recorded: e.Recorded, event: e.ApprovalGiven) -> None:
    step = run.step(event.step)
    approval = _open_approval(step)
    approval.answers.append(event)
    if event.final:
        approval.status, approval.ended_at, step.due = event.decision, recorded.at, None
        if event.decision == "approved" and step.definition.kind != "approval":
            step.move("ready")
            run.active.pop(step.id, None)
            run.ready[step.id] = None


def _open_approval(step: StepState) -> Approval:
    if step.approval is None or step.approval.status not in {"open", "approved"}:
        raise IllegalTransition(f"step '{step.id}' has no approval that could change")
    return step.approval


def _approval_ended(run: Run, recorded: e.Recorded, event: e.ApprovalEnded) -> None:
    step = run.step(event.step)
    approval = _open_approval(step)
    approval.status, approval.ended_at, approval.reason = event.how, recorded.at, event.reason
    step.due = None
    if event.again:
        if step.status == "awaiting_approval":
            step.move("ready")
            run.active.pop(step.id, None)
            run.ready[step.id] = None
    elif event.how == "withdrawn" and step.status in {"awaiting_approval", "ready"}:
        step.move("withdrawn")
        run.active.pop(step.id, None)
        run.ready.pop(step.id, None)


def _app_restored(run: Run, recorded: e.Recorded, event: e.AppRestored) -> None:
    run.app = dict(event.app)
    run.written.append((recorded.seq, event.app, True))


def write(run: Run, recorded: e.Recorded, step: StepState, writes: dict[str, Any]) -> None:
    """Change S_A, and keep when and what; a nested saga has one of its own."""
    nested = nested_saga(run, step)
    if nested is not None and nested.app is not None:
        nested.app |= writes
    elif writes:
        run.app.update(writes)
        run.written.append((recorded.seq, writes, False))


def emit(run: Run, recorded: e.Recorded, step: StepState, events: dict[str, Any]) -> None:
    """Let events happen; of several steps that cause the same one, the first is heard."""
    if events:
        step.emitted, step.emitted_seq = events, recorded.seq
        where = run.frames[step.frame] if step.frame else run
        where.heard = {**events, **where.heard}


def _step_committed(run: Run, recorded: e.Recorded, event: e.StepCommitted) -> None:
    step = run.step(event.step)
    step.move("committed")
    if event.output is not None:
        step.output = event.output
    if event.by:
        step.by_hand = recorded.seq
    emit(run, recorded, step, event.emits)
    if event.signal:
        take(run, event.signal, step.id)
    write(run, recorded, step, event.writes)
    counts(run, recorded, step)


def _step_failed(run: Run, recorded: e.Recorded, event: e.StepFailed) -> None:
    step = run.step(event.step)
    step.reason, step.timed_out = event.reason, event.timed_out
    if event.handled:
        step.move("handled")
        emit(run, recorded, step, event.emits)
        told = {"status": "failed", "reason": event.reason, "timed_out": event.timed_out}
        known_of(run, step)[step.local] = told
        settle(run, recorded, step)
        return
    step.move("failed")
    step.ended_at, step.due = recorded.at, None
    leave(run, step)


def _step_undone(run: Run, recorded: e.Recorded, event: e.StepUndone) -> None:
    step = run.step(event.step)
    step.move("empty" if event.empty else "compensated")
    step.reason = event.reason
    write(run, recorded, step, event.writes)
    unplan(run, recorded, step)


def _step_excused(run: Run, recorded: e.Recorded, event: e.StepExcused) -> None:
    step = run.step(event.step)
    step.move("excused")
    step.left = event.how == "skipped"
    step.reason = event.reason
    run.exceptions.append(step.id)
    unplan(run, recorded, step)


HANDLERS: Handlers = {
    e.StepSkipped: _step_skipped,
    e.StepReady: _step_ready,
    e.WaitBegun: _wait_begun,
    e.LocksWanted: _locks_wanted,
    e.LocksTaken: _locks_taken,
    e.ApprovalRequested: _approval_requested,
    e.ApprovalGiven: _approval_given,
    e.ApprovalEnded: _approval_ended,
    e.AppRestored: _app_restored,
    e.StepCommitted: _step_committed,
    e.StepFailed: _step_failed,
    e.StepUndone: _step_undone,
    e.StepExcused: _step_excused,
    e.SignalReceived: _signal_received,
}
