"""A run as a timeline: attempts, pauses, questions to people, and compensations as they unwind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from engine.core.attempt import Attempt
from engine.core.disrupt import words
from engine.core.events import (
    Disrupted,
    DisruptionStruck,
    Faulted,
    LateLanded,
    LocksTaken,
    LocksWanted,
    Recorded,
    StepsRedone,
    StepsStale,
    WaitBegun,
)
from engine.core.run import Run, StepState
from ui.models.run_checks import check_marks
from ui.models.run_disrupt import steps_of
from ui.models.run_events import words_of
from ui.models.run_graph import UNDO
from ui.models.run_words import clock, epochs, title_of
from ui.models.timeline import Mark, Row, Segment, SegmentKind, Timeline

MAX_ROWS = 60
"""A run with more steps shows only the rows in which something happened."""

_FORWARD: dict[str | None, SegmentKind] = {
    "ok": "attempt_ok", "failed": "attempt_failed", "rejected": "attempt_failed",
    "unknown": "attempt_unknown", None: "running",
}  # fmt: skip
_BACK: dict[str | None, SegmentKind] = {
    "ok": "undo", "failed": "undo_failed", "rejected": "undo_failed", "unknown": "undo_failed",
    None: "undo_running",
}  # fmt: skip


def run_timeline(run: Run, history: list[Recorded], now: datetime) -> Timeline:
    """Return what a run did and when; open stretches end at `now`. A row holds all epochs of its step."""
    steps = [run.steps[name] for name in run.saga.graph.order()]
    lives = [life for step in steps for life in epochs(run, step)]
    segments = [segment for life in lives for segment in _segments(run, life)]
    segments += [*_waits(run, history), *_lock_waits(run, history)]
    marks = [mark for life in lives for mark in _marks(life)] + _planted(history) + check_marks(history)
    begun = {segment.row for segment in segments} | {mark.row for mark in marks}
    shown = [step for step in steps if len(steps) <= MAX_ROWS or step.id in begun]
    rows = [Row(step.id, title_of(step)) for step in shown]
    undone = dict.fromkeys([*run.plan, *(life.id for life in lives if life.undos or life.late_undos)])
    rows += [Row(UNDO + name, f"Undo: {title_of(run.steps[name])}", "undo") for name in undone]
    known = {row.id for row in rows}
    marks = [mark for mark in marks if mark.row in known]  # a new plan may have left a step out
    # Where only a person can go on, time would squeeze what happened against the left edge.
    goes_on = any(segment.end is None for segment in segments)
    return Timeline(tuple(rows), tuple(segments), tuple(marks), now if goes_on else None)


def _segments(run: Run, step: StepState) -> Iterator[Segment]:
    undo = UNDO + step.id
    for attempt in step.attempts:
        yield _call(step.id, _FORWARD[attempt.outcome], attempt, f"#{attempt.number}")
    yield from _pauses(step.id, step.attempts, step.due if step.status == "retry_wait" else None)
    for probe in step.probes:
        yield Segment(step.id, "backoff", probe.started_at, probe.ended_at, detail="looked whether it landed")
    for check in step.checks:
        kind: SegmentKind = "check" if check.outcome in {None, "ok"} else "check_lost"
        call = _call(step.id, kind, check, "")
        said = (f"{check.intent.validator}, vote {check.intent.vote}", call.detail)
        yield replace(call, detail=": ".join(part for part in said if part))
    for attempt in step.undos:
        yield _call(undo, _BACK[attempt.outcome], attempt, "")
    yield from _pauses(undo, step.undos, step.due if step.status == "compensating" else None)
    for attempt in step.late_undos:
        yield _call(undo, _BACK[attempt.outcome], attempt, "")
    for approval in step.approvals:
        asked = f"{approval.request.group or 'anyone'}: {approval.request.question}"
        ended = approval.ended_at or run.ended_at
        yield Segment(step.id, "approval", approval.asked_at, ended, detail=asked)


def _call(row: str, kind: SegmentKind, attempt: Attempt, label: str) -> Segment:
    detail = attempt.result.error if attempt.result else ""
    if attempt.landed is not None:
        detail = f"{detail}; later: it {'landed' if attempt.landed else 'did not land'}".removeprefix("; ")
    return Segment(row, kind, attempt.started_at, attempt.ended_at, label, detail)


def _pauses(row: str, attempts: list[Attempt], due: datetime | None) -> Iterator[Segment]:
    for before, after in pairwise(attempts):
        if before.ended_at is not None:
            yield Segment(row, "backoff", before.ended_at, after.started_at)
    if due is not None and attempts and attempts[-1].ended_at is not None:
        detail = f"the next try is due at {clock(due)} UTC"
        yield Segment(row, "backoff", attempts[-1].ended_at, None, detail=detail)


def _waits(run: Run, history: list[Recorded]) -> list[Segment]:
    return [
        Segment(
            recorded.event.step,
            "waiting",
            recorded.at,
            _life_at(run, history, recorded.event.step, recorded.seq).ended_at or run.ended_at,
            detail=words_of(recorded.event),
        )
        for recorded in history
        if isinstance(recorded.event, WaitBegun) and recorded.event.step in run.steps
    ]


def _lock_waits(run: Run, history: list[Recorded]) -> Iterator[Segment]:
    for recorded in history:
        event = recorded.event
        if isinstance(event, LocksWanted) and event.step in run.steps:
            taken = (
                r.at
                for r in history
                if isinstance(r.event, LocksTaken) and r.event.step == event.step and r.seq > recorded.seq
            )
            life = _life_at(run, history, event.step, recorded.seq)
            ended = min(filter(None, (next(taken, None), life.ended_at)), default=run.ended_at)
            yield Segment(event.step, "locks", recorded.at, ended, detail=", ".join(event.keys))


def _life_at(run: Run, history: Sequence[Recorded], name: str, seq: int) -> StepState:
    """Return the epoch that a step was in at some place in the log."""
    begun = sum(isinstance(r.event, StepsRedone) and name in r.event.steps for r in history if r.seq <= seq)
    return epochs(run, run.steps[name])[begun]


def _marks(step: StepState) -> Iterator[Mark]:
    for approval in step.approvals:
        final = next((answer for answer in approval.answers if answer.final), None)
        if final is not None and approval.ended_at is not None:
            detail = f"by {final.by}" + (f": {final.reason}" if final.reason else "")
            yield Mark(step.id, approval.ended_at, final.decision, detail)


def _planted(history: list[Recorded]) -> list[Mark]:
    """Return the disruptions, faults and late effects; a fault of the whole run has no row and stands in the words."""
    marks = []
    for recorded in history:
        event = recorded.event
        if isinstance(event, Disrupted):
            said = f"{words(event.what)} ({event.by})"
            marks += [Mark(name, recorded.at, "disruption", said) for name in steps_of(event.what)]
        elif isinstance(event, DisruptionStruck):
            marks += [Mark(name, recorded.at, "disruption", event.reason) for name in event.stale]
        elif isinstance(event, StepsStale):
            changed = f"{event.by}: {event.reason}"
            marks += [Mark(name, recorded.at, "disruption", changed) for name in event.steps]
        elif isinstance(event, Faulted) and event.step is not None:
            marks.append(Mark(event.step, recorded.at, "fault", event.reason))
        elif isinstance(event, LateLanded):
            marks.append(Mark(event.step, recorded.at, "late", event.reason))
    return marks
