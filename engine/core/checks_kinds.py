"""Publish checks of what one validator says about itself: combinations that could check nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.core.errors import ExpressionError, Problem
from engine.core.validation.alike import full_match
from engine.core.validators import (
    BudgetValidator,
    DatesValidator,
    FactsValidator,
    FormatsValidator,
    Validator,
)


def kind_problems(path: str, validator: Validator) -> Iterator[Problem]:
    """Yield what is impossible, or can't find anything, about a validator of its kind."""
    check = _KINDS.get(validator.kind)
    if check is not None:
        yield from check(path, validator)
    if validator.type == "reasoning" and validator.kind != "judge":
        what = "only a judge sees the reasoning"
        yield Problem(f"{path}.type", what, "use `kind: judge`, or another `type`", "warning")


def _facts(path: str, validator: FactsValidator) -> Iterator[Problem]:
    if not validator.claims and not validator.text:
        yield Problem(path, "neither `claims` nor `text`: nothing to compare", "add one of them")
    for name in validator.claims:
        if name not in validator.facts:
            remedy = f"use the name of a fact: {', '.join(validator.facts)}"
            yield Problem(f"{path}.claims.{name}", f"there is no fact '{name}'", remedy)
    if validator.text and not validator.look_for:
        yield Problem(
            f"{path}.look_for", "nothing to look for in `text`", "list money, dates, ids or numbers"
        )


def _formats(path: str, validator: FormatsValidator) -> Iterator[Problem]:
    if (validator.as_ == "pattern") != bool(validator.pattern):
        what = (
            "`as: pattern` without a `pattern`" if not validator.pattern else "a `pattern` that is not used"
        )
        yield Problem(f"{path}.pattern", what, "give both, or neither")
    elif validator.pattern:
        yield from _pattern(f"{path}.pattern", validator.pattern)
    if validator.known and validator.as_ not in {"unit", "place"}:
        what = f"`known` is not used for `as: {validator.as_}`"
        yield Problem(f"{path}.known", what, "remove it, or use `as: unit` or `as: place`")
    if len(validator.values) < 2 and validator.as_ in {"zone", "unit", "place"} and not validator.known:
        what = "one value is always written like itself"
        yield Problem(f"{path}.values", what, "add another value, or `known` spellings", "warning")


def _pattern(path: str, pattern: str) -> Iterator[Problem]:
    try:
        full_match(pattern, "")
    except ExpressionError:
        remedy = "correct it; looking ahead, behind and back (`(?=`, `\\1`) is not possible"
        yield Problem(path, f"`{pattern}` is not a pattern that can be used", remedy)


def _dates(path: str, validator: DatesValidator) -> Iterator[Problem]:
    if bool(validator.spans) == bool(validator.list_):
        what = "both `spans` and `list`" if validator.spans else "neither `spans` nor `list`"
        yield Problem(path, what, "give one of them")


def _budget(path: str, validator: BudgetValidator) -> Iterator[Problem]:
    if bool(validator.items) == bool(validator.amounts):
        what = "both `items` and `amounts`" if validator.items else "neither `items` nor `amounts`"
        yield Problem(path, what, "give one of them")
    if not validator.limits and not validator.total:
        yield Problem(path, "no limit", "add `limits` by category, or a `total`")
    for category in validator.limits if validator.amounts else ():
        if category not in validator.amounts:
            what = f"no amount counts for '{category}'"
            yield Problem(f"{path}.limits.{category}", what, "add it to `amounts`", "warning")


_KINDS: dict[str, Callable[[str, Any], Iterator[Problem]]] = {
    "facts": _facts,
    "formats": _formats,
    "dates": _dates,
    "budget": _budget,
}
