"""`budget`: totals per category under their limits; computed in decimals, so that cents add up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

from engine.core.expressions import Scope
from engine.core.validation.finding import Finding
from engine.core.validation.values import MAX_VALUES, found, is_number, plain_text, shown, value_of
from engine.core.validators import BudgetValidator

Json = Any


def budget(validator: BudgetValidator, scope: Scope) -> Finding:
    """Find categories over their limit, a total over its own, and amounts that are no number.

    Without a limit of the total, a category that no limit speaks of is a finding, too.
    """
    with localcontext(prec=60):
        return _examine(validator, scope)


def _examine(validator: BudgetValidator, scope: Scope) -> Finding:
    if validator.items:
        amounts, wrong = _from_items(value_of(validator.items, scope))
    else:
        amounts, wrong = _from_amounts({c: value_of(s, scope) for c, s in validator.amounts.items()})
    limits = {category: value_of(source, scope) for category, source in validator.limits.items()}
    wrong += list(_over(amounts, limits, bounded=bool(validator.total)))
    total = sum(amounts.values(), Decimal(0))
    if validator.total:
        wrong += list(_compare("total", total, value_of(validator.total, scope)))
    return found(
        wrong, f"{', '.join(f'{c}: {_money(a)}' for c, a in amounts.items())}; total: {_money(total)}"
    )


def _from_items(items: Json) -> tuple[dict[str, Decimal], list[str]]:
    if not isinstance(items, list) or len(items) > MAX_VALUES:
        return {}, [f"{shown(items)} is no list of up to {MAX_VALUES:,} items with `category` and `amount`"]
    amounts: dict[str, Decimal] = {}
    wrong: list[str] = []
    for number, item in enumerate(items, 1):
        category = item.get("category") if isinstance(item, dict) else None
        amount = item.get("amount") if isinstance(item, dict) else None
        if isinstance(category, str) and amount is not None and is_number(amount):
            _add(amounts, category, amount)
        else:
            wrong.append(f"item {number} is {shown(item)}, not a `category` with a number as `amount`")
    return amounts, wrong


def _from_amounts(values: dict[str, Json]) -> tuple[dict[str, Decimal], list[str]]:
    amounts: dict[str, Decimal] = {}
    wrong: list[str] = []
    for category, value in values.items():
        _add(amounts, category, 0)
        for amount in value if isinstance(value, list) else [value]:
            if is_number(amount):
                _add(amounts, category, amount)
            else:
                wrong.append(f"{category}: {shown(amount)} is no number")
    return amounts, wrong


def _add(amounts: dict[str, Decimal], category: str, amount: float) -> None:
    key = plain_text(category)
    amounts[key] = amounts.get(key, Decimal(0)) + _exact(amount)


def _exact(amount: float) -> Decimal:
    return Decimal(amount) if isinstance(amount, int) else Decimal(repr(amount))


def _over(amounts: dict[str, Decimal], limits: dict[str, Json], *, bounded: bool) -> Iterator[str]:
    known = {plain_text(category): (category, limit) for category, limit in limits.items()}
    for key, (category, limit) in known.items():
        yield from _compare(category, amounts.get(key, Decimal(0)), limit)
    if not bounded:
        for key, amount in amounts.items():
            if key not in known:
                yield f"{shown(key)}: {_money(amount)}, and no limit speaks of it"


def _compare(what: str, amount: Decimal, limit: Json) -> Iterator[str]:
    if not is_number(limit):
        yield f"the limit of {what} is {shown(limit)}, no number"
    elif amount > _exact(limit):
        yield f"{what}: {_money(amount)} of {_money(_exact(limit))}"


def _money(amount: Decimal) -> str:
    """Return an amount without zeros that say nothing."""
    if amount.adjusted() > 20 or amount.adjusted() < -20:
        return f"{amount:.6g}"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
