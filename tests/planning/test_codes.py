"""Each code, from valid plans changed in one way at a time: exactly that code, once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from engine.planning.checker import check
from engine.planning.problem import Problem
from tests.planning.facts import ALERT, DINNER, LOG, TWO_CARS, WEDDING, codes, found, plan, problem

Rows = list[dict[str, Any]]
Change = Callable[[Rows], None]


def row(number: int, **values: Any) -> Change:
    def change(rows: Rows) -> None:
        next(one for one in rows if one["n"] == number).update({k.rstrip("_"): v for k, v in values.items()})

    return change


def without(*numbers: int) -> Change:
    def change(rows: Rows) -> None:
        rows[:] = [one for one in rows if one["n"] not in numbers]

    return change


def more(**values: Any) -> Change:
    return lambda rows: rows.append({"n": 90 + len(rows), **{k.rstrip("_"): v for k, v in values.items()}})


def nobody(name: str, *numbers: int) -> Change:
    def change(rows: Rows) -> None:
        for one in rows:
            if not numbers or one["n"] in numbers:
                one["people"] = [who for who in one["people"] if who != name]

    return change


def later(by: int, *numbers: int) -> Change:
    def change(rows: Rows) -> None:
        for one in rows:
            if not numbers or one["n"] in numbers:
                for key in ("start", "end"):
                    if key in one:
                        hours, minutes = divmod(int(one[key][:2]) * 60 + int(one[key][3:]) + by, 60)
                        one[key] = f"{hours:02d}:{minutes:02d}"

    return change


def all_of(*changes: Change) -> Change:
    def change(rows: Rows) -> None:
        for one in changes:
            one(rows)

    return change


CASES: list[tuple[str, str, Rows, Change, list[str]]] = [
    # travel_time
    ("leaves later, arrives as before", "P5", WEDDING, row(5, start="13:25"), ["travel_time"]),
    ("arrives earlier", "P5", WEDDING, row(1, end="12:39"), ["travel_time"]),
    ("goes elsewhere by another, longer way", "P6", DINNER, row(5, end="16:10"), ["travel_time"]),
    ("ends before it begins", "P5", WEDDING, row(7, end="13:40"), ["travel_time"]),
    ("the alert is not counted", "P8", ALERT, row(3, end="13:30"), ["travel_time"]),
    ("the way under way is wholly tripled or too little", "P8", ALERT, row(3, end="14:29"), ["travel_time"]),
    # window_closed
    ("the tailor after closing", "P5", TWO_CARS, row(4, end="14:01"), ["window_closed", "continuity"]),
    ("the tailor a little too late", "P5", TWO_CARS, all_of(row(4, end="14:05"), later(10, 5, 6, 7)), ["window_closed"]),
    # deadline
    ("everything late", "P5", WEDDING, all_of(later(55, 7), without(8)), ["deadline"]),
    ("everything late, the photos with it", "P5", WEDDING, all_of(later(55, 7), later(10, 8)), ["deadline"]),
    ("late, and the photos don't wait", "P5", WEDDING, later(55, 7), ["deadline"]),
    ("only the photos late", "P5", WEDDING, later(5, 8), ["deadline"]),
    ("the errands late, the riders not", "P5", TWO_CARS, later(20, 7), ["deadline"]),
    ("each of two cars late", "P5", TWO_CARS, all_of(later(90, 2), later(20, 7)), ["deadline", "deadline"]),
    ("the turkey late", "P6", DINNER, later(15, 1), ["deadline"]),
    ("the turkey and the sides late", "P6", DINNER, later(15, 1, 6), ["deadline", "deadline"]),
    ("Grandma late", "P6", DINNER, later(110, 5), ["deadline"]),
    ("dinner before the turkey is done", "P6", DINNER, later(-15, 7), ["deadline"]),
    # duration_short
    ("the turkey too short", "P6", DINNER, row(1, end="17:45"), ["duration_short"]),
    ("the sides too short", "P6", DINNER, row(6, start="16:00"), ["duration_short"]),
    # supervision_gap
    # availability
    ("before he is free", "P5", TWO_CARS, all_of(later(-20, 3, 4, 5, 6, 7)), ["availability"]),
    ("before he has landed", "P6", DINNER, all_of(later(-115, 2), nobody("Emily")), ["availability", "missing"]),
    ("before she has landed", "P6", DINNER, row(2, start="14:20"), ["availability"]),
    ("before the day begins", "P6", DINNER, more(kind="drive", start="08:00", end="08:00", agent="Michael", from_="H", to="H", people=[]), ["availability"]),
    ("one who can't drive", "P5", WEDDING, row(7, agent="Alex"), ["availability"]),
    ("one without a car", "P6", DINNER, more(kind="drive", start="10:00", end="10:30", agent="Sarah", from_="H", to="H", people=["Sarah"]), ["availability"]),
    ("another's car", "P5", WEDDING, row(7, vehicle="chris_car"), ["availability"]),
    ("an errand by a guest", "P5", WEDDING, row(6, agent="Alex"), ["availability"]),
    # continuity
    ("leaves before he is done", "P5", WEDDING, row(5, start="13:18"), ["continuity"]),
    ("leaves before he is there", "P5", TWO_CARS, row(2, start="12:45"), ["continuity"]),
    ("jumps from one place to the next", "P5", WEDDING, without(5), ["continuity"]),
    ("a leg from where nobody is", "P5", WEDDING, row(3, from_="W"), ["continuity"]),
    ("two things at once", "P5", WEDDING, more(kind="drive", start="13:00", end="13:15", agent="Pat", from_="W", to="T", people=["Pat"]), ["continuity"]),
    ("arrives while already shopping", "P5", WEDDING, row(5, end="13:43"), ["continuity"]),
    ("a rider who is elsewhere", "P5", TWO_CARS, row(5, people=["Chris", "Alex"]), ["continuity"]),
    ("a rider who got in nowhere", "P5", WEDDING, nobody("Jamie", 2, 3), ["continuity"]),
    ("a car that is elsewhere", "P5", WEDDING,
     all_of(row(7, agent="Chris"), row(5, people=["Pat", "Alex", "Jamie"])), ["continuity"]),
    ("an event that he is not at", "P5", TWO_CARS, more(kind="event", start="13:20", activity="Pat is back", place="W", people=["Pat"]), ["continuity"]),
    ("a way too early, whole", "P5", WEDDING, later(-10, 5), ["continuity"]),
    ("the last way too early, whole", "P5", WEDDING, later(-10, 7), ["continuity"]),
    ("the last way much too early", "P5", WEDDING, later(-30, 7), ["continuity"]),
    ("a way too late, whole", "P5", WEDDING, later(30, 5), ["continuity"]),
    ("an errand after they have left", "P5", WEDDING, later(30, 6), ["continuity"]),
    # missing
    ("never goes for them", "P5", TWO_CARS, without(2), ["missing"]),
    ("no errand", "P5", WEDDING, without(6), ["missing"]),
    ("no cooking", "P6", DINNER, without(6), ["missing"]),
    ("never comes back", "P5", TWO_CARS, without(7), ["missing"]),
    ("one is left behind", "P5", WEDDING, nobody("Alex", 2, 3, 4, 5, 6, 7), ["missing"]),
    ("one is left behind and not in the photo", "P5", WEDDING, nobody("Alex"), ["missing"]),
    ("Grandma is forgotten", "P6", DINNER, nobody("Grandma"), ["missing"]),
    ("not in the photo", "P5", WEDDING, nobody("Chris", 8), ["missing"]),
    # history_contradiction
    ("heads elsewhere than recorded", "P8", ALERT, all_of(row(3, to="T", end="14:00"), more(kind="drive", start="14:00", end="14:15", agent="Pat", from_="T", to="W", people=["Pat", "Alex", "Jamie"])), ["history_contradiction"]),
    ("left later than recorded", "P8", ALERT, row(3, start="12:55", end="14:45"), ["history_contradiction"]),
    ("somebody else aboard", "P8", ALERT, all_of(nobody("Alex", 3)), ["history_contradiction"]),
    ("elsewhere at a recorded time", "P8", ALERT, all_of(row(1, start="12:05", end="12:45"), row(2, start="12:45")), ["history_contradiction"]),
    ("says it heads elsewhere", "P8", ALERT, more(kind="state", start="13:00", agent="Pat", heading="T", people=["Pat"]), ["history_contradiction"]),
    ("says so with an arrow", "P8", ALERT, more(kind="state", start="13:00", activity="B->T", people=["Pat", "Alex", "Jamie"]), ["history_contradiction"]),
    ("says so in words", "P8", ALERT, more(kind="state", start="13:00", activity="Pat en route to the tailor", people=["Pat", "Alex", "Jamie"]), ["history_contradiction"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}: {case[0]}" for case in CASES])
def test_one_change_is_one_finding(case: tuple[str, str, Rows, Change, list[str]]) -> None:
    _, name, valid, change, expected = case
    rows = deepcopy(valid)
    change(rows)
    history = {"now": "13:00", "history": LOG} if name == "P8" else {}
    checked = found(name, rows, **history)
    assert codes(checked) == sorted(expected), checked.violations


HARMLESS: list[tuple[str, str, Rows, Change]] = [
    ("as it is", "P5", WEDDING, later(0)),
    ("as it is", "P5", TWO_CARS, later(0)),
    ("as it is", "P6", DINNER, later(0)),
    ("as it is", "P8", ALERT, later(0)),
    ("all a little later", "P5", WEDDING, later(35, 1, 2, 3, 4, 5, 6, 7)),
    ("slower than needed", "P5", TWO_CARS, row(7, end="15:00")),
    ("no pick-up rows, no event", "P5", WEDDING, without(2, 8)),
    ("no ends", "P5", WEDDING, lambda rows: [one.pop("end") for one in rows if one["kind"] == "drive"] and None),
    ("waits", "P5", WEDDING, more(kind="wait", start="11:00", end="13:30", place="W", people=["Chris"])),
    ("waits for a landing", "P5", WEDDING, all_of(more(kind="wait", start="12:40", end="12:45", place="B", people=["Pat", "Jamie"]))),
    ("people that are not in the problem", "P5", WEDDING, more(kind="event", start="13:00", activity="alert", people=["System"])),
    ("an event at a place of no interest", "P5", WEDDING, more(kind="event", start="09:00", activity="take-off", place="Chicago", people=["Alex"])),
    ("the shop at its very minutes", "P5", TWO_CARS, all_of(row(4, end="14:00"), later(5, 5, 6, 7))),
    ("a pick-up that lasts until the landing", "P5", TWO_CARS, all_of(row(1, start="12:00", end="12:40"), more(kind="pickup", start="12:00", end="12:35", agent="Alex", place="B", people=["Jamie"]))),
    ("the turkey handed on in two rows", "P6", DINNER, all_of(row(1, end="15:00"), more(kind="cook", start="15:00", end="17:50", item="turkey", people=["Sarah"]))),
    ("no names in the cooking", "P6", DINNER, row(1, people=[])),
    ("the rental is obtained in a row", "P6", DINNER, more(kind="errand", start="13:00", end="13:20", agent="James", item="rent_car", place="BOS", people=["James"])),
    ("everybody, in a word", "P6", DINNER, row(7, people=["all"])),
    ("only from now on", "P8", ALERT, without(1, 2, 3)),
    ("the way is told in two parts", "P8", ALERT, all_of(row(3, end="13:00"), more(kind="drive", start="13:00", end="14:30", agent="Pat", from_="B", to="W", people=["Pat", "Alex", "Jamie"]))),
    ("news of somebody who is not there yet", "P6", DINNER, more(kind="event", start="12:00", activity="James boards", place="BOS", people=["James"])),
    ("says where it heads", "P8", ALERT, more(kind="state", start="13:00", activity="en route to the venue", agent="Pat", people=["Pat"])),
]  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS, ids=[f"{case[1]}: {case[0]}" for case in HARMLESS])
def test_what_is_allowed_is_no_finding(case: tuple[str, str, Rows, Change]) -> None:
    _, name, valid, change = case
    rows = deepcopy(valid)
    change(rows)
    history = {"now": "13:00", "history": LOG} if name == "P8" else {}
    assert found(name, rows, **history).violations == ()


AWAY: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    ("an hour with nobody there", [("14:00", "15:00")], ["supervision_gap"]),
    ("twice", [("14:00", "14:20"), ("14:30", "14:50")], ["supervision_gap"]),
    ("somebody else is there, in turns", [("15:00", "15:10")], []),
    ("away before the turkey is in", [("13:00", "13:50")], []),
    ("turkey and sides alone at the same time", [("15:45", "16:00")], []),
    ("back a minute too late", [("13:00", "13:51")], ["supervision_gap"]),
]


@pytest.mark.parametrize("case", AWAY, ids=[case[0] for case in AWAY])
def test_supervision_follows_from_the_ways_that_people_take(
    case: tuple[str, list[tuple[str, str]], list[str]],
) -> None:
    _, spans, expected = case
    rows = deepcopy(DINNER)
    for number, (start, end) in enumerate(spans):
        rows.append(
            {
                "n": 20 + number,
                "kind": "drive",
                "start": start,
                "end": end,
                "agent": "Sarah",
                "from": "H",
                "to": "H",
                "people": ["Sarah"],
            }
        )
    assert codes(found("P6", rows, given={"sarah_car": "yes"})) == expected


def test_the_sides_want_one_and_the_same_person_throughout() -> None:
    rows = deepcopy(DINNER)
    rows[5].update(start="15:30", end="17:50")
    rows.append(
        {
            "n": 20,
            "kind": "drive",
            "start": "15:41",
            "end": "17:55",
            "agent": "Sarah",
            "from": "H",
            "to": "H",
            "people": ["Sarah"],
        }
    )
    checked = found("P6", rows, given={"sarah_car": "yes"})
    assert codes(checked) == ["supervision_gap"]
    assert checked.violations[0].rows == (6,)


def test_tasks_left_alone_at_the_same_time_are_one_finding() -> None:
    rows = deepcopy(DINNER)
    rows[1].update(start="16:30", end="17:30")
    rows[2].update(start="15:50", end="16:20")
    rows[3].update(start="16:20", end="16:25")
    rows[4].update(start="16:25", end="17:30")
    rows.append(
        {
            "n": 20,
            "kind": "drive",
            "start": "16:00",
            "end": "17:00",
            "agent": "Sarah",
            "from": "H",
            "to": "H",
            "people": ["Sarah"],
        }
    )
    checked = found("P6", rows, given={"sarah_car": "yes"})
    assert codes(checked) == ["supervision_gap"]
    assert checked.violations[0].rows == (1, 6, 20)


def changed_problem(name: str, **changes: Any) -> Problem:
    return problem(name).model_copy(update=changes)


def test_an_errand_before_its_window_opens() -> None:
    tasks = tuple(
        task.model_copy(update={"window": (850.0, None)}) if task.id == "gift" else task
        for task in problem("P5").tasks
    )
    checked = check(changed_problem("P5", tasks=tasks), plan("P5", WEDDING))
    assert codes(checked) == ["window_closed"]
    assert checked.violations[0].rows == (6,)


def test_a_full_car() -> None:
    cars = tuple(car.model_copy(update={"seats": 2}) for car in problem("P5").vehicles)
    checked = check(changed_problem("P5", vehicles=cars), plan("P5", WEDDING))
    assert codes(checked) == ["capacity"]
    assert checked.violations[0].rows == (3, 5, 7)


def test_legs_touching_the_airport_are_tripled_from_the_alert_on() -> None:
    rows = [
        *deepcopy(ALERT[:2]),
        {
            "n": 3,
            "kind": "drive",
            "start": "13:00",
            "end": "14:30",
            "agent": "Pat",
            "from": "B",
            "to": "T",
            "people": ["Pat", "Alex", "Jamie"],
        },
        {
            "n": 4,
            "kind": "drive",
            "start": "14:30",
            "end": "14:45",
            "agent": "Pat",
            "from": "T",
            "to": "W",
            "people": ["Pat", "Alex", "Jamie"],
        },
        *({**one, "n": one["n"] + 10} for one in ALERT[3:]),
    ]
    assert codes(found("P8", rows)) == []
    rows[2]["end"] = "14:29"
    assert codes(found("P8", rows)) == ["travel_time"]
    assert codes(found("P8", rows, given={"accident_passed": "yes"})) == ["travel_time"]


def test_who_is_past_the_accident_is_not_slowed() -> None:
    rows = deepcopy(ALERT)
    rows[2]["end"] = "13:30"
    assert codes(found("P8", rows)) == ["travel_time"]
    assert codes(found("P8", rows, given={"accident_passed": "yes"})) == []


def test_the_minutes_that_a_plan_adds_count() -> None:
    assert codes(found("P6", DINNER, augmentation={"exit_terminal": 30})) == ["availability"]
    assert codes(found("P6", DINNER, augmentation={"exit_terminal": 10, "rent": 15})) == []
    assert codes(found("P5", WEDDING, augmentation={"service": 5})) == []
    assert codes(found("P5", WEDDING, augmentation={"service": 6})) == ["duration_short"] * 3


def test_the_tailor_may_be_reached_in_time_only() -> None:
    rows = deepcopy(TWO_CARS)
    rows[3]["end"], rows[4]["start"], rows[4]["end"] = "14:05", "14:05", "14:25"
    rows[5]["start"], rows[5]["end"], rows[6]["start"], rows[6]["end"] = "14:25", "14:25", "14:25", "14:50"
    assert codes(found("P5", rows)) == ["window_closed"]
    assert codes(found("P5", rows, given={"window_means": "arrive"})) == []


def test_what_was_begun_stays_as_the_plan_under_way_has_it() -> None:
    base = plan("P8", ALERT).model_copy(update={"id": "base"})

    def against(change: Change) -> list[str]:
        rows = deepcopy(ALERT)
        change(rows)
        return codes(check(problem("P8"), plan("P8", rows, now="13:00", base="base"), None, base))

    assert against(later(0)) == []
    assert against(later(3, 4, 5, 6, 7, 8)) == []
    assert against(row(3, end="14:35")) == []
    assert against(row(3, start="12:55", end="14:45")) == ["history_contradiction"]
    assert against(without(2)) == ["history_contradiction"]


def test_being_at_the_end_of_a_recorded_way_too_soon() -> None:
    rows = [
        *deepcopy(ALERT[3:]),
        {
            "n": 20,
            "kind": "event",
            "start": "14:00",
            "activity": "riders are there",
            "place": "W",
            "people": ["Pat", "Alex"],
        },
    ]
    checked = found("P8", rows, now="13:00", history=LOG)
    assert codes(checked) == ["travel_time"]
    rows[-1]["start"] = "14:30"
    assert codes(found("P8", rows, now="13:00", history=LOG)) == []


def test_landing_and_renting_count_from_the_arrival_driving_from_when_that_is_done() -> None:
    added = {"exit_terminal": 30, "rent": 15}
    rows = [
        {
            "n": 10,
            "kind": "event",
            "start": "13:00",
            "activity": "James lands",
            "place": "BOS",
            "people": ["James"],
        },
        {
            "n": 11,
            "kind": "errand",
            "start": "13:30",
            "end": "13:45",
            "agent": "James",
            "item": "rent_car",
            "place": "BOS",
            "people": ["James"],
        },
        {
            "n": 12,
            "kind": "event",
            "start": "14:30",
            "activity": "Emily lands",
            "place": "BOS",
            "people": ["Emily"],
        },
        {
            "n": 13,
            "kind": "pickup",
            "start": "14:30",
            "end": "15:00",
            "agent": "James",
            "place": "BOS",
            "people": ["James", "Emily"],
        },
        *deepcopy(DINNER),
    ]
    rows[5].update(start="15:00", end="16:00")
    assert codes(found("P6", rows, augmentation=added)) == []
    rows[5].update(start="14:59", end="15:59")
    rows[3].update(end="14:59")
    assert codes(found("P6", rows, augmentation=added)) == ["availability"]


def test_records_of_a_place_and_of_a_task() -> None:
    history = {"Pat": {"at": "B"}, "turkey": {"started": "13:50"}}
    assert (
        codes(
            found(
                "P8",
                [*deepcopy(ALERT[:2]), {**ALERT[2], "start": "13:00", "end": "15:00"}, *deepcopy(ALERT[3:])],
                now="13:00",
                history=history,
            )
        )
        == []
    )
    assert codes(found("P8", ALERT, now="13:00", history=history)) == ["history_contradiction"]
    assert codes(found("P6", DINNER, now="14:00", history=history)) == []
    history["turkey"] = {"started": "13:55"}
    assert codes(found("P6", DINNER, now="14:00", history=history)) == ["history_contradiction"]
