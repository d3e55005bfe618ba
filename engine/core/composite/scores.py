"""The score of an item or a round."""

from __future__ import annotations

import math

from engine.core.amounts import is_number
from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, compile_expression


def score_of(source: str, scope: Scope) -> float:
    """Return what a score comes to.

    Raises:
        ExpressionError: if it can't be evaluated, or is no finite number.
    """
    value = compile_expression(source).evaluate(scope)
    if not is_number(value) or not math.isfinite(value):
        raise ExpressionError(f"`{source}` gave {value!r}; a score is a number")
    return float(value)
