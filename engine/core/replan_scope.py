"""What a proposal may change: first what is affected, then its neighbours, then all that has not begun.

1. What has begun is in no scope (R27).
2. A wider scope holds the narrower one; where it holds nothing more it is passed over.
"""

from __future__ import annotations

from engine.core.affected import has_begun
from engine.core.events_replan import ReplanScope
from engine.core.replan_state import Planning
from engine.core.run import Run

SCOPES: tuple[ReplanScope, ...] = ("local", "neighbourhood", "remainder")


def in_scope(run: Run, planning: Planning, scope: ReplanScope) -> tuple[str, ...]:
    """Return the steps that a proposal may change, in the plan's own order."""
    free = [name for name in run.saga.steps if not has_begun(run.steps[name])]
    if scope == "remainder":
        return tuple(free)
    affected = {name for name in planning.affected if name in run.steps}
    wanted = affected if scope == "local" else affected | _neighbours(run, affected)
    return tuple(name for name in free if name in wanted)


def _neighbours(run: Run, affected: set[str]) -> set[str]:
    """Return what the affected steps need, and what else needs the same."""
    needs = run.saga.graph.needs
    needed = {other for name in affected & needs.keys() for other in needs[name]}
    return needed | {name for name, others in needs.items() if needed & set(others)}


def wider(run: Run, planning: Planning) -> ReplanScope | None:
    """Return the next scope that lets more steps change, or None where there is none."""
    now = set(in_scope(run, planning, planning.scope))
    later = SCOPES[SCOPES.index(planning.scope) + 1 :]
    return next((scope for scope in later if set(in_scope(run, planning, scope)) > now), None)
