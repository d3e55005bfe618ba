"""Where planning anew stands in a run: a part of its state, folded from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.core.events_replan import PlanProposed, PlanRefused, ReplanScope
from engine.core.fact import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What a planner gave in one call, not yet judged."""

    attempt: int
    output: Json


@dataclass(slots=True)
class Planning:
    """The planning that is under way.

    Attributes:
        verify: the kept steps that are still to be looked for in the world.
        calls_from: how many calls to planners the run had made when the present round began.
        answer: what came back and is not yet a proposal; `proposal` has no verdict yet.
        refused: the rounds so far, oldest first; `patches` are what they proposed.
        done: whether no further round is allowed: a person goes on.
        asked: the step under which the person is asked; "" before that.
        due: when the planner may be asked again after a failed call.
    """

    culprits: tuple[str, ...]
    affected: tuple[str, ...]
    reason: str
    verify: dict[str, None]
    calls_from: int
    scope: ReplanScope = "local"
    answer: Answer | None = None
    proposal: PlanProposed | None = None
    refused: list[PlanRefused] = field(default_factory=list)
    patches: list[Json] = field(default_factory=list)
    done: bool = False
    asked: str = ""
    due: datetime | None = None

    @property
    def round(self) -> int:
        """The number of the round that is under way, from 1."""
        return len(self.refused) + 1
