"""`agree` and `formats`: the same value, or the same way of writing one, wherever it is stated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, compile_expression
from engine.core.validation.finding import Finding
from engine.core.validation.moments import date_of, datetime_of, offset_kind
from engine.core.validation.money import CURRENCIES
from engine.core.validation.values import MAX_VALUES, found, same, shown, value_of
from engine.core.validators import AgreeValidator, FormatsValidator

Json = Any
Labelled = list[tuple[str, Json]]
MAX_MATCHED = 1000


def agree(validator: AgreeValidator, scope: Scope) -> Finding:
    """Find values that differ from the first one."""
    values = [(label, value_of(source, scope)) for label, source in validator.values.items()]
    (first, wanted), *others = values
    wrong = [
        f"{label} = {shown(value)}, but {first} = {shown(wanted)}"
        for label, value in others
        if not same(value, wanted, validator.tolerance, ignore_case=validator.ignore_case)
    ]
    return found(wrong, f"{', '.join(label for label, _ in values)} = {shown(wanted)}")


def formats(validator: FormatsValidator, scope: Scope) -> Finding:
    """Find values that are written otherwise than they should be, or than the first of them."""
    values = list(_each({label: value_of(source, scope) for label, source in validator.values.items()}))
    strange = [f"{label} = {shown(v)} is no text" for label, v in values if not isinstance(v, str)]
    wrong = strange or list(_FORMATS[validator.as_](validator, values))
    return found(wrong, ", ".join(f"{label} = {shown(v, 30)}" for label, v in values[:8]) or "no value")


def _each(values: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the values, each of a list with its place."""
    for label, value in values.items():
        if not isinstance(value, list):
            yield label, value
        elif len(value) > MAX_VALUES:
            raise ExpressionError(f"{label}: a list of {len(value):,} values is too long to look through")
        else:
            yield from ((f"{label}[{index}]", item) for index, item in enumerate(value))


def _dates(_: FormatsValidator, values: Labelled) -> Iterator[str]:
    for label, value in values:
        if date_of(value) is None:
            yield f"{label} = {shown(value)} is no date such as 2027-06-07"


def _datetimes(_: FormatsValidator, values: Labelled) -> Iterator[str]:
    yield from _moments(values)
    yield from _alike([v for v in values if datetime_of(v[1]) is not None], offset_kind)


def _zones(_: FormatsValidator, values: Labelled) -> Iterator[str]:
    yield from _moments(values)
    known = [(label, value) for label, value in values if datetime_of(value) is not None]
    yield from (f"{label} = {shown(v)} has no UTC offset" for label, v in known if _offset(v) == "none")
    yield from _alike([(label, value) for label, value in known if _offset(value) != "none"], _offset)


def _moments(values: Labelled) -> Iterator[str]:
    for label, value in values:
        if datetime_of(value) is None:
            yield f"{label} = {shown(value)} is no moment such as 2027-06-07T10:30+02:00"


def _offset(value: str) -> str:
    moment = datetime_of(value)
    offset = None if moment is None else moment.utcoffset()
    return "none" if offset is None else f"{offset.total_seconds() / 3600:+g} h"


def _currencies(_: FormatsValidator, values: Labelled) -> Iterator[str]:
    for label, value in values:
        if value not in CURRENCIES:
            yield f"{label} = {shown(value)} is no currency code such as EUR"
    yield from _alike([v for v in values if v[1] in CURRENCIES], str)


def _spellings(validator: FormatsValidator, values: Labelled) -> Iterator[str]:
    if validator.known:
        for label, value in values:
            if value not in validator.known:
                yield f"{label} = {shown(value)} is none of {shown(', '.join(validator.known), 100)}"
    yield from _alike(values, str)


def _patterns(validator: FormatsValidator, values: Labelled) -> Iterator[str]:
    for label, value in values:
        if len(value) > MAX_MATCHED:
            yield f"{label} has {len(value):,} characters; up to {MAX_MATCHED:,} are compared with a pattern"
        elif not full_match(validator.pattern, value):
            yield f"{label} = {shown(value)} does not match {shown(validator.pattern)}"


def full_match(pattern: str, text: str) -> bool:
    """Return whether a pattern matches all of a text, in time that grows with the text only.

    Raises:
        ExpressionError: if it is no pattern. Patterns are those of CEL's `matches`: they never look around or back.
    """
    anchored = compile_expression("text.matches(pattern) && text.matches(whole)")
    scope = {"text": text, "pattern": pattern, "whole": rf"\A(?:{pattern})\z"}
    return bool(anchored.evaluate(scope))


def _alike(values: Labelled, said: Callable[[str], str]) -> Iterator[str]:
    """Yield those that are written otherwise than the first one."""
    for label, value in values[1:]:
        if said(value) != said(values[0][1]):
            yield f"{label} = {shown(value)}, but {values[0][0]} = {shown(values[0][1])}"


_FORMATS: dict[str, Callable[[FormatsValidator, Labelled], Iterator[str]]] = {
    "date": _dates,
    "datetime": _datetimes,
    "zone": _zones,
    "currency": _currencies,
    "unit": _spellings,
    "place": _spellings,
    "pattern": _patterns,
}
