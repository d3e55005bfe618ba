"""`saga`: another saga as one step; going back goes through it, leaves first (R35)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.attempts import give_up
from engine.core.composites import SagaStep
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.events import Event, FrameOpened, FramesOpened, Gathered
from engine.core.inputs import input_with_defaults
from engine.core.run import Run, StepState
from engine.core.scope import output_of

Json = Any


def begin(_run: Run, step: StepState, request: Json) -> list[Event]:
    """Begin the nested saga with its inputs, checked as those of a run."""
    definition = step.definition
    assert isinstance(definition, SagaStep)
    assert definition.definition is not None
    try:
        given = input_with_defaults(definition.definition.input, request["input"])
    except CommandRejected as refused:
        raise ExpressionError(f"saga '{definition.with_.saga}': {refused}") from None
    return [FramesOpened(step=step.id, frames=(FrameOpened(values={"input": given}),))]


def turn(run: Run, step: StepState, _now: datetime) -> list[Event]:
    """Give what the nested saga gave, or fail as it did."""
    frame = run.frames[step.id]
    if frame.failing:
        return give_up(run, step, "rejected", f"in it {frame.failing}")
    return [Gathered(step=step.id, output=output_of(run, frame))]
