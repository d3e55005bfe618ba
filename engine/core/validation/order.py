"""`order`: moments that must follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from engine.core.expressions import Scope
from engine.core.validation.finding import Finding
from engine.core.validation.moments import Moment, date_of, datetime_of, distance_s
from engine.core.validation.values import found, is_number, shown, value_of
from engine.core.validators import OrderValidator

Json = Any


def order(validator: OrderValidator, scope: Scope) -> Finding:
    """Find neighbours that stand the wrong way round, or closer than `gap_s`."""
    values = [(source, value_of(source, scope)) for source in validator.sequence]
    return found(_problems(values, validator.gap_s), ", then ".join(shown(value) for _, value in values))


def _problems(values: list[tuple[str, Json]], gap_s: float) -> Iterator[str]:
    moments = [(source, value, _moment(value)) for source, value in values]
    strange = [(source, value) for source, value, moment in moments if moment is None]
    yield from (f"`{source}` = {shown(value)} is no date, moment or number" for source, value in strange)
    for (one, seen, earlier), (other, then, later) in pairwise(moments):
        if earlier is not None and later is not None:
            names = f"`{one}` = {shown(seen)}", f"`{other}` = {shown(then)}"
            yield from _pair(names, distance_s(earlier, later), gap_s)


def _moment(value: Json) -> Moment | None:
    if is_number(value):
        return value  # type: ignore[no-any-return] # a number
    return datetime_of(value) or date_of(value)


def _pair(names: tuple[str, str], distance: float | None, gap_s: float) -> Iterator[str]:
    if distance is None:
        yield f"{names[0]} can't be compared with {names[1]}: only one has a UTC offset, or is a number"
    elif distance < 0:
        yield f"{names[1]} comes before {names[0]}"
    elif distance < gap_s:
        yield f"{names[1]} comes {distance:g} s after {names[0]}, and {gap_s:g} s are needed"
