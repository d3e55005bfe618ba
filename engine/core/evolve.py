"""The fold: how each fact changes the state of a run (R31). Reads no clock, no randomness, no disk.

A fact that the state machines do not allow raises `IllegalTransition`: the log is wrong, not the world.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

from engine.core import events as e
from engine.core.condition import OUTCOMES
from engine.core.errors import IllegalTransition
from engine.core.run import SETTLED, UNDONE, Approval, Attempt, Late, Run, StepState, StepStatus
from engine.core.saga import Saga, effect_of

NO_LIMIT = 1e18
"""Past the pivot a run is driven to its end whatever it costs."""


def replay(saga: Saga, history: Iterable[e.Recorded]) -> Run:
    """Return the run that the events add up to; any prefix gives a past moment.

    Raises:
        IllegalTransition: if the events have a gap or contradict the state machines.
    """
    run = Run(saga)
    for recorded in history:
        evolve(run, recorded)
    return run


def evolve(run: Run, recorded: e.Recorded) -> None:
    """Change the run by one recorded fact.

    Raises:
        IllegalTransition: if it comes out of turn; the run is then no longer to be used.
    """
    event = recorded.event
    if recorded.seq != run.seq + 1:
        raise IllegalTransition(f"run '{run.id}': event {recorded.seq} after event {run.seq}")
    if run.is_closed:
        raise IllegalTransition(f"run '{run.id}' is {run.status}; it takes no {event.type}")
    if run.seq == 0 and event.type != "run_started":
        raise IllegalTransition(f"a log begins with run_started, not {event.type}")
    _HANDLERS[type(event)](run, recorded, event)
    run.seq, run.updated_at = recorded.seq, recorded.at
    if event.type in e.CLOSING:
        run.ended_at = recorded.at


def _run_started(run: Run, recorded: e.Recorded, event: e.RunStarted) -> None:
    if event.saga_hash != run.saga.hash:
        pinned, given = event.saga_hash[:12], run.saga.hash[:12]
        raise IllegalTransition(f"run '{event.run_id}' is pinned to version {pinned}, not {given} (R30)")
    graph = run.saga.graph
    run.id, run.input, run.started_at = event.run_id, event.input, recorded.at
    run.starter, run.author = event.by, event.author
    run.app = dict(run.saga.app)
    run.facts = {
        "id": run.id, "saga": run.saga.saga, "input": run.input, "by": run.starter,
        "started_at": recorded.at.isoformat(),
    }  # fmt: skip
    run.steps = {name: StepState(name, step) for name, step in run.saga.steps.items()}
    run.blockers = {name: len(needed) for name, needed in graph.needs.items() if needed}
    run.unfinished = len(run.steps)
    run.fresh = dict.fromkeys(graph.roots)


def _run_paused(run: Run, _recorded: e.Recorded, _event: e.RunPaused) -> None:
    run.paused = True


def _run_resumed(run: Run, _recorded: e.Recorded, _event: e.RunResumed) -> None:
    run.paused = False


def _faulted(run: Run, recorded: e.Recorded, event: e.Faulted) -> None:
    run.move("draining")
    run.fault, run.fault_seq = event, recorded.seq
    run.faults.append(event)
    run.attention.clear()  # asked again where it still matters
    if run.limit is not None and run.limit.response != "stop":
        run.limit = None


def _noted(run: Run, _recorded: e.Recorded, event: e.Noted) -> None:
    run.notes.append(event)


def _direction_asked(run: Run, _recorded: e.Recorded, _event: e.DirectionAsked) -> None:
    run.direction_asked = True
    if run.status != "needs_attention":
        run.move("needs_attention")


def _direction_chosen(run: Run, _recorded: e.Recorded, event: e.DirectionChosen) -> None:
    run.direction_asked = False
    run.attention.clear()
    if event.direction == "forward":
        _go_forward(run)
    else:
        _go_back(run, event)


def _go_forward(run: Run) -> None:
    run.fault = None
    if run.limit is not None:  # who goes on in spite of it grants it
        run.allowed[run.limit.limit] = max(run.limit.spent, run.limit.allowed) + run.limit.allowed
        run.limit = None
    for step in run.steps.values():
        if step.status == "withdrawn":
            step.move("pending")
            run.fresh[step.id] = None
    stuck = any(step.status == "failed" for step in run.steps.values())
    if run.status != "needs_attention" or not stuck:
        run.move("needs_attention" if stuck else "running")


def _go_back(run: Run, event: e.DirectionChosen) -> None:
    run.direction = "undo"
    run.plan = {entry.step: entry for entry in event.plan}
    run.unplanned = len(run.plan)
    for step in run.steps.values():
        if step.id in run.plan:
            step.move("to_compensate")
            step.due = None
        elif step.status in {
            "pending", "ready", "awaiting_approval", "awaiting_locks", "waiting", "retry_wait"
        }:  # fmt: skip
            step.move("withdrawn")
    run.fresh, run.ready, run.active = {}, {}, {}
    run.undo_unlocks = {name: [] for name in run.plan}
    for entry in event.plan:
        run.undo_blockers[entry.step] = len(entry.after)
        for dependent in entry.after:
            run.undo_unlocks[dependent].append(entry.step)
    run.undo_active = {name: None for name, count in run.undo_blockers.items() if not count}
    run.move("compensating")


def _run_completed(run: Run, _recorded: e.Recorded, event: e.RunCompleted) -> None:
    run.move("completed")
    run.output = event.output


def _run_compensated(run: Run, _recorded: e.Recorded, event: e.RunCompensated) -> None:
    run.move("compensated_with_exceptions" if event.exceptions else "compensated")


def _run_abandoned(run: Run, _recorded: e.Recorded, event: e.RunAbandoned) -> None:
    run.move("abandoned")
    run.left_behind = event.left_behind


def _step_skipped(run: Run, recorded: e.Recorded, event: e.StepSkipped) -> None:
    step = run.step(event.step)
    step.move("skipped")
    step.reason = event.reason
    run.known[step.id] = {"status": "skipped"}
    _settle(run, recorded, step)


def _step_ready(run: Run, recorded: e.Recorded, event: e.StepReady) -> None:
    step = run.step(event.step)
    step.move("ready")
    step.evidence, step.ready_at = event.evidence, recorded.at
    run.fresh.pop(step.id, None)
    run.ready[step.id] = None


def _wait_begun(run: Run, _recorded: e.Recorded, event: e.WaitBegun) -> None:
    step = run.step(event.step)
    _activate(run, step, "waiting")
    step.due = event.until


def _locks_wanted(run: Run, _recorded: e.Recorded, event: e.LocksWanted) -> None:
    step = run.step(event.step)
    _activate(run, step, "awaiting_locks")
    step.wanted, step.due = event.keys, event.until


def _locks_taken(run: Run, _recorded: e.Recorded, event: e.LocksTaken) -> None:
    step = run.step(event.step)
    step.move("ready")
    step.locked, step.due = True, None
    run.locks |= dict.fromkeys(event.keys, step.id)
    run.active.pop(step.id, None)
    run.ready[step.id] = None


def _limit_reached(run: Run, _recorded: e.Recorded, event: e.LimitReached) -> None:
    if event.response == "note":
        run.allowed[event.limit] = NO_LIMIT
    else:
        run.limit = event


def _limit_granted(run: Run, _recorded: e.Recorded, event: e.LimitGranted) -> None:
    run.allowed[event.limit] = event.allowed
    run.limit = None


def _approval_requested(run: Run, recorded: e.Recorded, event: e.ApprovalRequested) -> None:
    step = run.step(event.step)
    _activate(run, step, "awaiting_approval")
    step.due = event.expires_at
    step.approvals.append(Approval(event, recorded.at))


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
    if event.how == "withdrawn" and step.status in {"awaiting_approval", "ready"}:
        step.move("withdrawn")
        run.active.pop(step.id, None)
        run.ready.pop(step.id, None)


def _attempt_intended(run: Run, recorded: e.Recorded, event: e.AttemptIntended) -> None:
    step = run.step(event.step)
    if event.phase == "late":
        late = _late(step)
        late.status, late.due = "undoing", None
    elif event.phase == "forward":
        if step.status == "ready" and step.approval is not None and step.approval.status == "approved":
            step.approval.status = "consumed"
        _activate(run, step, "running")
        step.disruption = None
    elif event.phase == "undo" and step.status != "compensating":
        step.move("compensating")
    if event.phase != "late":
        step.due = None
    step.calls(event.phase).append(Attempt(event, recorded.at, recorded.seq))
    run.open_calls[event.step, event.phase, event.attempt] = None
    run.attempts += 1
    run.calls += event.phase == "forward"


def _attempt_ended(run: Run, recorded: e.Recorded, event: e.AttemptEnded) -> None:
    step = run.step(event.step)
    attempt = _attempt(step, event.phase, event.attempt)
    if attempt.result is not None:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' has its result already")
    attempt.result, attempt.ended_at, attempt.ended_seq = event, recorded.at, recorded.seq
    del run.open_calls[event.step, event.phase, event.attempt]
    run.cost_usd += float(_amount(event.meta.get("cost_usd")))
    run.tokens += int(_amount(event.meta.get("tokens")))
    if event.phase == "forward" and event.outcome == "ok":
        step.output = event.output
        step.move("validating")
        run.validating[step.id] = None
    elif event.phase == "forward" and event.outcome == "unknown" and effect_of(step.definition) != "readonly":
        step.move("unknown")


def _amount(value: Any) -> int | float:
    """Return a number that a call told, or 0 for what is none."""
    return value if isinstance(value, int | float) and math.isfinite(value) else 0


def _attempt(step: StepState, phase: e.Phase, number: int) -> Attempt:
    calls = step.calls(phase)
    if not 1 <= number <= len(calls):
        raise IllegalTransition(f"step '{step.id}' has no {phase} attempt {number}")
    return calls[number - 1]


def _attempt_resolved(run: Run, recorded: e.Recorded, event: e.AttemptResolved) -> None:
    step = run.step(event.step)
    attempt = _attempt(step, event.phase, event.attempt)
    if not attempt.unresolved:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' is not unknown")
    attempt.landed, attempt.resolution, attempt.resolved_seq = event.landed, event, recorded.seq
    _relieve(run, step)
    if event.landed and event.phase == "forward":
        _take_effect(run, step, None if event.how == "retry" else event.output)


def _late_landed(run: Run, _recorded: e.Recorded, event: e.LateLanded) -> None:
    step = run.step(event.step)
    attempt = _attempt(step, "forward", event.attempt)
    if attempt.outcome != "unknown" or attempt.landed:
        raise IllegalTransition(f"attempt {event.attempt} of '{step.id}' can't land late")
    attempt.landed = True
    if not event.counts:
        step.lates.append(Late(event.attempt, event.output, before=len(step.late_undos)))
        run.late[step.id] = None
        return
    _relieve(run, step)
    _take_effect(run, step, event.output)


def _take_effect(run: Run, step: StepState, output: Any) -> None:
    """Go on with a step whose effect turned out to be there."""
    if output is not None:
        step.output = output
    if step.status in {"unknown", "retry_wait", "ready", "failed", "withdrawn"}:
        _activate(run, step, "validating")
        run.validating[step.id] = None


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
        run.late.pop(step.id)
    else:
        following.before = len(step.late_undos)
    _relieve(run, step)


def _retry_scheduled(run: Run, _recorded: e.Recorded, event: e.RetryScheduled) -> None:
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
    run.attention[step.id] = event
    if event.kind == "comp_failed":
        step.move("comp_failed")
        step.due = None
    elif event.kind == "late_success":
        _late(step).status = "failed"
    if run.status in {"draining", "compensating"}:
        run.move("needs_attention")


def _verdict_given(run: Run, _recorded: e.Recorded, event: e.VerdictGiven) -> None:
    run.step(event.step).verdicts.append(event)


def _step_committed(run: Run, recorded: e.Recorded, event: e.StepCommitted) -> None:
    step = run.step(event.step)
    step.move("committed")
    if event.output is not None:
        step.output = event.output
    if event.by:
        step.by_hand = recorded.seq
    run.app.update(event.writes)
    run.known[step.id] = {"status": "committed", "output": step.output}
    _settle(run, recorded, step)


def _step_failed(run: Run, recorded: e.Recorded, event: e.StepFailed) -> None:
    step = run.step(event.step)
    step.reason, step.timed_out = event.reason, event.timed_out
    if event.handled:
        step.move("handled")
        run.known[step.id] = {"status": "failed", "reason": event.reason, "timed_out": event.timed_out}
        _settle(run, recorded, step)
        return
    step.move("failed")
    step.ended_at, step.due = recorded.at, None
    for queue in (run.fresh, run.ready, run.active, run.validating):
        queue.pop(step.id, None)


def _step_undone(run: Run, recorded: e.Recorded, event: e.StepUndone) -> None:
    step = run.step(event.step)
    step.move("empty" if event.empty else "compensated")
    step.reason = event.reason
    run.app.update(event.writes)
    _unplan(run, recorded, step)


def _step_excused(run: Run, recorded: e.Recorded, event: e.StepExcused) -> None:
    step = run.step(event.step)
    step.move("excused")
    step.reason = event.reason
    run.exceptions.append(step.id)
    _unplan(run, recorded, step)


def _retry_asked(run: Run, recorded: e.Recorded, event: e.RetryAsked) -> None:
    step = run.step(event.step)
    if step.late is not None and step.late.status == "failed":
        step.late.status, step.late.before = "to_undo", len(step.late_undos)
        _relieve(run, step)
        return
    if step.status == "comp_failed":
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
    _relieve(run, step)


def _disrupted(run: Run, _recorded: e.Recorded, event: e.Disrupted) -> None:
    run.step(event.step).disruption = event
    run.disruptions += 1


def _activate(run: Run, step: StepState, status: StepStatus) -> None:
    step.move(status)
    run.ready.pop(step.id, None)
    run.active[step.id] = None


def _settle(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Take a settled step off the queues and wake the steps that waited for it."""
    step.ended_at, step.due = recorded.at, None
    run.unfinished -= 1
    for queue in (run.fresh, run.ready, run.active, run.validating):
        queue.pop(step.id, None)
    for name in run.saga.graph.dependents[step.id]:
        run.blockers[name] -= 1
        if name not in run.fresh and run.steps[name].status == "pending" and _is_decided(run, name, step):
            run.fresh[name] = None
    _relieve(run, step)


def _is_decided(run: Run, name: str, settled: StepState) -> bool:
    """Return whether a pending step's condition has an outcome now; plain lists are counted, not evaluated."""
    if run.blockers[name] == 0:
        return True
    condition = run.saga.graph.conditions[name]
    if not condition.is_list:
        return condition.truth(lambda step, branch: term(run, step, branch)) is not None
    if (
        settled.status == "committed"
        and settled.definition.kind != "route"
        and settled.id not in run.saga.graph.watched
    ):
        return False
    return any(term(run, step, branch) is False for step, branch in condition.terms if step == settled.id)


def term(run: Run, name: str, branch: str | None) -> bool | None:
    """Return the truth of one term of a condition: a step that committed or ended otherwise, a chosen branch."""
    step = run.steps[name]
    if step.status not in SETTLED:
        return None
    if branch in OUTCOMES:
        failed = step.status == "handled"
        return {"failed": failed, "timed_out": failed and step.timed_out}.get(
            branch, step.status == "skipped"
        )
    if step.status != "committed":
        return False
    return branch is None or (isinstance(step.output, dict) and step.output.get("branch") == branch)


def _unplan(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Take an undone step off the plan and free the ones that had to wait for it (R17)."""
    step.due, step.ended_at = None, recorded.at
    run.unplanned -= 1
    run.undo_active.pop(step.id, None)
    for name in run.undo_unlocks.get(step.id, ()):
        run.undo_blockers[name] -= 1
        if run.undo_blockers[name] == 0 and run.steps[name].status not in UNDONE:
            run.undo_active[name] = None
    _relieve(run, step)


def _relieve(run: Run, step: StepState) -> None:
    """Take a step off the list of what needs a person; with none left the run goes on where it was."""
    run.attention.pop(step.id, None)
    if run.status == "needs_attention" and not run.attention and not run.direction_asked:
        back = "compensating" if run.direction == "undo" else "draining" if run.fault else "running"
        if back != "running" or not any(other.status == "failed" for other in run.steps.values()):
            run.move(cast("Any", back))


_HANDLERS: dict[type[Any], Callable[[Run, e.Recorded, Any], None]] = {
    e.RunStarted: _run_started, e.RunPaused: _run_paused, e.RunResumed: _run_resumed, e.Faulted: _faulted,
    e.Noted: _noted, e.DirectionAsked: _direction_asked, e.DirectionChosen: _direction_chosen,
    e.RunCompleted: _run_completed, e.RunCompensated: _run_compensated, e.RunAbandoned: _run_abandoned,
    e.StepSkipped: _step_skipped, e.StepReady: _step_ready, e.WaitBegun: _wait_begun,
    e.LocksWanted: _locks_wanted, e.LocksTaken: _locks_taken, e.LimitReached: _limit_reached,
    e.LimitGranted: _limit_granted, e.ApprovalRequested: _approval_requested, e.ApprovalGiven: _approval_given, e.ApprovalEnded: _approval_ended,
    e.AttemptIntended: _attempt_intended, e.AttemptEnded: _attempt_ended, e.AttemptResolved: _attempt_resolved,
    e.LateLanded: _late_landed, e.LateUndone: _late_undone,
    e.RetryScheduled: _retry_scheduled, e.HelpNeeded: _help_needed, e.VerdictGiven: _verdict_given,
    e.StepCommitted: _step_committed, e.StepFailed: _step_failed, e.StepUndone: _step_undone,
    e.StepExcused: _step_excused, e.RetryAsked: _retry_asked, e.Disrupted: _disrupted,
}  # fmt: skip
