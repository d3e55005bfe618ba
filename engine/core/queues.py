"""The queues of a run and how its steps move through them: what `due` looks at (see `Run`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from engine.core import events as e
from engine.core.choreography import event_in
from engine.core.condition import OUTCOMES
from engine.core.frame_queue import frame_settled
from engine.core.frames import known_of, peer, plan_of
from engine.core.run import SETTLED, UNDONE, Run, StepState, StepStatus
from engine.core.validators import TogetherValidator


def get_ready(run: Run, recorded: e.Recorded, step: StepState, evidence: dict[str, Any]) -> None:
    """Let a step begin as soon as there is room for it."""
    step.move("ready")
    step.evidence, step.ready_at = evidence, recorded.at
    run.fresh.pop(step.id, None)
    run.ready[step.id] = None


def activate(run: Run, step: StepState, status: StepStatus) -> None:
    """Take a ready step in hand."""
    step.move(status)
    run.ready.pop(step.id, None)
    run.active[step.id] = None


def counts(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Let the output of a committed step be seen by others, and those that waited for it go on."""
    step.committed_seq = recorded.seq
    known_of(run, step)[step.local] = {"status": "committed", "output": step.output}
    settle(run, recorded, step)


def settle(run: Run, recorded: e.Recorded, step: StepState) -> None:
    """Take a settled step off the queues and wake the steps that waited for it."""
    step.ended_at, step.due = recorded.at, None
    run.unfinished -= 1
    leave(run, step)
    _queue_boundaries(run, step)
    for local in plan_of(run, step).graph.dependents[step.local]:
        name = peer(step, local)
        run.blockers[name] -= 1
        if name not in run.fresh and run.steps[name].status == "pending" and _decides(run, name, step):
            run.fresh[name] = None
    if step.frame:
        frame_settled(run, step)
    relieve(run, step)


def leave(run: Run, step: StepState) -> None:
    """Take a step off everything that moves it forward."""
    for queue in (run.fresh, run.ready, run.active, run.validating, run.judging, run.turning):
        queue.pop(step.id, None)


def _queue_boundaries(run: Run, step: StepState) -> None:
    """Note which steps that belong together can be judged now."""
    for validator in plan_of(run, step).validators_over.get(step.local, ()):
        if isinstance(validator, TogetherValidator) and is_ripe(run, validator, step.frame):
            run.boundaries[peer(step, validator.name)] = None


def is_ripe(run: Run, validator: TogetherValidator, frame: str = "") -> bool:
    """Return whether it can be told if steps committed together: some did and some did not, or all have ended."""
    fates = {run.steps[f"{frame}.{name}" if frame else name].status for name in validator.steps}
    return fates <= SETTLED or ("committed" in fates and bool(fates & {"skipped", "handled"}))


def _decides(run: Run, name: str, settled: StepState) -> bool:
    """Return whether a pending step's condition has an outcome now; plain lists are counted, not evaluated."""
    if run.blockers[name] == 0:
        return True
    graph, frame = plan_of(run, settled).graph, settled.frame
    condition = graph.conditions[run.steps[name].local]
    if not condition.is_list:
        return condition.truth(lambda step, branch: term(run, step, branch, frame)) is not None
    if (
        settled.status == "committed"
        and settled.definition.kind != "route"
        and settled.local not in graph.watched
    ):
        return False
    return any(
        term(run, step, branch, frame) is False for step, branch in condition.terms if step == settled.local
    )


def is_decided(run: Run, name: str) -> bool:
    """Return whether a step's condition has an outcome by now."""
    step = run.steps[name]
    condition = plan_of(run, step).graph.conditions[step.local]
    return run.blockers.get(name, 0) == 0 or (
        condition.truth(lambda other, branch: term(run, other, branch, step.frame)) is not None
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


def term(run: Run, name: str, branch: str | None, frame: str = "") -> bool | None:
    """Return the truth of one term of a condition: a step that committed or ended otherwise, a chosen branch.

    The step is that of the name in the run's plan, or in a `frame`'s.
    """
    step = run.steps[f"{frame}.{name}" if frame else name]
    if step.status not in SETTLED:
        return None
    if event := event_in(branch):
        return event in step.emitted
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

    `kinds` says which questions are answered; without them, all are. One that another had come before is open again.
    """
    if step.id in run.attention:
        asked = [*run.behind.pop(step.id, ()), run.attention.pop(step.id)]
        left = [question for question in asked if kinds and question.kind not in kinds]
        if left:
            run.attention[step.id] = left.pop()
        if left:
            run.behind[step.id] = left
    if run.status == "needs_attention" and not run.attention and not run.direction_asked:
        undoing = "compensating" if run.repair is None else "repairing"
        back = undoing if run.direction == "undo" else "draining" if run.fault else "running"
        if back != "running" or not any(other.status == "failed" for other in run.steps.values()):
            run.move(cast("Any", back))
