"""What a model is asked for, one small schema for each question (the stages of SagaLLM's Algorithm 1)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.core.parts import ID_PATTERN
from engine.core.saga import NAME_PATTERN

Json = Any
Metric = Literal["cost", "time", "steps", "reversible"]
Id = Field(pattern=ID_PATTERN, max_length=48)
MAX_NODES = 16


class Answer(BaseModel):
    """Base of all answers: closed, so that nothing a model adds is lost in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputAnswer(Answer):
    """What a run must be started with."""

    name: str = Id
    type: Literal["text", "number", "integer", "date", "yes_no"] = "text"
    example: str = Field(max_length=400, description="a value to try it with")
    meaning: str = Field(default="", max_length=200)


class ConstraintAnswer(Answer):
    """One of the given constraints, in a form that code can check."""

    of: int = Field(ge=1, description="which of the numbered constraints")
    name: str = Id
    kind: Literal["at_most", "before", "asks_person", "uses", "words"]
    subject: str = Field(default="", max_length=60, description="cost_usd, minutes or steps; else a tool")
    object: str = Field(
        default="", max_length=60, description="a number or an input; for `before` the later tool"
    )


class Frame(Answer):
    """The problem, stated: what comes in, what it is for, what must hold."""

    name: str = Field(pattern=NAME_PATTERN, max_length=40)
    title: str = Field(max_length=80)
    summary: str = Field(default="", max_length=400)
    inputs: tuple[InputAnswer, ...] = Field(default=(), max_length=10)
    goals: tuple[str, ...] = Field(default=(), max_length=4)
    constraints: tuple[ConstraintAnswer, ...] = Field(default=(), max_length=10)
    prefer: tuple[Metric, ...] = Field(
        default=(), max_length=4, description="the metrics, most important first"
    )


class RoleAnswer(Answer):
    """Who is responsible for some of the work."""

    name: str = Id
    does: str = Field(max_length=200)


class Roles(Answer):
    """The roles of a problem."""

    roles: tuple[RoleAnswer, ...] = Field(min_length=1, max_length=8)


class Node(Answer):
    """One unit of work and its profile."""

    id: str = Id
    title: str = Field(max_length=80)
    role: str = Field(max_length=48)
    tool: str = Field(max_length=60)
    does: str = Field(default="", max_length=200)
    minutes: float = Field(default=1, gt=0, le=100_000, description="how long it may take")


class Nodes(Answer):
    """The units of work."""

    nodes: tuple[Node, ...] = Field(min_length=1, max_length=MAX_NODES)


class EdgeAnswer(Answer):
    """A dependency; with `carries` something is handed over."""

    first: str = Field(max_length=48)
    then: str = Field(max_length=48)
    carries: tuple[str, ...] = Field(default=(), max_length=6)


class Edges(Answer):
    """The dependencies."""

    edges: tuple[EdgeAnswer, ...] = Field(default=(), max_length=40)


class Value(Answer):
    """An argument; the value is a text that may hold `${...}`."""

    name: str = Field(max_length=48)
    value: str = Field(max_length=600)


class OutputField(Answer):
    """One field of what a model step must answer."""

    name: str = Id
    type: Literal["text", "number", "integer", "yes_no", "list"] = "text"
    choices: tuple[str, ...] = Field(default=(), max_length=8)
    longest: int | None = Field(default=None, ge=1, le=4000, description="characters of a text")


class Check(Answer):
    """What must hold of a step's output."""

    name: str = Id
    rule: str = Field(max_length=300, description="CEL over `output`, `run.input` and `steps`")


class Spec(Answer):
    """How a unit of work is done: its agent's prompt or its tool's arguments, its output, checks and log."""

    args: tuple[Value, ...] = Field(default=(), max_length=12)
    prompt: str = Field(default="", max_length=2000)
    model: str = Field(default="", max_length=80, description="another model than the usual one")
    gives: tuple[OutputField, ...] = Field(default=(), max_length=10)
    checks: tuple[Check, ...] = Field(default=(), max_length=4)
    judge: str = Field(
        default="", max_length=300, description="what only a judge can tell of a model's answer"
    )
    log: tuple[str, ...] = Field(default=(), max_length=6, description="what of its output must be on record")


class Undo(Answer):
    """How an effect is taken back, and with which inputs; or why it can't be."""

    action: str = Field(
        default="", max_length=40, description="the tool's word for its undo, or `none` with a reason"
    )
    inputs: tuple[Value, ...] = Field(default=(), max_length=4)
    reason: str = Field(default="", max_length=200)


class Criterion(Answer):
    """When the answer of a narrow prompt is good: in words, and as a rule where one can say it."""

    words: str = Field(max_length=200)
    rule: str = Field(default="", max_length=300, description="CEL over `output`, or empty")


class Link(Answer):
    """One narrow prompt of a chain."""

    id: str = Id
    title: str = Field(max_length=80)
    prompt: str = Field(max_length=600)
    uses: tuple[str, ...] = Field(default=(), max_length=6, description="`input.NAME` or `STEP.FIELD`")
    gives: tuple[OutputField, ...] = Field(min_length=1, max_length=6)
    criterion: Criterion


class Chain(Answer):
    """A request, broken into narrow prompts."""

    name: str = Field(pattern=NAME_PATTERN, max_length=40)
    title: str = Field(max_length=80)
    inputs: tuple[InputAnswer, ...] = Field(default=(), max_length=8)
    steps: tuple[Link, ...] = Field(min_length=1, max_length=8)
