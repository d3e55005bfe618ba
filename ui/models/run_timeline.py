"""A run as a timeline: attempts, pauses, questions to people, and compensations as they unwind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice, pairwise

from engine.core.attempt import Attempt
from engine.core.disrupt import words
from engine.core.events import (
    Disrupted,
    DisruptionStruck,
    FallbackTaken,
    Faulted,
    LateLanded,
    LocksTaken,
    LocksWanted,
    OutputAugmented,
    Recorded,
    StepsRedone,
    StepsStale,
    VerdictGiven,
    WaitBegun,
)
from engine.core.run import Run, StepState
from ui.models.run_checks import check_marks
from ui.models.run_disrupt import steps_of
from ui.models.run_events import words_of
from ui.models.run_graph import UNDO
from ui.models.run_places import APART, is_composite, steps_at, title_in
from ui.models.run_tally import inner_steps
from ui.models.run_words import clock, counted, epochs, title_of
from ui.models.timeline import Mark, Row, Segment, SegmentKind, Timeline

MAX_ROWS = 60
"""A run with more steps shows only the rows in which something happened."""
MAX_INSIDE = 200
"""How many steps of an opened composite step have rows."""
FEW_INSIDE = 30
"""A composite step with no more steps inside is open from the start."""
_TOLD = frozenset({
    Disrupted, DisruptionStruck, Faulted, FallbackTaken, LateLanded, LocksTaken, LocksWanted, OutputAugmented, StepsRedone, StepsStale,
    VerdictGiven, WaitBegun,
})  # fmt: skip
_SEEN_AROUND = frozenset({"disruption", "fault", "late", "validation_reject"})

_FORWARD: dict[str | None, SegmentKind] = {
    "ok": "attempt_ok", "failed": "attempt_failed", "rejected": "attempt_failed",
    "unknown": "attempt_unknown", None: "running",
}  # fmt: skip
_BACK: dict[str | None, SegmentKind] = {
    "ok": "undo", "failed": "undo_failed", "rejected": "undo_failed", "unknown": "undo_failed",
    None: "undo_running",
}  # fmt: skip


def run_timeline(
    run: Run, history: Sequence[Recorded], now: datetime, opened: Collection[str] = ()
) -> Timeline:
    """Return what a run did and when; open stretches end at `now`. A row holds all epochs of its step.

    The steps inside the `opened` composite steps have rows of their own; those inside the others are one bar.
    """
    told = [recorded for recorded in history if type(recorded.event) in _TOLD]
    steps = rows_of(run, opened)
    shown = {step.id for step in steps}
    lives = [life for step in steps for life in epochs(run, step)]
    segments = [segment for life in lives for segment in _segments(run, life)]
    segments += [segment for step in steps for segment in _inside(step)]
    segments += [s for s in (*_waits(run, told), *_lock_waits(run, told)) if s.row in shown]
    found = [mark for life in lives for mark in _marks(life)] + _planted(told) + check_marks(told)
    marks = [mark for mark in (_placed(run, mark, shown) for mark in found) if mark is not None]
    begun = {segment.row for segment in segments} | {mark.row for mark in marks}
    many = len(steps) > MAX_ROWS
    rows = [Row(step.id, _row_title(run, step)) for step in steps if not many or step.id in begun]
    undone = dict.fromkeys([*run.plan, *(life.id for life in lives if life.undos or life.late_undos)])
    rows += [
        Row(UNDO + name, f"Undo: {_row_title(run, run.steps[name])}", "undo")
        for name in undone
        if name in shown
    ]
    bundled = _bundled(run, [name for name in _undone_inside(run) if name not in shown], shown)
    segments += bundled
    rows += [Row(bar.row, f"Undo: {title_in(run, bar.row.removeprefix(UNDO))}", "undo") for bar in bundled]
    known = {row.id for row in rows}
    marks = [mark for mark in marks if mark.row in known]  # a new plan may have left a step out
    # Where only a person can go on, time would squeeze what happened against the left edge.
    goes_on = any(segment.end is None for segment in segments)
    return Timeline(tuple(rows), tuple(segments), tuple(marks), now if goes_on else None)


def rows_of(run: Run, opened: Collection[str]) -> list[StepState]:
    """Return the steps that have rows: the run's own, and behind an opened composite step those inside it that have begun."""
    found: list[StepState] = []
    for step in steps_at(run, ""):
        found.append(step)
        if step.id in opened:
            begun = (one for one in inner_steps(run, step) if one.status != "pending")
            found += islice(begun, MAX_INSIDE)
    return found


def openable(run: Run) -> dict[str, int]:
    """Return the composite steps of the run's top level, each with how many steps have been made inside it."""
    found = {}
    for step in run.saga.steps:
        if step in run.composites:
            found[step] = sum(1 for _ in inner_steps(run, run.steps[step]))
    return found


def _row_title(run: Run, step: StepState) -> str:
    if not step.frame:
        return title_of(step)
    around, _, own = title_in(run, step.id).partition(APART)
    return f"↳ {own or around}"


def _inside(step: StepState) -> Iterator[Segment]:
    """Yield the bar of what is inside a composite step, from its beginning to its end."""
    if is_composite(step) and step.ready_at is not None and step.status not in {"pending", "ready"}:
        yield Segment(step.id, "inside", step.ready_at, None if step.status == "waiting" else step.ended_at)


def _placed(run: Run, mark: Mark, shown: Collection[str]) -> Mark | None:
    """Return a mark in its row, or in that of what is around its step; there only what should be seen."""
    if mark.row in shown:
        return mark
    row = _row_around(run, mark.row, shown)
    if row is None or mark.kind not in _SEEN_AROUND:
        return None
    return replace(mark, row=row, detail=f"{title_in(run, mark.row)}: {mark.detail}")


def _row_around(run: Run, name: str, shown: Collection[str]) -> str | None:
    while name in run.steps and name not in shown:
        frame = run.frames.get(run.steps[name].frame)
        name = frame.composite if frame is not None else ""
    return name if name in shown else None


def _undone_inside(run: Run) -> Iterator[str]:
    return (step.id for step in run.steps.values() if step.frame and (step.undos or step.late_undos))


def _bundled(run: Run, names: Sequence[str], shown: Collection[str]) -> list[Segment]:
    """Return one bar for all undos inside a composite step that has no rows for what is inside."""
    calls: dict[str, list[Attempt]] = {}
    last: dict[str, list[Attempt]] = {}
    for name in names:
        row = _row_around(run, name, shown)
        if row is not None:
            for undos in (run.steps[name].undos, run.steps[name].late_undos):
                calls.setdefault(row, []).extend(undos)
                last.setdefault(row, []).extend(undos[-1:])
    return [
        Segment(
            UNDO + row, _worst(last[row]), min(c.started_at for c in each),
            None if any(c.ended_at is None for c in each) else max(c.ended_at for c in each if c.ended_at),
            detail=counted(len(each), "call"),
        )
        for row, each in calls.items()
    ]  # fmt: skip


def _worst(calls: Sequence[Attempt]) -> SegmentKind:
    """Return how calls look as one bar; of each step the last one tells."""
    kinds = {_BACK[call.outcome] for call in calls}
    return next(kind for kind in ("undo_running", "undo_failed", "undo") if kind in kinds)


def _segments(run: Run, step: StepState) -> Iterator[Segment]:
    undo = UNDO + step.id
    for attempt in step.attempts:
        call = _call(step.id, _FORWARD[attempt.outcome], attempt, f"#{attempt.number}")
        against = _sent_back(step, attempt) if attempt.outcome == "ok" else ""
        yield replace(call, kind="sent_back", detail=against) if against else call
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


def _sent_back(step: StepState, attempt: Attempt) -> str:
    """Return what validators had against an answer, so that it did not count; "" where they let it pass.

    What they then let pass, under the same number, is the value that a fallback gave in its place.
    """
    said = (given for given in step.verdicts if given.attempt == attempt.number)
    against = {given.validator: given for given in said if given.verdict in {"retry", "reject"}}
    return "; ".join(f"{given.by or given.validator}: {given.evidence}" for given in against.values())


def _call(row: str, kind: SegmentKind, attempt: Attempt, label: str) -> Segment:
    detail = attempt.result.error if attempt.result else ""
    if attempt.landed is not None:
        detail = f"{detail}; later: it {'landed' if attempt.landed else 'did not land'}".removeprefix("; ")
    return Segment(row, kind, attempt.started_at, attempt.ended_at, label, detail)


def _pauses(row: str, attempts: Sequence[Attempt], due: datetime | None) -> Iterator[Segment]:
    for before, after in pairwise(attempts):
        if before.ended_at is not None:
            yield Segment(row, "backoff", before.ended_at, after.started_at)
    if due is not None and attempts and attempts[-1].ended_at is not None:
        detail = f"the next try is due at {clock(due)} UTC"
        yield Segment(row, "backoff", attempts[-1].ended_at, None, detail=detail)


def _waits(run: Run, history: Sequence[Recorded]) -> list[Segment]:
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


def _lock_waits(run: Run, history: Sequence[Recorded]) -> Iterator[Segment]:
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


def _planted(history: Sequence[Recorded]) -> list[Mark]:
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
