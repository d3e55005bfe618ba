"""Which frames of a composite step are in work: they open as others end, and then it is the composite's turn."""

from __future__ import annotations

from engine.core.events import Phase
from engine.core.frames import Frame, Frames, frame_id, plan_of
from engine.core.run import Run, StepState

PHASES: tuple[Phase, ...] = ("forward", "undo", "probe", "late", "check")


def admit(run: Run, composite: str) -> None:
    """Open the frames that may begin now; with none left, it is the composite's turn."""
    frames = run.composites[composite]
    for name in _admissible(run, frames):
        del frames.waiting[name]
        frames.open += 1
        _open(run, run.frames[name])
    if not frames.open and not frames.waiting:
        run.turning[composite] = None


def _admissible(run: Run, frames: Frames) -> list[str]:
    found: list[str] = []
    for name in frames.waiting:
        if len(found) + frames.open >= frames.concurrency:
            break
        frame = run.frames[name]
        before = (run.frames[frame_id(frame.composite, other)].status for other in frame.after)
        if all(status in {"ended", "dropped"} for status in before):
            found.append(name)
    return found


def _open(run: Run, frame: Frame) -> None:
    """Make the steps of a frame; one that was there in an earlier epoch goes on from its numbers and keys."""
    frame.status, frame.left = "open", len(frame.plan.steps)
    needs = frame.plan.graph.needs
    for name, definition in frame.plan.steps.items():
        path = f"{frame.id}.{name}"
        run.steps[path] = step = StepState(path, definition, frame=frame.id)
        if path in run.past:
            last = run.past[path][-1]
            step.epoch, step.before = last.epoch + 1, {phase: last.latest(phase) for phase in PHASES}
        if needs[name]:
            run.blockers[path] = len(needs[name])
        else:
            run.fresh[path] = None
    run.unfinished += frame.left


def frame_settled(run: Run, step: StepState) -> None:
    """Count a settled step off its frame; the last one ends it."""
    frame = run.frames[step.frame]
    frames = run.composites[frame.composite]
    frame.left -= 1
    if step.status == "handled" and "failed" not in plan_of(run, step).graph.watched.get(step.local, ()):
        frames.failing += not frame.failing
        frame.failing = frame.failing or f"'{step.local}': {step.reason}"
    if frame.left == 0:
        frame.status = "ended"
        frames.open -= 1
        admit(run, frame.composite)


def count_frames(run: Run) -> None:
    """Count anew what is left of each frame and which are open, after a repair or an amendment."""
    for name, frames in run.composites.items():
        opened = [run.frames[each] for each in frames.ids if run.frames[each].status in {"open", "ended"}]
        for frame in opened:
            _count(run, frame)
        frames.open = sum(frame.status == "open" for frame in opened)
        frames.failing = sum(bool(run.frames[each].failing) for each in frames.ids)
        if run.steps[name].status == "waiting":
            admit(run, name)


def _count(run: Run, frame: Frame) -> None:
    steps = [run.steps[f"{frame.id}.{name}"] for name in frame.plan.steps]
    watched = frame.plan.graph.watched
    frame.left = sum(step.status not in {"committed", "skipped", "handled"} for step in steps)
    frame.status = "open" if frame.left else "ended"
    failed = any(s.status == "handled" and "failed" not in watched.get(s.local, ()) for s in steps)
    frame.failing = frame.failing if failed else ""
