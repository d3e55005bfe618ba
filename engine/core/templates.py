"""JSON with `${...}` holes: finding the expressions in it, and filling them from a scope."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Expression, Scope, compile_expression

Part = str | Expression
MAX_DEPTH = 100


@lru_cache(maxsize=8192)
def parse_template(text: str) -> tuple[Part, ...]:
    """Return the literal pieces and expressions of one string, in order.

    Raises:
        ExpressionError: for an unclosed `${` or a hole that is no CEL.
    """
    parts: list[Part] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        end = closing_brace(text, start + 2)
        parts.append(compile_expression(text[start + 2 : end].strip()))
        position = end + 1
    if position < len(text) or not parts:
        parts.append(text[position:])
    return tuple(parts)


def closing_brace(text: str, position: int) -> int:
    """Return where the hole that begins at `position` is closed; braces in it and in its quotes do not count.

    Raises:
        ExpressionError: if it never is.
    """
    depth, quote = 0, ""
    for index in range(position, len(text)):
        char = text[index]
        if quote:
            quote = "" if char == quote and text[index - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            if depth == 0:
                return index
            depth -= 1
    raise ExpressionError(
        f"`{text[position - 2 : position + 40]}` opens a hole that is never closed; add a }}"
    )


def render(value: Any, scope: Scope) -> Any:
    """Return `value` with every hole filled; a string that is one hole keeps the value's type.

    Raises:
        ExpressionError: naming the expression that could not be filled.
    """
    if isinstance(value, str):
        return _render_text(value, scope) if "${" in value else value
    if isinstance(value, dict):
        return {key: render(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, scope) for item in value]
    return value


def _render_text(text: str, scope: Scope) -> Any:
    parts = parse_template(text)
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return parts[0].evaluate(scope)
    return "".join(part if isinstance(part, str) else as_text(part.evaluate(scope)) for part in parts)


def as_text(value: Any) -> str:
    """Return a JSON value as it reads inside a sentence: text bare, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def plain(value: Any, depth: int = 0) -> Any:
    """Return what JSON keeps of a value that came from outside, so that the log says what the run saw (R31)."""
    if value is None or value is True or value is False:
        return value
    if depth > MAX_DEPTH:
        return f"(nested deeper than {MAX_DEPTH})"  # deeper ones break what reads them, down to the process
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, dict):
        return {plain(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    text = str(value)
    return text if text.isascii() else text.encode(errors="replace").decode()


def expressions_in(value: Any, path: str = "") -> Iterator[tuple[str, Expression]]:
    """Yield each expression of a template with the path where it stands.

    Raises:
        ExpressionError: for the first hole that is no CEL.
    """
    if isinstance(value, str):
        if "${" in value:
            yield from ((path, part) for part in parse_template(value) if isinstance(part, Expression))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from expressions_in(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from expressions_in(item, f"{path}[{index}]")


def names_in(value: Any) -> frozenset[str]:
    """Return the variables that the expressions of a template speak of, such as `run` and `output`."""
    return frozenset(name for _, expression in expressions_in(value) for name in expression.names)
