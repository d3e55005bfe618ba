"""The queues of a run and how its steps move through them: what `due` looks at (see `Run`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from engine.core import events as e
from engine.core.condition import OUTCOMES
from engine.core.run import SETTLED, UNDONE, Run, StepState, StepStatus


def activate(run: Run, step: StepState, status: StepStatus) -> None:
    """Take a ready step in hand."""
    step.move(status)
    run.ready.pop(step.id, None)
    run.active[step.id] = None


def settle(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Take a settled step off the queues and wake the steps that waited for it."""
    step.ended_at, step.due = recorded.at, None
    run.unfinished -= 1
    leave(run, step)
    _queue_boundaries(run, step)
    for name in run.saga.graph.dependents[step.id]:
        run.blockers[name] -= 1
        if name not in run.fresh and run.steps[name].status == "pending" and _decides(run, name, step):
            run.fresh[name] = None
    relieve(run, step)


def leave(run: Run, step: StepState) -> None:
    """Take a step off everything that moves it forward."""
    for queue in (run.fresh, run.ready, run.active, run.validating, run.judging):
        queue.pop(step.id, None)


def _queue_boundaries(run: Run, step: StepState) -> None:
    """Note which steps that belong together can be judged now: some committed and some did not, or all ended."""
    for validator in run.saga.validators_over.get(step.id, ()):
        if validator.kind == "together":
            fates = {run.steps[name].status for name in validator.steps}
            if fates <= SETTLED or ("committed" in fates and fates & {"skipped", "handled"}):
                run.boundaries[validator.name] = None


def _decides(run: Run, name: str, settled: StepState) -> bool:
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


def is_decided(run: Run, name: str) -> bool:
    """Return whether a step's condition has an outcome by now."""
    condition = run.saga.graph.conditions[name]
    return run.blockers.get(name, 0) == 0 or (
        condition.truth(lambda step, branch: term(run, step, branch)) is not None
    )


def plan_undo(run: Run, plan: Iterable[e.UndoPlanned]) -> None:
    """Take up a compensation plan: each step behind the dependents that must go first (R17)."""
    run.plan = {entry.step: entry for entry in plan}
    run.unplanned = len(run.plan)
    for name in run.plan:
        run.steps[name].move("to_compensate")
        run.steps[name].due = None
    run.undo_unlocks = {name: [] for name in run.plan}
    run.undo_blockers = {entry.step: len(entry.after) for entry in run.plan.values()}
    for entry in run.plan.values():
        for dependent in entry.after:
            run.undo_unlocks[dependent].append(entry.step)
    run.undo_active = {name: None for name, count in run.undo_blockers.items() if not count}


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


def unplan(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Take an undone step off the plan and free the ones that had to wait for it (R17)."""
    step.due, step.ended_at = None, recorded.at
    run.unplanned -= 1
    run.undo_active.pop(step.id, None)
    for name in run.undo_unlocks.get(step.id, ()):
        run.undo_blockers[name] -= 1
        if run.undo_blockers[name] == 0 and run.steps[name].status not in UNDONE:
            run.undo_active[name] = None
    relieve(run, step)


def relieve(run: Run, step: StepState, *kinds: str) -> None:
    """Take a step off the list of what needs a person; with none left the run goes on where it was.

    `kinds` says which questions are answered; without them, all are.
    """
    asked = run.attention.get(step.id)
    if asked is not None and kinds and asked.kind not in kinds:
        return
    run.attention.pop(step.id, None)
    if run.status == "needs_attention" and not run.attention and not run.direction_asked:
        undoing = "compensating" if run.repair is None else "repairing"
        back = undoing if run.direction == "undo" else "draining" if run.fault else "running"
        if back != "running" or not any(other.status == "failed" for other in run.steps.values()):
            run.move(cast("Any", back))
