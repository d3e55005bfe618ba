"""Problems, plans and short words for the tests of planning."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from engine.planning.case import case_of
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.finding import Checked
from engine.planning.load import load_problem
from engine.planning.plan import Plan
from engine.planning.planner import Objective, Solution
from engine.planning.problem import Problem

REALM = Path(__file__).parents[2] / ".." / "shared" / "realm"


@cache
def problem(name: str) -> Problem:
    return load_problem(name)


def plan(name: str, rows: list[dict[str, Any]], **more: Any) -> Plan:
    return Plan.model_validate({"id": "mine", "problem": name, "rows": rows, **more})


def found(name: str, rows: list[dict[str, Any]], **more: Any) -> Checked:
    given = more.pop("given", None)
    return check(problem(name), plan(name, rows, **more), given)


def codes(checked: Checked) -> list[str]:
    return sorted(one.code for one in checked.violations)


def solved(name: str, objective: Objective | None = None, **given: Any) -> Solution:
    return _solved(name, objective, tuple(given.items()))


@cache
def _solved(name: str, objective: Objective | None, given: tuple[tuple[str, Any], ...]) -> Solution:
    return CpSatPlanner().solve(case_of(problem(name), dict(given)), objective)


def rows_of(solution: Solution) -> list[dict[str, Any]]:
    return [
        {k: list(v) if isinstance(v, tuple) else v for k, v in row.model_dump(by_alias=True, exclude_defaults=True).items()}
        for row in solution.rows
    ]  # fmt: skip


def minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


# The wedding: Pat fetches both riders, then the clothes, then the gift.
WEDDING: list[dict[str, Any]] = [
    {"n": 1, "kind": "drive", "start": "12:00", "end": "12:40", "agent": "Pat", "from": "W", "to": "B", "people": ["Pat"]},
    {"n": 2, "kind": "pickup", "start": "12:40", "end": "12:45", "agent": "Pat", "place": "B", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 3, "kind": "drive", "start": "12:45", "end": "13:15", "agent": "Pat", "from": "B", "to": "T", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 4, "kind": "errand", "start": "13:15", "end": "13:20", "agent": "Pat", "item": "clothes", "place": "T", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 5, "kind": "drive", "start": "13:20", "end": "13:40", "agent": "Pat", "from": "T", "to": "G", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 6, "kind": "errand", "start": "13:40", "end": "13:45", "agent": "Pat", "item": "gift", "place": "G", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 7, "kind": "drive", "start": "13:45", "end": "14:10", "agent": "Pat", "from": "G", "to": "W", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 8, "kind": "event", "start": "15:00", "activity": "photos", "place": "W", "people": ["Alex", "Jamie", "Pat", "Chris"]},
]  # fmt: skip

# The same with two cars: Chris does both errands, Pat brings the riders.
TWO_CARS: list[dict[str, Any]] = [
    {"n": 1, "kind": "drive", "start": "12:10", "end": "12:50", "agent": "Pat", "from": "W", "to": "B", "people": ["Pat"]},
    {"n": 2, "kind": "drive", "start": "12:55", "end": "13:35", "agent": "Pat", "from": "B", "to": "W", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 3, "kind": "drive", "start": "13:30", "end": "13:45", "agent": "Chris", "from": "W", "to": "T", "people": ["Chris"]},
    {"n": 4, "kind": "errand", "start": "13:45", "end": "13:55", "agent": "Chris", "item": "clothes", "place": "T", "people": ["Chris"]},
    {"n": 5, "kind": "drive", "start": "13:55", "end": "14:15", "agent": "Chris", "from": "T", "to": "G", "people": ["Chris"]},
    {"n": 6, "kind": "errand", "start": "14:15", "end": "14:20", "agent": "Chris", "item": "gift", "place": "G", "people": ["Chris"]},
    {"n": 7, "kind": "drive", "start": "14:20", "end": "14:45", "agent": "Chris", "from": "G", "to": "W", "people": ["Chris"]},
]  # fmt: skip

# Thanksgiving: James brings Emily, Michael brings Grandma, Sarah is at home with the turkey.
DINNER: list[dict[str, Any]] = [
    {"n": 1, "kind": "cook", "start": "13:50", "end": "17:50", "item": "turkey", "people": ["Sarah"]},
    {"n": 2, "kind": "drive", "start": "14:40", "end": "15:40", "agent": "James", "from": "BOS", "to": "H", "people": ["James", "Emily"]},
    {"n": 3, "kind": "drive", "start": "15:10", "end": "15:40", "agent": "Michael", "from": "H", "to": "GR", "people": ["Michael"]},
    {"n": 4, "kind": "pickup", "start": "15:40", "end": "15:45", "agent": "Michael", "place": "GR", "people": ["Michael", "Grandma"]},
    {"n": 5, "kind": "drive", "start": "15:45", "end": "16:15", "agent": "Michael", "from": "GR", "to": "H", "people": ["Michael", "Grandma"]},
    {"n": 6, "kind": "cook", "start": "15:50", "end": "17:50", "item": "sides", "people": ["Sarah", "Emily"]},
    {"n": 7, "kind": "event", "start": "18:00", "activity": "dinner", "place": "H", "people": ["Sarah", "James", "Emily", "Michael", "Grandma"]},
]  # fmt: skip

# The alert at 13:00 meets Pat on the way from B to W: 10 minutes as usual, the other 30 take 90.
ALERT: list[dict[str, Any]] = [
    {"n": 1, "kind": "drive", "start": "12:00", "end": "12:40", "agent": "Pat", "from": "W", "to": "B", "people": ["Pat"]},
    {"n": 2, "kind": "pickup", "start": "12:40", "end": "12:50", "agent": "Pat", "place": "B", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 3, "kind": "drive", "start": "12:50", "end": "14:30", "agent": "Pat", "from": "B", "to": "W", "people": ["Pat", "Alex", "Jamie"]},
    {"n": 4, "kind": "drive", "start": "13:30", "end": "13:45", "agent": "Chris", "from": "W", "to": "T", "people": ["Chris"]},
    {"n": 5, "kind": "errand", "start": "13:45", "end": "13:50", "agent": "Chris", "item": "clothes", "place": "T", "people": ["Chris"]},
    {"n": 6, "kind": "drive", "start": "13:50", "end": "14:10", "agent": "Chris", "from": "T", "to": "G", "people": ["Chris"]},
    {"n": 7, "kind": "errand", "start": "14:10", "end": "14:15", "agent": "Chris", "item": "gift", "place": "G", "people": ["Chris"]},
    {"n": 8, "kind": "drive", "start": "14:15", "end": "14:40", "agent": "Chris", "from": "G", "to": "W", "people": ["Chris"]},
]  # fmt: skip
LOG = {"Pat": {"at_B": "12:40", "left_B": "12:50", "heading": "W", "aboard": ["Alex", "Jamie"]}}
