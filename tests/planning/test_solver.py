"""The solver: the figures that are known, every plan accepted by the checker, and proofs where there is none."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from engine.core.errors import CommandRejected
from engine.planning.case import case_of
from engine.planning.cases import Question, answer, moment_of, open_cases
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.load import load_problem
from engine.planning.plan import Plan
from engine.planning.planner import Objective, Solution, Standing
from engine.planning.slack import pushed, slack_of
from engine.planning.standing import standing_of
from engine.planning.times import read_time
from tests.planning.facts import ALERT, LOG, REALM, WEDDING, codes, plan, problem, rows_of, solved

# What a brute force and another solver found: objective, assumptions, when all is done, minutes at the wheel.
KNOWN: list[tuple[str, Objective | None, dict[str, object], str, int]] = [
    ("P5", None, {}, "13:55", 115),
    ("P5", "driving", {}, "13:55", 115),
    ("P5", None, {"service_minutes": 5}, "14:05", 140),
    ("P5", "driving", {"service_minutes": 5}, "14:15", 115),
    ("P5", None, {"service_minutes": 10}, "14:20", 140),
    ("P5", "driving", {"service_minutes": 10}, "14:35", 115),
    ("P5", None, {"service_minutes": 15}, "14:35", 135),
    ("P5", "driving", {"service_minutes": 15}, "14:55", 115),
    ("P6", None, {}, "16:00", 90),
    ("P6", None, {"sarah_car": "yes"}, "15:30", 120),
    ("P6", None, {"exit_minutes": 30, "rent_minutes": 15}, "16:00", 120),
    ("P6", "driving", {"exit_minutes": 30, "rent_minutes": 15}, "16:30", 90),
    ("P9", None, {}, "17:00", 120),
    ("P9", None, {"exit_minutes": 30, "rent_minutes": 15}, "17:45", 120),
    ("P9", None, {"exit_minutes": 60}, "18:00", 120),
    ("P1", None, {}, "12:10", 70),
]  # fmt: skip


@pytest.mark.parametrize("known", KNOWN, ids=[f"{k[0]}-{k[1]}-{k[2]}" for k in KNOWN])
def test_it_finds_what_is_known_and_the_checker_agrees(
    known: tuple[str, Objective | None, dict[str, object], str, int],
) -> None:
    name, objective, given, done, driving = known
    solution = solved(name, objective, **given)
    assert solution.status == "optimal"
    assert solution.figures["all_done"] == read_time(done)
    assert solution.figures["driving_minutes"] == driving
    assert check(problem(name), plan(name, rows_of(solution)), given).violations == ()


@pytest.mark.parametrize(("name", "makespan"), [("P11", 11), ("J1", 11), ("J2", 13), ("J3", 29)])
def test_job_shops_are_solved_to_the_optimum(name: str, makespan: int) -> None:
    solution = solved(name)
    assert (solution.status, solution.figures["makespan"]) == ("optimal", makespan)
    assert check(problem(name), plan(name, rows_of(solution))).violations == ()
    slack = slack_of(problem(name), plan(name, rows_of(solution)))
    assert min(slack.values()) == 0
    assert all(one >= 0 for one in slack.values())


def test_the_shared_rides_take_the_fewest_kilometres_and_leave_late() -> None:
    solution = solved("P3")
    assert solution.figures["distance_km"] == 87
    assert check(problem("P3"), plan("P3", rows_of(solution))).violations == ()
    assert max(row.ends for row in solution.rows) == read_time("08:55")


@pytest.mark.parametrize(
    ("name", "given", "conflict"),
    [
        ("P9", {"exit_minutes": 61}, {"available:rental", "deadline:James"}),
        ("P5", {"exit_minutes": 120}, {"available:Jamie"}),
        ("P1", {"day_start": "14:00"}, {"deadline:G1"}),
    ],
)
def test_what_is_impossible_is_proven_with_the_constraints_in_conflict(
    name: str, given: dict[str, object], conflict: set[str]
) -> None:
    solution = solved(name, **given)
    assert (solution.status, solution.rows) == ("infeasible", ())
    assert conflict <= {one.name for one in solution.conflict}
    assert all(one.text for one in solution.conflict)


def test_without_any_one_of_the_constraints_in_conflict_there_is_a_plan() -> None:
    people = problem("P9").people
    freed = problem("P9").model_copy(
        update={"people": tuple(p.model_copy(update={"must_be": (p.must_be[0].model_copy(update={"by": None}),)}) if p.id == "James" else p for p in people)}
    )  # fmt: skip
    assert solved("P9", exit_minutes=61).status == "infeasible"
    assert CpSatPlanner().solve(case_of(freed, {"exit_minutes": 61})).status == "optimal"


def test_the_same_question_has_the_same_answer() -> None:
    first, second = (CpSatPlanner().solve(case_of(problem("P5"))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["P5", "P6", "P9", "P1", "P3"])
def test_slack_is_exact_each_activity_may_be_so_much_later_and_not_a_minute_more(name: str) -> None:
    mine = plan(name, rows_of(solved(name)))
    case = case_of(problem(name))
    for number, slack in slack_of(problem(name), mine).items():
        assert not check(problem(name), pushed(case, mine, number, slack)).violations
        assert check(problem(name), pushed(case, mine, number, slack + 1)).violations


def carried_on(base: Plan) -> tuple[Solution, Plan]:
    case = case_of(problem("P8"))
    solution = CpSatPlanner().solve(case, None, standing_of(case, base, 780.0))
    return solution, plan("P8", rows_of(solution), now="13:00", base=base.id)


def test_a_plan_under_way_is_carried_on_and_its_past_stays() -> None:
    base = plan("P8", WEDDING).model_copy(update={"id": "base"})
    solution, mine = carried_on(base)
    assert check(problem("P8"), mine, None, base).violations == ()
    under_way = next(row for row in mine.rows if row.from_ == "B")
    assert (under_way.start, under_way.end) == (read_time("12:45"), read_time("13:45"))
    assert solution.figures["all_done"] == read_time("14:20")


def test_the_leg_under_way_to_the_venue_ends_at_half_past_two() -> None:
    solution, mine = carried_on(plan("P8", ALERT[:3], history=LOG))
    assert solution.figures["all_done"] == read_time("14:30")
    assert codes(check(problem("P8"), mine.model_copy(update={"history": LOG}))) == []


def test_under_way_to_the_gift_shop_the_photo_can_t_be_made() -> None:
    rows = [*WEDDING[:2], {**WEDDING[2], "to": "G", "start": "12:50", "end": "13:35"}]
    solution, _ = carried_on(plan("P8", rows))
    assert solution.status == "infeasible"
    assert {one.name for one in solution.conflict} == {"available:pat_car", "deadline:Pat"}


def test_the_alert_has_an_answer_for_each_case_because_nobody_said_where_pat_is() -> None:
    case = case_of(problem("P8"))
    now = moment_of(case)
    assert now == 780
    states = {(s.place, s.to, s.aboard, s.carries): (car, s) for car, s in open_cases(case, now)}
    question = Question(case, CpSatPlanner(), now)

    def ask(*key: object) -> tuple[bool, str | None, tuple[str, ...], str | None]:
        one = answer(question, *states[key])  # type: ignore[index]
        return one.possible, one.until, one.all_done, one.if_past_the_slow_part

    riders = ("Alex", "Jamie")
    assert ask("W", "", (), ()) == (False, None, (), None)
    assert ask("B", "T", riders, ()) == (True, None, ("14:15", "14:42"), "14:14")
    assert ask("B", "G", riders, ()) == (True, "12:46", ("14:40",), "14:09")
    assert ask("B", "", riders, ()) == (True, None, ("14:45",), None)


def test_thanksgiving_has_one_answer_because_nobody_could_have_left() -> None:
    case = case_of(problem("P9"))
    now = moment_of(case)
    assert now == 780
    assert open_cases(case, now) == []
    assert CpSatPlanner().solve(case, None, Standing(now)).figures["all_done"] == read_time("17:00")


def test_the_roast_in_the_oven_is_watched_by_those_who_go_on() -> None:
    base = plan(
        "P6", [{"kind": "cook", "item": "turkey", "start": "12:00", "end": "16:00", "people": ["Sarah"]}]
    )
    case = case_of(problem("P6"))
    solution = CpSatPlanner().solve(case, None, standing_of(case, base, 780.0))
    assert [row.item for row in solution.rows if row.kind == "cook"] == ["turkey", "sides"]
    assert check(problem("P6"), plan("P6", rows_of(solution))).violations == ()


@pytest.mark.parametrize("name", ["P2", "P7", "P10"])
def test_what_a_source_does_not_say_is_named(name: str) -> None:
    case = case_of(load_problem(REALM / "problems" / f"{name}.yaml"))
    with pytest.raises(CommandRejected, match="it does not say"):
        CpSatPlanner().solve(case)


def test_of_a_range_the_slowest_counts() -> None:
    rides = load_problem(REALM / "problems" / "P4.yaml")
    solution = CpSatPlanner().solve(case_of(rides), "driving", limit_s=1)
    assert solution.status in {"optimal", "feasible"}
    assert check(rides, plan("P4", rows_of(solution))).violations == ()
    assert {row.ends - row.start for row in solution.rows if row.to == "G"} == {60}


def test_a_large_job_shop_comes_within_two_percent_of_the_best_known() -> None:
    case = case_of(load_problem(REALM / "data" / "TA01.txt"))
    solution = CpSatPlanner(enough=1231 * 1.02).solve(case, limit_s=240)
    assert 1231 <= solution.figures["makespan"] <= 1231 * 1.02
    rows = plan("TA01", rows_of(solution))
    assert check(case.problem, rows).violations == ()


def test_without_or_tools_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    with pytest.raises(CommandRejected, match=r"saga-studio\[planner\]"):
        CpSatPlanner()


def test_an_objective_without_its_numbers_is_refused() -> None:
    with pytest.raises(CommandRejected, match="no distance"):
        CpSatPlanner().solve(case_of(problem("P5")), "distance")
    case = case_of(problem("P5"))
    nowhere = replace(case, people={one.id: replace(one, must_be=()) for one in case.people.values()})
    with pytest.raises(CommandRejected, match="one place where everybody must be"):
        CpSatPlanner().solve(nowhere)
