"""Robustness: which plan survives which disruption, and with how many minutes left, before one of them is approved.

A plan is pushed along, not planned anew: everybody does what the plan says, later where they have to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.amounts import is_number
from engine.planning.case import Case, case_of
from engine.planning.checker import check_case
from engine.planning.outcome import arrivals
from engine.planning.plan import Plan, Row
from engine.planning.problem import Disruption, Problem
from engine.planning.reading import Reading
from engine.planning.timetable import activities_of, retimed

Json = Any
NOTHING = Disruption(id="as planned", kind="nothing")
PUSHED = {"travel_time_multiplier", "traffic", "arrival_delay", "activity_delay", "nothing"}
"""Changes under which a plan can be pushed along."""
ARRIVES_LATER, TAKES_LONGER, TRAFFIC = 30, 15, 1.5


@dataclass(frozen=True)
class Trial:
    """One plan under one disruption; `slack` is what is left to the nearest deadline or closing time, None without any.

    `done` is when the last row ends, `found` what breaks.
    """

    plan: str
    disruption: str
    survives: bool
    slack: float | None
    done: float
    found: tuple[str, ...] = ()


def robustness(
    problem: Problem,
    plans: Sequence[Plan],
    disruptions: Iterable[Disruption] | None = None,
    given: Mapping[str, Json] | None = None,
) -> list[Trial]:
    """Return every plan under every disruption, and first as planned; without a list, under the usual ones.

    Raises:
        CommandRejected: for an assumption that the problem does not have.
    """
    tried = [NOTHING, *(what_ifs(case_of(problem, given)) if disruptions is None else disruptions)]
    return [_trial(problem, plan, one, given) for one in tried if one.kind in PUSHED for plan in plans]


def what_ifs(case: Case) -> Iterator[Disruption]:
    """Yield the usual disruptions of a problem: slow ways around each place, late arrivals, longer tasks and operations."""
    yield from case.problem.disruptions
    touched = {place for pair in case.travel.minutes for place in pair}
    for place in (one for one in case.problem.places if one in touched):
        scope = {"legs_touching": place}
        yield _change(f"ways at {place} x {TRAFFIC:g}", "travel_time_multiplier", scope, TRAFFIC)
    for one in case.problem.people:
        if one.available_from is not None:
            yield _change(
                f"{one.id} {ARRIVES_LATER} min later", "arrival_delay", {"person": one.id}, ARRIVES_LATER
            )
    for task in case.tasks.values():
        if task.kind in {"errand", "cook", "visit"} and not case.is_implied(task):
            yield _change(
                f"{task.id} {TAKES_LONGER} min longer", "activity_delay", {"task": task.id}, TAKES_LONGER
            )
    for machine in case.problem.machines:
        yield _change(f"operations on {machine} 1 longer", "activity_delay", {"machine": machine}, 1)


def _change(name: str, kind: str, scope: dict[str, str], magnitude: float) -> Disruption:
    return Disruption(id=name, kind=kind, scope=scope, magnitude=magnitude, effective_from=0)


def _trial(problem: Problem, plan: Plan, one: Disruption, given: Mapping[str, Json] | None) -> Trial:
    known = (*problem.disruptions, one) if one not in problem.disruptions else problem.disruptions
    case = case_of(problem.model_copy(update={"disruptions": known}), {**plan.assumptions, **(given or {})})
    rows = pushed_by(case, plan.rows, one)
    pushed = plan.model_copy(update={"rows": tuple(rows), "now": None, "history": {}})
    found = check_case(case, pushed)
    said = tuple(f"{v.code}: {v.claimed}, must: {v.required}" for v in found.violations)
    return Trial(
        plan.id, one.id, not said, slack_left(case, pushed), max((row.ends for row in rows), default=0), said
    )


def pushed_by(case: Case, rows: Iterable[Row], one: Disruption) -> list[Row]:
    """Return the rows as they come to be in a world in which this has changed; `case` knows of slow ways and late people."""
    entries = [
        _longer({"step": name, **body["with"]}, one) for name, body in activities_of(case, rows).items()
    ]
    return retimed(case, (), None, {"now": 0, "ahead": entries})


def _longer(entry: dict[str, Json], one: Disruption) -> dict[str, Json]:
    if one.kind != "activity_delay" or not isinstance(one.scope, dict) or not is_number(one.magnitude):
        return entry
    hit = one.scope.get("task") == entry.get("what", "") or one.scope.get("machine") in entry.get("uses", ())
    return {**entry, "minutes": entry.get("minutes", 0) + float(one.magnitude)} if hit else entry


def slack_left(case: Case, plan: Plan) -> float | None:
    """Return the minutes from what a plan does to the nearest deadline or closing time; negative where it is missed."""
    reading = Reading(case, plan)
    found = [one.by - one.at for one in arrivals(reading) if one.by is not None and one.at is not None]
    for task in case.tasks.values():
        for row in reading.work(task.id):
            ends = row.ends if case.window_means_finish or task.deadline is not None else row.start
            found += [
                by - ends
                for by in (task.window[1], task.deadline if task.deliver_to is None else None)
                if by is not None
            ]
    return min(found, default=None)
