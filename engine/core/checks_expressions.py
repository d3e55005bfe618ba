"""Publish checks of expressions: each must parse, and speak only of what exists when it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.errors import ExpressionError, Problem
from engine.core.expressions import Expression, compile_expression
from engine.core.saga import RouteStep, Saga, Step, undo_of
from engine.core.templates import expressions_in

FORWARD = frozenset({"run", "steps", "app", "world", "key", "attempt"})
AFTER = FORWARD | {"output", "request"}
UNDO = AFTER | {"undo"}


def expression_problems(saga: Saga) -> Iterator[Problem]:
    """Check that every expression parses and speaks only of what exists when it is evaluated."""
    for name, step in saga.steps.items():
        path = f"steps.{name}"
        for where, expression, allowed in _expressions(step, path):
            if isinstance(expression, str):
                yield Problem(where, expression, "correct the expression")
                continue
            yield from _name_problems(where, expression, allowed, saga, step=name)
    for index, invariant in enumerate(saga.invariants):
        yield from _compiled(f"invariants[{index}].rule", invariant.rule, FORWARD, saga)
    for where, found in holes(saga.output, "output"):
        if isinstance(found, str):
            yield Problem(where, found, "correct the expression")
        else:
            yield from _name_problems(where, found, FORWARD, saga)


def _compiled(where: str, source: str, allowed: frozenset[str], saga: Saga) -> Iterator[Problem]:
    try:
        yield from _name_problems(where, compile_expression(source), allowed, saga)
    except ExpressionError as error:
        yield Problem(where, str(error), "correct the expression")


Found = tuple[str, Expression | str, frozenset[str]]


def _expressions(step: Step, path: str) -> Iterator[Found]:
    if step.when is not None:
        yield from _cel(f"{path}.when", step.when, FORWARD)
    yield from _in(f"{path}.with", step.with_.model_dump(by_alias=True), FORWARD)
    if isinstance(step, RouteStep):
        for index, row in enumerate(step.with_.rules):
            yield from _cel(f"{path}.with.rules[{index}].when", row.when, FORWARD)
    for index, rule in enumerate(step.validate_):
        if rule.kind != "rule":
            continue
        yield from _cel(f"{path}.validate[{index}].rule", rule.rule, AFTER)
    for key, source in step.writes.items():
        yield from _cel(f"{path}.writes.{key}", source, AFTER)
    yield from _in(f"{path}.locks", list(step.locks), FORWARD)
    yield from _gate_expressions(step, path)
    yield from _undo_expressions(step, path)


def _gate_expressions(step: Step, path: str) -> Iterator[Found]:
    if step.approval is None:
        return
    if step.approval.when is not None:
        yield from _cel(f"{path}.approval.when", step.approval.when, FORWARD)
    yield from _in(f"{path}.approval.question", step.approval.question, FORWARD)


def _undo_expressions(step: Step, path: str) -> Iterator[Found]:
    if step.probe is not None:
        probed = FORWARD | {"request"}
        yield from _in(f"{path}.probe.with", step.probe.with_.model_dump(by_alias=True), probed)
        if step.probe.landed is not None:
            yield from _cel(f"{path}.probe.landed", step.probe.landed, AFTER)
    undo = undo_of(step)
    if undo is None:
        return
    yield from _in(f"{path}.compensate.with", undo.with_.model_dump(by_alias=True), AFTER)
    for key, source in undo.writes.items():
        yield from _cel(f"{path}.compensate.writes.{key}", source, UNDO)
    if undo.cost_usd is not None:
        yield from _cel(f"{path}.compensate.cost_usd", undo.cost_usd, AFTER)


def _cel(where: str, source: str, allowed: frozenset[str]) -> Iterator[Found]:
    try:
        yield where, compile_expression(source), allowed
    except ExpressionError as error:
        yield where, str(error), allowed


def holes(value: Any, where: str) -> Iterator[tuple[str, Expression | str]]:
    """Yield the placeholders of a value with their places; text where one is no expression."""
    try:
        yield from expressions_in(value, where)
    except ExpressionError as error:
        yield where, str(error)


def _in(where: str, value: Any, allowed: frozenset[str]) -> Iterator[Found]:
    for path, found in holes(value, where):
        yield path, found, allowed


def _name_problems(
    where: str, expression: Expression, allowed: frozenset[str], saga: Saga, step: str | None = None
) -> Iterator[Problem]:
    for other in sorted(expression.steps):
        if other in saga.steps and (step is None or saga.graph.comes_before(other, step)):
            continue
        if other in saga.steps:
            remedy = f"add '{other}' to what this step needs"
            yield Problem(where, f"`{expression.source}` uses '{other}', which need not come before", remedy)
        else:
            yield Problem(
                where, f"`{expression.source}` names no step '{other}'", f"steps are {some(saga.steps)}"
            )
    unknown = expression.names - allowed
    if unknown:
        names = ", ".join(sorted(unknown))
        yield Problem(
            where,
            f"`{expression.source}` knows no `{names}`",
            f"here it may use {', '.join(sorted(allowed))}",
        )
    yield from _input_problems(where, expression, saga)


def _input_problems(where: str, expression: Expression, saga: Saga) -> Iterator[Problem]:
    for key in sorted(expression.inputs - set(saga.input)):
        known = ", ".join(saga.input) or "none"
        yield Problem(
            where,
            f"`{expression.source}` names no input '{key}'",
            f"declare it under `input:` (there: {known})",
        )


def some(names: Any) -> str:
    """Return the first names of a list, in words."""
    listed = list(names)
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
