"""What must hold of a run now: its saga's invariants, and constraints that came or went while it was under way."""

from __future__ import annotations

from engine.core.disruption_kinds import NewConstraint
from engine.core.run import Run


def rules_in_force(run: Run) -> list[tuple[str, str, bool]]:
    """Return what must hold now: name, rule, and whether it was added while the run was under way."""
    if not run.saga.invariants and not run.constraints:
        return []
    stated = [(rule.name, rule.rule, False) for rule in run.saga.invariants]
    added = [(what.name, what.rule, True) for what in added_constraints(run) if what.rule]
    return [rule for rule in (*stated, *added) if rule[0] not in run.relaxed]


def added_constraints(run: Run) -> list[NewConstraint]:
    """Return the constraints that came while the run was under way, and still hold."""
    found = [run.standing[seq].known.what for name, seq in run.constraints.items() if name not in run.relaxed]
    return [what for what in found if isinstance(what, NewConstraint)]
