"""What becomes of frames that do not count: of those that failed, and of all where their step failed as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.events import Event, FrameDropped
from engine.core.frames import ids_within, needs_failed, steps_in
from engine.core.run import Run, StepState
from engine.core.saga import effect_of


def dropped(run: Run, step: StepState) -> Iterator[Event]:
    """Yield the end of each frame that failed, whether or not its step goes on without it: what it did is undone.

    One that never began, as what it needs failed, fails with that.
    """
    for each in run.composites[step.id].lost:
        frame = run.frames[each]
        reason = frame.failing or f"needs '{needs_failed(run, frame)}', which failed"
        yield FrameDropped(step=step.id, frame=each, reason=reason)


def point_passed(run: Run, step: StepState) -> bool:
    """Return whether a point of no return inside a composite step may be passed, so that it can't be taken back (R12)."""
    inside = (run.steps[name] for name in ids_within(run, step.id))
    return any(effect_of(one.definition) == "pivot" and one.maybe_landed for one in inside)


def taken_back(run: Run, step: StepState, reason: str) -> Iterator[Event]:
    """Yield the end of each other frame that did something, the latest first: its step failed, and others go on (R36)."""
    frames = run.composites.get(step.id)
    for each in reversed(frames.ids) if frames is not None else ():
        frame = run.frames[each]
        if (
            frame.status == "ended"
            and not frame.failing
            and any(s.maybe_landed for s in steps_in(run, frame))
        ):
            yield FrameDropped(step=step.id, frame=each, reason=reason)
