"""Publish checks of memory: what is read must be written by some run, and its key must be known at the start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.core.checks_expressions import some, uses
from engine.core.errors import Problem
from engine.core.saga import Saga

_FACT = re.compile(r"(?<![\w.])memory\.([A-Za-z_]\w*)")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


def memory_problems(saga: Saga) -> Iterator[Problem]:
    """Yield the uses of facts that no run of this saga remembers."""
    kept = saga.memory.writes if saga.memory is not None else {}
    for use in uses(saga):
        if isinstance(use.expression, str) or "memory" not in use.expression.names:
            continue
        source = f"`{use.expression.source}`"
        for name in dict.fromkeys(_FACT.findall(_QUOTED.sub("''", use.expression.source))):
            if name not in kept:
                remedy = f"add it to `memory.writes` (there: {some(kept) or 'none'})"
                yield Problem(use.where, f"{source} reads '{name}', which no run remembers", remedy)
            elif "has(memory" not in use.expression.source:
                remedy = f"ask first: `has(memory.{name}) ? memory.{name} : ...`"
                yield Problem(
                    use.where, f"{source} fails in a first run, which knows nothing", remedy, "warning"
                )
