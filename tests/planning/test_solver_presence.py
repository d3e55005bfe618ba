"""What the solver believes about who is where: only those who may supervise, only once they are there; and who is home."""

from __future__ import annotations

from typing import Any

import pytest

from engine.planning.case import case_of
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.load import problem_from_document
from engine.planning.plan import Plan
from engine.planning.planner import Solution
from engine.planning.problem import Problem
from engine.planning.standing import standing_of
from engine.planning.times import read_time
from tests.planning.facts import rows_of

HOME: list[dict[str, Any]] = [{"at": "H", "by": "18:00"}]
ANN = {"id": "Ann", "start": "H", "can_drive": True, "must_be": HOME}
KID = {"id": "Kid", "start": "H", "can_drive": False, "must_be": HOME}
GRAN = {"id": "Gran", "start": "G", "can_drive": False, "needs_ride": True, "must_be": HOME}
CAR = {"id": "car", "driver": "Ann", "seats": 5, "start": "H"}
ERRAND = {"id": "milk", "kind": "errand", "place": "S", "duration": 10, "window": ["11:00", "12:00"],
          "deliver_to": "H", "deadline": "18:00"}  # fmt: skip


def cooked(minutes: float = 60, by: str = "12:00", **supervision: Any) -> dict[str, Any]:
    return {"id": "roast", "kind": "cook", "place": "H", "duration": minutes, "deadline": by,
            "supervised_by": {"any_of": "anyone_home", "at": "H", **supervision}}  # fmt: skip


def problem(people: list[Any], tasks: list[Any], vehicles: list[Any] | None = None, **more: Any) -> Problem:
    return problem_from_document({
        "schema": "realm-problem/1", "id": "X", "clock": {"start": "10:00", "end": "18:00", "unit": "minutes"},
        "places": {"H": "home", "G": "Gran's", "S": "a shop"}, "travel_minutes": {"H-G": 30, "H-S": 20, "G-S": 30},
        "people": people, "vehicles": [CAR] if vehicles is None else vehicles, "tasks": tasks, **more,
    })  # fmt: skip


def solved(one: Problem, base: list[dict[str, Any]] | None = None, now: str = "") -> Solution:
    case, standing = case_of(one), None
    if base is not None:
        under_way = Plan.model_validate({"id": "base", "rows": base})
        standing = standing_of(case, under_way, float(read_time(now)))
    return CpSatPlanner().solve(case, None, standing, 20)


def agreed(one: Problem, solution: Solution) -> None:
    """Assert that there is a plan, and that the checker takes it."""
    assert solution.status == "optimal"
    mine = Plan.model_validate({"id": "mine", "rows": rows_of(solution)})
    assert check(one, mine).violations == ()


def names(solution: Solution) -> set[str]:
    return {one.name for one in solution.conflict}


def test_only_those_who_may_supervise_count_as_being_there() -> None:
    tasks = [cooked(120, "12:00", any_of=["Ann"]), {**ERRAND, "window": ["10:30", "11:30"]}]
    impossible = solved(problem([ANN, KID], tasks))
    assert impossible.status == "infeasible"
    assert "supervision:roast" in names(impossible)
    with_kid = problem([ANN, KID], [cooked(120, "12:00", any_of=["Ann", "Kid"]), tasks[1]])
    agreed(with_kid, solved(with_kid))


def test_supervision_is_where_it_is_said_to_be() -> None:
    task = {**cooked(60, "12:00", at="H"), "place": "S"}
    one = problem([ANN, KID], [task])
    agreed(one, solved(one))


def test_supervision_away_from_home_is_by_who_is_there() -> None:
    task = cooked(60, "12:00", at="S")
    assert "supervision:roast" in names(solved(problem([ANN, KID], [task])))


def test_a_driver_on_the_way_home_is_not_there_yet() -> None:
    base = [{"n": 1, "kind": "drive", "agent": "Ann", "start": "10:40", "end": "11:10", "from": "G", "to": "H", "people": ["Ann"]}]  # fmt: skip
    ann, car = {**ANN, "start": "G"}, {**CAR, "start": "G"}
    late = problem([ann], [cooked(60, "12:09")], [car])
    assert "supervision:roast" in names(solved(late, base, "11:00"))
    soon = problem([ann], [cooked(60, "12:10")], [car])
    solution = solved(soon, base, "11:00")
    agreed(soon, solution)
    assert [row.start for row in solution.rows if row.kind == "cook"] == [read_time("11:10")]


BROUGHT = [
    {"n": 1, "kind": "drive", "agent": "Ann", "start": "10:30", "end": "11:00", "from": "H", "to": "G", "people": ["Ann"]},
    {"n": 2, "kind": "drive", "agent": "Ann", "start": "11:30", "end": "12:00", "from": "G", "to": "H", "people": ["Ann", "Gran"]},
]  # fmt: skip


@pytest.mark.parametrize("now", ["11:45", "13:00"])
def test_whoever_was_brought_home_is_home_and_may_supervise(now: str) -> None:
    errand = {**ERRAND, "window": ["13:30", "14:30"]}
    gran = {**GRAN, "must_be": [{"at": "H", "by": "12:30"}]}
    one = problem([ANN, gran], [cooked(240, "17:30", any_of=["Gran"]), errand])
    agreed(one, solved(one, BROUGHT, now))


def test_whoever_is_on_the_way_home_too_late_is_a_conflict() -> None:
    gran = {**GRAN, "must_be": [{"at": "H", "by": "11:50"}]}
    assert names(solved(problem([ANN, gran], []), BROUGHT, "11:40")) == {"deadline:Gran"}
    ann = {**ANN, "must_be": [{"at": "H", "by": "11:50"}]}
    assert names(solved(problem([ann, GRAN], []), BROUGHT, "11:40")) == {"deadline:Ann"}


def test_what_was_brought_in_time_stays_in_time() -> None:
    base = [
        {"n": 1, "kind": "drive", "agent": "Ann", "start": "10:40", "end": "11:00", "from": "H", "to": "S", "people": ["Ann"]},
        {"n": 2, "kind": "errand", "agent": "Ann", "start": "11:00", "end": "11:10", "place": "S", "item": "milk", "people": ["Ann"]},
        {"n": 3, "kind": "drive", "agent": "Ann", "start": "11:10", "end": "11:30", "from": "S", "to": "H", "people": ["Ann"]},
    ]  # fmt: skip
    one = problem([ANN, GRAN], [{**ERRAND, "deadline": "11:45"}])
    agreed(one, solved(one, base, "12:00"))


def test_half_a_minute_is_not_cut_off() -> None:
    one = problem([ANN], [{**ERRAND, "duration": 7.5}])
    solution = solved(one)
    agreed(one, solution)
    assert [row.ends - row.start for row in solution.rows if row.kind == "errand"] == [8]


def test_who_walks_fetches_nobody() -> None:
    walkers = [{"id": "walkers", "size": 3, "start": "H"}]
    one = problem([GRAN], [], [], groups=walkers)
    solution = solved(one)
    assert solution.status == "infeasible"
    assert names(solution) == {"ride:Gran"}
