"""What follows where more frames of a composite step failed than it tolerates: the step fails as a whole (R13, R36)."""

from __future__ import annotations

from engine.core.attempts import give_up
from engine.core.events import Event
from engine.core.frames import tolerates
from engine.core.run import Run, StepState


def too_many_failed(run: Run, step: StepState) -> list[Event]:
    """Return the failure of a step of whose frames too many failed; empty where it tolerates them.

    All of them ended, so something around the step can go on without it. Its output would not tell a reader that.
    """
    frames = run.composites[step.id]
    reasons = [run.frames[each].failing for each in frames.ids if run.frames[each].failing]
    allowed = tolerates(step.definition, len(frames.ids))
    if len(reasons) <= allowed:
        return []
    said = f"{len(reasons)} of {len(frames.ids)} failed, {allowed} are tolerated; the first: {reasons[0]}"
    return give_up(run, step, "rejected", said)
