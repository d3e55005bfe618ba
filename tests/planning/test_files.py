"""Problem and plan files: what ships is what the sources say, `extends` adds up, and mistakes are told with a remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.planning.assumptions import assumptions_of
from engine.planning.case import Case, case_of
from engine.planning.load import load_plans, load_problem, shipped_problems
from engine.planning.times import read_time, write_time
from engine.planning.travel import Slowdown, Travel
from tests.planning.facts import REALM, problem


def facts(case: Case) -> object:
    tasks = {
        name: (t.kind, t.at, t.window, t.duration, t.deadline, t.performer) for name, t in case.tasks.items()
    }
    jobs = {job.id: job.operations for job in case.jobs}
    counted = {one.name: one.value for one in case.assumptions.values() if one.counted}
    return (
        replace(case.travel),
        case.people,
        case.cars,
        tasks,
        jobs,
        case.outages,
        counted,
        case.start,
        case.end,
    )


@pytest.mark.parametrize("name", ["P1", "P3", "P5", "P6", "P8", "P9", "P11", "J2", "J3"])
def test_what_ships_has_the_facts_of_its_source(name: str) -> None:
    assert facts(case_of(problem(name))) == facts(case_of(load_problem(REALM / "problems" / f"{name}.yaml")))


@pytest.mark.parametrize("path", sorted((REALM / "problems").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_problem_of_the_collection_can_be_read(path: Path) -> None:
    assert case_of(load_problem(path)).problem.id == path.stem


def test_the_collection_is_there() -> None:
    assert len(list((REALM / "problems").glob("*.yaml"))) == 14
    assert set(shipped_problems()) >= {"P1", "P3", "P5", "P6", "P8", "P9", "P11", "J1", "J2", "J3"}


def test_extends_takes_everything_then_overrides_and_adds() -> None:
    dinner, delayed = problem("P6"), problem("P9")
    assert [one.id for one in delayed.constraints] == [*(one.id for one in dinner.constraints), "past_stays"]
    assert case_of(delayed).people["James"].ready == read_time("16:00")
    assert case_of(delayed).people["Emily"] == case_of(dinner).people["Emily"]


def test_a_large_job_shop_is_read_from_its_text() -> None:
    shop = load_problem(REALM / "data" / "TA01.txt")
    assert (len(shop.jobs), len(shop.machines)) == (15, 15)
    assert shop.jobs[0].operations[:2] == (("M7", 94), ("M13", 66))


def test_a_job_shop_in_pairs_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "two.txt"
    file.write_text("2 2\n0 3 1 2\n1 4 0 1\n")
    assert [job.operations for job in load_problem(file).jobs] == [
        (("M1", 3), ("M2", 2)),
        (("M2", 4), ("M1", 1)),
    ]


GOOD = "schema: realm-problem/1\nid: X\nplaces: {A: here, B: there}\n"
BAD = {
    "not a mapping": ("[1]", "this is no mapping", "start with `schema: realm-problem/1`"),
    "not YAML": ("schema: [", "not YAML", "indentation"),
    "no schema": ("id: X", "it has no `schema`", "realm-problem/1"),
    "another schema": ("schema: realm-plans/1", "its schema is 'realm-plans/1'", "realm-problem/1"),
    "no id": ("schema: realm-problem/1", "it is missing", "add `id:`"),
    "a misspelt key": (GOOD + "vehicle: []", "unknown key", "`vehicles`"),
    "an unknown place": (GOOD + "people: [{id: p, start: C}]", "start 'C' is not in `places`: A, B", "correct"),
    "an unknown driver": (GOOD + "vehicles: [{id: c, driver: q}]", "driver 'q' is not in `people`", "correct"),
    "no such time": (GOOD + "people: [{id: p, available_from: '25:99'}]", "no such time of day", "correct"),
    "an unknown machine": (GOOD + "machines: [M]\njobs: [{id: j, operations: [[N, 1]]}]", "machine 'N'", "correct"),
    "a parent that is not there": (GOOD + "extends: nobody", "extends 'nobody', which is not there", "nobody.yaml"),
    "a circle": (GOOD + "extends: X", "goes round", "extend another"),
    "a broken job shop": ("Nb of jobs\n 2 2\nTimes\n1 2\n", "don't make a job shop", "times"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_problem_says_what_where_and_what_to_do(name: str, tmp_path: Path) -> None:
    text, problem_, remedy = BAD[name]
    file = tmp_path / "X.yaml"
    file.write_text(text)
    with pytest.raises(DefinitionInvalid) as raised:
        load_problem(file)
    first = raised.value.problems[0]
    assert problem_ in first.problem
    assert remedy in first.remedy
    assert first.path.startswith("X")


BAD_PLANS = {
    "no rows' times": ("plans: [{id: a, rows: [{kind: drive, from: A, to: B}]}]", "it is missing"),
    "a time in words": ("plans: [{id: a, rows: [{kind: cook, start: noon}]}]", "written as 'HH:MM'"),
    "a drive to nowhere": ("plans: [{id: a, rows: [{kind: drive, start: '10:00'}]}]", "has `from` and `to`"),
    "an id twice": ("plans: [{id: a}, {id: a}]", "there twice"),
    "no plans": ("other: 1", "it is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PLANS)
def test_a_bad_plan_says_what_is_wrong(name: str, tmp_path: Path) -> None:
    text, what = BAD_PLANS[name]
    file = tmp_path / "plans.yaml"
    file.write_text(f"schema: realm-plans/1\n{text}\n")
    with pytest.raises(DefinitionInvalid, match=what):
        load_plans(file)


def test_times_are_read_and_written() -> None:
    assert [read_time(text) for text in ("00:00", "9:05", "23:59", "08:41:30", 7)] == [0, 545, 1439, 521.5, 7]
    assert [write_time(moment) for moment in (0, 545, 1439, 521.5)] == ["00:00", "09:05", "23:59", "08:41:30"]
    assert write_time(11.0, clock=False) == 11


def test_a_leg_under_way_keeps_what_it_has_behind_it() -> None:
    slow = Slowdown(since=780, until=None, factor=3, places=frozenset({"B"}))
    travel = Travel({("B", "W"): 40, ("W", "B"): 40, ("T", "W"): 15}, slowdowns=(slow,))
    assert [travel.needed("B", "W", start) for start in (730, 740, 770, 780, 800)] == [40, 40, 100, 120, 120]
    assert travel.needed("T", "W", 790) == 15
    assert travel.needed("T", "B", 790) is None
    short = Travel(travel.minutes, slowdowns=(replace(slow, until=810),))
    assert [short.needed("B", "W", start) for start in (770, 780, 810)] == [60, 60, 40]
    assert travel.sparing_under_way().needed("B", "W", 770) == 40


def test_assumptions_have_names_defaults_and_can_be_set() -> None:
    found = assumptions_of(problem("P5"), {"service_minutes": "5"})
    assert (found["service_minutes"].value, found["service_minutes"].overridden) == (5, True)
    assert found["window_means"].value == "finish"
    with pytest.raises(CommandRejected, match="'patience' is no assumption"):
        assumptions_of(problem("P5"), {"patience": 1})
    with pytest.raises(CommandRejected, match="give a number"):
        assumptions_of(problem("P5"), {"service_minutes": "many"})
    with pytest.raises(CommandRejected, match="'yes' or 'no'"):
        assumptions_of(problem("P6"), {"sarah_car": "perhaps"})
    with pytest.raises(CommandRejected, match="a time as HH:MM"):
        assumptions_of(problem("P6"), {"day_start": "early"})
