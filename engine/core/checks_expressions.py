"""Publish checks of expressions: each must parse, and speak only of what exists when it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.core.composites import INSIDE
from engine.core.disruptions import Disruption
from engine.core.errors import ExpressionError, Problem
from engine.core.expressions import FUNCTIONS, STANDARD, Expression, compile_expression
from engine.core.saga import LlmStep, RouteStep, Saga, Step, undo_of
from engine.core.templates import expressions_in
from engine.core.validators import ContextPolicy, LlmFallback, Validator

CRITICAL = frozenset({"run", "app", "world", "assume"})
FORWARD = CRITICAL | {"steps", "key", "attempt", "events", "memory"}
AFTER = FORWARD | {"output", "request"}
UNDO = AFTER | {"undo"}

Found = tuple[str, Expression | str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Use:
    """An expression with what it may speak of; text instead of one says why it is none.

    Attributes:
        where: its path.
        allowed: the names that are there when it is evaluated.
        after: what it comes after, so that all their prerequisites are known; None: it may speak of any step.
        over: the steps that it may speak of themselves.
        step: the step that it stands on; empty for those of edges and of the saga.
    """

    where: str
    expression: Expression | str
    allowed: frozenset[str]
    after: tuple[str, ...] | None = None
    over: tuple[str, ...] = ()
    step: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands around the steps of a body: names that they see, steps that ended before, the saga it is all in."""

    names: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()
    root: Saga | None = None


def expression_problems(saga: Saga, scene: Scene) -> Iterator[Problem]:
    """Check that every expression parses and speaks only of what exists when it is evaluated."""
    for use in uses(saga):
        if isinstance(use.expression, str):
            yield Problem(use.where, use.expression, "correct the expression")
        else:
            yield from _name_problems(
                replace(use, allowed=use.allowed | scene.names), use.expression, saga, scene
            )


def uses(saga: Saga) -> Iterator[Use]:
    """Yield every expression of a saga with what it may speak of."""
    for name, step in saga.steps.items():
        for where, expression, allowed in _expressions(step, f"steps.{name}"):
            yield Use(where, expression, allowed, (name,), step=name)
    for index, edge in enumerate(saga.edges):
        for number, validator in enumerate(edge.validate_ if edge.from_ in saga.steps else ()):
            for found in _validator(f"edges[{index}].validate[{number}]", validator):
                yield Use(*found, (edge.from_,))
    for index, validator in enumerate(saga.validate_):
        over = tuple(name for name in validator.steps if name in saga.steps)
        for found in _validator(f"validate[{index}]", validator):
            yield Use(*found, over, over=over)
    yield from _of_the_saga(saga)


def _of_the_planner(saga: Saga) -> Iterator[Use]:
    if saga.replan is None:
        return
    for found in _in("replan.by.with", saga.replan.by.with_.model_dump(by_alias=True), FORWARD):
        yield Use(*found)
    for index, validator in enumerate(saga.replan.validate_):
        for found in _validator(f"replan.validate[{index}]", validator):
            yield Use(*found)


def _of_memory(saga: Saga) -> Iterator[Use]:
    if saga.memory is None:
        return
    for found in _in("memory.key", saga.memory.key, frozenset({"run"})):
        yield Use(*found)
    for found in _in("memory.writes", saga.memory.writes, FORWARD):
        yield Use(*found)


def _of_the_saga(saga: Saga) -> Iterator[Use]:
    yield from _of_memory(saga)
    for index, invariant in enumerate(saga.invariants):
        for found in _cel(f"invariants[{index}].rule", invariant.rule, FORWARD):
            yield Use(*found)
    yield from _of_the_planner(saga)
    for found in _in("output", saga.output, FORWARD):
        yield Use(*found)
    for found in _in("goals", list(saga.goals), CRITICAL):
        yield Use(*found)
    for found in _in("constraints", list(saga.constraints), CRITICAL):
        yield Use(*found)
    for index, one in enumerate(saga.disruptions):
        for key in (
            ("magnitude", "known_at", "effective_from", "until") if isinstance(one, Disruption) else ()
        ):
            for found in _in(f"disruptions[{index}].{key}", getattr(one, key), CRITICAL):
                yield Use(*found)


def _expressions(step: Step, path: str) -> Iterator[Found]:
    if step.when is not None:
        yield from _cel(f"{path}.when", step.when, FORWARD)
    yield from _in(f"{path}.with", step.with_.model_dump(by_alias=True), FORWARD)
    yield from _over_a_body(step, path)
    if isinstance(step, RouteStep):
        for index, row in enumerate(step.with_.rules):
            yield from _cel(f"{path}.with.rules[{index}].when", row.when, FORWARD)
    for index, validator in enumerate(step.validate_):
        yield from _validator(f"{path}.validate[{index}]", validator)
    for key, source in step.writes.items():
        yield from _cel(f"{path}.writes.{key}", source, AFTER)
    yield from _some_cel(f"{path}.schedules", step.schedules, AFTER)
    for index, emission in enumerate(step.emits):
        yield from _some_cel(f"{path}.emits[{index}].when", emission.when or "", AFTER)
        yield from _in(f"{path}.emits[{index}].data", emission.data, AFTER)
    yield from _in(f"{path}.locks", list(step.locks), FORWARD)
    if isinstance(step, LlmStep) and step.context is not None:
        yield from _context(f"{path}.context", step.context, FORWARD)
    yield from _fallback_expressions(step, path)
    yield from _gate_expressions(step, path)
    yield from _undo_expressions(step, path)


def _over_a_body(step: Step, path: str) -> Iterator[Found]:
    """Yield what a composite step asks about the output of a body."""
    keys = {"loop": ("until", "score"), "map": ("value", "score")}.get(step.kind, ())
    allowed = AFTER | INSIDE[step.kind] if keys else AFTER
    for key in keys:
        yield from _some_cel(f"{path}.with.{key}", getattr(step.with_, key), allowed)


def _some_cel(where: str, source: str, allowed: frozenset[str]) -> Iterator[Found]:
    if source:
        yield from _cel(where, source, allowed)


def _fallback_expressions(step: Step, path: str) -> Iterator[Found]:
    for index, fallback in enumerate(step.fallback):
        where = f"{path}.fallback[{index}]"
        if isinstance(fallback, LlmFallback):
            yield from _in(f"{where}.with", fallback.with_.model_dump(by_alias=True), FORWARD)
        else:
            yield from _in(f"{where}.value", fallback.value, FORWARD)
    if step.states is not None:
        for key in ("goals", "constraints"):
            yield from _some_cel(f"{path}.states.{key}", getattr(step.states, key), AFTER)


def _context(path: str, context: ContextPolicy, allowed: frozenset[str]) -> Iterator[Found]:
    for index, source in enumerate(context.inputs):
        yield from _cel(f"{path}.inputs[{index}]", source, allowed)
    yield from _in(f"{path}.query", context.query, allowed)


_CEL_FIELDS = ("rule", "of", "facts", "claims", "text", "keep", "values", "sequence", "list_", "items", "amounts",
               "limits", "total")  # fmt: skip


def _validator(path: str, validator: Validator) -> Iterator[Found]:
    yield from _in(f"{path}.add", dict(validator.add), AFTER)
    if validator.kind == "rule":
        yield from _in(f"{path}.says", validator.says, AFTER)
    elif validator.kind == "judge":
        yield from _in(
            f"{path}.rubric", validator.rubric, AFTER - {"request"}
        )  # the prompt is not its business
        yield from _in(f"{path}.model", validator.model, AFTER)
        yield from _context(f"{path}.context", validator.context, AFTER)
    elif validator.kind == "python":
        yield from _in(f"{path}.with", validator.with_.model_dump(by_alias=True), AFTER)
    elif validator.kind == "dates":
        for where, span in [
            ("cover", validator.cover),
            *((f"spans[{i}]", s) for i, s in enumerate(validator.spans)),
        ]:
            yield from _cel(f"{path}.{where}.start", span.start, AFTER)
            yield from _cel(f"{path}.{where}.end", span.end, AFTER)
    for field in _CEL_FIELDS:
        yield from _cel_field(f"{path}.{field.rstrip('_')}", getattr(validator, field, ""))


def _cel_field(path: str, value: str | tuple[str, ...] | dict[str, str]) -> Iterator[Found]:
    if isinstance(value, str):
        yield from _some_cel(path, value, AFTER)
    elif isinstance(value, dict):
        for key, source in value.items():
            yield from _cel(f"{path}.{key}", source, AFTER)
    else:
        for index, source in enumerate(value):
            yield from _cel(f"{path}[{index}]", source, AFTER)


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


def _name_problems(use: Use, expression: Expression, saga: Saga, scene: Scene) -> Iterator[Problem]:
    for other in sorted(expression.steps):
        if other not in saga.steps and other in scene.around:
            continue
        if other not in saga.steps:
            what = f"`{expression.source}` names no step '{other}'"
            yield Problem(use.where, what, f"steps are {some(saga.steps)}")
        elif not _is_known(use, other, saga):
            remedy = _remedy(use, other)
            what = f"`{expression.source}` uses '{other}', which need not come before"
            yield Problem(use.where, what, remedy)
    if expression.unknown:
        known = ", ".join(sorted(STANDARD | FUNCTIONS.keys()))
        what = f"`{expression.source}` calls `{min(expression.unknown)}`, which is no function"
        yield Problem(use.where, what, f"there are {known}")
    unknown = expression.names - use.allowed
    if unknown:
        names = ", ".join(sorted(unknown))
        remedy = f"here it may use {', '.join(sorted(use.allowed))}"
        yield Problem(use.where, f"`{expression.source}` knows no `{names}`", remedy)
    yield from _input_problems(use.where, expression, scene.root or saga)
    if "output" in expression.names and len(use.over) > 1 and not _has_last(use.over, saga):
        what = f"`{expression.source}` uses `output`, which is that of whichever step is last"
        yield Problem(use.where, what, f"write `steps.{use.over[0]}.output` or the like", "warning")


def _has_last(steps: tuple[str, ...], saga: Saga) -> bool:
    return any(all(one == last or saga.graph.comes_before(one, last) for one in steps) for last in steps)


def _remedy(use: Use, other: str) -> str:
    if use.over:
        return f"add '{other}' to `steps`, or look at steps that need it"
    if use.after == (other,) and "output" in use.allowed:
        return "write `output`: it is not committed yet"
    return f"add '{other}' to what this step needs"


def _is_known(use: Use, other: str, saga: Saga) -> bool:
    if use.after is None or other in use.over:
        return True
    return any(saga.graph.comes_before(other, name) for name in use.after)


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
