"""Which function examines for which kind of validator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.validation.alike import agree, formats
from engine.core.validation.budget import budget
from engine.core.validation.dates import dates
from engine.core.validation.facts import facts
from engine.core.validation.finding import Finding
from engine.core.validation.keeps import keeps
from engine.core.validation.order import order
from engine.core.validation.rules import rule
from engine.core.validation.schemas import schema
from engine.core.validators import CodeValidator


def examine(validator: CodeValidator, scope: Scope) -> Finding:
    """Return what a validator of code finds about an output, whatever the output is.

    Raises:
        ExpressionError: if an expression of it can't be evaluated over `scope`, or gives too much to look through.
    """
    try:
        return _KINDS[validator.kind](validator, scope)
    except (RecursionError, ArithmeticError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ExpressionError(f"'{validator.name}' can't examine these values: {what}") from None


_KINDS: dict[str, Callable[[Any, Scope], Finding]] = {
    "rule": rule,
    "schema": schema,
    "facts": facts,
    "keeps": keeps,
    "agree": agree,
    "formats": formats,
    "order": order,
    "dates": dates,
    "budget": budget,
}
