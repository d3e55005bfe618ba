"""deadline: somebody or something gets to where it must be, or is done, after its time.

- A person who must be at a place by a time, gets there, but later. Who is there in time, leaves again
  and is back too late is late as well; who never gets there is `missing`, not late.
- Something fetched that is delivered after the task's deadline; a task (cooking) that ends after its own.
- An event of the problem (the dinner, the photos) that is held after its time, or before what it needs is done.
At its very minute it is in time. Limits marked `derived` follow from others and are not counted again.
One violation for each row that is late: who and what it brings is one finding; the event that
then begins late is the consequence and joins it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.planning.codes.words import at, listed, numbers, span
from engine.planning.finding import Violation
from engine.planning.outcome import Arrival, arrivals
from engine.planning.plan import Row
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE


def find(reading: Reading) -> Iterator[Violation]:
    """Yield what is late."""
    late = [*_arrivals(reading), *_tasks(reading)]
    events = list(_events(reading))
    if late and events:
        first = late[0]
        late[0] = first.model_copy(
            update={"rows": tuple(sorted({*first.rows, *numbers(row for row, _ in events)}))}
        )
    yield from late
    if not late:
        for row, required in events:
            yield Violation(
                code="deadline", rows=numbers([row]), required=required, claimed=span(reading.case, row)
            )


def _arrivals(reading: Reading) -> Iterator[Violation]:
    groups: dict[tuple[int | None, str, float | None], list[Arrival]] = defaultdict(list)
    for one in arrivals(reading):
        if one.is_late:
            groups[one.row.n if one.row else None, one.place, one.at].append(one)
    for (_, place, moment), late in groups.items():
        by = min(one.by for one in late if one.by is not None)
        yield Violation(
            code="deadline", rows=numbers(one.row for one in late),
            required=f"{listed(one.what for one in late)} at {place} by {at(reading.case, by)}",
            claimed=at(reading.case, moment or 0),
        )  # fmt: skip


def _tasks(reading: Reading) -> Iterator[Violation]:
    for task in reading.case.tasks.values():
        if task.deliver_to is not None or task.deadline is None:
            continue
        rows = reading.work(task.id)
        if rows and (row := min(rows, key=lambda one: one.ends)).ends > task.deadline + TOLERANCE:
            yield Violation(
                code="deadline", rows=numbers([row]),
                required=f"{task.id} done by {at(reading.case, task.deadline)}", claimed=span(reading.case, row),
            )  # fmt: skip


def _events(reading: Reading) -> Iterator[tuple[Row, str]]:
    """Yield the events that are held too late, or before what they need is done."""
    case = reading.case
    for name, row in reading.events():
        task = case.tasks[name]
        limits = [value for value in (task.start, task.deadline) if value is not None]
        if limits and row.start > min(limits) + TOLERANCE:
            yield row, f"{name} at {at(case, min(limits))}"
            continue
        for need in task.needs:
            done = [one.ends for one in reading.work(need)] if need in case.tasks else []
            if done and min(done) > row.start + TOLERANCE and case.tasks[need].deliver_to is None:
                yield row, f"{name} after {need} is done at {at(case, min(done))}"
                break
