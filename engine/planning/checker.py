"""The checker: every violation of a plan as it is written, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.errors import DefinitionInvalid
from engine.core.errors import Problem as Finding
from engine.planning.assumptions import known_augmentations
from engine.planning.case import Case, case_of
from engine.planning.codes import (
    availability,
    capacity,
    continuity,
    deadline,
    duration_short,
    history_contradiction,
    missing,
    supervision_gap,
    travel_time,
    window_closed,
)
from engine.planning.finding import Checked, Violation
from engine.planning.plan import Plan
from engine.planning.problem import Problem
from engine.planning.reading import Reading

CODES = (
    history_contradiction, availability, continuity, travel_time, window_closed, duration_short,
    capacity, supervision_gap, deadline, missing,
)  # fmt: skip


def check(
    problem: Problem, plan: Plan, given: Mapping[str, Any] | None = None, base: Plan | None = None
) -> Checked:
    """Return what violates the problem in a plan, in the order of its rows.

    `given` sets assumptions; without it, those of the plan (`assumptions`, `augmentation`) and then the problem's defaults
    count. `base` is the plan that was under way when this one was made.

    Raises:
        CommandRejected: for an assumption that the problem does not have.
        DefinitionInvalid: for a plan that names what the problem does not have.
    """
    own = known_augmentations(problem, plan.augmentation)
    return check_case(case_of(problem, {**own, **plan.assumptions, **(given or {})}), plan, base)


def check_case(case: Case, plan: Plan, base: Plan | None = None) -> Checked:
    """Return what violates a problem, with every assumption decided, in a plan; see `check`.

    Raises:
        DefinitionInvalid: for a plan that names what the problem does not have.
    """
    _refuse_unknown_names(case.problem, plan)
    reading = Reading(case, plan, base)
    found: list[Violation] = [one for code in CODES for one in code.find(reading)]
    order = {row.n: place for place, row in enumerate(reading.rows)}
    found.sort(key=lambda one: (order.get(one.rows[0], 0) if one.rows else len(order), one.code))
    return Checked(id=plan.id, verdict="infeasible" if found else "feasible", violations=tuple(found))


def _refuse_unknown_names(problem: Problem, plan: Plan) -> None:
    """Refuse a way between places that don't exist, and an operation of a job that does not."""
    jobs = {job.id for job in problem.jobs}
    for row in plan.rows:
        for place in (row.from_, row.to) if row.moves else ():
            if place not in problem.places:
                listed = ", ".join(problem.places)
                raise DefinitionInvalid(
                    [
                        Finding(
                            f"{plan.id}: row {row.n}",
                            f"'{place}' is no place of {problem.id}",
                            f"places are {listed}",
                        )
                    ]
                )
        if row.kind == "operation" and row.job not in jobs:
            raise DefinitionInvalid(
                [
                    Finding(
                        f"{plan.id}: row {row.n}",
                        f"'{row.job}' is no job of {problem.id}",
                        f"jobs are {', '.join(sorted(jobs))}",
                    )
                ]
            )
