"""Numbers of facts and of S_A: what counts as one, and sums and products that the log can keep (L8)."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

DIGITS = 9
"""Sums are rounded to so many digits: what was added and is taken away again leaves nothing."""


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value can be counted with; true and false can't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def total(*amounts: float) -> float | None:
    """Return the sum of some numbers, added in their order; None where JSON has no number for it."""
    try:
        found = round(sum(amounts), DIGITS)
        return found if math.isfinite(found) else None
    except OverflowError:
        return None


def product(amount: float, factor: float) -> float | None:
    """Return an amount times a factor; None where JSON has no number for it."""
    try:
        found = amount * factor
        return found if math.isfinite(found) else None
    except OverflowError:
        return None
