"""The functions by which a saga plans a timetable: look at the situation, check a plan, solve it, schedule it.

They take the problem as a name that ships or as a document, and `timetable` is what the run sees as `run.timetable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.planning.load import load_problem, problem_from_document
from engine.planning.plan import Row
from engine.planning.problem import Problem
from engine.planning.proposals import proposed
from engine.planning.situation import (
    PASSED,
    Situation,
    as_it_goes,
    brief,
    checked,
    findings,
    open_question,
    pushed_along,
    situation_of,
)
from engine.planning.times import read_time, write_time
from engine.planning.timetable import activities_of
from engine.steps.python import FUNCTIONS, Rejected

Json = Any
Timetable = Mapping[str, Json]
ROW_KEYS = ("kind", "start", "end", "agent", "people", "from", "to", "place", "item", "activity", "vehicle", "job", "op", "machine")  # fmt: skip


@FUNCTIONS.register("timetable_situation")
def timetable_situation(
    problem: Json, timetable: Timetable, assume: Mapping[str, Json] | None = None
) -> Json:
    """Return how a timetable stands: in words for a model, whether it still holds, and what the log does not say."""
    situation = _situation(problem, timetable, assume)
    going = as_it_goes(situation)
    question, about = open_question(situation)
    return {
        "text": brief(situation),
        "now": timetable["now"],
        "still_valid": going is not None and not going.violations,
        "findings": findings(going) if going is not None else "",
        "question": question,
        "about": about,
        "assume": dict(assume or {}),
    }


@FUNCTIONS.register("timetable_check")
def timetable_check(
    problem: Json, timetable: Timetable, rows: Sequence[Json], assume: Mapping[str, Json] | None = None
) -> Json:
    """Return a validator's verdict on a plan for what is ahead."""
    situation = _situation(problem, timetable, assume)
    try:
        found = checked(situation, _rows(rows))
    except (ValueError, DefinitionInvalid) as error:
        return {"accept": False, "evidence": f"this is no plan: {error}"}
    return {"accept": not found.violations, "evidence": findings(found) or "nothing violates the problem"}


@FUNCTIONS.register("timetable_solve")
def timetable_solve(problem: Json, timetable: Timetable, assume: Mapping[str, Json] | None = None) -> Json:
    """Return the solver's plan for what is ahead, or the proof that there is none."""
    situation = _situation(problem, timetable, assume)
    try:
        proposal = proposed(situation)
    except CommandRejected as refused:
        return {"rows": [], "proven": False, "conflict": [], "text": str(refused)}
    conflict = [one.model_dump() for one in proposal.conflict]
    text = "; ".join(f"{one.name}: {one.text}" for one in proposal.conflict)
    why = f"these can't all hold: {text}" if text else "whatever constraint is left out"
    said = f"there is no plan, {why}" if proposal.proven else "no plan was found in time"
    return {
        "rows": [_told(situation, row) for row in proposal.rows],
        "proven": proposal.proven, "conflict": conflict, "text": "" if proposal.rows else said,
    }  # fmt: skip


@FUNCTIONS.register("timetable_activities")
def timetable_activities(
    problem: Json,
    timetable: Timetable,
    rows: Sequence[Json] | None = None,
    about: str = "",
    assume: Mapping[str, Json] | None = None,
) -> Json:
    """Return a plan as activities for the run; without rows, what is ahead stays, pushed along.

    With the assumption that whoever is under way (`about`) is past what slows the way down, it ends as it would have.
    """
    situation = _situation(problem, timetable, assume)
    ends = _ends(situation, about) if (assume or {}).get(PASSED) is True and about else {}
    if not rows and not timetable.get("ahead"):
        return {"activities": None, "ends": ends}
    ahead = _rows(rows) if rows else pushed_along(situation)[len(situation.past) :]
    begun = {one["step"]: one for one in timetable.get("begun") or ()}
    return {"activities": activities_of(situation.case, ahead, begun), "ends": ends}


def _ends(situation: Situation, about: str) -> dict[str, Json]:
    """Return when the activity that was slowed down ends after all."""
    entry = next((one for one in situation.timetable["begun"] if one["step"] == about), None)
    if entry is None or not entry.get("under_way"):
        return {}
    start = float(read_time(entry["start"]))
    needed = situation.case.travel.needed(entry["from"], entry["to"], start)
    return {} if needed is None else {about: write_time(start + needed, clock=situation.problem.has_clock)}


def _situation(problem: Json, timetable: Timetable, assume: Mapping[str, Json] | None) -> Situation:
    try:
        return situation_of(problem_of(problem), timetable, assume)
    except (DefinitionInvalid, CommandRejected) as error:
        raise Rejected(str(error)) from None


def problem_of(problem: Json) -> Problem:
    """Return a problem by the name under which it ships, or from its document.

    Raises:
        DefinitionInvalid: with what is wrong, where, and what to do.
    """
    return _shipped(problem) if isinstance(problem, str) else problem_from_document(dict(problem))


@cache
def _shipped(name: str) -> Problem:
    return load_problem(name)


def _rows(rows: Sequence[Json]) -> list[Row]:
    return [
        Row.model_validate({"n": n, **{key: row[key] for key in ROW_KEYS if row.get(key) is not None}})
        for n, row in enumerate(rows, start=1)
    ]


def _told(situation: Situation, row: Row) -> Json:
    told = row.model_dump(by_alias=True, exclude_defaults=True, exclude={"n"})
    for key in ("start", "end"):
        if key in told:
            told[key] = write_time(told[key], clock=situation.problem.has_clock)
    return {**told, "people": list(row.people)} if row.people else told
