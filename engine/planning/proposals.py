"""The port of whoever proposes a timetable for a situation - a model, a solver, a script - and the solver behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.errors import CommandRejected
from engine.planning.plan import Plan, Row
from engine.planning.planner import Conflict, Planner, Standing
from engine.planning.situation import Situation
from engine.planning.standing import standing_of

LIMIT_S = 20.0


@dataclass(frozen=True)
class Proposal:
    """A plan for what is still ahead; without rows, why there is none."""

    rows: tuple[Row, ...] = ()
    by: str = ""
    conflict: tuple[Conflict, ...] = ()
    proven: bool = False
    figures: tuple[tuple[str, float], ...] = ()


class Proposer(Protocol):
    """Proposes plans."""

    def propose(self, situation: Situation, findings: Sequence[str] = ()) -> Proposal:
        """Return a plan for what is ahead; `findings` is what was wrong with the ones before.

        Raises:
            CommandRejected: if it can't plan such a problem, or is not installed.
        """
        ...


class SolverProposer:
    """Proposes what a solver finds: the best plan, or a proof that there is none.

    Args:
        planner: makes the solver when it is needed; it may be an optional extra that is not there.
    """

    def __init__(self, planner: Callable[[], Planner]) -> None:
        self._planner = planner

    def propose(self, situation: Situation, findings: Sequence[str] = ()) -> Proposal:
        """Return the best plan; what was found about earlier plans is of no use to a solver."""
        del findings
        case, now = situation.case, situation.now
        standing = None
        if now is not None:
            standing = (
                standing_of(case, Plan(id="past", rows=situation.past), now)
                if situation.past
                else Standing(now)
            )
        solution = self._planner().solve(case, None, standing, LIMIT_S)
        kept = len(standing.rows) if standing is not None else 0
        ahead = tuple(row.model_copy(update={"n": n}) for n, row in enumerate(solution.rows[kept:], start=1))
        return Proposal(
            ahead,
            "solver",
            solution.conflict,
            solution.status == "infeasible",
            tuple(solution.figures.items()),
        )


def cp_sat() -> Planner:
    """Return the solver that ships as an extra.

    Raises:
        CommandRejected: if it is not installed; the message says how to install it.
    """
    from engine.planning.cpsat import CpSatPlanner

    return CpSatPlanner()


def solver() -> SolverProposer:
    """Return the proposer on OR-Tools."""
    return SolverProposer(cp_sat)


def solver_is_there() -> bool:
    """Return whether the solver's extra is installed."""
    try:
        cp_sat()
    except CommandRejected:
        return False
    return True
