"""What a probe's answer means."""

from __future__ import annotations

from typing import Any

from engine.core.expressions import is_true
from engine.core.run import Run, StepState
from engine.core.scope import output_scope

Json = Any


def probe_landed(run: Run, step: StepState, *, empty: bool, output: Json) -> bool:
    """Return whether a probe's answer says that the step's effect is there (R6).

    Raises:
        ExpressionError: if its `landed` rule can't be evaluated.
    """
    probe = step.definition.probe
    if empty or probe is None or probe.landed is None:
        return not empty
    return is_true(probe.landed, {**output_scope(run, step), "output": output})
