"""The solver's time limit: it is for everything that is asked, and what it cuts short is no proof of anything."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from engine.planning.case import Case, case_of
from engine.planning.cases import Question, answer, moment_of, open_cases
from engine.planning.cpsat import CpSatPlanner, model
from engine.planning.planner import Solution
from tests.planning.facts import problem


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each solver got, on a clock that goes on by four seconds whenever it is looked at."""
    seen: list[float] = []
    clock, made = count(0.0, 4.0), model.Solvers.__call__

    def noted(self: model.Solvers) -> Any:
        solver = made(self)
        seen.append(solver.parameters.max_time_in_seconds)
        return solver

    monkeypatch.setattr(model, "monotonic", lambda: next(clock))
    monkeypatch.setattr(model.Solvers, "__call__", noted)
    return seen


def test_all_solves_of_a_question_share_its_time(given: list[float]) -> None:
    solution = CpSatPlanner().solve(case_of(problem("P6")), limit_s=14)
    assert given[:4] == [10, 6, 2, model.LEAST_S]
    assert solution.status != "optimal"


def test_a_proof_gets_some_time_to_leave_out_what_is_superfluous(given: list[float]) -> None:
    case = case_of(problem("P9"), {"exit_minutes": 61})
    solution = CpSatPlanner().solve(case, limit_s=6)
    assert solution.status == "infeasible"
    assert given[0] == 2
    assert 0 < given[1] <= model.PROOF_S
    assert given[-1] <= given[1]


class NoTime:
    """A planner that never has enough time; `limits` are those that it got."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def solve(self, case: Case, objective: Any = None, standing: Any = None, limit_s: float = 60) -> Solution:
        self.limits.append(limit_s)
        return Solution(status="unknown", objective="earliest")


def test_open_cases_share_the_time_too_and_say_that_it_was_too_short() -> None:
    case, planner = case_of(problem("P8")), NoTime()
    now = moment_of(case)
    assert now is not None
    question = Question(case, planner, now, limit_s=7)
    answers = [answer(question, car, state) for car, state in open_cases(case, now)]
    assert answers
    assert not any(one.possible or one.in_time for one in answers)
    assert max(planner.limits) <= 7
    assert planner.limits == sorted(planner.limits, reverse=True)
