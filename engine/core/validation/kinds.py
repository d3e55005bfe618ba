"""Which function examines for which kind of validator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.expressions import Scope, is_true
from engine.core.validation.finding import Finding
from engine.core.validators import CodeValidator, RuleValidator


def examine(validator: CodeValidator, scope: Scope) -> Finding:
    """Return what a validator of code finds about an output.

    Raises:
        ExpressionError: if an expression of it can't be evaluated over `scope`.
    """
    return _KINDS[validator.kind](validator, scope)


def _rule(validator: RuleValidator, scope: Scope) -> Finding:
    held = is_true(validator.rule, scope)
    return Finding(held, f"`{validator.rule}` is {str(held).lower()}")


_KINDS: dict[str, Callable[[Any, Scope], Finding]] = {"rule": _rule}
