"""A job shop under way: what has begun stays as it is, and the rest is planned around it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.planning.case import case_of
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.functions import timetable_check, timetable_solve
from engine.planning.plan import Plan
from engine.planning.planner import Standing
from engine.planning.standing import standing_of
from tests.planning.facts import plan, problem, rows_of, solved


@pytest.mark.parametrize("now", [1.0, 4.0, 7.5, 30.0])
@pytest.mark.parametrize(("name", "makespan"), [("J1", 11), ("J3", 29), ("P11", 11)])
def test_what_has_begun_stays_and_the_rest_comes_from_now_on(name: str, makespan: int, now: float) -> None:
    case, base = case_of(problem(name)), Plan(id="base", rows=solved(name).rows)
    standing = standing_of(case, base, now)
    solution = CpSatPlanner().solve(case, None, standing)
    begun = len(standing.rows)
    assert [(r.job, r.op, r.start, r.end) for r in solution.rows[:begun]] == [
        (r.job, r.op, r.start, r.end) for r in standing.rows
    ]
    assert all(row.start >= now for row in solution.rows[begun:])
    assert check(problem(name), plan(name, rows_of(solution))).violations == ()
    assert makespan <= solution.figures["makespan"] <= makespan + 1  # a half minute is lost to whole ones


def begun(now: float) -> dict[str, Any]:
    machine, took = problem("J1").jobs[1].operations[0]
    job = problem("J1").jobs[1].id
    entry = {
        "step": "op",
        "kind": "operation",
        "start": 0,
        "end": took,
        "uses": [machine, job],
        "what": f"{job}.1",
    }
    return {"begun": [entry], "ahead": [], "changes": [], "now": now}


@pytest.mark.parametrize("now", [0, 1])
def test_a_run_with_one_operation_begun_gets_a_plan_for_all_the_others(now: float) -> None:
    found = timetable_solve("J1", begun(now))
    operations = sum(len(job.operations) for job in problem("J1").jobs)
    assert len(found["rows"]) == operations - 1
    assert min(row["start"] for row in found["rows"]) >= now
    assert timetable_check("J1", begun(now), found["rows"]) == {
        "accept": True, "evidence": "nothing violates the problem"
    }  # fmt: skip


def test_nothing_is_planned_before_now() -> None:
    solution = CpSatPlanner().solve(case_of(problem("J1")), None, Standing(5.0))
    assert min(row.start for row in solution.rows) == 5
    assert solution.figures["makespan"] == 16
