"""A CP-SAT model whose constraints have names, so that a conflict can be told in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from engine.planning.planner import Conflict

SOLVED = (cp_model.OPTIMAL, cp_model.FEASIBLE)


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

    def conflict(self, settings: Callable[[], Any]) -> tuple[Conflict, ...] | None:
        """Return constraints that can't all hold, none of them superfluous; None if all can, or if time is up.

        The solver names a sufficient set; then each one is left out in turn, and stays out where the rest
        is still impossible.
        """
        found = self._core(list(self.causes), settings)
        if found is None:
            return None
        for name in list(found):
            without = self._core([one for one in found if one != name], settings)
            if without is not None:
                found = without
        return tuple(Conflict(name=name, text=self.texts[name]) for name in self.causes if name in found)

    def _core(self, names: Sequence[str], settings: Callable[[], Any]) -> list[str] | None:
        """Return which of these constraints are impossible together; None if they are not."""
        self.model.clear_assumptions()
        self.model.add_assumptions([self.causes[name] for name in names])
        solver = settings()
        status = solver.solve(self.model)
        self.model.clear_assumptions()
        if status != cp_model.INFEASIBLE:
            return None
        core = set(solver.sufficient_assumptions_for_infeasibility())
        return [name for name in names if self.causes[name].index in core]

    def require_all(self) -> None:
        """Make every named constraint hold."""
        for literal in self.causes.values():
            self.model.add(literal == 1)


def solver_settings(limit_s: float, workers: int, seed: int) -> Any:
    """Return a solver with these limits; with one worker it is deterministic."""
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit_s
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    return solver
