"""What should be done now, and when to look again. Everything the engine does by itself starts here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal

from engine.core.run import Run, StepState
from engine.core.saga import effect_of, undo_of, with_document
from engine.core.templates import names_in

MAX_PROBES = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do; `carry_out` says by which events."""

    kind: Literal[
        "deadline", "validate", "open", "begin", "retry", "expire", "end_wait", "probe", "ask", "withdraw",
        "give_up", "choose", "undo", "excuse", "close",
    ]  # fmt: skip
    step: str = ""


def due(run: Run, now: datetime) -> Iterator[Task]:
    """Yield what should be done now, most urgent first; take one, do it, ask again.

    Going back waits for calls still in flight: undoing a booking while its sibling is being
    paid would leave a payment with nothing to pay for (R14, R17).
    """
    if run.seq == 0 or run.is_closed:
        return
    for name in run.active:
        if run.steps[name].status == "validating":
            yield Task("validate", name)
    if run.direction == "undo":
        yield from _back(run, now)
        return
    if run.fault is None and _deadline_passed(run, now):
        yield Task("deadline")
    yield from _forward(run, now) if run.fault is None else _drain(run, now)


def _deadline_passed(run: Run, now: datetime) -> bool:
    return (
        run.deadline is not None and now >= run.deadline and all(f.source != "deadline" for f in run.faults)
    )


def _forward(run: Run, now: datetime) -> Iterator[Task]:
    for name in run.fresh:
        yield Task("open", name)
    for name in run.active:
        yield from _timer(run, run.steps[name], now)
    if run.ready and not run.paused and len(run.open_calls) < run.saga.parallel:
        yield Task("begin", next(iter(run.ready)))
    if not run.unfinished:
        yield Task("close")


def _timer(run: Run, step: StepState, now: datetime) -> Iterator[Task]:
    passed = step.due is not None and now >= step.due
    if step.status == "waiting" and passed:
        yield Task("end_wait", step.id)
    elif step.status == "awaiting_approval" and passed:
        yield Task("expire", step.id)
    elif step.status == "retry_wait" and passed and not run.paused:
        yield Task("retry", step.id)
    elif step.status == "unknown":
        yield from _look(run, step, now)


def _look(run: Run, step: StepState, now: datetime) -> Iterator[Task]:
    """Find out whether an unknown attempt landed: probe it once it settled, or ask a person (R6, R7)."""
    if step.id in run.attention or (step.probes and step.probes[-1].result is None):
        return
    settles_at = step.settles_at
    waits_until = step.due or settles_at
    if (settles_at is not None and now < settles_at) or (waits_until is not None and now < waits_until):
        return
    if step.definition.probe is None or len(step.probes) >= MAX_PROBES:
        undoable = effect_of(step.definition) == "compensatable" and not undo_needs_output(step)
        blind = run.direction == "forward" and undoable and undo_of(step.definition) is not None
        yield Task("give_up" if blind else "ask", step.id)
    elif not run.paused:
        yield Task("probe", step.id)


def _drain(run: Run, now: datetime) -> Iterator[Task]:
    for name in chain(run.active, run.ready):
        approval = run.steps[name].approval
        if approval is not None and approval.status in {"open", "approved"}:
            yield Task("withdraw", name)
    if run.open_calls or run.direction_asked:
        return
    pivots = (run.steps[name] for name in run.saga.pivots)
    doubtful = [step for step in pivots if step.unresolved and not step.landed]
    for step in doubtful:
        yield from _look(run, step, now)
    if not doubtful:
        yield Task("choose")


def _back(run: Run, now: datetime) -> Iterator[Task]:
    slots = run.saga.parallel_undo - len(run.open_calls)
    for name in run.undo_active:
        step = run.steps[name]
        if step.status == "to_compensate":
            yield from _first_undo(run, step, now, slots)
        elif (
            step.status == "compensating"
            and step.due is not None
            and now >= step.due
            and slots > 0
            and not run.paused
        ):
            yield Task("undo", name)
        if slots <= 0:
            break
    if not run.unplanned:
        yield Task("close")


def _first_undo(run: Run, step: StepState, now: datetime, slots: int) -> Iterator[Task]:
    settles_at = step.settles_at
    if settles_at is not None and now < settles_at:
        return
    if undo_of(step.definition) is None:
        yield Task("excuse", step.id)
    elif step.unresolved and not step.landed and undo_needs_output(step):
        yield from _look(run, step, now)
    elif slots > 0 and not run.paused:
        yield Task("undo", step.id)


def undo_needs_output(step: StepState) -> bool:
    """Return whether the compensation can't be made without the step's output."""
    undo = undo_of(step.definition)
    return undo is not None and "output" in names_in(with_document(undo))


def wake_at(run: Run) -> datetime | None:
    """Return the next moment at which a timer makes something due, or None where only news can."""
    if run.is_closed:
        return None
    moments = [run.deadline] if run.fault is None and all(f.source != "deadline" for f in run.faults) else []
    for name in run.undo_active if run.direction == "undo" else run.active:
        step = run.steps[name]
        if step.due is not None:
            moments.append(step.due)
        elif step.status in {"unknown", "to_compensate"}:
            moments.append(step.settles_at)
    return min((moment for moment in moments if moment is not None), default=None)
