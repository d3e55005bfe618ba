"""Completing a turn that was cut: a log that ends between a fact and what follows from it (L9).

The stores of this project write a turn whole or not at all. A log that was cut elsewhere - copied, truncated,
exported up to some event - may end anywhere; whoever takes the run over first records what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from engine.core import events as e
from engine.core.act import after_answer
from engine.core.attempts import fault, not_landed, resolve_all
from engine.core.commit import broken_invariant
from engine.core.dropped import point_passed, taken_back
from engine.core.limits import in_words
from engine.core.panel import untold
from engine.core.results import FOLLOW
from engine.core.run import Run, StepState

Missing = list[e.Event]


def missing(run: Run, now: datetime) -> Missing:
    """Return what the log lacks after its last facts; empty where it is complete. Record it and ask again."""
    if run.seq == 0 or run.is_closed:
        return []
    for step in run.steps.values():
        for look in _LOOKS:
            found = look(run, step, now)
            if found:
                return found
    return _of_the_run(run)


def _forward(run: Run, step: StepState, now: datetime) -> Missing:
    last = step.attempts[-1] if step.attempts else None
    if last is None or last.result is None:
        return []
    if step.status == "validating" and last.outcome == "ok" and step.unresolved:
        return resolve_all(
            step, landed=True, how="retry", output=None, evidence="a retry with the same key", by=""
        )
    untold = step.status == "unknown" or (step.status == "retry_wait" and step.due is None)
    if untold and not step.unresolved:
        return not_landed(run, step, "it did not land", now)
    if step.status == "running":
        return FOLLOW["forward"](run, step, last.result, now)
    return []


def _resolution(_run: Run, step: StepState, _now: datetime) -> Missing:
    """Return the rest of an answer that told of several attempts at once."""
    for known in step.attempts:
        told = known.resolution
        rest = [other for other in step.unresolved if other.ended_seq < known.resolved_seq]
        if told is not None and rest:
            return [replace(told, attempt=other.number) for other in rest]
    return []


def _undo(run: Run, step: StepState, now: datetime) -> Missing:
    if step.status not in {"compensating", "comp_failed"}:
        return []
    for undo in step.undos:
        if undo.result is not None and (undo.landed or undo.outcome == "ok"):
            return FOLLOW["undo"](run, step, replace(undo.result, outcome="ok"), now)
    last = step.undos[-1] if step.undos else None
    if step.status == "comp_failed" or step.due is not None or last is None or last.result is None:
        return []
    return FOLLOW["undo"](run, step, last.result, now)


def _late(run: Run, step: StepState, now: datetime) -> Missing:
    last = step.late_undos[-1] if step.late_undos else None
    open_ = step.late is not None and step.late.status == "undoing" and step.late.due is None
    if not open_ or last is None or last.result is None:
        return []
    return FOLLOW["late"](run, step, last.result, now)


def _check(run: Run, step: StepState, _now: datetime) -> Missing:
    return untold(run, step) if step.id in run.judging and run.fault is None else []


def _answer(run: Run, step: StepState, _now: datetime) -> Missing:
    if step.status != "awaiting_approval" or step.approval is None or step.approval.status == "open":
        return []
    if step.approval.status == "superseded":
        return [e.StepSkipped(step=step.id, reason=step.approval.reason)]
    return after_answer(run, step)


def _failure(run: Run, step: StepState, _now: datetime) -> Missing:
    if (
        step.status != "failed"
        or run.fault is not None
        or run.direction == "undo"
        or step.id in run.attention
    ):
        return []
    if any(known.step == step.id for known in run.faults[run.faults_before :]):
        return [e.HelpNeeded(step=step.id, kind="stuck_after_pivot", reason=step.reason)]
    return fault(run, "exhausted", step.id, step.reason)


def _left_inside(run: Run, step: StepState, _now: datetime) -> Missing:
    """Return what of a composite step that failed is still to be taken back."""
    failed = step.status == "handled" and not point_passed(run, step)
    return list(taken_back(run, step, step.reason)) if failed else []


def _of_the_run(run: Run) -> Missing:
    if run.fault is not None or run.direction == "undo":
        return []
    if run.upset:
        return fault(run, "disruption", next(iter(run.stale), None), run.upset)
    if run.limit is not None and run.limit.response == "stop":
        return fault(run, "budget", None, in_words(run.limit))
    broken = broken_invariant(run, {})
    if broken and all(known.source != "invariant" for known in run.faults):
        return fault(run, "invariant", None, broken)
    return []


_LOOKS: tuple[Callable[[Run, StepState, datetime], Missing], ...] = (
    _resolution,
    _forward,
    _undo,
    _late,
    _check,
    _answer,
    _failure,
    _left_inside,
)
