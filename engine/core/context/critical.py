"""The critical section: goals and constraints, of the saga and of what committed steps state. Always whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from engine.core.constraints import added_constraints
from engine.core.errors import ExpressionError
from engine.core.expressions import compile_expression
from engine.core.run import Run, StepState
from engine.core.scope import forward_scope
from engine.core.templates import as_text, render

Json = Any
Heading = Literal["goals", "constraints"]
HEADINGS: tuple[Heading, ...] = ("goals", "constraints")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one source states under one heading; `source` can be followed, `seq` says where it was committed."""

    heading: Heading
    source: str
    title: str
    lines: tuple[str, ...]
    seq: int = 0


def statements(run: Run) -> list[Statement]:
    """Return what stands under goals, then under constraints; each line once, where it is said first.

    Raises:
        ExpressionError: naming the step or the saga whose words can't be made.
    """
    found, said = [], set()
    for heading in HEADINGS:
        for statement in _under(run, heading):
            new = tuple(line for line in dict.fromkeys(statement.lines) if (heading, line) not in said)
            said |= {(heading, line) for line in new}
            if new:
                found.append(Statement(heading, statement.source, statement.title, new, statement.seq))
    return found


def written(found: list[Statement]) -> str:
    """Return the critical section as a model reads it; empty where nothing is stated."""
    parts = []
    for heading in HEADINGS:
        lines = [line for statement in found if statement.heading == heading for line in statement.lines]
        if lines:
            parts.append("\n".join([f"{heading.capitalize()}:", *(f"- {line}" for line in lines)]))
    return "\n".join(parts)


def _under(run: Run, heading: Heading) -> Iterator[Statement]:
    own: tuple[str, ...] = getattr(run.saga, heading)
    if own:
        lines = [as_text(render(line, forward_scope(run))) for line in own if line not in run.relaxed]
        yield Statement(heading, f"saga.{heading}", run.saga.name, _clean(lines))
    for what in added_constraints(run) if heading == "constraints" else ():
        seq = run.constraints[what.name]
        yield Statement(
            heading,
            f"run.constraints.{what.name}",
            "Since the run began",
            _clean([what.text or what.rule]),
            seq,
        )
    for name in run.saga.stating:
        step = run.steps[name]
        told = stated(step, heading) if step.status == "committed" else ()
        if told:
            source, title = f"steps.{name}.{heading}", step.definition.title or name
            yield Statement(heading, source, title, told, step.committed_seq)


def stated(step: StepState, heading: Heading) -> tuple[str, ...]:
    """Return what a step's output states under a heading.

    Raises:
        ExpressionError: naming the step whose words can't be made.
    """
    source = getattr(step.definition.states, heading, "")
    if not source:
        return ()
    try:
        value = compile_expression(source).evaluate({"output": step.output})
    except ExpressionError as error:
        raise ExpressionError(f"the {heading} that '{step.id}' states: {error}") from None
    lines = value if isinstance(value, list) else [value]
    return _clean([as_text(line) for line in lines if line is not None])


def _clean(lines: list[str]) -> tuple[str, ...]:
    """Return the lines without breaks and empty ones: a line is one statement."""
    return tuple(line for line in (" ".join(line.split()) for line in lines) if line)
