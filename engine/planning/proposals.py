"""What the solver proposes for a situation: a plan for what is still ahead, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from engine.planning.plan import Plan, Row
from engine.planning.planner import Conflict, Planner, Standing
from engine.planning.situation import Situation
from engine.planning.standing import standing_after

LIMIT_S = 20.0


@dataclass(frozen=True)
class Proposal:
    """A plan for what is still ahead; without rows, why there is none."""

    rows: tuple[Row, ...] = ()
    conflict: tuple[Conflict, ...] = ()
    proven: bool = False


def proposed(situation: Situation) -> Proposal:
    """Return the best plan for what is ahead, or the proof that there is none.

    Raises:
        CommandRejected: if it can't plan such a problem, or is not installed.
    """
    case, now = situation.case, situation.now
    standing = None
    if now is not None:
        past = Plan(id="past", rows=situation.past)
        standing = standing_after(case, past, now) if situation.past else Standing(now)
    solution = cp_sat().solve(case, None, standing, LIMIT_S)
    kept = len(standing.rows) if standing is not None else 0
    ahead = tuple(row.model_copy(update={"n": n}) for n, row in enumerate(solution.rows[kept:], start=1))
    return Proposal(ahead, solution.conflict, solution.status == "infeasible")


def cp_sat() -> Planner:
    """Return the solver that ships as an extra.

    Raises:
        CommandRejected: if it is not installed; the message says how to install it.
    """
    from engine.planning.cpsat import CpSatPlanner

    return CpSatPlanner()
