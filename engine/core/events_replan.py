"""The facts of planning anew by a planner: what it is asked about, what it proposes, and why that is refused."""

from __future__ import annotations

from typing import Literal

from engine.core.fact import Json, fact

ReplanScope = Literal["local", "neighbourhood", "remainder"]
"""What a proposal may change: the affected steps, their neighbours too, or all that has not begun."""


@fact
class ReplanBegun:
    """A repair has undone what is affected; before anything begins, the rest is planned anew."""

    type: Literal["replan_begun"] = "replan_begun"
    culprits: tuple[str, ...]
    affected: tuple[str, ...]
    reason: str
    verify: tuple[str, ...] = ()
    """The kept steps that their probes look for first."""


@fact
class PlanProposed:
    """A planner's answer: a JSON merge patch (RFC 7396) of the plan's steps."""

    type: Literal["plan_proposed"] = "plan_proposed"
    attempt: int
    round: int
    scope: ReplanScope
    patch: Json
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reason: str
    by: str


@fact
class PlanRefused:
    """A proposal that is not admitted, with all that is wrong; the next round is told of it."""

    type: Literal["plan_refused"] = "plan_refused"
    round: int
    scope: ReplanScope
    findings: tuple[str, ...]
    then: ReplanScope | Literal["person"]
    stalled: bool = False
    """The planner turned in a circle: the same plan or findings."""


@fact
class PlanKept:
    """The rest goes on as it was planned: the planner, or a person in its place, has nothing to change."""

    type: Literal["plan_kept"] = "plan_kept"
    reason: str
    by: str
