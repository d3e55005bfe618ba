"""Between a form field and the draft: what a widget shows of a value, and what a typed text means."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import isfinite
from typing import Any

from ui.models.design_forms import FieldSpec

Json = Any
_EXPRESSION = re.compile(r"\$\{[^{}]*\}")


def safe(spec: FieldSpec, value: Json) -> FieldSpec:
    """Return the field as JSON where its value would not survive the way through a list of words or lines."""
    apart = {"words": " ,\n", "lines": "\n"}.get(spec.widget)
    items = value if isinstance(value, list | tuple) else []
    if apart and any(not isinstance(item, str) or set(apart) & set(item) for item in items):
        return replace(spec, widget="json", shape="any")
    return spec


def to_widget(spec: FieldSpec, value: Json) -> Json:
    """Return a value of the draft as the field's widget holds it."""
    value = spec.default if value is None else value
    match spec.widget:
        case "list" if isinstance(value, str):
            return value
        case "json" | "list":
            return "" if value is None or value in ({}, []) else as_json(value)
        case "words" | "lines":
            apart = ", " if spec.widget == "words" else "\n"
            return apart.join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
        case "toggle":
            return bool(value)
        case "number" | "whole":
            return _number(spec, value)
        case "scalar" if isinstance(value, float):
            return f"{value:g}"
        case "choice":
            return value if value in spec.options else None
    return "" if value is None else str(value)


def _number(spec: FieldSpec, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if spec.widget == "whole" else float(value)


def as_json(value: Json, indent: int = 0) -> str:
    """Return a value as JSON people can read: what fits on a line stays on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= 44 or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(str(key), ensure_ascii=False)}: {as_json(v, indent + 2)}"
            for key, v in value.items()
        ]
    else:
        parts = [as_json(item, indent + 2) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(inner + part for part in parts) + f"\n{' ' * indent}{closing}"


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
        case "list":
            return _list_or_expression(str(shown or "").strip())
        case "words":
            return [word for word in str(shown or "").replace(",", " ").split() if word]
        case "lines":
            return [line.strip() for line in str(shown or "").splitlines() if line.strip()]
        case "number" | "whole":
            return _number_within(spec, shown)
        case "text" | "code":
            return str(shown or "").strip()
        case "scalar":
            return _number_or_text(str(shown or "").strip())
    return shown


def _number_within(spec: FieldSpec, shown: Json) -> Json:
    """Return the number, a whole one as an integer, if it is within the bounds of its field."""
    if shown is None:
        return None
    if spec.low is not None and shown < spec.low:
        raise ValueError(f"It must be at least {spec.low:g}.")
    if spec.high is not None and shown > spec.high:
        raise ValueError(f"It must be at most {spec.high:g}.")
    return int(shown) if isinstance(shown, float) and shown.is_integer() else shown


def _list_or_expression(text: str) -> Json:
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError:
        value = text
    is_expression = isinstance(value, str) and "${" in value and not value.startswith("[")
    if not isinstance(value, list) and not is_expression:
        raise ValueError(
            'Write a list in JSON, such as ["a", "b"], or an expression that gives one, such as ${run.input.items}.'
        )
    return value


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
    if spec.shape == "any" and _EXPRESSION.fullmatch(text.strip()):
        return text.strip()
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(
            f"This is not JSON: {error.msg.lower()} at {where}. Texts go in double quotes, an expression is ${{...}}."
        ) from None
    if spec.shape == "object" and not isinstance(value, dict):
        raise ValueError('It must be a JSON object, such as {"name": "value"}.')
    if spec.shape == "numbers" and not (isinstance(value, list) and all(isinstance(v, int) for v in value)):
        raise ValueError("It must be a list of whole numbers, such as [404, 410].")
    return value
