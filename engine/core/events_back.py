"""The facts of going back and of doing anew: directions, plans, repairs, amendments."""

from __future__ import annotations

from typing import Literal

from engine.core.fact import Direction, Json, fact


@fact
class UndoPlanned:
    """One entry of the frozen compensation plan."""

    step: str
    after: tuple[str, ...]
    """Planned dependents that go first (R17)."""
    why: str


@fact
class DirectionChosen:
    """Where the run goes after the drain; with `undo` and `repair`, the frozen plan (R15, R16).

    A repair undoes the plan and then does the `affected` steps anew; all others keep what they have (R26).
    """

    type: Literal["direction_chosen"] = "direction_chosen"
    direction: Direction
    reason: str
    plan: tuple[UndoPlanned, ...] = ()
    culprits: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    replan: bool = False
    """Of a repair: pause before anything is done anew."""
    by: str = ""


@fact
class DirectionAsked:
    """A person must choose the direction (R15, `ask`)."""

    type: Literal["direction_asked"] = "direction_asked"


@fact
class StepsStale:
    """What these steps relied on has changed: they are to be done anew (R26)."""

    type: Literal["steps_stale"] = "steps_stale"
    steps: tuple[str, ...]
    reason: str
    by: str


@fact
class StepsRedone:
    """What a repair had to undo is undone; these steps begin again, each in a new epoch (R26)."""

    type: Literal["steps_redone"] = "steps_redone"
    steps: tuple[str, ...]
    round: int


@fact
class PlanAmended:
    """The rest of this run is planned anew; what has begun is as it was (R27)."""

    type: Literal["plan_amended"] = "plan_amended"
    document: dict[str, Json]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reason: str
    by: str
