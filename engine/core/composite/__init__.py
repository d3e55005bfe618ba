"""What composite steps do when they begin, and when their frames have ended: a file per kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine.core.composite import agents, loops, maps, nested, teams
from engine.core.dropped import dropped
from engine.core.events import Event
from engine.core.run import Run, StepState

Json = Any
_BEGIN: dict[str, Callable[[Run, StepState, Json], list[Event]]] = {
    "map": maps.begin, "loop": loops.begin, "saga": nested.begin, "team": teams.begin, "agent": agents.begin,
}  # fmt: skip
_TURN: dict[str, Callable[[Run, StepState, datetime], list[Event]]] = {
    "map": maps.turn, "loop": loops.turn, "saga": nested.turn, "team": teams.turn, "agent": agents.turn,
}  # fmt: skip


def begin(run: Run, step: StepState, request: Json) -> list[Event]:
    """Return the frames that a composite step opens first, from its rendered `with`.

    Raises:
        ExpressionError: where that is not what the kind needs.
    """
    return _BEGIN[step.definition.kind](run, step, request)


def turn(run: Run, step: StepState, now: datetime) -> list[Event]:
    """Return what follows when frames of a composite step have ended: more frames, or its output.

    Those that failed are dropped first, as soon as they have ended, whatever the others do.

    Raises:
        ExpressionError: where the output can't be made.
    """
    if run.composites[step.id].lost:
        return list(dropped(run, step))
    return _TURN[step.definition.kind](run, step, now)
