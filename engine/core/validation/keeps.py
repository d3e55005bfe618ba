"""`keeps`: what had to survive is still there, however it is spaced and capitalised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.validation.finding import Finding
from engine.core.validation.texts import named_in
from engine.core.validation.values import (
    flat,
    found,
    is_number,
    near,
    plain_text,
    shown,
    value_of,
    whole_text,
)
from engine.core.validators import KeepsValidator

Json = Any
MAX_KEPT = 1000
MAX_LOOKS = 2_000_000


def keeps(validator: KeepsValidator, scope: Scope) -> Finding:
    """Find kept values that no longer occur; a text occurs only as whole words."""
    kept = [(source, value) for source in validator.keep for value in flat(value_of(source, scope))]
    there = _There(flat(value_of(validator.of, scope)))
    if len(kept) > MAX_KEPT or len(kept) * there.size > MAX_LOOKS:
        what = f"{len(kept):,} values in {there.size:,} characters"
        raise ExpressionError(
            f"{what} are too many to look for: up to {MAX_KEPT:,} values, in a shorter text"
        )
    return found(_problems(kept, there, validator.of), f"all of {len(kept)} kept")


def _problems(kept: list[tuple[str, Json]], there: _There, of: str) -> Iterator[str]:
    for source, value in kept:
        if value is None:
            yield f"`{source}` gives null where something should be kept"
        elif not there.has(value):
            yield f"{shown(value)} is missing in `{of}` ({there.start})"


class _There:
    """The texts and numbers among which the kept ones are looked for."""

    def __init__(self, values: list[Json]) -> None:
        texts = [value for value in values if isinstance(value, str)]
        self._singles = [value for value in values if not isinstance(value, str)]
        self._text = plain_text(whole_text(texts))
        self.size = len(self._text) + len(values)
        self.start = shown(values[0] if len(values) == 1 else " ".join(map(str, values[:20])))
        self._in_text: list[frozenset[float]] | None = None

    def has(self, value: Json) -> bool:
        """Return whether a value occurs."""
        if isinstance(value, str):
            return self._has_text(plain_text(value))
        if is_number(value):
            return self._has_number(value)
        return any(type(single) is type(value) and single == value for single in self._singles)

    def _has_text(self, text: str) -> bool:
        if any(plain_text(str(single)) == text for single in self._singles):
            return True
        place = self._text.find(text)
        while place >= 0:
            end = place + len(text)
            before, after = self._text[max(place - 1, 0) : place], self._text[end : end + 1]
            if not (text[:1].isalnum() and before.isalnum()) and not (
                text[-1:].isalnum() and after.isalnum()
            ):
                return True
            place = self._text.find(text, place + 1)
        return False

    def _has_number(self, number: float) -> bool:
        if any(is_number(single) and near(single, number) for single in self._singles):
            return True
        if self._in_text is None:
            named = named_in(self._text.upper())
            self._in_text = [amount.readings for amount in (*named.money, *named.numbers)]
        return any(near(reading, number) for readings in self._in_text for reading in readings)
