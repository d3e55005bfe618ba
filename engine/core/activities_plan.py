"""Taking a timetable into a run: activities that a step gives take the place of those not begun (R27)."""

from __future__ import annotations

from typing import Any

from engine.core import events as e
from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid, ExpressionError
from engine.core.expressions import compile_expression
from engine.core.run import Run, StepState
from engine.core.slowdown import open_moment
from engine.core.virtual import ENDLESS

Json = Any
SHOWN = 3


def scheduled(run: Run, step: StepState, scope: dict[str, Json]) -> list[e.Event]:
    """Return the amendment by the activities that a step's output gives, and other ends of those under way.

    Raises:
        ExpressionError: if it gives no activities, or such as can't be part of this run.
    """
    if step.frame:
        raise ExpressionError("a step inside another one can't schedule; let one of the saga itself do it")
    given = compile_expression(step.definition.schedules).evaluate(scope)
    activities = given.get("activities") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(activities, dict | None):
        raise ExpressionError(f"`{step.definition.schedules}` gave no `activities` by id")
    ends = given.get("ends") or {}
    revised = [_revised(run, step, name, ends[name]) for name in sorted(ends)]
    return [*(_amended(run, step, activities) if activities is not None else []), *revised]


def _amended(run: Run, step: StepState, activities: dict[str, Json]) -> list[e.Event]:
    document = run.saga.document()
    ahead = {name for name in run.saga.steps if _is_ahead(run, name)}
    kept = {name: body for name, body in document["steps"].items() if name not in ahead}
    for name, body in activities.items():
        if not isinstance(body, dict) or body.get("kind") != "activity":
            raise ExpressionError(f"'{name}' is no activity; only those can be scheduled")
        if name in kept:
            raise ExpressionError(f"'{name}' has begun, or is another step; it can't be changed")
    document["steps"] = {**kept, **dict(sorted(activities.items(), key=_place))}
    proposed = _checked(document)
    if proposed == run.saga.canonical:
        return []
    same = {name for name in ahead & activities.keys() if _is_same(run, name, activities[name])}
    return [
        e.PlanAmended(
            document=document, reason=f"what '{step.id}' gave", by=step.id,
            added=tuple(name for name in document["steps"] if name not in run.steps),
            changed=tuple(name for name in document["steps"] if name in ahead & activities.keys() and name not in same),
            removed=tuple(name for name in run.saga.steps if name in ahead and name not in activities),
        )
    ]  # fmt: skip


def _place(item: tuple[str, Json]) -> tuple[float, str]:
    """Return where an activity stands among the others: an expression gives a mapping in no order."""
    call = item[1].get("with")
    try:
        start = open_moment(call.get("start")) if isinstance(call, dict) else None
    except (TypeError, ValueError):
        start = None  # told below, with where it is
    return start or 0.0, item[0]


def _is_ahead(run: Run, name: str) -> bool:
    step = run.steps[name]
    return step.definition.kind == "activity" and step.status in {"pending", "ready", "withdrawn"}


def _is_same(run: Run, name: str, body: Json) -> bool:
    return bool(run.saga.document()["steps"][name] == body)


def _checked(document: Json) -> str:
    """Return the canonical text of a saga that may run."""
    from engine.core.checks import (
        publish_problems,
    )  # it looks at every rule, also at those that commit looks at

    try:
        saga = saga_from_document(document)
    except DefinitionInvalid as invalid:
        raise ExpressionError("; ".join(str(p) for p in invalid.problems[:SHOWN])) from None
    errors = [str(p) for p in publish_problems(saga) if p.severity == "error"]
    if errors:
        raise ExpressionError("; ".join(errors[:SHOWN]))
    return saga.canonical


def _revised(run: Run, step: StepState, name: str, until: Json) -> e.ActivityRevised:
    moment, clock = None, run.clock
    if clock is not None and name in clock.spans and run.steps[name].status == "waiting":
        try:
            moment = open_moment(until)
        except (TypeError, ValueError):
            moment = None
    if moment is None or clock is None or moment > clock.spans[name].began + ENDLESS:
        raise ExpressionError(f"'{name}' is not under way, or `{until}` is no moment within a year")
    moment = max(moment, clock.moment)
    return e.ActivityRevised(step=name, until=moment, reason=f"what '{step.id}' gave", by=step.id)
