"""What becomes of frames that failed."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.events import Event, FrameDropped
from engine.core.run import Run, StepState


def dropped(run: Run, step: StepState) -> Iterator[Event]:
    """Yield the end of each frame that failed: what it did is undone, the step goes on without it."""
    frames = run.composites[step.id]
    for each in frames.ids if frames.failing else ():
        frame = run.frames[each]
        if frame.failing and frame.status == "ended":
            yield FrameDropped(step=step.id, frame=each, reason=frame.failing)
