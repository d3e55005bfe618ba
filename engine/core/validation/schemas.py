"""`schema`: a value against a JSON Schema."""

from __future__ import annotations

import re

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.schema import mismatch
from engine.core.validation.finding import Finding
from engine.core.validation.values import found, value_of
from engine.core.validators import SchemaValidator


def schema(validator: SchemaValidator, scope: Scope) -> Finding:
    """Find where a value does not fit; formats such as `date` count, too."""
    value = value_of(validator.of, scope)
    try:
        wrong = mismatch(validator.fits, value, formats=True)
    except (re.error, ArithmeticError) as error:
        raise ExpressionError(f"the schema of '{validator.name}' can't be applied: {error}") from None
    problems = [] if wrong is None else [f"`{validator.of}` at {wrong[0]}: {wrong[1]}"]
    return found(problems, f"`{validator.of}` fits the schema")
