"""The job shop's facts: which machine an operation needs and how long it takes."""

from __future__ import annotations

from engine.planning.case import Case
from engine.planning.plan import Row


def operation_of(case: Case, row: Row) -> tuple[str, float] | None:
    """Return the machine and the duration of a row's operation (counted from 1), None where there is none."""
    job = next((one for one in case.jobs if one.id == row.job), None)
    if job is None or row.op is None or not 1 <= row.op <= len(job.operations):
        return None
    return job.operations[row.op - 1]
