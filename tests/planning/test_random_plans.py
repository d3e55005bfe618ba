"""No false alarms and no misses: random problems, their solved plans in many guises, and one random mistake in each."""

from __future__ import annotations

import random
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from engine.planning.case import case_of
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.load import problem_from_document
from engine.planning.plan import Plan
from engine.planning.problem import Problem
from engine.planning.slack import pushed, slack_of
from tests.planning.facts import codes, rows_of

SEEDS = [seed for seed in range(12) if seed != 9]  # 9 takes the solver long
Rows = list[dict[str, Any]]


@cache
def made(seed: int) -> tuple[Problem, Plan]:
    """Return a random problem of riders, errands and a supervised roast, and a best plan for it."""
    dice = random.Random(seed)
    places = ["V", "P1", "P2", "P3", "P4"]
    ways = {f"{a}-{b}": dice.randrange(10, 45, 5) for n, a in enumerate(places) for b in places[n + 1 :]}
    riders = [
        {"id": f"r{n}", "start": dice.choice(places[1:]), "available_from": dice.randrange(540, 660, 5),
         "can_drive": False, "needs_ride": True, "must_be": [{"at": "V", "by": "18:00"}]}
        for n in range(dice.choice([1, 2, 3]))
    ]  # fmt: skip
    drivers = [
        {"id": f"d{n}", "start": dice.choice(["V", "V", "P1"]), "available_from": dice.randrange(540, 600, 5),
         "can_drive": True, "must_be": [{"at": "V", "by": "18:00"}]}
        for n in range(2)
    ]  # fmt: skip
    errands = [
        {"id": f"e{n}", "kind": "errand", "place": dice.choice(places[1:]), "duration": 5, "deliver_to": "V",
         "window": ["09:30", "17:30"], "deadline": "18:00", "performer": ["d0", "d1"]}
        for n in range(2)
    ]  # fmt: skip
    roast = {"id": "roast", "kind": "cook", "place": "V", "duration": 90, "deadline": "17:45",
             "supervised_by": {"any_of": "anyone_home", "at": "V"}}  # fmt: skip
    document = {
        "schema": "realm-problem/1", "id": f"R{seed}", "clock": {"start": "09:00", "end": "18:00", "unit": "minutes"},
        "places": dict.fromkeys(places, "somewhere"), "travel_minutes": ways,
        "people": [*riders, *drivers, {"id": "host", "start": "V", "can_drive": False, "must_be": [{"at": "V", "by": "18:00"}]}],
        "vehicles": [{"id": f"c{n}", "driver": f"d{n}", "seats": 5, "start": one["start"], "available_from": one["available_from"]} for n, one in enumerate(drivers)],
        "tasks": [*errands, roast],
    }  # fmt: skip
    problem = problem_from_document(document)
    solution = CpSatPlanner().solve(case_of(problem), limit_s=30)
    assert solution.rows
    return problem, Plan.model_validate({"id": "best", "rows": rows_of(solution)})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_valid_plan_in_any_guise_is_no_finding(seed: int) -> None:
    problem, best = made(seed)
    dice = random.Random(seed)
    assert check(problem, best).violations == ()
    slack = slack_of(problem, best)
    for _ in range(5):
        number = dice.choice(sorted(slack))
        late = pushed(case_of(problem), best, number, dice.randint(0, int(slack[number])))
        assert check(problem, late).violations == ()
    bare = best.model_copy(update={"rows": tuple(row for row in best.rows if row.kind != "pickup")})
    assert check(problem, bare).violations == ()
    shuffled = list(best.rows)
    dice.shuffle(shuffled)
    assert check(problem, best.model_copy(update={"rows": tuple(shuffled)})).violations == ()


def mistakes(rows: Rows) -> list[tuple[str, Rows]]:
    """Return every plan with one mistake of the kinds below, and the code it must get."""
    found: list[tuple[str, Rows]] = []

    def changed(code: str, n: int, **values: Any) -> None:
        other = deepcopy(rows)
        other[n].update(values)
        found.append((code, other))

    for n, row in enumerate(rows):
        if row["kind"] == "drive":
            changed("travel_time", n, end=row["end"] - 3)
            changed("travel_time", n, start=row["start"] + 3)
            if row["to"] == "V" and not any(
                one["start"] > row["start"] and one.get("agent") == row["agent"] for one in rows
            ):
                changed("deadline", n, start=1090, end=1090 + row["end"] - row["start"])
        if row["kind"] == "errand":
            changed("duration_short", n, end=row["end"] - 2)
            found.append(("missing", [one for one in rows if one is not row]))
        if row["kind"] == "cook":
            changed("duration_short", n, start=row["start"] + 1)
            changed("deadline", n, start=row["start"] + 10, end=row["end"] + 10)
            found.append(("missing", [one for one in rows if one is not row]))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_one_mistake_is_one_finding_with_its_code(seed: int) -> None:
    problem, best = made(seed)
    rows = [row.model_dump(by_alias=True, exclude_defaults=True) for row in best.rows]
    for code, other in mistakes(rows):
        checked = check(problem, Plan.model_validate({"id": "wrong", "rows": other}))
        assert codes(checked) == [code], (checked.violations, other)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rider_forgotten_everywhere_is_missing_and_one_in_two_places_is_a_break(seed: int) -> None:
    problem, best = made(seed)
    rows = [row.model_dump(by_alias=True, exclude_defaults=True) for row in best.rows]
    for rider in [one.id for one in problem.people if one.needs_ride]:
        without = [{**row, "people": [who for who in row.get("people", []) if who != rider]} for row in rows]
        checked = check(problem, Plan.model_validate({"id": "wrong", "rows": without}))
        assert codes(checked) == ["missing"]
        legs = [n for n, row in enumerate(rows) if row["kind"] == "drive" and rider in row["people"]]
        early = deepcopy(rows)
        early[legs[0]]["start"] = 545 - 10 * legs[0]
        assert {"availability", "continuity"} & set(
            codes(check(problem, Plan.model_validate({"id": "wrong", "rows": early})))
        )
