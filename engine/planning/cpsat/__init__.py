"""The planner on OR-Tools' CP-SAT: the optimum, or a proof that there is none. Needs the extra `planner`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import CommandRejected
from engine.planning.case import Case
from engine.planning.planner import Objective, Solution, Standing, lacking, own_objective

if TYPE_CHECKING:
    from engine.planning.cpsat.model import Solvers

LARGE_SHOP = 50


class CpSatPlanner:
    """Plans rides, errands, visits and cooking as routes with times, and job shops as intervals."""

    def __init__(self, workers: int | None = None, seed: int = 1, enough: float | None = None) -> None:
        """One worker gives the same plan every time, and is what routes and small job shops take.

        Larger shops take two, unless said. `enough` ends the search for a job shop at that makespan.
        """
        try:
            import ortools.sat.python.cp_model  # noqa: F401 - whether it is there is all that is asked
        except ImportError:
            raise CommandRejected(
                "the planner needs OR-Tools, which is not installed; install the extra: pip install 'saga-studio[planner]'"
            ) from None
        self.workers, self.seed, self.enough = workers, seed, enough

    def solve(
        self,
        case: Case,
        objective: Objective | None = None,
        standing: Standing | None = None,
        limit_s: float = 60,
    ) -> Solution:
        """Return the best plan, or the constraints in conflict; see `Planner.solve`."""
        missing = lacking(case)
        if missing:
            raise CommandRejected(
                f"{case.problem.id} can't be planned; it does not say: {'; '.join(missing)}"
            )
        wanted = objective or own_objective(case)
        if case.problem.is_shop:
            from engine.planning.cpsat.shop import solve_shop

            return solve_shop(case, self._solvers(limit_s, _size(case)), self.enough, standing)
        if wanted == "makespan" or (wanted == "distance" and not case.travel.km):
            raise CommandRejected(
                f"{case.problem.id} has no {wanted} to minimise; take 'earliest' or 'driving'"
            )
        from engine.planning.cpsat.routes import solve_routes

        return solve_routes(case, wanted, standing, self._solvers(limit_s, 0))

    def _solvers(self, limit_s: float, operations: int) -> Solvers:
        from engine.planning.cpsat.model import Solvers

        usual = 2 if operations > LARGE_SHOP else 1
        return Solvers(limit_s, self.workers or usual, self.seed)


def _size(case: Case) -> int:
    return sum(len(job.operations) for job in case.jobs)
