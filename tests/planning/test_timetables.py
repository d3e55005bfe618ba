"""Timetables as runs: each shipped problem from its plan to the end, and the paper's two cases (R27, eq. 4-5)."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from engine.core import commands as c
from engine.core.context.tokens import estimated
from engine.core.document import saga_from_document
from engine.planning.case import case_of
from engine.planning.cpsat import CpSatPlanner
from engine.planning.load import load_problem
from engine.planning.plan import Plan
from engine.planning.sagas import planning_saga, saga_of_plan
from engine.planning.standing import standing_of
from tests.core.harness import Play
from tests.planning.runs import Timetable, log_before, run_document, run_template

MOST_TOKENS = 2000


def assert_as_planned(run, rows):
    """Assert that each activity began and ended as its row says."""
    assert sorted(run.spans.values()) == sorted((row.start, row.ends) for row in rows)


@pytest.mark.parametrize("name", ["P1", "P3", "P5", "P6", "P9", "P11", "J1", "J2", "J3"])
def test_a_problem_that_is_solved_runs_as_planned(name):
    case = case_of(load_problem(name))
    solution = CpSatPlanner().solve(case)
    run = run_document(saga_of_plan(case, solution.rows))
    assert run.play.run.status == "completed"
    assert_as_planned(run, solution.rows)


def test_the_wedding_with_the_alert_runs_as_planned():
    problem = load_problem("P8")
    case, planner = case_of(problem), CpSatPlanner()
    base = planner.solve(case_of(load_problem("P5")))
    standing = standing_of(case, Plan(id="base", rows=base.rows), 780)
    solution = planner.solve(case, None, standing)
    run = run_document(saga_of_plan(case, solution.rows))
    assert run.play.run.status == "completed"
    assert_as_planned(run, solution.rows)
    assert [event.ends for event in run.play.events("times_changed")] == [{"drive_pat_t": 810}]


@pytest.mark.parametrize("name", ["P5", "P6", "P1"])
def test_a_run_can_plan_itself(name):
    problem = load_problem(name)
    document = problem.model_dump(mode="json", by_alias=True, exclude_unset=True)
    run = run_document(planning_saga(case_of(problem), document))
    assert run.play.run.status == "completed"
    solved = CpSatPlanner().solve(case_of(problem))
    assert max(end for _, end in run.spans.values()) == max(row.ends for row in solved.rows)


def test_the_wedding_refuses_what_was_printed_and_makes_the_photo():
    run = run_template("wedding", {"where": "approved"})
    assert run.play.run.status == "completed"
    first, second = run.rejected()
    assert first.startswith("window_closed (row 13): must: clothes: by 14:00; the plan: 14:10-14:25")
    assert "window_closed" in second
    assert run.spans["drive_pat_t"] == (770, 840)
    assert run.spans["event_photos"] == (900, 900)
    assert run.play.run.output["photo"] == ["15:00"]


def facts(log):
    """Return what happened, but for how long a model took."""
    return [
        replace(recorded.event, meta={}) if recorded.event.type == "attempt_ended" else recorded.event
        for recorded in log
    ]  # fmt: skip


def test_R27_nothing_before_the_alert_changes():
    """The same run without the alert has the same log up to 13:00, and what began before it began and ended the same."""
    calm = run_template("wedding", factor=1, alert_at="23:00")
    alert = run_template("wedding", {"where": "approved"})
    before = facts(log_before(alert, "times_changed"))[1:]
    assert before == facts(calm.play.log)[1 : len(before) + 1]
    for amended in alert.play.events("plan_amended")[1:]:
        begun = {event.step for event in before if event.type == "activity_begun"}
        assert not begun & {*amended.added, *amended.changed, *amended.removed}


def test_whoever_is_past_the_accident_needs_no_new_plan():
    run = run_template("wedding", {"where": "denied"})
    assert run.play.run.status == "completed"
    assert len(run.prompts()) == 2
    assert run.spans["drive_pat_t"] == (770, 800)
    assert run.spans["event_photos"] == (900, 900)


def test_the_run_asks_where_the_log_does_not_say():
    run = run_template("wedding")
    question = run.play.events("approval_requested")[0].question
    assert question.startswith("At 13:00 Pat is on the way from B to T, since 12:50.")
    assert not run.play.run.clock.runs


def test_where_it_can_not_be_the_proof_is_shown_and_a_person_asked():
    run = run_template("wedding", passed="no", factor=8)
    asked = run.play.events("approval_requested")[0]
    assert "these can't all hold" in asked.question
    assert "Pat at W by 15:00" in asked.question
    run.answers = {"late": "approved"}
    run.to_end()
    assert run.play.run.output["photo"] != ["15:00"]


def test_the_solver_can_take_the_models_place():
    run = run_template("wedding", passed="no", planner="solver")
    assert not run.prompts()
    assert run.spans["event_photos"] == (900, 900)


def test_thanksgiving_keeps_the_dinner():
    run = run_template("thanksgiving")
    assert run.play.run.status == "completed"
    assert ["deadline" in found for found in run.rejected()] == [True]
    assert run.spans["drive_james_h"] == (1005, 1065)
    assert run.play.run.output["dinner"] == ["18:00"]


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("wedding", {"passed": "no"}), ("wedding", {"passed": "no", "factor": 8}), ("thanksgiving", {})],
)
def test_a_round_costs_a_model_at_most_2000_tokens(name, inputs):
    prompts = run_template(name, **inputs).prompts()
    assert len(prompts) >= 3
    assert max(estimated(prompt) for prompt in prompts) <= MOST_TOKENS
    tiktoken = pytest.importorskip("tiktoken")
    del tiktoken
    from engine.tokens import ModelTokens

    count = ModelTokens()
    assert max(count.count(prompt, "o200k_base") for prompt in prompts) <= MOST_TOKENS


def test_without_the_solver_the_template_runs_and_says_politely_what_it_would_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    assert run_template("wedding", passed="no").play.run.status == "completed"
    run = run_template("wedding", passed="no", factor=8)
    assert "pip install 'saga-studio[planner]'" in run.play.events("approval_requested")[0].question


def test_a_crash_in_the_middle_of_a_drive_loses_nothing():
    case = case_of(load_problem("P5"))
    saga = saga_from_document(saga_of_plan(case, CpSatPlanner().solve(case).rows, speed=1))
    play = Play(saga)
    while play.run.clock.moment < 760:
        play.advance()
    play.do(c.Recover())
    run = Timetable.__new__(Timetable)
    run.play, run.answers = play, {}
    run.to_end()
    assert play.run.status == "completed"
    assert run.spans["drive_pat_w"][1] == 835


def test_a_delay_that_a_run_meets_counts_once_and_is_not_known_before():
    problem = load_problem("P9", changed=False)
    document = problem.model_dump(mode="json", by_alias=True, exclude_unset=True)
    run = run_document(planning_saga(case_of(problem), document))
    assert run.play.run.status == "completed"
    first = run.play.events("plan_amended")[0].document["steps"]
    drives = [step["with"] for step in first.values() if step.get("with", {}).get("kind") == "drive"]
    assert min(one["start"] for one in drives if one["who"][0] == "James") == "14:30", (
        "nobody knows before 13:00"
    )
    james = [span for name, span in run.spans.items() if name.startswith("drive_james")]
    assert min(james)[0] == 960, "180 minutes late are 16:00"
