"""Reading, comparing and naming the values that validators look at; every function takes any JSON value."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, compile_expression
from engine.core.validation.finding import Finding

Json = Any
MAX_EVIDENCE = 300
MAX_VALUES = 10_000
MAX_TEXT = 100_000


def value_of(source: str, scope: Scope) -> Json:
    """Return the value of an expression of a validator.

    Raises:
        ExpressionError: if it can't be evaluated.
    """
    return compile_expression(source).evaluate(scope)


def found(problems: Iterable[str], otherwise: str) -> Finding:
    """Return what is wrong as one finding, or that nothing is."""
    wrong = list(dict.fromkeys(problems))
    return Finding(not wrong, clipped("; ".join(wrong) if wrong else otherwise, MAX_EVIDENCE))


def clipped(text: str, length: int) -> str:
    """Return a text with what is too much of it cut off."""
    return text if len(text) <= length else text[: length - 3] + "..."


def shown(value: Json, length: int = 60) -> str:
    """Return a value for a sentence: a text in quotes, anything else as JSON, both short."""
    if isinstance(value, str):
        return clipped(f"'{clipped(value, length)}'", length + 2)
    if isinstance(value, list | Mapping) and len(value) > length:
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {len(value)}"
    return clipped(json.dumps(value, ensure_ascii=False, default=str), length)


def listed(values: Iterable[str], most: int = 6) -> str:
    """Return some of many names in words."""
    names = list(values)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def is_number(value: Json) -> bool:
    """Return whether a value is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def near(one: float, other: float, tolerance: float = 0.0) -> bool:
    """Return whether two numbers are no further apart than a tolerance; sums of cents count as equal."""
    try:
        return one == other or abs(one - other) <= tolerance + 1e-9 * min(abs(one), abs(other), 1.0)
    except OverflowError:  # a whole number beyond every double
        return False


def plain_text(text: str) -> str:
    """Return a text as people read it: no difference by case, by spaces or by how an accent is written."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def same(one: Json, other: Json, tolerance: float = 0.0, *, ignore_case: bool = False) -> bool:
    """Return whether two JSON values say the same; true is not 1, and spaces around a text don't matter."""
    if is_number(one) and is_number(other):
        return near(one, other, tolerance)
    if isinstance(one, str) and isinstance(other, str):
        return plain_text(one) == plain_text(other) if ignore_case else one.strip() == other.strip()
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(
            same(a, b, tolerance, ignore_case=ignore_case) for a, b in pairs
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key], tolerance, ignore_case=ignore_case) for key in one
        )
    return type(one) is type(other) and bool(one == other)


def flat(value: Json) -> list[Json]:
    """Return the texts, numbers and other single values in a JSON value, in order.

    Raises:
        ExpressionError: if there are more than `MAX_VALUES`.
    """
    singles: list[Json] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += reversed(item.values())
        elif isinstance(item, list):
            todo += reversed(item)
        else:
            singles.append(item)
        if len(singles) + len(todo) > MAX_VALUES:
            raise ExpressionError(f"more than {MAX_VALUES:,} values are too many to look through")
    return singles


def whole_text(texts: Iterable[str]) -> str:
    """Return texts as one.

    Raises:
        ExpressionError: if it is longer than `MAX_TEXT`.
    """
    text = "\n".join(texts)
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"a text of {len(text):,} characters; {MAX_TEXT:,} can be looked through")
    return text
