"""duration_short: a task, a stop or an operation that claims less time than it takes.

- Cooking, visits and operations take the problem's duration. Rows of one task that follow each other
  without a pause count together.
- Where the source is silent, errands and pick-ups take the `service_minutes` assumed (none by default).
- Cooking without an end claims nothing; an errand, a visit or a pick-up without an end claims a moment.
- Longer is allowed.
One violation for each task, pick-up or operation.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.planning.codes.words import minutes, numbers, span
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.shop import operation_of
from engine.planning.times import TOLERANCE


def find(reading: Reading) -> Iterator[Violation]:
    """Yield what claims less time than it takes."""
    case = reading.case
    for task in case.tasks.values():
        stretches = _stretches(reading.work(task.id)) if task.kind != "event" else []
        if stretches and not case.is_implied(task):
            best = max(stretches, key=_length)
            if best[-1].end is not None or task.kind != "cook":
                yield from _short(reading, best, task.id, case.minutes_for(task))
    for row in reading.rows:
        if row.kind == "pickup":
            yield from _short(reading, [row], "a pick-up", case.service)
        elif row.kind == "operation" and (known := operation_of(case, row)) is not None:
            yield from _short(reading, [row], f"{row.job}, operation {row.op}", known[1])


def _short(reading: Reading, rows: list[Row], what: str, needed: float) -> Iterator[Violation]:
    if needed > 0 and _length(rows) < needed - TOLERANCE:
        yield Violation(
            code="duration_short", rows=numbers(rows), required=f"{what} takes {minutes(needed)}",
            claimed=f"{minutes(_length(rows))}: {', '.join(span(reading.case, row) for row in rows)}",
        )  # fmt: skip


def _length(rows: list[Row]) -> float:
    return max(row.ends for row in rows) - rows[0].start


def _stretches(rows: list[Row]) -> list[list[Row]]:
    """Return the rows in stretches without a pause."""
    found: list[list[Row]] = []
    for row in sorted(rows, key=lambda one: (one.start, one.n)):
        if found and row.start <= max(one.ends for one in found[-1]) + TOLERANCE:
            found[-1].append(row)
        else:
            found.append([row])
    return found
