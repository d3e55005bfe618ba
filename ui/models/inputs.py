"""The form for a saga's inputs: which field each JSON Schema gets, and what its answer means. No drawing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from engine.core.saga import Saga

Json = Any
Widget = Literal["text", "long", "number", "whole", "toggle", "date", "choice", "json"]

LONG_CHARS: Final = 200
_UNITS: Final = {"usd": "USD", "eur": "EUR", "s": "seconds", "km": "km", "kg": "kg", "percent": "%"}
_ACRONYMS: Final = {"sku": "SKU", "id": "ID", "url": "URL", "usd": "USD"}
_WIDGETS: Final[dict[str, Widget]] = {
    "string": "text",
    "number": "number",
    "integer": "whole",
    "boolean": "toggle",
}


@dataclass(frozen=True)
class InputField:
    """One field of the form.

    Attributes:
        default: what the widget shows at first, in the widget's own type; None is empty.
        required: whether the saga has no default for it.
        low: the least number, or None; `high` the greatest.
        decimals: how many digits after the point a number is shown with.
    """

    name: str
    label: str
    widget: Widget
    help: str = ""
    default: Json = None
    required: bool = False
    options: tuple[Json, ...] = ()
    low: float | None = None
    high: float | None = None
    decimals: int = 2
    max_chars: int | None = None


class Unreadable(ValueError):
    """What was typed is not what the field asks for; the message names the field and says what is."""


def input_fields(saga: Saga) -> list[InputField]:
    """Return a field for each input of a saga, in its order."""
    return [_field(name, schema) for name, schema in saga.input.items()]


def label_of(name: str) -> str:
    """Return an input's name as a label: `budget_usd` is "Budget (USD)"."""
    words = name.replace("_", " ").split()
    unit = _UNITS.get(words[-1]) if len(words) > 1 else None
    text = " ".join(_ACRONYMS.get(word, word) for word in (words[:-1] if unit else words))
    return f"{text[:1].upper()}{text[1:]}" + (f" ({unit})" if unit else "")


def can_start_at_once(saga: Saga) -> bool:
    """Return whether every input has a default, so that nobody needs to be asked."""
    return all("default" in schema for schema in saga.input.values())


def input_values(fields: list[InputField], given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the run's inputs from what the widgets hold; an empty number or date takes its default.

    Raises:
        Unreadable: naming the first field whose text is not JSON or too long, whose number is out of its bounds,
            or that is empty without a default.
    """
    values: dict[str, Json] = {}
    for field in fields:
        value = _value(field, given.get(field.name))
        if value is not None:
            _refuse_beyond(field, value)
            values[field.name] = value
        elif field.required:
            raise Unreadable(f"{field.label} is empty; it has no default, so give a value")
    return values


def _refuse_beyond(field: InputField, value: Json) -> None:
    """Refuse a text that is too long and a number out of bounds: a widget that did would keep it to itself."""
    if isinstance(value, str) and field.max_chars is not None and len(value) > field.max_chars:
        raise Unreadable(
            f"{field.label} has {len(value):,} characters; at most {field.max_chars:,} are allowed"
        )
    if not _is_number(value):
        return
    if field.low is not None and value < field.low:
        raise Unreadable(f"{field.label} is {value:g}; at least {field.low:g} is asked for")
    if field.high is not None and value > field.high:
        raise Unreadable(f"{field.label} is {value:g}; at most {field.high:g} is allowed")


def _field(name: str, schema: dict[str, Json]) -> InputField:
    widget = _widget(schema)
    low, high, limit = _bound(schema, "minimum"), _bound(schema, "maximum"), schema.get("maxLength")
    return InputField(
        name,
        str(schema.get("title") or label_of(name)),
        widget,
        help=str(schema.get("description") or ""),
        default=_within(_shown(widget, schema.get("default")), low, high),
        required="default" not in schema,
        options=tuple(schema["enum"]) if widget == "choice" else (),
        low=low,
        high=high,
        decimals=_decimals(schema),
        max_chars=limit
        if isinstance(limit, int) and len(str(schema.get("default") or "")) <= limit
        else None,
    )


def _widget(schema: dict[str, Json]) -> Widget:
    kind = schema.get("type")
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return "choice"
    if kind == "string" and schema.get("format") == "date":
        return "date" if _is_date(schema.get("default")) else "text"
    if kind == "string" and _is_long(schema):
        return "long"
    return _WIDGETS.get(kind, "json") if isinstance(kind, str) else "json"


def _is_date(value: Json) -> bool:
    try:
        return value is None or bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _is_long(schema: dict[str, Json]) -> bool:
    limit, default = schema.get("maxLength"), str(schema.get("default") or "")
    return (isinstance(limit, int) and limit > LONG_CHARS) or len(default) > LONG_CHARS // 2


def _shown(widget: Widget, default: Json) -> Json:
    if default is None:
        return None
    match widget:
        case "date":
            return date.fromisoformat(default)
        case "number":
            return float(default) if _is_number(default) else None
        case "whole":
            return int(default) if _is_number(default) else None
        case "toggle":
            return bool(default)
        case "json":
            return json.dumps(default, ensure_ascii=False, indent=1)
        case "choice":
            return default
    return str(default)


def _within(value: Json, low: float | None, high: float | None) -> Json:
    """Return a number, or None where it is out of bounds: a widget does not take it then."""
    if not _is_number(value):
        return value
    return value if (low is None or low <= value) and (high is None or value <= high) else None


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bound(schema: dict[str, Json], key: str) -> float | None:
    value = schema.get(key)
    return value if _is_number(value) else None


def _decimals(schema: dict[str, Json]) -> int:
    whole, _, fraction = str(schema.get("default", "")).partition(".")
    return max(2, len(fraction)) if whole.lstrip("-").isdigit() and fraction.isdigit() else 2


def _value(field: InputField, raw: Json) -> Json:
    """Return what a widget's value means as JSON; None where it is empty. A text may be empty on purpose."""
    is_blank = isinstance(raw, str) and not raw.strip()
    if raw is None or (is_blank and (field.required or field.widget == "json")):
        return None
    match field.widget:
        case "number":
            return int(raw) if float(raw).is_integer() else float(raw)
        case "date":
            return raw.isoformat()
        case "json":
            return _parsed(field, str(raw))
    return raw


def _parsed(field: InputField, text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{field.label}: this is not JSON ({error}); texts need quotes") from None
