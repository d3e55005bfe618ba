"""The port of planners, and what one answers: a plan with its figures and slack, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from engine.planning.case import Case
from engine.planning.plan import Row

Objective = Literal["earliest", "driving", "distance", "makespan"]
OBJECTIVES: tuple[Objective, ...] = ("earliest", "driving", "distance", "makespan")


class Conflict(BaseModel):
    """One of the constraints that can't all hold; without any one of those named, there is a plan."""

    model_config = ConfigDict(frozen=True)
    name: str
    text: str


class Solution(BaseModel):
    """A planner's answer; `conflict` is there where it is proven that there is no plan.

    Attributes:
        figures: what the plan comes to: `all_done`, `driving_minutes`, `distance_km`, `makespan`.
        bound: no plan can be better than this in the objective; None where that was not asked.
    """

    model_config = ConfigDict(frozen=True)
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    objective: Objective
    rows: tuple[Row, ...] = ()
    figures: dict[str, float] = {}
    bound: float | None = None
    conflict: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class Spot:
    """Where a vehicle is: at a place from a moment on, who is aboard, whether it brings something."""

    place: str
    since: float
    aboard: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How far a plan has come at a moment: what stays, and from where the rest is planned.

    Attributes:
        home: those whose last way so far ends where they must be, and from when on they are there.
    """

    now: float
    rows: tuple[Row, ...] = ()
    spots: dict[str, Spot] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    home: Mapping[str, float] = field(default_factory=dict)


class Planner(Protocol):
    """Finds plans."""

    def solve(
        self,
        case: Case,
        objective: Objective | None = None,
        standing: Standing | None = None,
        limit_s: float = 60,
    ) -> Solution:
        """Return the best plan, or the constraints in conflict where there is none.

        `objective` is the problem's own unless said; `standing` keeps what was begun before its moment;
        after `limit_s`, all that is asked of it included, the best plan so far is returned as `feasible`. Only
        the naming of constraints in conflict may take some seconds more.

        Raises:
            CommandRejected: if the problem lacks numbers that a plan needs; the message names them.
        """
        ...


def own_objective(case: Case) -> Objective:
    """Return the objective of a problem: the makespan of a job shop, kilometres where there are any, else time."""
    if case.problem.is_shop:
        return "makespan"
    return "distance" if case.travel.km else "earliest"


def lacking(case: Case) -> list[str]:
    """Return what a problem would have to say before it can be planned, in words; empty if it says all."""
    problem = case.problem
    if problem.is_shop:
        return []
    found: list[str] = []
    if not problem.people and not problem.groups:
        found.append("`people` or `groups`: who moves, from where, and where they must be")
    needed = {one.start for one in case.people.values()} | {
        task.at for task in case.tasks.values() if task.at
    }
    needed |= {must.at for one in case.people.values() for must in one.must_be}
    ways = {place for pair in case.travel.minutes for place in pair}
    silent = sorted(needed - ways - {"", "each"})
    if silent or not ways:
        found.append(f"`travel_minutes` to and from {', '.join(silent) or 'every place'}")
    found += [
        f"`place` of task {task.id}: one place"
        for task in case.tasks.values()
        if not task.at or task.at == "each"
    ]
    found += [
        f"`duration` of task {t.id}" for t in case.tasks.values() if t.kind == "cook" and t.duration is None
    ]
    return found


def as_document(problem: str, solution: Solution, **more: Any) -> dict[str, Any]:
    """Return the plan as an entry of a `realm-plans/1` file (times still in minutes)."""
    return {
        "id": f"{problem}_solved", "source": "solver", "problem": problem, **more,
        "rows": [row.model_dump(by_alias=True, exclude_defaults=True) for row in solution.rows],
    }  # fmt: skip
