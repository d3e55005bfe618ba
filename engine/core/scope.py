"""What expressions see: `run`, `steps`, `app`, `world`, and around a call `key`, `request`, `output`."""

from __future__ import annotations

from typing import Any

from engine.core.activities_told import timetable
from engine.core.frames import Frame, frame_id, nested_in, seen_steps, worker_around
from engine.core.run import Run, StepState
from engine.core.templates import render

Json = Any
WORLD = "http://sandbox.internal"
"""The practice world's logical address: what is recorded does not depend on the port it runs on today."""


def forward_scope(run: Run, step: StepState | None = None) -> dict[str, Json]:
    """Return what guards, inputs and questions of a step see; only committed outputs are in it (R11)."""
    scope = {
        "run": run.facts if run.clock is None else {**run.facts, "timetable": timetable(run)},
        "steps": run.known,
        "app": run.app,
        "world": WORLD,
        "assume": run.assumed,
        "events": run.heard,
        "memory": run.memory,
        "key": key_of(run, step) if step else "",
        "attempt": len(step.attempts) + 1 if step else 0,
    }
    return scope if step is None or not step.frame else scope | frame_scope(run, run.frames[step.frame])


def frame_scope(run: Run, frame: Frame) -> dict[str, Json]:
    """Return what the steps of a frame see in place of what all steps see, or besides it."""
    nested = nested_in(run, frame)
    known: dict[str, Json] = {"steps": seen_steps(run, frame), "events": frame.heard, **frame.values}
    worker = worker_around(run, frame)
    if worker is not None:
        before = {name: run.frames[frame_id(worker.composite, name)] for name in worker.after}
        known["results"] = {name: output_of(run, other) for name, other in before.items()}
    if nested is None:
        return known
    assumed = {one.name: one.value for one in nested.plan.assumptions}
    return known | {"run": nested.facts, "app": nested.app, "memory": {}, "assume": assumed}


def scope_of(run: Run, frame: Frame) -> dict[str, Json]:
    """Return what expressions see that speak of a frame as a whole."""
    return forward_scope(run) | frame_scope(run, frame)


def output_of(run: Run, frame: Frame) -> Json:
    """Return what a frame gives: its body's `output`, else the output of its last step, or of each where it has several.

    Raises:
        ExpressionError: if the body's output can't be made.
    """
    declared = frame.plan.output
    if frame.closed:
        return render(dict(declared), scope_of(run, frame))
    if "result" in declared:
        return render(declared["result"], scope_of(run, frame))
    last = {
        name: known_output(frame, name) for name, after in frame.plan.graph.dependents.items() if not after
    }
    return next(iter(last.values())) if len(last) == 1 else last


def known_output(frame: Frame, name: str) -> Json:
    """Return the output of a step of a frame, or None where it has none."""
    return frame.known.get(name, {}).get("output")


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
