"""The forms of the inspector: which fields there are, read off the definition's own models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.core.activities_parts import ActivityCall
from engine.core.composites import AgentCall, LoopUntil, MapOver, SagaCall, TeamTasks
from engine.core.memory import Memory
from engine.core.parts import (
    UNDO_RETRY,
    ApprovalAsk,
    CompensationBase,
    Gate,
    HttpCall,
    LlmCall,
    Probe,
    PythonCall,
    Retry,
    RouteBy,
    WaitFor,
)
from engine.core.saga import Budget, LlmStep, Saga
from engine.core.step import StepBase

Json = Any
Path = tuple[str | int, ...]
Widget = Literal[
    "text", "area", "code", "number", "whole", "choice", "toggle", "json", "words", "lines", "scalar", "list"
]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a form: where its value lives, below the form's own path, and how it is asked for.

    `default` is what the definition takes where nothing is said: such a value is left out of the draft.
    `shape` is the JSON type that a "json" field must have; "words" is a list of words with commas, "lines" one of texts, a line each; "list" is a list in JSON, or an expression that gives one.
    """

    path: Path
    label: str
    widget: Widget = "text"
    help: str = ""
    default: Json = None
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_required: bool = False
    shape: Literal["any", "object", "numbers"] = "any"
    height: int = 100


_LABELS: Final = {
    "url": "Address",
    "params": "Query",
    "json": "Body",
    "max_tokens": "Longest answer (tokens)",
    "empty_on": "Answers that mean: nothing to undo",
    "refused_on": "5xx answers that mean: nothing happened",
    "backoff_s": "First pause (s)",
    "max_backoff_s": "Longest pause (s)",
    "max_attempts": "Tries",
    "factor": "Pause grows by",
    "jitter": "Pause varies by",
    "timeout_s": "Timeout (s)",
    "settle_s": "May still land for (s)",
    "key_ttl_s": "Key honoured for (s)",
    "duration_s": "How long (s)",
    "min_confidence": "How sure the model must be",
    "about": "What each branch is for",
    "on": "Hears",
    "emits_on_failure": "When it fails",
    "data": "Tells",
    "until": "Until",
    "event": "For a signal",
    "key": "About",
    "on_timeout": "Without it",
    "expires_s": "Deadline (s)",
    "on_expire": "Silence means",
    "on_deny": "A no means",
    "group": "Who decides",
    "quorum": "Votes needed",
    "four_eyes": "Not the starter of the run",
    "evidence": "What the person sees",
    "output": "Answer's JSON Schema",
    "writes": "Writes to the application state",
    "when": "Only when",
    "landed": "It landed when",
    "recovery": "After a fault",
    "max_repairs": "Repairs before asking",
    "app": "Application state at the start",
    "deadline_s": "Deadline (s)",
    "parallel": "Steps at once",
    "parallel_undo": "Undos at once",
    "args": "Arguments",
    "over": "Items",
    "concurrency": "At once",
    "tolerate": "May fail",
    "tolerate_share": "Share that may fail",
    "gather": "Put together as",
    "value": "Of each item",
    "max_items": "Items at most",
    "max_rounds": "Rounds at most",
    "stall_rounds": "Rounds without progress",
    "min_gain": "Smallest progress",
    "on_end": "If none is good enough",
    "max_tasks": "Tasks at most",
    "max_calls": "Calls of tools at most",
    "per_code": "Other rules for some errors",
    "locks": "Locks",
    "lock_wait_s": "Waits for its locks (s)",
    "commutative": "What it writes may come in any order",
    "cost_usd": "Money for models (USD)",
    "calls": "Calls",
    "minutes": "Minutes",
    "on_limit": "At a limit",
    "max_events": "Events before asking",
    "compensate_reason": "Why there is no undo",
    "default": "Otherwise",
}
_AREAS: Final = {"prompt": 150, "system": 80, "description": 68, "question": 80}
_LISTS: Final = {"over", "tasks"}
_CODE: Final = {"when", "landed", "rule", "until", "score", "value"}


def label_of(name: str) -> str:
    """Return a field's name in words."""
    if name in _LABELS:
        return _LABELS[name]
    words = name.removesuffix("_usd").replace("_", " ").strip()
    return words[:1].upper() + words[1:] + (" (USD)" if name.endswith("_usd") else "")


def fields_of(model: type[BaseModel], *names: str, base: Path = ()) -> tuple[FieldSpec, ...]:
    """Return the form fields of a model, by alias, in this order; without names, all of them."""
    known = {info.alias or name: info for name, info in model.model_fields.items()}
    return tuple(_field(name, known[name], base) for name in (names or known))


def _field(name: str, info: FieldInfo, base: Path) -> FieldSpec:
    spec = FieldSpec(
        (*base, name),
        label_of(name),
        help=_sentence(info.description or ""),
        default=_default(info),
        is_required=info.is_required(),
    )
    if name in _AREAS:
        return replace(spec, widget="area", height=_AREAS[name])
    if name in _CODE:
        return replace(spec, widget="code")
    if name in _LISTS:
        return replace(spec, widget="list")
    typed = _typed(spec, info.annotation)
    low, high = _bounds(info, 1 if typed.widget == "whole" else 0.01 if name.endswith("_usd") else 0.1)
    return replace(typed, low=low, high=high)


def _typed(spec: FieldSpec, annotation: Any) -> FieldSpec:
    """Return the field with the widget that its type asks for."""
    kinds = _alternatives(annotation)
    if get_origin(kinds[0]) is Literal:
        return replace(spec, widget="choice", options=get_args(kinds[0]))
    if kinds == (str,):
        return spec
    if kinds == (bool,):
        return replace(spec, widget="toggle")
    if kinds == (int,):
        return replace(spec, widget="whole")
    if float in kinds:
        return replace(spec, widget="number")
    if get_origin(kinds[0]) is tuple:
        inner = get_args(kinds[0])[0]
        return replace(spec, widget="words" if inner is str else "json", shape="numbers")
    return replace(spec, widget="json", shape="object" if get_origin(kinds[0]) is dict else "any")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in {Union, UnionType}
    return tuple(k for k in (get_args(annotation) if is_union else (annotation,)) if k is not NoneType)


def _default(info: FieldInfo) -> Json:
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return None
    return list(value) if isinstance(value, tuple) else value


def _bounds(info: FieldInfo, least: float) -> tuple[float | None, float | None]:
    low = high = None
    for rule in info.metadata:
        low = getattr(rule, "ge", low)
        low = least if getattr(rule, "gt", None) is not None else low
        high = getattr(rule, "le", high)
    return low, high


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _labelled(fields: tuple[FieldSpec, ...], **labels: str) -> tuple[FieldSpec, ...]:
    return tuple(replace(f, label=labels.get(str(f.path[-1]), f.label)) for f in fields)


_WITH: Final[Path] = ("with",)
KIND_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {
    "llm": fields_of(LlmCall, "prompt", "system", "model", "temperature", "max_tokens", base=_WITH),
    "http": fields_of(HttpCall, "method", "url", "params", "json", base=_WITH),
    "python": fields_of(PythonCall, "function", "args", base=_WITH),
    "approval": fields_of(
        ApprovalAsk, "question", "evidence", "group", "quorum", "expires_s", "on_expire", "on_deny", "four_eyes",
        base=_WITH,
    ),
    "wait": tuple(
        replace(f, widget="scalar") if str(f.path[-1]).endswith("_s") else f for f in fields_of(WaitFor, base=_WITH)
    ),
    "activity": fields_of(
        ActivityCall, "what", "kind", "who", "uses", "from", "to", "place", "minutes", "start", base=_WITH
    ),
    "route": fields_of(RouteBy, "branches", "default", "prompt", "model", "min_confidence", "about", base=_WITH),
    "map": fields_of(
        MapOver, "over", "concurrency", "tolerate", "gather", "value", "score", base=_WITH
    ),
    "loop": _labelled(
        fields_of(LoopUntil, "until", "score", "max_rounds", "stall_rounds", "min_gain", "on_end", base=_WITH),
        until="Good enough when",
    ),
    "saga": fields_of(SagaCall, "saga", "input", base=_WITH),
    "team": fields_of(TeamTasks, "tasks", "concurrency", "tolerate", "max_tasks", base=_WITH),
    "agent": fields_of(AgentCall, "prompt", "system", "model", "max_calls", "max_tokens", base=_WITH),
}  # fmt: skip
MORE_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {
    "http": fields_of(HttpCall, "headers", "refused_on", base=_WITH),
    "map": fields_of(MapOver, "tolerate_share", "max_items", base=_WITH),
}
PAIRED: Final = frozenset(
    {
        "temperature",
        "max_tokens",
        "concurrency",
        "tolerate",
        "max_rounds",
        "stall_rounds",
        "group",
        "quorum",
        "expires_s",
        "on_expire",
        "timeout_s",
    }
)
STEP_FIELDS: Final = fields_of(StepBase, "when", "description")
LOCK_FIELDS: Final = tuple(
    replace(f, widget="lines", help="One a line, such as `seat:${run.input.seat}`. No other run may hold them"
            " meanwhile; they are kept until the run ends") if f.path == ("locks",) else f
    for f in fields_of(StepBase, "locks", "lock_wait_s")
)  # fmt: skip
RETRY_FIELDS: Final = fields_of(Retry, base=("retry",))
_PATIENT: Final = frozenset({"llm", "route"})


def time_fields(kind: str) -> tuple[FieldSpec, ...]:
    """Return the time limits of a step; kinds that ask a model get two minutes where nothing is said."""
    limits = fields_of(LlmStep if kind in _PATIENT else StepBase, "timeout_s", "settle_s", "key_ttl_s")
    return limits if kind in {"http", "python"} else limits[:1]


CHECK_FIELDS: Final = fields_of(StepBase, "output", "writes", "commutative")
GATE_FIELDS: Final = fields_of(
    Gate, "question", "when", "group", "quorum", "expires_s", "on_expire", "four_eyes", base=("approval",)
)
REASON_FIELDS: Final = fields_of(StepBase, "compensate_reason")
_UNDO: Final[Path] = ("compensate",)
UNDO_CALL: Final = {
    "http": fields_of(HttpCall, "method", "url", "params", "json", base=(*_UNDO, "with")),
    "python": fields_of(PythonCall, "function", "args", base=(*_UNDO, "with")),
}
UNDO_FIELDS: Final = tuple(
    replace(f, label="What undoing costs (USD)", widget="code") if f.path[-1] == "cost_usd" else f
    for f in fields_of(CompensationBase, "timeout_s", "cost_usd", "writes", base=_UNDO)
)
UNDO_RETRY_FIELDS: Final = tuple(
    replace(f, default=getattr(UNDO_RETRY, str(f.path[-1]))) for f in fields_of(Retry, base=(*_UNDO, "retry"))
)
PROBE_FIELDS: Final = (
    *fields_of(HttpCall, "url", "params", base=("probe", "with")),
    *fields_of(Probe, "landed", "timeout_s", base=("probe",)),
)
SAGA_FIELDS: Final = fields_of(Saga, "title", "description", "recovery", "max_repairs")
MEMORY_FIELDS: Final = _labelled(
    fields_of(Memory, "key", "writes", base=("memory",)),
    key="What the facts are about",
    writes="What is remembered",
)
BUDGET_FIELDS: Final = fields_of(
    Budget, "cost_usd", "tokens", "calls", "minutes", "on_limit", base=("budget",)
)
LIMIT_FIELDS: Final = fields_of(Saga, "deadline_s", "max_events")
SAGA_MORE_FIELDS: Final = _labelled(
    fields_of(Saga, "output", "app", "parallel", "parallel_undo"), output="What the run gives"
)
