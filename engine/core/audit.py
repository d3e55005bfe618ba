"""A last look at the world after a run has ended: what its probes should find, and what it means if they don't (R38)."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core.run import Run, StepState
from engine.core.saga import effect_of

PAUSE = timedelta(seconds=5)
"""How long after the last settle window the look is taken."""


def expected(run: Run) -> dict[str, bool]:
    """Return the steps whose effect a probe can look for, each with whether it should be there.

    Many targets go on to know what was cancelled. So of what was undone only a probe with a rule of its own
    (`landed`) can tell; that a look-up finds something proves nothing then.
    """
    told: dict[str, bool] = {}
    for step in run.steps.values():
        if step.definition.probe is None or not step.attempts or effect_of(step.definition) == "readonly":
            continue
        if step.status == "compensated" and step.definition.probe.landed is None:
            continue
        if step.status in {"committed", "compensated", "empty", "handled"}:
            told[step.id] = step.status == "committed"
    return told


def audit_at(run: Run) -> datetime | None:
    """Return when to look, once nothing can land any more; None where the run is open or has nothing to look at."""
    looked_at = expected(run) if run.ended_at is not None and run.status != "abandoned" else {}
    if run.ended_at is None or not looked_at:
        return None
    window = max(run.steps[name].definition.settle_s for name in looked_at)
    return run.ended_at + timedelta(seconds=window) + PAUSE


def difference(step: StepState, *, should: bool, found: bool) -> str:
    """Return what is wrong, in words, where a probe's finding is not what the run's end says; else empty."""
    if found == should:
        return ""
    if should:
        return f"'{step.id}' is committed, and its target does not know it any more"
    return f"'{step.id}' is {step.status}, and its target still has it"
