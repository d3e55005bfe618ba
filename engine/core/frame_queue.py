"""Which frames of a composite step are in work: they open as others end, and then it is the composite's turn."""

from __future__ import annotations

from engine.core.events import Phase
from engine.core.frames import Frame, Frames, frame_id, is_answered, needs_failed
from engine.core.run import SETTLED, Run, StepState
from engine.core.saga import Step

PHASES: tuple[Phase, ...] = ("forward", "undo", "probe", "late", "check")


def admit(run: Run, composite: str) -> None:
    """Open the frames that may begin now; with none left, or one that is to be dropped, it is the composite's turn."""
    frames = run.composites[composite]
    if frames.only_after_good:
        frames.lost |= {name: None for name in frames.waiting if needs_failed(run, run.frames[name])}
    for name in _admissible(run, frames):
        del frames.waiting[name]
        frames.open += 1
        _open(run, run.frames[name])
    if frames.lost or not (frames.open or frames.waiting):
        run.turning[composite] = None


def _admissible(run: Run, frames: Frames) -> list[str]:
    found: list[str] = []
    for name in frames.waiting:
        if name in frames.lost:
            continue
        if len(found) + frames.open >= frames.concurrency:
            break
        frame = run.frames[name]
        before = (run.frames[frame_id(frame.composite, other)].status for other in frame.after)
        if all(status in {"ended", "dropped"} for status in before):
            found.append(name)
    return found


def _open(run: Run, frame: Frame) -> None:
    """Make the steps of a frame, or go on with those of one that was held.

    A step that was there in an earlier epoch goes on from its numbers and keys.
    """
    if frame.status == "held":
        frame.status = "open"
        for name, needed in frame.plan.graph.needs.items():
            step = run.steps[f"{frame.id}.{name}"]
            if step.status == "pending" and all(
                run.steps[f"{frame.id}.{other}"].status in SETTLED for other in needed
            ):
                run.fresh[step.id] = None
        return
    frame.status, frame.left = "open", len(frame.plan.steps)
    needs = frame.plan.graph.needs
    for name, definition in frame.plan.steps.items():
        path = f"{frame.id}.{name}"
        run.steps[path] = _made(run, StepState(path, definition, frame=frame.id))
        if needs[name]:
            run.blockers[path] = len(needs[name])
        else:
            run.fresh[path] = None
    run.unfinished += frame.left


def _made(run: Run, step: StepState) -> StepState:
    """Return a step that a frame makes; one that comes back, maybe after a plan without it, goes on counting (R4)."""
    ghost = run.steps.get(step.id)
    if ghost is not None:
        step.epoch, step.before = ghost.epoch, ghost.before
        step.lates, step.late_undos = ghost.lates, ghost.late_undos
    elif step.id in run.past:
        return following(run.past[step.id][-1], step.definition)
    return step


def following(old: StepState, definition: Step) -> StepState:
    """Return the next epoch of a step: it goes on from its numbers, and has keys of its own (R4)."""
    before = {phase: old.latest(phase) for phase in PHASES}
    return StepState(old.id, definition, old.frame, epoch=old.epoch + 1, before=before)


def frame_settled(run: Run, step: StepState) -> None:
    """Count a settled step off its frame; the last one ends it."""
    frame = run.frames[step.frame]
    frames = run.composites[frame.composite]
    frame.left -= 1
    if _fails(run, step):
        frames.failing += not frame.failing
        frame.failing = frame.failing or f"'{step.local}': {step.reason}"
    if frame.left == 0:
        frame.status = "ended"
        frames.open -= 1
        if _is_lost(frame):
            frames.lost[frame.id] = None
        admit(run, frame.composite)


def _is_lost(frame: Frame) -> bool:
    """Return whether a frame failed, so that what it did is to be undone (R36)."""
    return frame.status == "ended" and bool(frame.failing)


def frame_dropped(run: Run, frame: Frame) -> None:
    """Take a dropped frame off what its composite step has to look at."""
    frames = run.composites[frame.composite]
    frames.lost.pop(frame.id, None)
    if frame.id in frames.waiting:
        del frames.waiting[frame.id]
        frames.failing += 1
    if run.steps[frame.composite].status == "waiting":
        run.turning.pop(frame.composite, None)
        admit(run, frame.composite)


def count_frames(run: Run) -> None:
    """Count anew what is left of each frame and which are open, after a repair or an amendment."""
    for name, frames in list(run.composites.items()):
        waits = run.steps[name].status == "waiting"
        opened = [f for f in map(run.frames.__getitem__, frames.ids) if f.status in {"open", "ended", "held"}]
        for frame in opened:
            _count(run, frame)
            if waits and frame.left and not _in_work(run, frame):
                frame.status = "held"
        frames.open = sum(frame.status == "open" for frame in opened)
        frames.lost = {frame.id: None for frame in opened if _is_lost(frame)}
        frames.failing = sum(bool(run.frames[each].failing) for each in frames.ids)
        if waits:
            frames.waiting = {f: None for f in frames.ids if run.frames[f].status in {"waiting", "held"}}
            admit(run, name)


def _in_work(run: Run, frame: Frame) -> bool:
    """Return whether anything of a frame is under way, so that it can't wait for another one."""
    steps = (run.steps[f"{frame.id}.{name}"] for name in frame.plan.steps)
    return any(step.status not in {"pending", "committed", "skipped", "handled"} for step in steps)


def _count(run: Run, frame: Frame) -> None:
    steps = [run.steps[f"{frame.id}.{name}"] for name in frame.plan.steps]
    frame.left = sum(step.status not in {"committed", "skipped", "handled"} for step in steps)
    frame.status = "open" if frame.left else "ended"
    frame.failing = frame.failing if any(_fails(run, step) for step in steps) else ""


def _fails(run: Run, step: StepState) -> bool:
    """Return whether a step's failure is that of its frame: no other step in it is the answer to it."""
    return step.status == "handled" and not is_answered(run, step, timed_out=step.timed_out)
