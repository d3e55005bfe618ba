"""Publish checks of what a saga schedules against its own runs, and of what it takes for granted."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.disruption_kinds import (
    CallFault,
    CancelledBooking,
    ChangedFact,
    LostResource,
    NewConstraint,
    Scheduled,
    WithdrawnApproval,
)
from engine.core.errors import ExpressionError, Problem
from engine.core.expressions import compile_expression
from engine.core.facts_read import parts_of
from engine.core.saga import Saga

KNOWN = frozenset({"app", "run", "steps", "assume", "world"})


def disruption_problems(saga: Saga) -> Iterator[Problem]:
    """Check that scheduled disruptions name what there is, and that each assumption is there once."""
    for index, item in enumerate(saga.disruptions):
        if not isinstance(item, Scheduled):
            continue  # a change of a timetable
        where = f"disruptions[{index}]"
        if item.when.after is not None:
            yield from _step(saga, f"{where}.when.after", item.when.after)
        what = item.what
        if isinstance(what, CallFault | WithdrawnApproval | CancelledBooking):
            yield from _step(saga, f"{where}.what.step", what.step)
        elif isinstance(what, LostResource):
            for name in what.steps:
                yield from _step(saga, f"{where}.what.steps", name)
        elif isinstance(what, ChangedFact):
            yield from _path(saga, f"{where}.what.path", what.path)
        elif isinstance(what, NewConstraint) and what.rule:
            yield from _rule(saga, f"{where}.what.rule", what.rule)
    names = [one.name for one in saga.assumptions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("assumptions", f"'{name}' is there twice", "give each assumption a name of its own")


def _step(saga: Saga, where: str, name: str) -> Iterator[Problem]:
    if name.split(".", maxsplit=1)[0] not in saga.steps:
        yield Problem(where, f"there is no step '{name}'", f"steps are {', '.join(list(saga.steps)[:8])}")


def _path(saga: Saga, where: str, path: str) -> Iterator[Problem]:
    root, name = (str(part) for part in parts_of(path)[:2])
    there = {"steps": saga.steps, "app": saga.app, "assume": [one.name for one in saga.assumptions]}.get(root)
    if root == "run":
        there, name = saga.input, str(parts_of(path)[2])
    if there is not None and name not in there and root != "app":
        yield Problem(where, f"there is no `{path}`", f"there is {', '.join(list(there)[:8]) or 'none'}")


def _rule(saga: Saga, where: str, rule: str) -> Iterator[Problem]:
    try:
        expression = compile_expression(rule)
    except ExpressionError as error:
        yield Problem(where, str(error), "correct the expression")
        return
    for name in sorted(expression.steps - set(saga.steps)):
        yield Problem(where, f"`{rule}` names no step '{name}'", "name a step of this saga")
    unknown = expression.names - KNOWN
    if unknown:
        yield Problem(
            where,
            f"`{rule}` knows no `{', '.join(sorted(unknown))}`",
            f"here it may use {', '.join(sorted(KNOWN))}",
        )
