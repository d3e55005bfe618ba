"""`rule`: a condition; where it is false, it says what it was given to say, or names the values that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from engine.core.expressions import Scope, is_true
from engine.core.templates import as_text, render
from engine.core.validation.finding import Finding
from engine.core.validation.values import MAX_EVIDENCE, clipped, shown
from engine.core.validators import RuleValidator

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_PATH = re.compile(r"(?<![\w.])(?:output|run|steps|app)(?:\.[A-Za-z_]\w*)*(?![\w(])")


def rule(validator: RuleValidator, scope: Scope) -> Finding:
    """Find a condition that is not true."""
    if is_true(validator.rule, scope):
        return Finding(held=True, evidence=clipped(f"`{validator.rule}` is true", MAX_EVIDENCE))
    if validator.says:
        return Finding(held=False, evidence=clipped(as_text(render(validator.says, scope)), MAX_EVIDENCE))
    said = [f"`{validator.rule}` is false", ", ".join(_values(validator.rule, scope))]
    return Finding(held=False, evidence=clipped(": ".join(filter(None, said)), MAX_EVIDENCE))


@lru_cache(maxsize=1024)
def _paths(source: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_PATH.findall(_QUOTED.sub("''", source))))


def _values(source: str, scope: Scope) -> Iterator[str]:
    for path in _paths(source):
        value = scope
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            if path not in {"run", "steps", "app"}:
                yield f"{path} = {shown(value)}"
