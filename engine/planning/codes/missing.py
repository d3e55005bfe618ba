"""missing: something that the problem asks for is not in the plan.

- A task without a row that does it: an errand, a visit (of each group), cooking, an operation. Obtaining a
  vehicle is part of driving it, and events need no row.
- A person who never gets to where they must be; something fetched that is never delivered.
- An event of the problem that names people, but not all of its participants, unless they are told already.
Those who are left behind at one place are one finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.planning.codes.words import at, listed, numbers
from engine.planning.finding import Violation
from engine.planning.outcome import Arrival, arrivals
from engine.planning.plan import Row
from engine.planning.reading import Reading


def find(reading: Reading) -> Iterator[Violation]:
    """Yield what is not there."""
    yield from _tasks(reading)
    never = [one for one in arrivals(reading) if one.at is None]
    groups: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for one in never:
        groups[one.place, one.stuck].append(one)
    for (place, stuck), left in groups.items():
        by = next((f" by {at(reading.case, one.by)}" for one in left if one.by is not None), "")
        yield Violation(
            code="missing", rows=numbers(one.row for one in left),
            required=f"{listed(one.what for one in left)} at {place}{by}", claimed=f"left at {stuck}",
        )  # fmt: skip
    yield from _participants(reading, {one.what for one in never})
    yield from _operations(reading)


def _tasks(reading: Reading) -> Iterator[Violation]:
    case = reading.case
    visitors = [group.id for group in case.problem.groups]
    for task in case.tasks.values():
        if task.kind == "event" or case.is_implied(task) or not (task.at or task.kind == "cook"):
            continue
        rows = reading.work(task.id)
        if task.kind == "visit" and visitors:
            lacking = [f"{one}: " for one in visitors if not any(_takes_part(one, row) for row in rows)]
        else:
            lacking = [] if rows else [""]
        for who in lacking:
            yield Violation(
                code="missing", rows=(), required=f"{who}{task.id} at {task.at}", claimed="not in the plan"
            )


def _takes_part(group: str, row: Row) -> bool:
    return not row.names or group in row.names


def _participants(reading: Reading, told: set[str]) -> Iterator[Violation]:
    for name, row in reading.events():
        lacking = [one for one in reading.case.tasks[name].participants if one not in reading.who(row)]
        lacking = [one for one in lacking if one not in told]
        if lacking and row.people:
            yield Violation(
                code="missing", rows=numbers([row]), required=f"{listed(lacking)} at {name}",
                claimed=listed(row.people),
            )  # fmt: skip


def _operations(reading: Reading) -> Iterator[Violation]:
    done = {(row.job, row.op) for row in reading.rows if row.kind == "operation"}
    for job in reading.case.jobs:
        for number, (machine, _) in enumerate(job.operations, start=1):
            if (job.id, number) not in done:
                yield Violation(
                    code="missing", rows=(), required=f"{job.id}, operation {number} on {machine}",
                    claimed="not in the plan",
                )  # fmt: skip
