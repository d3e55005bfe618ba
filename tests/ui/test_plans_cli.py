"""`saga check-plan` and `saga solve-plan`: what they print, how they exit, and that one takes what the other gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ui.cli import main

REALM = Path(__file__).parents[2] / ".." / "shared" / "realm"
PLANS = str(REALM / "plans" / "plans.yaml")


def saga(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def given(name: str) -> str:
    return str(REALM / "problems" / f"{name}.yaml")


@pytest.mark.parametrize(
    "plan", yaml.safe_load(Path(PLANS).read_text())["plans"], ids=lambda plan: plan["id"]
)
def test_json_has_id_verdict_and_exactly_the_expected_violations(plan: dict[str, object]) -> None:
    result = saga("check-plan", given(str(plan["problem"])), PLANS, "--id", str(plan["id"]), "--json")
    (told,) = json.loads(result.stdout)
    assert set(told) == {"id", "verdict", "violations"}
    assert (told["id"], told["verdict"]) == (plan["id"], plan["verdict"])
    assert [one["code"] for one in told["violations"]] == plan["expected_codes"]
    assert all(set(one) == {"code", "rows", "required", "claimed"} for one in told["violations"])
    assert result.exit_code == bool(plan["expected_codes"])


def test_a_folder_of_problems_checks_each_plan_against_its_own() -> None:
    result = saga("check-plan", str(REALM / "problems"), PLANS, "--json")
    assert [one["verdict"] for one in json.loads(result.stdout)].count("infeasible") == 2
    assert len(json.loads(result.stdout)) == 5
    assert result.exit_code == 1


def test_people_read_a_line_for_each_violation() -> None:
    result = saga("check-plan", "P5", PLANS)
    assert "✗ T6_claude_wedding: 1 violation" in result.stdout
    assert "window_closed         row 13: must: clothes: by 14:00; the plan: 14:10-14:25" in result.stdout
    assert "✓ E1_P5_optimum: valid" in result.stdout
    assert "T9_o1_alert is for P8: not checked" in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.yaml", PLANS), "neither a file nor a problem that ships"),
        (("P5", "nowhere.yaml"), "there is no such file"),
        (("P5", given("P5")), "its schema is 'realm-problem/1'"),
        (("P5", PLANS, "--id", "none"), "there is no plan 'none' in the file; plans are T6_claude_wedding"),
        (("P5", PLANS, "--id", "T9_o1_alert"), "is for P8, not for P5"),
        (("P5", PLANS, "--assume", "patience=1"), "'patience' is no assumption"),
        (("P5", PLANS, "--assume", "patience"), "write KEY=VALUE"),
    ],
)
def test_bad_files_exit_with_two_and_say_why(arguments: tuple[str, ...], message: str) -> None:
    result = saga("check-plan", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("name", ["P1", "P3", "P5", "P6", "P9", "P11", "J1", "J2", "J3"])
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_solved_is_a_file_that_the_checker_accepts(name: str, as_json: bool, tmp_path: Path) -> None:
    result = saga("solve-plan", name, *(["--json"] if as_json else []))
    assert result.exit_code == 0, result.output
    file = tmp_path / "plans.yaml"
    file.write_text(result.stdout)
    checked = saga("check-plan", name, str(file), "--json")
    assert json.loads(checked.stdout) == [{"id": f"{name}_solved", "verdict": "feasible", "violations": []}]
    assert checked.exit_code == 0
    rows = yaml.safe_load(result.stdout)["plans"][0]["rows"]
    assert all(row["slack"] >= 0 for row in rows if row["kind"] != "event")


def test_the_assumptions_travel_with_the_plan(tmp_path: Path) -> None:
    result = saga("solve-plan", "P6", "--assume", "sarah_car=yes")
    assert "all_done 15:30" in result.stderr
    file = tmp_path / "plans.yaml"
    file.write_text(result.stdout)
    assert saga("check-plan", "P6", str(file)).exit_code == 0
    assert saga("check-plan", "P6", str(file), "--assume", "sarah_car=no").exit_code == 1


def test_no_plan_is_a_proof_with_the_constraints_in_conflict() -> None:
    result = saga("solve-plan", "P9", "--assume", "exit_minutes=61", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["plans"] == []
    assert [one["name"] for one in told["solution"]["conflict"]] == ["available:rental", "deadline:James"]


def test_an_answer_that_depends_is_given_by_case_and_the_plan_under_way_settles_it(tmp_path: Path) -> None:
    result = saga("solve-plan", "P8", "--json")
    solution = json.loads(result.stdout)["solution"]
    assert (result.exit_code, solution["status"]) == (1, "depends")
    assert {one["possible"] for one in solution["cases"]} == {True, False}
    assert "accident_passed=yes" in " ".join(solution["depends_on"])
    settled = saga("solve-plan", "P8", "--base", PLANS, "--id", "E1_P5_optimum")
    assert settled.exit_code == 0
    assert "all_done 14:15" in settled.stderr
    file = tmp_path / "plans.yaml"
    file.write_text(settled.stdout)
    assert saga("check-plan", "P8", str(file)).exit_code == 0
    lost = saga("solve-plan", "P8", "--base", PLANS, "--id", "T6_claude_wedding")
    assert lost.exit_code == 1
    assert "available:pat_car" in lost.stderr
    passed = saga(
        "solve-plan", "P8", "--base", PLANS, "--id", "T6_claude_wedding", "--assume", "accident_passed=yes"
    )
    assert passed.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("P5", "--id", "x"), "give the file with --base"),
        (("P5", "--base", PLANS), "give --id with one of"),
        (("P5", "--base", PLANS, "--id", "E1_P5_optimum"), "give --now HH:MM"),
        (("P5", "--now", "soon"), "write it as HH:MM"),
        ((given("P7"),), "it does not say"),
        (("P5", "--objective", "distance"), "no distance"),
    ],
)
def test_what_can_t_be_solved_says_what_to_give(arguments: tuple[str, ...], message: str) -> None:
    result = saga("solve-plan", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
