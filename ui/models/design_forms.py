"""The forms of the inspector: which fields there are, read off the definition's own models."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.core.saga import (
    UNDO_RETRY,
    ApprovalAsk,
    CompensationBase,
    Gate,
    HttpCall,
    LlmCall,
    LlmStep,
    Probe,
    PythonCall,
    Retry,
    RouteBy,
    Saga,
    StepBase,
    WaitFor,
)

Json = Any
Path = tuple[str | int, ...]
Widget = Literal["text", "area", "code", "number", "whole", "choice", "toggle", "json", "words", "scalar"]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a form: where its value lives, below the form's own path, and how it is asked for.

    `default` is what the definition takes where nothing is said: such a value is left out of the draft.
    `shape` is the JSON type that a "json" field must have; "words" is a list of words with commas.
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
    "cost_usd": "What undoing costs (USD)",
    "recovery": "After a fault",
    "app": "Application state at the start",
    "deadline_s": "Deadline (s)",
    "parallel": "Steps at once",
    "parallel_undo": "Undos at once",
    "args": "Arguments",
    "compensate_reason": "Why there is no undo",
    "default": "Otherwise",
}
_AREAS: Final = {"prompt": 150, "system": 80, "description": 68, "question": 80}
_CODE: Final = {"when", "landed", "cost_usd", "rule"}


def label_of(name: str) -> str:
    """Return a field's name in words."""
    words = name.removesuffix("_").replace("_", " ").strip()
    return _LABELS.get(name, words[:1].upper() + words[1:])


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
    low, high = _bounds(info)
    return replace(_typed(spec, info.annotation), low=low, high=high)


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
    value = info.get_default(call_default_factory=True)  # type: ignore[call-arg] # no factory takes data here
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return None
    return list(value) if isinstance(value, tuple) else value


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    low = high = None
    for rule in info.metadata:
        low = getattr(rule, "ge", low)
        low = 0.1 if getattr(rule, "gt", None) is not None else low
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
    "wait": (replace(fields_of(WaitFor, "duration_s", base=_WITH)[0], widget="scalar"),),
    "route": fields_of(RouteBy, "branches", "default", "prompt", "model", base=_WITH),
}  # fmt: skip
MORE_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {
    "http": fields_of(HttpCall, "headers", "refused_on", base=_WITH)
}
PAIRED: Final = frozenset(
    {"method", "temperature", "max_tokens", "group", "quorum", "expires_s", "on_expire", "timeout_s"}
)
STEP_FIELDS: Final = fields_of(StepBase, "when", "description")
RETRY_FIELDS: Final = fields_of(Retry, base=("retry",))
_PATIENT: Final = frozenset({"llm", "route"})


def time_fields(kind: str) -> tuple[FieldSpec, ...]:
    """Return the time limits of a step; kinds that ask a model get two minutes where nothing is said."""
    limits = fields_of(LlmStep if kind in _PATIENT else StepBase, "timeout_s", "settle_s", "key_ttl_s")
    return limits if kind in {"http", "python"} else limits[:1]


CHECK_FIELDS: Final = fields_of(StepBase, "output", "writes")
GATE_FIELDS: Final = fields_of(
    Gate, "question", "when", "group", "quorum", "expires_s", "on_expire", "four_eyes", base=("approval",)
)
REASON_FIELDS: Final = fields_of(StepBase, "compensate_reason")
_UNDO: Final[Path] = ("compensate",)
UNDO_CALL: Final = {
    "http": fields_of(HttpCall, "method", "url", "params", "json", base=(*_UNDO, "with")),
    "python": fields_of(PythonCall, "function", "args", base=(*_UNDO, "with")),
}
UNDO_FIELDS: Final = fields_of(CompensationBase, "timeout_s", "cost_usd", "writes", base=_UNDO)
UNDO_RETRY_FIELDS: Final = tuple(
    replace(f, default=getattr(UNDO_RETRY, str(f.path[-1]))) for f in fields_of(Retry, base=(*_UNDO, "retry"))
)
PROBE_FIELDS: Final = (
    *fields_of(HttpCall, "url", "params", base=("probe", "with")),
    *fields_of(Probe, "landed", "timeout_s", base=("probe",)),
)
SAGA_FIELDS: Final = fields_of(Saga, "title", "description", "recovery", "deadline_s")
SAGA_MORE_FIELDS: Final = _labelled(
    fields_of(Saga, "output", "app", "parallel", "parallel_undo"), output="What the run gives"
)


def to_widget(spec: FieldSpec, value: Json) -> Json:
    """Return a value of the draft as the field's widget holds it."""
    value = spec.default if value is None else value
    match spec.widget:
        case "json":
            return "" if value is None or value in ({}, []) else as_json(value)
        case "words":
            return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
        case "toggle":
            return bool(value)
        case "number" | "whole":
            return _number(spec, value)
        case "choice":
            return value if value in spec.options else None
    return "" if value is None else str(value)


def _number(spec: FieldSpec, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if spec.widget == "whole" else float(value)


def as_json(value: Json) -> str:
    """Return a value as JSON people can read: short ones on one line."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= 44 else json.dumps(value, ensure_ascii=False, indent=2)


def from_widget(spec: FieldSpec, shown: Json) -> Json:
    """Return what a widget holds as a value of the draft; None leaves it to the default.

    Raises:
        ValueError: if it can't be read; the message says what to do.
    """
    value = _read(spec, shown)
    if value is None or value == "" or (value == spec.default and not spec.is_required):
        return "" if spec.is_required and spec.widget in {"text", "area", "code", "scalar"} else None
    return value


def _read(spec: FieldSpec, shown: Json) -> Json:
    match spec.widget:
        case "json":
            return _from_json(spec, str(shown or ""))
        case "words":
            return [word for word in str(shown or "").replace(",", " ").split() if word]
        case "number":
            whole = isinstance(shown, float) and shown.is_integer()
            return int(shown) if whole else shown
        case "text" | "code":
            return str(shown or "").strip()
        case "scalar":
            return _number_or_text(str(shown or "").strip())
    return shown


def _number_or_text(text: str) -> Json:
    try:
        number = float(text)
    except ValueError:
        return text
    if not isfinite(number):
        raise ValueError("Write a number of seconds.")
    return int(number) if number.is_integer() else number


def _no_constant(word: str) -> Json:
    raise ValueError(f"JSON knows no {word}; write a number.")


def _from_json(spec: FieldSpec, text: str) -> Json:
    if not text.strip():
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(
            f"This is not JSON: {error.msg.lower()} at {where}. Texts go in double quotes."
        ) from None
    if spec.shape == "object" and not isinstance(value, dict):
        raise ValueError('It must be a JSON object, such as {"name": "value"}.')
    if spec.shape == "numbers" and not (isinstance(value, list) and all(isinstance(v, int) for v in value)):
        raise ValueError("It must be a list of whole numbers, such as [404, 410].")
    return value
