"""The fold of a repair: what is stale, what is undone of it, and the new epoch of what is done anew."""

from __future__ import annotations

from engine.core import events as e
from engine.core.affected import has_begun, owed
from engine.core.document import saga_from_document
from engine.core.evolve_calls import Handlers
from engine.core.evolve_frames import renew_frames
from engine.core.evolve_replan import end_planning
from engine.core.frame_queue import count_frames, following
from engine.core.frames import is_there, known_of, outermost, peer, plan_of
from engine.core.kept_signals import free
from engine.core.queues import is_decided, is_ripe, leave, plan_undo
from engine.core.run import SETTLED, Run, StepState
from engine.core.saga import Step
from engine.core.validators import TogetherValidator


def begin_repair(run: Run, event: e.DirectionChosen) -> None:
    """Begin a repair: what is not affected stays where it is, and waits."""
    run.direction, run.repair = "undo", event
    for name in event.affected:
        leave(run, run.steps[name])
    plan_undo(run, event.plan)
    run.move("repairing")


def go_past_limit(run: Run) -> None:
    """Let a run past the limit that stopped it: who goes on in spite of it grants it."""
    if run.limit is not None:
        run.allowed[run.limit.limit] = max(run.limit.spent, run.limit.allowed) + run.limit.allowed
        run.limit = None


def _steps_stale(run: Run, _recorded: e.Recorded, event: e.StepsStale) -> None:
    run.stale |= dict.fromkeys(event.steps, event.reason)


def _steps_redone(run: Run, _recorded: e.Recorded, event: e.StepsRedone) -> None:
    free(run, set(event.steps).difference(run.repair.culprits if run.repair is not None else ()))
    for name in event.steps:
        _renew(run, run.steps[name])
    renew_frames(run, set(event.steps))
    go_past_limit(run)
    run.repair, run.repairs, run.direction, run.fault = None, event.round, "forward", None
    run.plan, run.stale, run.faults_before = {}, {}, len(run.faults)
    for step in run.steps.values():
        if step.status == "withdrawn":
            step.move("pending")
    _hear_anew(run)
    _count_anew(run)
    run.move("running")


def _hear_anew(run: Run) -> None:
    """Keep the events of those steps that still count, as the first of them told each."""
    run.heard = {}
    for frame in run.frames.values():
        frame.heard = {}
    for step in sorted(run.steps.values(), key=lambda step: -step.emitted_seq):
        heard = run.frames[step.frame].heard if step.frame else run.heard
        heard |= step.emitted


def _renew(run: Run, old: StepState) -> None:
    """Give a step a new epoch; what the old one did is kept beside it, and who belongs together is judged anew."""
    run.past.setdefault(old.id, []).append(old)
    for validator in plan_of(run, old).validators_over.get(old.local, ()):
        run.boundaries.pop(peer(old, validator.name), None)
    run.steps[old.id] = following(old, old.definition)
    known_of(run, old).pop(old.local, None)


def _count_anew(run: Run) -> None:
    """Count who waits for whom; a step whose condition is decided already is looked at next."""
    count_frames(run)
    run.unfinished = sum(step.status not in SETTLED for step in run.steps.values())
    for name, step in run.steps.items():
        needed = plan_of(run, step).graph.needs[step.local] if is_there(run, step) else ()
        if needed:
            run.blockers[name] = sum(run.steps[peer(step, other)].status not in SETTLED for other in needed)
    for name, step in run.steps.items():
        held = step.frame and run.frames[step.frame].status == "held"
        if held:
            run.fresh.pop(name, None)
        elif step.status == "pending" and is_decided(run, name):
            run.fresh[name] = None


def _plan_amended(run: Run, _recorded: e.Recorded, event: e.PlanAmended) -> None:
    """Take the new plan: what has begun keeps its state, all else is looked at anew."""
    end_planning(run)
    old = run.steps
    run.saga = saga_from_document(event.document)
    run.amendments.append(event)
    run.steps = {name: _amended(run, old.get(name), name, step) for name, step in run.saga.steps.items()}
    run.steps |= {name: step for name, step in old.items() if step.frame}  # what is inside has begun
    _forget_inside(run)
    run.fresh = {}
    for name in old:
        if name not in run.steps or run.steps[name] is not old[name]:
            run.ready.pop(name, None)
            run.blockers.pop(name, None)
    _judge_as_planned(run)
    _count_anew(run)


def _judge_as_planned(run: Run) -> None:
    """Keep of what is to be judged together only what the new plan has, and what can be told of it now."""
    together = {each.name: each for each in run.saga.validate_ if isinstance(each, TogetherValidator)}
    for name in [name for name in run.boundaries if "." not in name]:
        if name not in together or not is_ripe(run, together[name]):
            del run.boundaries[name]


def _forget_inside(run: Run) -> None:
    """Forget what is inside of composite steps that the new plan leaves out: nothing of it is heard of again (R25).

    In an old log something may be: then it stays.
    """
    left_out = {outermost(frame.composite) for frame in run.frames.values()} - run.steps.keys()
    gone = {name for name in left_out if not owed(run, name)}
    for name in [name for name, frame in run.frames.items() if outermost(frame.composite) in gone]:
        del run.frames[name]
    for name in [name for name, step in run.steps.items() if step.frame and outermost(name) in gone]:
        del run.steps[name]


def _amended(run: Run, old: StepState | None, name: str, definition: Step) -> StepState:
    """Return a step as the new plan has it; one that comes back after a plan without it goes on counting (R4)."""
    if old is not None and has_begun(old):
        return old
    if old is not None:
        return StepState(name, definition, epoch=old.epoch, before=dict(old.before))
    return following(run.past[name][-1], definition) if name in run.past else StepState(name, definition)


HANDLERS: Handlers = {
    e.StepsStale: _steps_stale, e.StepsRedone: _steps_redone, e.PlanAmended: _plan_amended
}  # fmt: skip
