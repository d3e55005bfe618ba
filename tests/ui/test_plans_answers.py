"""What `solve-plan` and `schedule` say and how they exit, by how the planner answered."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.planning.plan import Row
from engine.planning.planner import Conflict, Solution
from ui.cli import main

DRIVE = Row.model_validate(
    {"n": 1, "kind": "drive", "agent": "Pat", "start": "13:00", "end": "13:40", "from": "B", "to": "W"}
)
PLAN = Solution(status="optimal", objective="earliest", rows=(DRIVE,), figures={"all_done": 820})
NONE = Solution(status="infeasible", objective="earliest")
NAMED = NONE.model_copy(update={"conflict": (Conflict(name="deadline:Pat", text="Pat by 15:00"),)})
UNKNOWN = Solution(status="unknown", objective="earliest")


def asked(monkeypatch: pytest.MonkeyPatch, solution: Solution, *arguments: str) -> Result:
    class Planner:
        def solve(self, *_: Any) -> Solution:
            return solution

    monkeypatch.setattr("ui.plans_solve.CpSatPlanner", Planner)
    monkeypatch.setattr("ui.schedule_cli.cp_sat", Planner)
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("command", ["solve-plan", "schedule"])
@pytest.mark.parametrize(
    ("solution", "said"),
    [
        (NONE, "there is no plan for P5, whatever constraint is left out"),
        (NAMED, "there is no plan for P5: these can't all hold\n  deadline:Pat: Pat by 15:00"),
        (UNKNOWN, "no plan for P5 was found in time; give more with --limit"),
    ],
)
def test_a_proof_is_told_as_a_proof_and_lack_of_time_as_lack_of_time(
    monkeypatch: pytest.MonkeyPatch, command: str, solution: Solution, said: str
) -> None:
    result = asked(monkeypatch, solution, command, "P5")
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(("solution", "code"), [(PLAN, 0), (NONE, 1), (UNKNOWN, 1)])
def test_open_cases_exit_with_one_only_if_one_of_them_has_no_plan(
    monkeypatch: pytest.MonkeyPatch, solution: Solution, code: int
) -> None:
    result = asked(monkeypatch, solution, "solve-plan", "P8")
    assert "P8 depends on" in result.output
    assert result.exit_code == code
    assert ("no plan was found in time" in result.output) == (solution is UNKNOWN)


def test_no_saga_is_written_where_the_plan_depends(monkeypatch: pytest.MonkeyPatch) -> None:
    result = asked(monkeypatch, PLAN, "schedule", "P8")
    assert "P8 depends on" in result.output
    assert result.exit_code == 1
