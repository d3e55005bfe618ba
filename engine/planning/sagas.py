"""From a problem and a plan to a saga that runs: a step per row, or one that plans the rows in the run itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.disruptions import TIMETABLE_KINDS
from engine.core.errors import CommandRejected
from engine.planning.case import Case
from engine.planning.plan import Row
from engine.planning.times import write_time
from engine.planning.timetable import activities_of

Json = Any
SPEED = 5.0


def saga_of_plan(case: Case, rows: Iterable[Row], speed: float = SPEED) -> dict[str, Json]:
    """Return the definition of a saga that carries a plan out on the virtual clock, changes of the world included."""
    planned = list(rows)
    if not planned:
        raise CommandRejected(f"there is no plan for {case.problem.id}, so nothing to schedule")
    first = min(row.start for row in planned)
    start = min(first, case.start) if case.start is not None else first
    return {
        **_head(case, "a plan as activities on a virtual clock", start, speed),
        **_changes(case, start),
        "steps": activities_of(case, planned),
        "output": {"timetable": "${run.timetable.begun}"},
    }


def planning_saga(case: Case, document: Mapping[str, Json], speed: float = SPEED) -> dict[str, Json]:
    """Return the definition of a saga that has the solver plan, carries the plan out, and plans anew after a change.

    The problem is as it was before its changes (`load_problem(..., changed=False)`): those happen in the run.
    """
    if case.problem.is_shop:
        raise CommandRejected("a job shop is not planned anew while it runs; leave `--live` out")
    start = case.start if case.start is not None else min(
        (one.ready for one in case.people.values() if one.ready is not None), default=0.0
    )  # fmt: skip
    assume = {one.name: one.value for one in case.assumptions.values() if one.overridden}
    about: dict[str, Json] = {"problem": _static(document), "timetable": "${run.timetable}", "assume": assume}
    head = _head(case, "the solver plans it, code checks it, and a change plans the rest anew", start, speed)
    head["clock"] |= {"replan": "situation"}
    return {
        **head, "recovery": "repair", **_changes(case, start),
        "steps": {
            "situation": _call("Sum up the situation", "timetable_situation", about),
            "solve": {**_call("Solve it", "timetable_solve", about), "needs": ["situation"], "timeout_s": 120},
            "possible": {
                "kind": "approval", "title": "Go on though there is no plan?", "needs": ["solve"],
                "when": "size(steps.solve.output.rows) == 0",
                "with": {"question": "${steps.solve.output.text}. Go on with the plan as it is?"},
            },
            "schedule": {
                **_call("Take the plan", "timetable_activities", {**about, "rows": "${steps.solve.output.rows}"}),
                "needs": "possible || possible.skipped", "schedules": "output",
            },
        },
        "output": {"timetable": "${run.timetable.begun}"},
    }  # fmt: skip


def _call(title: str, function: str, args: Mapping[str, Json]) -> dict[str, Json]:
    return {"kind": "python", "title": title, "with": {"function": function, "args": dict(args)}}


def _head(case: Case, what: str, start: float, speed: float) -> dict[str, Json]:
    problem = case.problem
    name = re.sub(r"[^a-z0-9]+", "-", problem.id.lower()).strip("-")
    return {
        "saga": f"timetable-{name}"[:64], "title": (problem.name or problem.id)[:120], "description": f"{problem.id}: {what}.",
        "clock": {"start": write_time(start, clock=problem.has_clock), "speed": speed},
    }  # fmt: skip


def _changes(case: Case, start: float) -> dict[str, Json]:
    """Return the problem's own changes of the world, as far as they happen on the clock."""
    clock = case.problem.has_clock
    found = []
    for one in case.problem.disruptions:
        if one.kind not in TIMETABLE_KINDS or not isinstance(one.scope, dict):
            continue
        known = one.known_at if one.known_at is not None else start
        change: dict[str, Json] = {
            "name": re.sub(r"[^a-z0-9_]+", "_", one.id.lower())[:48], "kind": one.kind, "scope": one.scope,
            "known_at": write_time(known, clock=clock),
        }  # fmt: skip
        if isinstance(one.magnitude, int | float):
            change["magnitude"] = one.magnitude
        for key, moment in (("effective_from", one.effective_from), ("until", one.until)):
            change |= {key: write_time(moment, clock=clock)} if moment is not None else {}
        found.append(change)
    return {"disruptions": found} if found else {}


def _static(document: Mapping[str, Json]) -> dict[str, Json]:
    """Return a problem without its changes: those happen in the run."""
    return {
        key: value for key, value in document.items() if key not in {"disruptions", "overrides", "extends"}
    }
