"""A CP-SAT model whose constraints have names, so that a conflict can be told in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from ortools.sat.python import cp_model

from engine.planning.planner import Conflict

SOLVED = (cp_model.OPTIMAL, cp_model.FEASIBLE)
INFEASIBLE = cp_model.INFEASIBLE
LEAST_S = 0.001
"""What a solver gets whose time is up: nothing to speak of."""
PROOF_S = 5.0
"""How long a proof that there is no plan may take at least to leave out what is superfluous in it."""


@dataclass
class Named:
    """A model, and a literal for each named constraint: it holds only where the literal is true."""

    model: Any = field(default_factory=cp_model.CpModel)
    causes: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def cause(self, name: str, text: str) -> Any:
        """Return the literal of a named constraint; the first text stays."""
        if name not in self.causes:
            self.causes[name] = self.model.new_bool_var(name)
            self.texts[name] = text
        return self.causes[name]

    def conflict(self, solvers: Solvers) -> tuple[Conflict, ...] | None:
        """Return constraints that can't all hold; None if all can, or if time is up.

        The solver names a sufficient set; then each one is left out in turn, and stays out where the rest
        is still impossible. So none of them is superfluous, as far as there is time to find that out: what
        is left, and `PROOF_S` at least.
        """
        found = self._core(list(self.causes), solvers)
        if found is None:
            return None
        solvers.grant(PROOF_S)
        for name in list(found):
            without = self._core([one for one in found if one != name], solvers)
            if without is not None:
                found = without
        return tuple(Conflict(name=name, text=self.texts[name]) for name in self.causes if name in found)

    def _core(self, names: Sequence[str], solvers: Solvers) -> list[str] | None:
        """Return which of these constraints are impossible together; None if they are not."""
        self.model.clear_assumptions()
        self.model.add_assumptions([self.causes[name] for name in names])
        solver = solvers()
        status = solver.solve(self.model)
        self.model.clear_assumptions()
        if status != INFEASIBLE:
            return None
        core = set(solver.sufficient_assumptions_for_infeasibility())
        return [name for name in names if self.causes[name].index in core]

    def require_all(self) -> None:
        """Make every named constraint hold."""
        for literal in self.causes.values():
            self.model.add(literal == 1)


class Solvers:
    """Makes the solvers of one question: they share its time, however many there are; one worker is deterministic."""

    def __init__(self, limit_s: float, workers: int, seed: int) -> None:
        self._until = monotonic() + limit_s
        self._workers, self._seed = workers, seed

    def __call__(self) -> Any:
        """Return a solver that may take what is left of the time."""
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(self._until - monotonic(), LEAST_S)
        solver.parameters.num_workers = self._workers
        solver.parameters.random_seed = self._seed
        return solver

    def grant(self, seconds: float) -> None:
        """Let so much time be left at least."""
        self._until = max(self._until, monotonic() + seconds)
