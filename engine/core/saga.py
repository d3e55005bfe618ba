"""The definition of a saga: steps, policies, invariants, and the hash that pins a version (R30)."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, field_validator

from engine.core.condition import Condition, all_of, parse_condition
from engine.core.graph import StepGraph
from engine.core.parts import (
    ID_PATTERN,
    ApprovalAsk,
    Compensation,
    Gate,
    HttpCall,
    LlmCall,
    Part,
    Probe,
    PythonCall,
    Retry,
    RouteBy,
    WaitFor,
)
from engine.core.validators import ContextPolicy, Edge, Fallback, LlmFallback, States, Validator

Effect = Literal["readonly", "compensatable", "pivot", "retriable"]
Json = Any

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,63}$"
RESERVED_IDS = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "true", "false", "null"}
)


def _as_list(value: Any) -> Any:
    return (
        [value]
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", value)
        else value
    )


class StepBase(Part):
    """What every step has, whatever its kind."""

    title: str = Field(default="", max_length=120, description="how people call it")
    description: str = ""
    needs: Annotated[tuple[str, ...] | str, BeforeValidator(_as_list)] = Field(
        default=(),
        description="the steps that must commit first, or a condition such as `(a && b) || triage.high`",
    )
    when: str | None = Field(default=None, description="CEL guard; where it is false the step is skipped")
    output: dict[str, Json] | None = Field(default=None, description="JSON Schema of what the step must give")
    retry: Retry = Retry()
    timeout_s: float = Field(default=30, gt=0, le=86400, description="seconds until an attempt is given up")
    settle_s: float = Field(
        default=2.0, ge=0, le=86400, description="how long after its deadline an effect may still land (R7)"
    )
    validate_: tuple[Validator, ...] = Field(default=(), alias="validate")
    fallback: tuple[Fallback, ...] = Field(
        default=(),
        max_length=5,
        description="what is tried, in order, when a readonly step would fail: a simpler prompt, another model, a value",
    )
    states: States | None = Field(
        default=None, description="goals and constraints in its output that every later model is told"
    )
    reads: tuple[str, ...] | None = Field(
        default=None, description="the S_A keys that its expressions may use; unless said, any"
    )
    writes: dict[str, str] = Field(
        default_factory=dict, description="S_A keys, each a CEL over `output` and `app`"
    )
    commutative: bool = Field(
        default=False,
        description="what it writes to S_A may be applied in any order, so others may run beside it",
    )
    locks: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="resources that no other run may hold meanwhile, such as `seat:${run.input.seat}`; kept until the run ends",
    )
    lock_wait_s: float = Field(
        default=60, gt=0, le=86400, description="seconds to wait for its locks before the step fails"
    )
    approval: Gate | None = None
    compensate: Compensation | Literal["none"] | None = Field(
        default=None, description="the undo; `none` needs a reason"
    )
    compensate_reason: str = Field(default="", description="why there is no undo")
    probe: Probe | None = None
    key_ttl_s: float | None = Field(
        default=None, ge=0, description="how long the target honours a key; 0: not at all (R5)"
    )

    @cached_property
    def condition(self) -> Condition:
        """The dependency condition, parsed."""
        if isinstance(self.needs, str):
            return parse_condition(self.needs)
        return all_of(self.needs)

    @property
    def name(self) -> str:
        """The title, or empty; views fall back on the id."""
        return self.title


def with_document(call: Step | Compensation | Probe | LlmFallback) -> dict[str, Json]:
    """Return the `with` of a step, compensation or probe as plain JSON; made once, not to be changed."""
    cached = call.__dict__.get("_with_document")
    if cached is None:
        cached = call.__dict__["_with_document"] = call.with_.model_dump(mode="json", by_alias=True)
    return cast("dict[str, Json]", cached)


class HttpStep(StepBase):
    """Call a service."""

    kind: Literal["http"]
    with_: HttpCall = Field(alias="with")
    effect: Effect | None = Field(default=None, description="GET is readonly; everything else must say")


class LlmStep(StepBase):
    """Ask a model."""

    kind: Literal["llm"]
    with_: LlmCall = Field(alias="with")
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=120, gt=0, le=86400)
    context: ContextPolicy | None = Field(
        default=None,
        description="what the model sees besides its prompt; unless said, goals and constraints only",
    )
    explain: bool = Field(
        default=False,
        description="ask for reasoning, alternatives and justification too; kept apart from the output, where only a `reasoning` judge and people see them",
    )


class PythonStep(StepBase):
    """Call a registered function."""

    kind: Literal["python"]
    with_: PythonCall = Field(alias="with")
    effect: Effect = "readonly"


class ApprovalStep(StepBase):
    """Ask a person."""

    kind: Literal["approval"]
    with_: ApprovalAsk = Field(alias="with", default=ApprovalAsk())
    effect: Literal["readonly"] = "readonly"


class WaitStep(StepBase):
    """Pause."""

    kind: Literal["wait"]
    with_: WaitFor = Field(alias="with")
    effect: Literal["readonly"] = "readonly"


class RouteStep(StepBase):
    """Choose a branch."""

    kind: Literal["route"]
    with_: RouteBy = Field(alias="with")
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=120, gt=0, le=86400)


Step = Annotated[
    HttpStep | LlmStep | PythonStep | ApprovalStep | WaitStep | RouteStep, Field(discriminator="kind")
]
KINDS: tuple[str, ...] = ("llm", "http", "python", "approval", "wait", "route")


class Invariant(Part):
    """What must hold at each commit and after each compensation (R29)."""

    name: str = Field(pattern=ID_PATTERN)
    rule: str = Field(description="CEL over `app`, `run`, `steps`")


class Budget(Part):
    """What a run may spend going forward, failed attempts included, and what happens at the limit (R39)."""

    cost_usd: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    calls: int | None = Field(default=None, gt=0, description="forward attempts")
    minutes: float | None = Field(default=None, gt=0, description="from the start of the run")
    on_limit: Literal["stop", "pause", "ask"] = Field(
        default="stop",
        description="`stop`: a fault; `pause`, `ask`: nothing new starts until a person grants as much again",
    )


class Saga(Part):
    """A definition: a graph of steps with their checks and their undo."""

    saga: str = Field(pattern=NAME_PATTERN, description="the name that versions share")
    title: str = Field(default="", max_length=120)
    description: str = ""
    input: dict[str, dict[str, Json]] = Field(
        default_factory=dict, description="each input's JSON Schema; `default` makes it optional"
    )
    recovery: Literal["compensate", "repair", "ask"] = Field(
        default="compensate",
        description="after a fault: undo all that landed, undo and redo only what is affected, or ask a person first",
    )
    max_repairs: int = Field(
        default=3, ge=1, le=20, description="repairs in one run; after that a person is asked"
    )
    app: dict[str, Json] = Field(default_factory=dict, description="the application state S_A at the start")
    invariants: tuple[Invariant, ...] = ()
    goals: tuple[str, ...] = Field(
        default=(), description="what it is all for, told to every model; may hold `${...}`"
    )
    constraints: tuple[str, ...] = Field(
        default=(), description="what must hold throughout, told to every model; may hold `${...}`"
    )
    deadline_s: float | None = Field(default=None, gt=0, description="seconds the whole run may take")
    budget: Budget | None = None
    max_events: int = Field(
        default=10_000, ge=100, le=1_000_000, description="events after which a person must let the run go on"
    )
    parallel: int = Field(default=8, ge=1, le=256, description="forward attempts at once")
    parallel_undo: int = Field(default=4, ge=1, le=256, description="compensations at once")
    steps: dict[Annotated[str, Field(pattern=ID_PATTERN)], Step] = Field(min_length=1, max_length=12000)
    edges: tuple[Edge, ...] = Field(default=(), description="what is checked between two steps")
    validate_: tuple[Validator, ...] = Field(
        default=(), alias="validate", description="what is checked over several steps"
    )
    output: dict[str, Json] = Field(default_factory=dict, description="what the run gives, with `${...}`")

    @field_validator("steps")
    @classmethod
    def _ids_can_be_spoken(cls, steps: dict[str, Any]) -> dict[str, Any]:
        for name in steps:
            if name in RESERVED_IDS:
                raise ValueError(f"'{name}' is a word of the expression language; choose another id")
        return steps

    @cached_property
    def canonical(self) -> str:
        """The definition as canonical JSON: sorted keys, defaults left out."""
        return canonical_json(self.document())

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON, in hex; the same for every order of keys."""
        return sha256(self.canonical)

    @cached_property
    def graph(self) -> StepGraph:
        """The dependency graph."""
        return StepGraph({name: step.condition for name, step in self.steps.items()})

    @cached_property
    def contended(self) -> dict[str, tuple[str, ...]]:
        """The steps that must not run beside each other: each with the others that write the same keys (R37)."""
        writers: dict[str, list[str]] = {}
        for name, step in self.steps.items():
            for key in () if step.commutative else step.writes:
                writers.setdefault(key, []).append(name)
        found: dict[str, dict[str, None]] = {}
        for names in (names for names in writers.values() if len(names) > 1):
            for name in names:
                found.setdefault(name, {}).update(dict.fromkeys(other for other in names if other != name))
        return {name: tuple(others) for name, others in found.items()}

    @cached_property
    def edges_from(self) -> dict[str, list[Edge]]:
        """The edges with validators, by producer."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.from_, []).append(edge)
        return found

    @cached_property
    def validators_over(self) -> dict[str, list[Validator]]:
        """The saga's validators, by each step that they look at."""
        found: dict[str, list[Validator]] = {}
        for validator in self.validate_:
            for name in validator.steps:
                found.setdefault(name, []).append(validator)
        return found

    @cached_property
    def stating(self) -> tuple[str, ...]:
        """The steps that state goals or constraints, in their own order."""
        return tuple(name for name, step in self.steps.items() if step.states is not None)

    @cached_property
    def pivots(self) -> tuple[str, ...]:
        """The steps that are points of no return, in their own order."""
        return tuple(name for name, step in self.steps.items() if effect_of(step) == "pivot")

    def document(self) -> dict[str, Json]:
        """Return the definition as plain JSON, as people write it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def name(self) -> str:
        """The title, or the id where there is none."""
        return self.title or self.saga


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Json) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces."""
    return _ENCODER.encode(value)


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def request_hash(request: Json) -> str:
    """Return the hash that an approval freezes and an execution compares (R33)."""
    return sha256(canonical_json(request))


def effect_of(step: Step) -> Effect:
    """Return what the step does to the outside; an HTTP GET that says nothing is readonly."""
    return step.effect or "readonly"


def undo_of(step: Step) -> Compensation | None:
    """Return the step's compensation, or None where it has none."""
    return None if step.compensate is None or isinstance(step.compensate, str) else step.compensate
