"""Waits that are not there yet: in frames that wait for their turn, in later rounds, in composite steps that have not begun.

A signal may come before them. How many there will be is known as a most; what they listen for, often not yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.composites import COMPOSITES, INSIDE, AgentStep, LoopStep, MapStep, TeamStep
from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.frames import Frame
from engine.core.run import Run, StepState
from engine.core.saga import Saga, Step, WaitStep, bodies_of
from engine.core.scope import forward_scope, scope_of
from engine.core.templates import as_text, names_in, render

Json = Any
NOT_YET = frozenset({"last", "transcript", "results"})
"""What is told from others inside only when a frame begins."""
SETTLED_NAMES = frozenset({"run", "assume", "world"})
"""What means the same inside a composite step as around it, as long as that is no saga of its own."""


@dataclass(frozen=True, slots=True)
class ToCome:
    """Waits of one place: at most so many, with the key that they will listen for, None where that can't be told yet."""

    where: str
    definition: WaitStep
    key: str | None
    most: int


def to_come(run: Run, step: StepState, name: str) -> Iterator[ToCome]:
    """Yield the waits for a signal that may yet be opened inside a composite step that is not over."""
    frames = run.composites.get(step.id)
    outer = None if step.definition.kind == "saga" else forward_scope(run, step)
    if frames is None:
        for body in bodies_of(step.definition).values():
            yield from _in_body(step, body, name, outer, _most(step.definition))
        return
    for each in frames.waiting:
        frame = run.frames[each]
        if frame.status == "waiting":
            yield from _in_body(step, frame.plan, name, _scope_of(run, frame), 1, opened=True)
    more = (
        _most(step.definition) - len(frames.ids) if isinstance(step.definition, LoopStep | AgentStep) else 0
    )
    for body in bodies_of(step.definition).values() if more > 0 else ():
        yield from _in_body(step, body, name, outer, more)


def _scope_of(run: Run, frame: Frame) -> Scope | None:
    try:
        return scope_of(run, frame)
    except ExpressionError:
        return None  # what it builds on has not ended


def _in_body(
    step: StepState, body: Saga, name: str, scope: Scope | None, most: int, *, opened: bool = False
) -> Iterator[ToCome]:
    hidden = frozenset[str]() if opened else INSIDE[step.definition.kind]
    yield from _waits(step.id, body, name, scope, hidden, most)


def _waits(  # noqa: PLR0917 - a body with what it is looked at by
    where: str, body: Saga, name: str, scope: Scope | None, hidden: frozenset[str], most: int
) -> Iterator[ToCome]:
    for local, definition in body.steps.items():
        if isinstance(definition, WaitStep) and definition.with_.event == name:
            yield ToCome(f"{where}...{local}", definition, _key(definition, scope, hidden), most)
        elif definition.kind in COMPOSITES:
            inner = None if definition.kind == "saga" else scope
            for deeper in bodies_of(definition).values():
                below = hidden | INSIDE[definition.kind]
                yield from _waits(f"{where}...{local}", deeper, name, inner, below, most * _most(definition))


def _key(wait: WaitStep, scope: Scope | None, hidden: frozenset[str]) -> str | None:
    """Return the key of a wait as far as it can be told before it is there."""
    names = names_in(wait.with_.key)
    if not names:
        return wait.with_.key
    if scope is None or names & hidden or not names <= SETTLED_NAMES | _given(scope):
        return None
    try:
        return as_text(render(wait.with_.key, scope))
    except ExpressionError:
        return None


def _given(scope: Scope) -> frozenset[str]:
    """Return the names that frames around give, such as `item`: they are fixed once those are there."""
    return frozenset(name for names in INSIDE.values() for name in names - NOT_YET if name in scope)


def _most(step: Step) -> int:
    """Return how often the bodies of a composite step are run at most."""
    match step:
        case MapStep():
            over = step.with_.over
            return len(over) if isinstance(over, list) else step.with_.max_items
        case TeamStep():
            tasks = step.with_.tasks
            return len(tasks) if isinstance(tasks, list) else step.with_.max_tasks
        case LoopStep():
            return step.with_.max_rounds
        case AgentStep():
            return step.with_.max_calls
    return 1
