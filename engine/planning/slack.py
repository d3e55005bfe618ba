"""Slack: how many minutes later each activity may be before the plan breaks, everything after it pushed along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine.planning.case import Case, case_of
from engine.planning.checker import check
from engine.planning.plan import Plan, Row
from engine.planning.problem import Problem
from engine.planning.reading import Reading

ACTS = {"drive", "walk", "errand", "visit", "pickup", "cook"}
MOST = 24 * 60


def slack_of(problem: Problem, plan: Plan, given: Mapping[str, Any] | None = None) -> dict[int, float]:
    """Return the slack of each activity still ahead, by row number, for a plan that is valid."""
    case = case_of(problem, given)
    if problem.is_shop:
        return _shop(case, plan)
    now = plan.now if plan.now is not None else float("-inf")
    rows = [row for row in plan.rows if row.kind in ACTS and row.start >= now]

    def still_valid(number: int, minutes: int) -> bool:
        return not check(problem, pushed(case, plan, number, minutes), given).violations

    return {row.n: _most(partial(still_valid, row.n)) for row in rows}


def _most(holds: Callable[[int], bool]) -> float:
    """Return the largest number of minutes for which it holds."""
    low, high = 0, 1
    while high <= MOST and holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def pushed(case: Case, plan: Plan, number: int, minutes: float) -> Plan:
    """Return the plan with one row so much later, and whatever it holds up after it."""
    reading = Reading(case, plan)
    free: dict[str, float] = {}
    rows: list[Row] = []
    for row in reading.rows:
        if row.kind not in ACTS:
            rows.append(row)
            continue
        names = [*reading.who(row), *([row.agent] if row.agent else [])] if row.kind != "cook" else []
        start = max(
            [row.start + (minutes if row.n == number else 0), *(free.get(name, 0.0) for name in names)]
        )
        moved = row.model_copy(update={"start": start, "end": start + _length(case, row, start)})
        free.update(dict.fromkeys(names, moved.ends))
        rows.append(moved)
    return plan.model_copy(update={"rows": tuple(rows)})


def _length(case: Case, row: Row, start: float) -> float:
    """Return how long a row takes at another start: a way may get slower."""
    took = row.ends - row.start
    if not row.moves:
        return took
    was = case.travel.needed(row.from_ or "", row.to or "", row.start) or 0.0
    return took - was + (case.travel.needed(row.from_ or "", row.to or "", start) or 0.0)


def _shop(case: Case, plan: Plan) -> dict[int, float]:
    """Return how much later each operation may begin without a longer makespan, in this order of the machines."""
    rows = sorted(plan.rows, key=lambda row: row.start, reverse=True)
    makespan = max((row.ends for row in rows), default=0.0)
    latest: dict[str, float] = {}
    found: dict[int, float] = {}
    for row in rows:
        end = min(latest.get(f"job {row.job}", makespan), latest.get(f"machine {row.machine}", makespan))
        begins = [out.since for out in case.outages if out.machine == row.machine and out.since >= row.ends]
        start = min([end, *begins]) - (row.ends - row.start)
        latest[f"job {row.job}"] = latest[f"machine {row.machine}"] = start
        found[row.n] = start - row.start
    return found
