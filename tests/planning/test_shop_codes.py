"""The codes of job shops and of groups on foot, from valid schedules changed in one way at a time."""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import Any

import pytest

from engine.core.errors import DefinitionInvalid
from engine.planning.checker import check
from tests.planning.facts import codes, found, plan, problem, rows_of, solved

Rows = list[dict[str, Any]]


def shop() -> Rows:
    return rows_of(solved("P11"))


def test_an_operation_that_is_not_there() -> None:
    for n in range(9):
        assert codes(found("P11", [row for k, row in enumerate(shop()) if k != n])) == ["missing"]


def test_an_operation_too_short() -> None:
    for n in range(9):
        rows = shop()
        rows[n]["end"] -= 1
        assert codes(found("P11", rows)) == ["duration_short"]


def test_two_at_once_on_one_machine() -> None:
    rows: Rows = [
        {"kind": "operation", "start": 0, "end": 3, "job": "Job1", "op": 1, "machine": "A"},
        {"kind": "operation", "start": 2, "end": 4, "job": "Job2", "op": 1, "machine": "A"},
    ]
    assert [code for code in codes(found("P11", rows)) if code != "missing"] == ["capacity"]


def test_an_operation_before_the_one_before_it_has_ended() -> None:
    rows: Rows = [
        {"kind": "operation", "start": 0, "end": 3, "job": "Job1", "op": 1, "machine": "A"},
        {"kind": "operation", "start": 2, "end": 4, "job": "Job1", "op": 2, "machine": "B"},
    ]
    assert [code for code in codes(found("P11", rows)) if code != "missing"] == ["continuity"]


def test_a_machine_that_is_down_or_another_one() -> None:
    assert codes(found("J2", rows_of(solved("J2")))) == []
    assert set(codes(found("J2", shop()))) == {"availability"}
    rows = [{"kind": "operation", "start": 0, "end": 3, "job": "Job1", "op": 1, "machine": "C"}]
    assert [code for code in codes(found("P11", rows)) if code != "missing"] == ["availability"]


def test_an_unknown_job_is_a_bad_file() -> None:
    rows = [{"kind": "operation", "start": 0, "end": 3, "job": "Job9", "op": 1, "machine": "C"}]
    with pytest.raises(DefinitionInvalid, match="'Job9' is no job of P11"):
        found("P11", rows)


def tour() -> Rows:
    return rows_of(solved("P1"))


def test_a_tour_that_skips_shortens_or_comes_late() -> None:
    rows = tour()
    library = next(n for n, row in enumerate(rows) if row.get("item") == "visit_L")
    assert codes(found("P1", [row for n, row in enumerate(rows) if n != library])) == ["missing"]
    short = deepcopy(rows)
    short[library]["end"] -= 5
    assert codes(found("P1", short)) == ["duration_short"]
    late = deepcopy(rows)
    late[-1].update(start=1015, end=1025)
    assert codes(found("P1", late)) == ["deadline"]
    assert codes(found("P1", rows[:-1])) == ["missing"]


def test_a_visit_before_opening() -> None:
    rows = tour()
    reverse = list(reversed(["S", "D", "A", "B", "L", "S"]))
    ways, now, told = problem("P1").travel_minutes, 540, []
    for here, there in itertools.pairwise(reverse):
        took = ways.get(f"{here}-{there}", ways.get(f"{there}-{here}"))
        told.append(
            {"kind": "walk", "agent": "G1", "start": now, "end": now + took, "from": here, "to": there}
        )
        now += took
        if there != "S":
            told.append(
                {
                    "kind": "visit",
                    "agent": "G1",
                    "start": now,
                    "end": now + 30,
                    "place": there,
                    "item": f"visit_{there}",
                }
            )
            now += 30
    assert codes(found("P1", told)) == ["window_closed"]
    assert len(rows) == len(told)


def test_groups_that_are_together_too_many() -> None:
    both = problem("P1").model_copy(
        update={
            "groups": (
                problem("P1").groups[0],
                problem("P1").groups[0].model_copy(update={"id": "G2", "size": 15}),
            )
        }
    )
    both = type(both).model_validate({**both.model_dump(by_alias=True), "place_capacity": {"A": 34}})
    rows = tour() + [{**row, "n": row["n"] + 20, "agent": "G2", "people": ["G2"]} for row in tour()]
    checked = check(both, plan("P1", rows))
    assert codes(checked) == ["capacity"]
    assert checked.violations[0].claimed == "35 at 10:05"


def test_a_third_rider_in_a_car_for_two() -> None:
    rows = rows_of(solved("P3"))
    assert codes(found("P3", rows)) == []
    last = [row for row in rows if row["kind"] == "drive" and row["to"] == "G"][-1]
    last["people"] = [*last["people"], "somebody"]
    assert codes(found("P3", rows)) == ["capacity"]
