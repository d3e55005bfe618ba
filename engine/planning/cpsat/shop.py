"""Job shops: an interval for each operation, one at a time on each machine, in the job's order."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from ortools.sat.python import cp_model

from engine.core.errors import CommandRejected
from engine.planning.case import Case
from engine.planning.cpsat.model import SOLVED, Solvers
from engine.planning.plan import Row
from engine.planning.planner import Solution, Standing


class _Enough(cp_model.CpSolverSolutionCallback):  # type: ignore[misc] # OR-Tools has no types here
    """Ends the search at the first schedule that is good enough."""

    def __init__(self, makespan: float) -> None:
        super().__init__()
        self.makespan = makespan

    def on_solution_callback(self) -> None:
        """Look at a schedule that was found."""
        if self.objective_value <= self.makespan:
            self.stop_search()


def solve_shop(
    case: Case, solvers: Solvers, enough: float | None = None, standing: Standing | None = None
) -> Solution:
    """Return the schedule with the shortest makespan that is found within the limit.

    A makespan of `enough` ends the search before. What has begun stays as it is, and comes first in the rows.

    Raises:
        CommandRejected: for durations that are no whole numbers.
    """
    if any(not float(took).is_integer() for job in case.jobs for _, took in job.operations):
        raise CommandRejected(f"{case.problem.id} has durations that are no whole numbers; give a finer unit")
    model, begun = cp_model.CpModel(), Begun(standing)
    starts, makespan = _build(case, model, begun)
    model.minimize(makespan)
    solver = solvers()
    status = solver.solve(model, _Enough(enough if enough is not None else -1))
    if status not in SOLVED:
        return Solution(status="unknown", objective="makespan")
    ahead = _rows(case, {key: solver.value(start) for key, start in starts.items()})
    rows = tuple(row.model_copy(update={"n": n}) for n, row in enumerate([*begun.rows, *ahead], start=1))
    return Solution(
        status="optimal" if status == cp_model.OPTIMAL else "feasible", objective="makespan", rows=rows,
        figures={"makespan": max(row.ends for row in rows)}, bound=solver.best_objective_bound,
    )  # fmt: skip


class Begun:
    """The operations that have begun: from when on their machines and jobs are free again, at the earliest now."""

    def __init__(self, standing: Standing | None) -> None:
        self.rows = standing.rows if standing is not None else ()
        self.now = math.ceil(standing.now) if standing is not None else 0
        self.done = {(row.job, row.op) for row in self.rows}
        self.end = max((math.ceil(row.ends) for row in self.rows), default=0)

    def free(self, job: str, machine: str) -> int:
        """Return the earliest start of an operation that has not begun."""
        busy = [math.ceil(row.ends) for row in self.rows if row.job == job or row.machine == machine]
        return max([self.now, *busy])


def _build(case: Case, model: Any, begun: Begun) -> tuple[dict[tuple[str, int], Any], Any]:
    last = max([begun.now, begun.end, *(math.ceil(out.until) for out in case.outages)])
    horizon = last + int(sum(took for job in case.jobs for _, took in job.operations))
    makespan = model.new_int_var(begun.end, horizon, "makespan")
    starts: dict[tuple[str, int], Any] = {}
    machines: dict[str, list[Any]] = defaultdict(list)
    for job in case.jobs:
        before: Any = 0
        for number, (machine, took) in enumerate(job.operations, start=1):
            if (job.id, number) in begun.done:
                continue
            start = model.new_int_var(begun.free(job.id, machine), horizon, f"{job.id}.{number}")
            machines[machine].append(
                model.new_fixed_size_interval_var(start, int(took), f"{job.id}.{number}")
            )
            model.add(start >= before)
            starts[job.id, number], before = start, start + int(took)
        model.add(makespan >= before)
    for out in case.outages:
        since = math.floor(out.since)
        machines[out.machine].append(
            model.new_fixed_size_interval_var(since, math.ceil(out.until) - since, f"{out.machine} down")
        )
    for busy in machines.values():
        model.add_no_overlap(busy)
    return starts, makespan


def _rows(case: Case, starts: dict[tuple[str, int], int]) -> tuple[Row, ...]:
    found = [
        (starts[job.id, number], starts[job.id, number] + int(took), job.id, number, machine)
        for job in case.jobs for number, (machine, took) in enumerate(job.operations, start=1)
        if (job.id, number) in starts
    ]  # fmt: skip
    return tuple(
        Row(n=n, kind="operation", start=start, end=end, job=job, op=number, machine=machine)
        for n, (start, end, job, number, machine) in enumerate(sorted(found), start=1)
    )
