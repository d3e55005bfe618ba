"""The definition of a saga: steps, policies, invariants, and the hash that pins a version (R30)."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from engine.core.activities_parts import ActivityCall, ClockPolicy
from engine.core.choreography import conditions
from engine.core.composites import AgentStep, Body, LoopStep, MapStep, SagaStep, TeamStep, Tool
from engine.core.disruption_kinds import Scheduled
from engine.core.disruptions import Disruption
from engine.core.drafted import SagaDraft
from engine.core.graph import StepGraph
from engine.core.memory import Memory
from engine.core.parts import (
    ID_PATTERN,
    ApprovalAsk,
    Assumed,
    Compensation,
    HttpCall,
    LlmCall,
    Part,
    Probe,
    PythonCall,
    RouteBy,
    WaitFor,
)
from engine.core.replan_policy import Replan
from engine.core.step import Effect, Json, StepBase
from engine.core.validators import ContextPolicy, Edge, LlmFallback, Validator

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,63}$"
RESERVED_IDS = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "true", "false", "null"}
)


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
    heartbeat_s: float | None = Field(
        default=None,
        gt=0,
        le=86400,
        description="the longest pause between two signs of life of a long function; after it the attempt is lost",
    )


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


class ActivityStep(StepBase):
    """Do something for a time on the virtual clock."""

    kind: Literal["activity"]
    with_: ActivityCall = Field(alias="with")
    effect: Literal["readonly"] = "readonly"


class RouteStep(StepBase):
    """Choose a branch."""

    kind: Literal["route"]
    with_: RouteBy = Field(alias="with")
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=120, gt=0, le=86400)


Step = Annotated[
    HttpStep
    | LlmStep
    | PythonStep
    | ApprovalStep
    | WaitStep
    | RouteStep
    | ActivityStep
    | MapStep
    | LoopStep
    | SagaStep
    | TeamStep
    | AgentStep,
    Field(discriminator="kind"),
]
KINDS: tuple[str, ...] = (
    "llm", "http", "python", "approval", "wait", "route", "activity", "map", "loop", "saga", "team", "agent",
)  # fmt: skip


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
    drafted: SagaDraft | None = Field(default=None, description="how a model drafted it, until accepted")
    clock: ClockPolicy | None = Field(
        default=None, description="the virtual clock of its activities; unless said, the usual one"
    )
    assumptions: tuple[Assumed, ...] = Field(
        default=(),
        max_length=100,
        description="what is taken for granted; expressions see it as `assume.NAME`",
    )
    disruptions: tuple[Scheduled | Disruption, ...] = Field(
        default=(),
        max_length=100,
        description="what strikes every run at its time: to practise, to show, to test",
    )
    replan: Replan | None = Field(
        default=None,
        description="who plans the rest anew after a repair; unless said, it is done as it was planned",
    )
    memory: Memory | None = Field(default=None, description="the facts that outlive a run")

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
        return StepGraph(conditions(self.steps))

    @cached_property
    def contended(self) -> dict[str, tuple[str, ...]]:
        """The steps that must not run beside each other: each with the others that write the same keys (R37)."""
        writers: dict[str, list[str]] = {}
        for name, step in self.steps.items():
            for key in () if step.commutative else written_by(step):
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
    def unexamined(self) -> frozenset[str]:
        """The steps whose output nobody looks at, and whose commit does nothing but let others begin."""
        looking = (v for v in self.validate_ if v.kind != "together")  # that one looks at how steps ended
        looked_at = {*self.edges_from, *(name for validator in looking for name in validator.steps)}
        return frozenset(
            name for name, step in self.steps.items() if name not in looked_at and _is_plain(step)
        )

    @cached_property
    def stating(self) -> tuple[str, ...]:
        """The steps that state goals or constraints, in their own order."""
        return tuple(name for name, step in self.steps.items() if step.states is not None)

    @cached_property
    def timekeeping(self) -> ClockPolicy | None:
        """The virtual clock: as said, or the usual one where there are activities; None where there is no need of one."""
        needed = any(is_timed(step) for step in self.steps.values())
        return self.clock or (ClockPolicy() if needed else None)

    @cached_property
    def pivots(self) -> tuple[str, ...]:
        """The steps that are points of no return, or hold one, in their own order."""
        return tuple(name for name, step in self.steps.items() if "pivot" in inner_effects(step))

    def document(self) -> dict[str, Json]:
        """Return the definition as plain JSON, as people write it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def name(self) -> str:
        """The title, or the id where there is none."""
        return self.title or self.saga


for _part in (Body, Tool, MapStep, LoopStep, SagaStep, TeamStep, AgentStep, Saga):
    _part.model_rebuild(_types_namespace={"Step": Step, "Saga": Saga})


def _is_plain(step: Step) -> bool:
    """Return whether a step's own definition says nothing of its output, nor of what its commit causes."""
    causes = step.writes or step.emits or step.schedules or step.states is not None
    return not causes and not step.validate_ and step.output is None


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
    """Return what the step itself does to the outside; an HTTP GET that says nothing is readonly."""
    return step.effect or "readonly"


def is_timed(step: Step) -> bool:
    """Return whether a step is an activity, gives some, or runs a body that holds one."""
    inner = (one for body in bodies_of(step).values() for one in body.steps.values())
    return step.kind == "activity" or bool(step.schedules) or any(is_timed(one) for one in inner)


def bodies_of(step: Step) -> dict[str, Saga]:
    """Return what a composite step runs, by name; nothing for every other step."""
    if isinstance(step, MapStep | LoopStep):
        return {"": body_of(step, step.body)}
    if isinstance(step, SagaStep):
        return {} if step.definition is None else {"": step.definition}
    if isinstance(step, TeamStep):
        return {role: body_of(step, body) for role, body in step.workers.items()}
    if isinstance(step, AgentStep):
        return agent_bodies(step)
    return {}


def body_of(step: Step, body: Body) -> Saga:
    """Return a body as a saga of its own; made once."""
    cached = body.__dict__.get("_saga")
    if cached is None:
        output = {"result": body.output} if body.output is not None else {}
        cached = Saga.model_construct(saga=step.kind, title=step.title, steps=body.steps, output=output)
        body.__dict__["_saga"] = cached
    return cast("Saga", cached)


def agent_bodies(step: AgentStep) -> dict[str, Saga]:
    """Return what an agent runs: `think`, `conclude` once its calls are used up, and each of its tools; made once."""
    cached = step.__dict__.get("_bodies")
    if cached is None:
        bodies = {name: Body(steps={name: tool.step}) for name, tool in step.tools.items()}
        for name, schema in (("think", step.choice), ("conclude", step.conclusion)):
            call = step.with_.model_dump(by_alias=True, exclude={"max_calls"})
            call["prompt"] += "\n\n${transcript}"
            document = {"kind": "llm", "title": step.title, "with": call, "output": schema, "retry": step.retry,
                        "timeout_s": step.call_timeout_s}  # fmt: skip
            bodies[name] = Body(steps={name: LlmStep.model_validate(document)})
        cached = step.__dict__["_bodies"] = {name: body_of(step, body) for name, body in bodies.items()}
    return cast("dict[str, Saga]", cached)


def written_by(step: Step) -> tuple[str, ...]:
    """Return the keys of S_A that a step writes, with what is inside it; a nested saga has an S_A of its own."""
    inside = () if isinstance(step, SagaStep) else bodies_of(step).values()
    deeper = (
        key
        for body in inside
        for one in body.steps.values()
        if not one.commutative
        for key in written_by(one)
    )
    return (*step.writes, *deeper)


def inner_effects(step: Step) -> frozenset[Effect]:
    """Return what a step does to the outside with all that is inside it."""
    found = {effect_of(step)}
    for body in bodies_of(step).values():
        for one in body.steps.values():
            found |= inner_effects(one)
    return frozenset(found)


def undo_of(step: Step) -> Compensation | None:
    """Return the step's compensation, or None where it has none."""
    return None if step.compensate is None or isinstance(step.compensate, str) else step.compensate
