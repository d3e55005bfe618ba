"""window_closed: an errand or a visit outside the hours of its task.

- It begins before the window opens, or it ends after the window closes. Where the assumption
  `window_means` is `arrive`, it may end later as long as it begins in time.
- At the very minute of opening or closing it is inside.
- Where several rows do the same task, one inside the window is enough.
- Cooking has no window, and an obtained vehicle has the availability of its driver.
One violation for each task.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.planning.codes.words import at, numbers, span
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.problem import Task
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE


def find(reading: Reading) -> Iterator[Violation]:
    """Yield each task that is only done outside its window."""
    for task in reading.case.tasks.values():
        rows = reading.work(task.id)
        if (
            rows
            and not reading.case.is_implied(task)
            and not any(_inside(reading, task, row) for row in rows)
        ):
            row = rows[0]
            yield Violation(
                code="window_closed", rows=numbers([row]), required=f"{task.id}: {_hours(reading, task)}",
                claimed=span(reading.case, row),
            )  # fmt: skip


def _inside(reading: Reading, task: Task, row: Row) -> bool:
    opens, closes = task.window
    last = row.ends if reading.case.window_means_finish else row.start
    late = closes is not None and last > closes + TOLERANCE
    early = opens is not None and row.start < opens - TOLERANCE
    return not early and not late


def _hours(reading: Reading, task: Task) -> str:
    opens, closes = task.window
    parts = [f"from {at(reading.case, opens)}"] if opens is not None else []
    return " ".join([*parts, *([f"by {at(reading.case, closes)}"] if closes is not None else [])])
