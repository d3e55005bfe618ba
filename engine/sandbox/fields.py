"""The fields that requests carry, by kind, and the checks on them. Nothing here knows a collection."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from engine.sandbox.answers import Body, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_AMOUNT_USD = 1_000_000
MAX_STARS = 5
MAX_NIGHTS = 60
MAX_QUANTITY = 10_000
MAX_DIGITS = 9
YEARS = range(2000, 2100)


def _is_int(value: Any, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= highest


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= MAX_AMOUNT_USD


def _is_date(value: Any) -> bool:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return day.isoformat() == value and day.year in YEARS


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text that is not empty", _is_text),
    "address": (
        "a text or an object that is not empty",
        lambda v: _is_text(v) or (isinstance(v, dict) and v != {}),
    ),
    "date": ("a date such as 2026-06-01", _is_date),
    "amount": (f"a number above 0 and at most {MAX_AMOUNT_USD}", _is_amount),
    "quantity": (f"a whole number from 1 to {MAX_QUANTITY}", lambda v: _is_int(v, MAX_QUANTITY)),
    "nights": (f"a whole number from 1 to {MAX_NIGHTS}", lambda v: _is_int(v, MAX_NIGHTS)),
    "stars": (f"a whole number from 1 to {MAX_STARS}", lambda v: _is_int(v, MAX_STARS)),
}
"""Each kind of field: what it must be, in words, and the check."""

WHOLE_NUMBERS = frozenset({"quantity", "nights", "stars"})


def check_body(body: Any, required: Mapping[str, str], optional: Mapping[str, str]) -> Body:
    """Return the body, sure to hold what is required, each field of its kind.

    Fields that nobody declared are kept as they are; an optional field that is null is dropped.

    Raises:
        RefusedError: 400, with the field that is missing or wrong.
    """
    if not isinstance(body, dict):
        raise invalid("body", f"the body must be a JSON object, not {type(body).__name__}")
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid("body", f"the body holds what JSON can't carry: {error}") from error
    for name, kind in required.items():
        if body.get(name) is None:
            raise invalid(name, f"`{name}` is missing; it must be {KINDS[kind][0]}")
    given = {name: value for name, value in body.items() if not (name in optional and value is None)}
    for name, kind in {**required, **optional}.items():
        words, is_right = KINDS[kind]
        if name in given and not is_right(given[name]):
            raise invalid(name, f"`{name}` must be {words}, not {given[name]!r}")
    return given


def check_query(query: Mapping[str, str], required: Mapping[str, str], optional: Mapping[str, str]) -> Body:
    """Return the query as a checked body: whole numbers are read from their digits, blanks are left out.

    Raises:
        RefusedError: 400, with the parameter that is missing or wrong.
    """
    kinds = {**required, **optional}
    body: Body = {}
    for name, value in query.items():
        is_number = (
            kinds.get(name) in WHOLE_NUMBERS
            and value.isascii()
            and value.isdigit()
            and len(value) <= MAX_DIGITS
        )
        if value:
            body[name] = int(value) if is_number else value
    return check_body(body, required, optional)
