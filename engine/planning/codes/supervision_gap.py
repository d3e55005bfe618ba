"""supervision_gap: nobody is there while something that must be supervised goes on.

- While the task runs, at every moment somebody who may supervise is at its place; they may take turns,
  and one who leaves at the minute another arrives leaves no gap.
- Who is there follows from the ways that people take, not from the names in the row.
- A task with a performer (the sides) wants one and the same person there from its beginning to its end.
One violation for each task; tasks that are left alone at the same time are one finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.planning.codes.words import at, listed, numbers
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.problem import Task
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE

Span = tuple[float, float]


@dataclass
class _Alone:
    tasks: list[str]
    rows: list[Row]
    gaps: list[Span]


def find(reading: Reading) -> Iterator[Violation]:
    """Yield the tasks that are left alone, those with a common gap together."""
    found: list[_Alone] = []
    for task in reading.case.tasks.values():
        for row in reading.work(task.id) if task.supervised_by is not None else ():
            gaps = _gaps(reading, task, row)
            if gaps:
                _add(found, _Alone([task.id], [row], gaps))
    for one in found:
        away = _leaving(reading, one)
        when = ", ".join(f"{at(reading.case, a)}-{at(reading.case, b)}" for a, b in sorted(set(one.gaps)))
        yield Violation(
            code="supervision_gap", rows=numbers([*one.rows, *away]),
            required=f"somebody there all the time for {listed(one.tasks)}", claimed=f"nobody {when}",
        )  # fmt: skip


def _gaps(reading: Reading, task: Task, row: Row) -> list[Span]:
    place = reading.case.supervised_at(task)
    end = row.start + (task.duration or 0) if row.end is None else row.end
    present = [
        span for name in reading.case.who_may_supervise(task) for span in reading.tracks[name].presence(place)
    ]  # fmt: skip
    gaps = _uncovered((row.start, end), present)
    if gaps or not task.performer:
        return gaps
    throughout = any(a <= row.start + TOLERANCE and b >= end - TOLERANCE for a, b in present)
    return [] if throughout else [(row.start, end)]


def _uncovered(whole: Span, present: list[Span]) -> list[Span]:
    start, end = whole
    gaps: list[Span] = []
    for since, until in sorted(present):
        if since > start + TOLERANCE and start < end - TOLERANCE:
            gaps.append((start, min(since, end)))
        start = max(start, until)
    if start < end - TOLERANCE:
        gaps.append((start, end))
    return [gap for gap in gaps if gap[1] - gap[0] > TOLERANCE]


def _add(found: list[_Alone], one: _Alone) -> None:
    for other in found:
        if set(other.tasks) & set(one.tasks) or any(
            a < d and c < b for a, b in other.gaps for c, d in one.gaps
        ):
            other.tasks += one.tasks
            other.rows += one.rows
            other.gaps += one.gaps
            return
    found.append(one)


def _leaving(reading: Reading, one: _Alone) -> list[Row]:
    """Return the drives that begin or go on while nobody is there, from that place."""
    places = {reading.case.tasks[name].at for name in one.tasks}
    return [
        row for row in reading.rows
        if row.moves and row.from_ in places and any(abs(row.start - a) <= TOLERANCE for a, _ in one.gaps)
    ]  # fmt: skip
