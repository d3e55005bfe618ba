"""Memory: facts that outlive a run, per saga and per what they are about. Pure: who keeps them is a port.

1. A run reads what was known when it began: that is pinned into its first event, so that replay sees the same.
2. Only a run that completes leaves facts, from outputs that were committed; one that is undone leaves nothing.
3. Each fact says where it comes from: the run, the steps, the place in its log, the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from engine.core.errors import ExpressionError
from engine.core.fact import fact
from engine.core.parts import ID_PATTERN, Part
from engine.core.templates import as_text, expressions_in, plain, render

if TYPE_CHECKING:
    from engine.core.run import Run

Json = Any
MAX_CHARS = 20_000
"""How long a fact may be as text: memory is read by every later run."""
MAX_KEY_CHARS = 300
"""How long what facts are about may be: stores look facts up by it."""


class Memory(Part):
    """What a saga remembers from run to run."""

    key: str = Field(
        default="",
        description="what the facts are about, such as `${run.input.customer}`; empty: the saga as a whole",
    )
    writes: dict[Annotated[str, Field(pattern=ID_PATTERN)], Json] = Field(
        min_length=1, max_length=50, description="facts, with `${...}` over what the run has committed"
    )


class Known(BaseModel):
    """A fact as a run finds it, with its source."""

    model_config = ConfigDict(frozen=True)
    value: Json
    run_id: str
    steps: tuple[str, ...] = ()
    seq: int = 0
    at: datetime | None = None


@fact
class Learned:
    """A fact that a run leaves, and which steps told it: `seq` is the latest of their commits."""

    value: Json
    steps: tuple[str, ...] = ()
    seq: int = 0


def key_of(memory: Memory, given: dict[str, Json]) -> str:
    """Return what a run with these inputs remembers about.

    Raises:
        ExpressionError: if the key can't be told, or is longer than an index holds.
    """
    key = as_text(render(memory.key, {"run": {"input": given}}))
    if len(key) > MAX_KEY_CHARS:
        raise ExpressionError(f"the key of memory has {len(key):,} characters; it may have {MAX_KEY_CHARS}")
    return key


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a run that completes leaves: about what, which facts, and in words what could not be told."""

    key: str = ""
    facts: dict[str, Learned] = field(default_factory=dict)
    untold: tuple[str, ...] = ()


def learn(run: Run, scope: dict[str, Json]) -> Lesson:
    """Return what a run that completes leaves; null leaves a fact as it was."""
    memory = run.saga.memory
    if memory is None:
        return Lesson()
    try:
        key = key_of(memory, run.input)
    except ExpressionError as error:
        return Lesson(untold=(f"nothing is remembered: {error}",))
    found: dict[str, Learned] = {}
    untold = []
    for name, source in memory.writes.items():
        try:
            value = _told(source, scope)
        except ExpressionError as error:
            untold.append(f"what is remembered as '{name}' stays as it was: {error}")
            continue
        if value is not None:
            found[name] = _learned(run, source, value)
    return Lesson(key, found, tuple(untold))


def _told(source: Json, scope: dict[str, Json]) -> Json:
    value = plain(render(source, scope))
    if len(as_text(value)) > MAX_CHARS:
        raise ExpressionError(f"it has more than {MAX_CHARS:,} characters")
    return value


def _learned(run: Run, source: Json, value: Json) -> Learned:
    spoken_of = {step for _, expression in expressions_in(source) for step in expression.steps}
    steps = tuple(
        name for name, step in run.steps.items() if name in spoken_of and step.status == "committed"
    )
    return Learned(
        value=value, steps=steps, seq=max((run.steps[name].committed_seq for name in steps), default=0)
    )
