"""Robustness: which plan survives what, and with how much left."""

from __future__ import annotations

import pytest

from engine.planning.case import case_of
from engine.planning.load import load_plans
from engine.planning.plan import Plan
from engine.planning.problem import Disruption
from engine.planning.robustness import robustness, slack_left, what_ifs
from tests.planning.facts import REALM, problem, solved


def given(name):
    return next(one for one in load_plans(REALM / "plans" / "plans.yaml").plans if one.id == name)


def trials(*plans, **more):
    return {(one.plan, one.disruption): one for one in robustness(problem("P5"), plans, **more)}


def test_a_plan_that_is_wrong_survives_nothing_and_the_best_one_all():
    found = trials(given("T6_claude_wedding"), given("E1_P5_optimum"))
    assert not any(one.survives for (plan, _), one in found.items() if plan == "T6_claude_wedding")
    assert all(one.survives for (plan, _), one in found.items() if plan == "E1_P5_optimum")


def test_the_alert_leaves_what_the_formula_says():
    """Pat left B for T at 12:40: 20 minutes are behind, 10 are left, so T at 13:30 and 30 minutes to the closing time."""
    alert = problem("P8").disruptions[0]
    found = trials(given("E1_P5_optimum"), disruptions=[alert])
    assert found["E1_P5_optimum", "traffic_alert"].slack == 30


@pytest.mark.parametrize(("minutes", "survives"), [(20, True), (50, True), (51, False)])
def test_the_slack_is_where_it_breaks(minutes, survives):
    late = Disruption(
        id="late", kind="arrival_delay", scope={"person": "Pat"}, magnitude=minutes, effective_from=720
    )
    found = trials(given("E1_P5_optimum"), disruptions=[late])["E1_P5_optimum", "late"]
    assert (found.survives, found.slack) == (survives, 50 - minutes)


def test_every_problem_has_its_usual_disruptions():
    assert {one.id for one in what_ifs(case_of(problem("P6")))} >= {
        "James 30 min later",
        "turkey 15 min longer",
    }
    assert {one.id for one in what_ifs(case_of(problem("J1")))} == {
        "operations on A 1 longer", "operations on B 1 longer", "operations on C 1 longer",
    }  # fmt: skip


def test_slack_without_a_deadline_is_none():
    plan = Plan(id="shop", rows=solved("J1").rows)
    assert slack_left(case_of(problem("J1")), plan) is None


@pytest.mark.parametrize("magnitude", [None, "${run.input.late}", True])
def test_a_delay_that_does_not_say_how_long_pushes_nothing(magnitude):
    longer = Disruption(id="longer", kind="activity_delay", scope={"machine": "A"}, magnitude=magnitude)
    plans = [Plan(id="shop", rows=solved("J1").rows)]
    as_planned, found = robustness(problem("J1"), plans, disruptions=[longer])
    assert found.done == as_planned.done
