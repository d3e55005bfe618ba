"""Steps that stand for others: one body for each item, round or task, a saga inside a saga, a model with tools.

What is inside becomes steps of the same run when the composite begins: each with intents, keys, validators and an
undo of its own (R35, R36).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from engine.core.parts import ID_PATTERN, LlmCall, Part
from engine.core.step import StepBase

if TYPE_CHECKING:
    from engine.core.saga import Saga, Step

Json = Any
Id = Annotated[str, Field(pattern=ID_PATTERN)]


class Body(Part):
    """Steps that are run as one."""

    steps: dict[Id, Step] = Field(min_length=1, max_length=100)
    output: Json = Field(
        default=None, description="what it gives, with `${...}`; unless said, the output of its last step"
    )


class MapOver(Part):
    """Which items, how many at once, how many may fail, and what is made of the results."""

    over: Json = Field(description="the items: a list, or one `${...}` that gives a list")
    concurrency: int = Field(default=8, ge=1, le=256, description="items in work at once")
    tolerate: int = Field(default=0, ge=0, description="items that may fail; what they did is undone")
    tolerate_share: float = Field(default=0.0, ge=0, le=1, description="or the share of them that may")
    gather: Literal["list", "concat", "merge", "vote", "best", "weighted"] = Field(
        default="list",
        description="what the results become: `concat` joins lists or texts, `merge` objects, `vote` takes the most frequent, `best` that with the highest score, `weighted` the mean by score",
    )
    value: str = Field(
        default="output", description="CEL over an item's `output`: what is gathered of it, or voted for"
    )
    score: str = Field(default="", description="CEL over an item's `output`: its score or weight")
    max_items: int = Field(default=10_000, ge=1, le=100_000)


class MapStep(StepBase):
    """Run the body once for each item; its steps see `item` and `index` (R36)."""

    kind: Literal["map"]
    with_: MapOver = Field(alias="with")
    body: Body
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=86400, gt=0, le=86400)


class LoopUntil(Part):
    """When a loop ends."""

    until: str = Field(description="CEL over the round's `output`: whether it is good enough")
    score: str = Field(
        default="", description="CEL over the round's `output`: how good it is; the best round is kept"
    )
    max_rounds: int = Field(default=5, ge=1, le=100)
    stall_rounds: int = Field(
        default=2, ge=1, le=100, description="rounds without progress after which it gives up"
    )
    min_gain: float = Field(
        default=0.0,
        ge=0,
        description="progress is a score that is higher than the best one by more than this",
    )
    on_end: Literal["accept_best", "ask", "fault"] = Field(
        default="accept_best", description="what to do with the best round where none was good enough"
    )


class LoopStep(StepBase):
    """Run the body until it is good enough; its steps see `round` and `last`, the output of the round before (R36)."""

    kind: Literal["loop"]
    with_: LoopUntil = Field(alias="with")
    body: Body
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(
        default=86400, gt=0, le=86400, description="seconds after which no further round begins"
    )


class SagaCall(Part):
    """Which saga, with what."""

    saga: str = Field(description="the name of a saga; its version is pinned when this one is published")
    input: dict[str, Json] = Field(default_factory=dict, description="its inputs, with `${...}`")


class SagaStep(StepBase):
    """Run another saga as one step: going back goes through it (R35)."""

    kind: Literal["saga"]
    with_: SagaCall = Field(alias="with")
    definition: Saga | None = Field(
        default=None, description="the version that is pinned; filled in when this saga is published"
    )
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=86400, gt=0, le=86400)


class TeamTasks(Part):
    """What is to be done by whom: the plan of a supervisor."""

    tasks: Json = Field(
        description="a list of tasks, or one `${...}` that gives it; each with `id`, `role` and, where it builds on others, `needs`"
    )
    concurrency: int = Field(default=4, ge=1, le=256, description="tasks in work at once")
    max_tasks: int = Field(default=20, ge=1, le=1000)
    tolerate: int = Field(default=0, ge=0, description="tasks that may fail; what they did is undone")


class TeamStep(StepBase):
    """Let workers do the tasks that a supervisor planned; their steps see `task`, and `results` of those it builds on."""

    kind: Literal["team"]
    with_: TeamTasks = Field(alias="with")
    workers: dict[Id, Body] = Field(min_length=1, description="by role: the steps by which it does a task")
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=86400, gt=0, le=86400)


def _properties(schema: dict[str, Json]) -> dict[str, Json]:
    """Return the properties of a schema; none where it is no schema, which is found when it is published."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


class Tool(Part):
    """What a model may call: a step whose expressions see `args`."""

    description: str = Field(description="what it does and when to use it, told to the model")
    input: dict[str, Json] = Field(
        default_factory=lambda: {"type": "object"}, description="JSON Schema of its arguments"
    )
    step: Step


class AgentCall(LlmCall):
    """A model call that may be followed by calls of tools."""

    max_calls: int = Field(default=8, ge=1, le=100, description="calls of tools; then it has to conclude")


class AgentStep(StepBase):
    """Let a model call declared tools until it has its answer; each call is a step of its own."""

    kind: Literal["agent"]
    with_: AgentCall = Field(alias="with")
    tools: dict[Id, Tool] = Field(min_length=1, max_length=30)
    effect: Literal["readonly"] = "readonly"
    timeout_s: float = Field(default=86400, gt=0, le=86400)
    call_timeout_s: float = Field(
        default=120, gt=0, le=86400, description="seconds for one call of the model"
    )

    @property
    def choice(self) -> dict[str, Json]:
        """The JSON Schema of what the model says: a tool with its arguments, or its answer."""
        names = [*self.tools, "answer"]
        return {
            "type": "object",
            "properties": {"tool": {"enum": names}, "arguments": self._arguments, **self._answer},
            "required": ["tool"],
        }

    @property
    def _arguments(self) -> dict[str, Json]:
        """Every argument that some tool takes: a model that is kept to a schema could give no other."""
        shapes: dict[str, list[Json]] = {}
        for tool in self.tools.values():
            for name, shape in _properties(tool.input).items():
                if shape not in shapes.setdefault(name, []):
                    shapes[name].append(shape)
        known = {name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in shapes.items()}
        return {"type": "object", "properties": known} if known else {"type": "object"}

    @property
    def conclusion(self) -> dict[str, Json]:
        """The JSON Schema of what the model says when no call is left."""
        properties = {"tool": {"enum": ["answer"]}, **self._answer}
        return {"type": "object", "properties": properties, "required": ["tool", "answer"]}

    @property
    def _answer(self) -> dict[str, Json]:
        schema = _properties(self.output or {}).get("answer", {"type": "string"})
        return {"answer": schema}


CompositeStep = MapStep | LoopStep | SagaStep | TeamStep | AgentStep
COMPOSITES: frozenset[str] = frozenset({"map", "loop", "saga", "team", "agent"})
INSIDE: dict[str, frozenset[str]] = {
    "map": frozenset({"item", "index"}), "loop": frozenset({"round", "last"}), "saga": frozenset(),
    "team": frozenset({"task", "results"}), "agent": frozenset({"args", "transcript"}),
}  # fmt: skip
"""What the steps inside a composite step see besides what all steps see, by kind."""
