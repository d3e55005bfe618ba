"""The plans that come with the problems: exactly the codes that are expected of each, row by row."""

from __future__ import annotations

import pytest

from engine.planning.checker import check
from engine.planning.load import load_plans, load_problem
from engine.planning.plan import Plan
from tests.planning.facts import REALM, codes


def given() -> list[Plan]:
    return list(load_plans(REALM / "plans" / "plans.yaml").plans)


@pytest.mark.parametrize(
    "name", ["T6_claude_wedding", "T9_o1_alert", "F4_claude_thanksgiving", "E1_P5_optimum", "E5_P9_plus30"]
)
@pytest.mark.parametrize("shipped", [False, True])
def test_a_given_plan_has_exactly_its_codes(name: str, shipped: bool) -> None:
    plan = next(one for one in given() if one.id == name)
    where = plan.problem if shipped else REALM / "problems" / f"{plan.problem}.yaml"
    checked = check(load_problem(str(where)), plan)
    told = plan.model_extra or {}
    assert codes(checked) == sorted(told["expected_codes"])
    assert checked.verdict == told["verdict"]
    for one in told.get("checked_violations", []):
        assert any(v.code == one["code"] and set(one["rows"]) <= set(v.rows) for v in checked.violations)


def test_none_is_left_out() -> None:
    assert len(given()) == 5
