"""What expressions see: `run`, `steps`, `app`, `world`, and around a call `key`, `request`, `output`."""

from __future__ import annotations

from typing import Any

from engine.core.run import Run, StepState

Json = Any
WORLD = "http://sandbox.internal"
"""The practice world's logical address: what is recorded does not depend on the port it runs on today."""


def forward_scope(run: Run, step: StepState | None = None) -> dict[str, Json]:
    """Return what guards, inputs and questions of a step see; only committed outputs are in it (R11)."""
    return {
        "run": run.facts,
        "steps": run.known,
        "app": run.app,
        "world": WORLD,
        "key": key_of(run, step) if step else "",
        "attempt": len(step.attempts) + 1 if step else 0,
    }


def output_scope(run: Run, step: StepState) -> dict[str, Json]:
    """Return what validators, `writes` and the undo of a step see: its request and output, too."""
    request = step.attempts[-1].intent.request if step.attempts else None
    return {**forward_scope(run, step), "output": step.output, "request": request}


def key_of(run: Run, step: StepState) -> str:
    """Return the idempotency key of a step's attempts: the same for each (R4)."""
    return f"{run.id}:{step.id}:{step.epoch}"


def undo_key_of(run: Run, step: StepState) -> str:
    """Return the idempotency key of a step's compensation (R4)."""
    return f"c:{run.id}:{step.id}:{step.epoch}"


def late_key_of(run: Run, step: StepState, attempt: int) -> str:
    """Return the key under which a late effect is undone: the step's own compensation may have had its answer."""
    return f"{undo_key_of(run, step)}:late{attempt}"
