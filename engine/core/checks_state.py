"""Publish checks of what expressions use of the application state S_A: declared reads, and keys that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from engine.core.checks_expressions import Use, some, uses
from engine.core.errors import Problem
from engine.core.saga import Saga, undo_of

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_INDEX = re.compile(r"""(?<![\w.])app\[\s*(["'])([^"'\\]*)\1\s*\]""")
_KEY = re.compile(r"(?<![\w.])app\.([A-Za-z_]\w*)")
_WHOLE = re.compile(r"(?<![\w.])app(?![\w.])")


def state_problems(saga: Saga) -> Iterator[Problem]:
    """Check that steps use only the keys of S_A that they say they read, and that somebody provides these."""
    provided = _provided(saga)
    for use in uses(saga):
        if not isinstance(use.expression, str) and "app" in use.expression.names:
            keys, whole = app_keys(use.expression.source)
            yield from _undeclared(saga, use, keys, whole=whole)
            for key in sorted(keys - provided):
                what = f"`{use.expression.source}` uses `app.{key}`, which nothing provides"
                remedy = (
                    f"add it to `app:`, or let a step write it (there: {some(sorted(provided)) or 'none'})"
                )
                yield Problem(use.where, what, remedy, "warning")


@lru_cache(maxsize=4096)
def app_keys(source: str) -> tuple[frozenset[str], bool]:
    """Return the keys of S_A that an expression uses, and whether it uses S_A in a way that does not say which."""
    indexed = _INDEX.sub(r"app.\2", source)
    bare = _QUOTED.sub("''", indexed)
    return frozenset(_KEY.findall(bare)), _WHOLE.search(bare) is not None


def _provided(saga: Saga) -> frozenset[str]:
    keys = set(saga.app)
    for step in saga.steps.values():
        undo = undo_of(step)
        keys |= set(step.writes) | (set(undo.writes) if undo is not None else set())
    return frozenset(keys)


def _undeclared(saga: Saga, use: Use, keys: frozenset[str], *, whole: bool) -> Iterator[Problem]:
    declared = saga.steps[use.step].reads if use.step else None
    if declared is None or isinstance(use.expression, str):
        return
    for key in sorted(keys - set(declared)):
        what = f"`{use.expression.source}` uses `app.{key}`, which is not among its `reads`"
        yield Problem(use.where, what, f"add {key} to `steps.{use.step}.reads`")
    if whole:
        what = f"`{use.expression.source}` uses `app` as a whole, though the step says what it `reads`"
        yield Problem(use.where, what, "name the keys, such as `app.total`, or remove `reads`")
