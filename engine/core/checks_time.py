"""Publish checks of timetables: activities, their clock, and the changes that a saga brings with it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.checks_expressions import some
from engine.core.disruptions import TIMETABLE_KINDS, Disruption
from engine.core.errors import ExpressionError, Problem
from engine.core.saga import ActivityStep, Saga
from engine.core.slowdown import open_moment, slowdown_of

UNHEARD = (
    "validate", "output", "probe", "compensate", "fallback", "states", "locks", "approval", "schedules",
)  # fmt: skip


def time_problems(saga: Saga) -> Iterator[Problem]:
    """Yield what is wrong about the timetable of a saga."""
    for name, step in saga.steps.items():
        if isinstance(step, ActivityStep):
            yield from _activity_problems(name, step)
    yield from _replan_problems(saga)
    for index, one in enumerate(saga.disruptions):
        if isinstance(one, Disruption) and one.kind in TIMETABLE_KINDS:
            yield from _change_problems(saga, f"disruptions[{index}]", one)


def _activity_problems(name: str, step: ActivityStep) -> Iterator[Problem]:
    path, call = f"steps.{name}", step.with_
    for key in UNHEARD:
        if getattr(step, "validate_" if key == "validate" else key):
            yield Problem(f"{path}.{key}", f"`kind: activity` takes no `{key}`", "remove it")
    if bool(call.from_) != bool(call.to):
        yield Problem(f"{path}.with", "a way with one end", "give both `from` and `to`")


def _replan_problems(saga: Saga) -> Iterator[Problem]:
    name = None if saga.clock is None else saga.clock.replan
    if name is None:
        return
    if name not in saga.steps:
        remedy = f"steps are {some(saga.steps)}"
        yield Problem("clock.replan", f"there is no step '{name}'", remedy)
    if saga.recovery == "compensate":
        what = "a change would undo the whole run instead of planning it anew"
        yield Problem("clock.replan", what, "set `recovery: repair`, or `ask`")


def _change_problems(saga: Saga, path: str, one: Disruption) -> Iterator[Problem]:
    if saga.timekeeping is None:
        yield Problem(path, f"{one.kind} without a clock to happen on", "add `clock: {start: ...}`")
    if one.known_at is None and one.effective_from is None:
        yield Problem(f"{path}.known_at", "it never happens", "say when, as HH:MM of the virtual clock")
    for key in ("known_at", "effective_from", "until"):
        value = getattr(one, key)
        if not (isinstance(value, str) and "${" in value) and not _is_moment(value):
            yield Problem(f"{path}.{key}", f"{value!r} is no moment", "write HH:MM, or one `${...}`")

    if one.kind == "travel_time_multiplier":
        try:
            slowdown_of(one.scope, 1, 0, None)
        except ExpressionError as error:
            yield Problem(f"{path}.scope", str(error), "say whom it concerns")


def _is_moment(value: object) -> bool:
    try:
        open_moment(value)
    except (TypeError, ValueError):
        return False
    return True
