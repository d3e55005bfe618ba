"""Dependency conditions such as `(a && b) || triage.high`, in three-valued logic.

The syntax is the Boolean part of CEL. A name is a step: true once it committed, false once it can't
any more, unknown until then; `route.branch` is true once that route chose that branch. Kleene's
logic decides as early as the outcome is certain, so `a || b` holds as soon as one committed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from engine.core.errors import ExpressionError

Truth = bool | None
_ALLOWED = re.compile(r"[\w\s.()&|!]*")


class Condition:
    """A parsed dependency condition; made by `parse_condition`."""

    __slots__ = ("_tree", "source", "terms")

    def __init__(self, source: str, tree: ast.expr) -> None:
        self.source = source
        self._tree = tree
        self.terms: tuple[tuple[str, str | None], ...] = tuple(dict.fromkeys(_terms(tree)))

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps it speaks of, in order of appearance."""
        return tuple(dict.fromkeys(step for step, _ in self.terms))

    def truth(self, of: Callable[[str, str | None], Truth]) -> Truth:
        """Return true, false, or None while it is still open; `of(step, branch)` tells the terms."""
        return _truth(self._tree, of)


def _truth(node: ast.expr, of: Callable[[str, str | None], Truth]) -> Truth:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return _all([_truth(value, of) for value in values])
        case ast.BoolOp(values=values):
            inner = _all([_not(_truth(value, of)) for value in values])
            return _not(inner)
        case ast.UnaryOp(operand=operand):
            return _not(_truth(operand, of))
        case ast.Attribute(value=ast.Name(id=step), attr=branch):
            return of(step, branch)
        case ast.Name(id=step):
            return of(step, None)
    raise ExpressionError(f"a dependency condition can't hold {ast.dump(node)}")


def _all(values: Sequence[Truth]) -> Truth:
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def _not(value: Truth) -> Truth:
    return None if value is None else not value


def _terms(node: ast.expr) -> Iterator[tuple[str, str | None]]:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _terms(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _terms(operand)
        case ast.Attribute(value=ast.Name(id=step), attr=branch):
            yield step, branch
        case ast.Name(id=step):
            yield step, None
        case _:
            raise ExpressionError("it may hold step names, route.branch, &&, ||, ! and parentheses only")


@lru_cache(maxsize=4096)
def parse_condition(source: str) -> Condition:
    """Return the condition ready to ask.

    Raises:
        ExpressionError: if it is anything but names, `route.branch`, `&&`, `||`, `!` and parentheses.
    """
    python = re.sub(r"!", " not ", source.replace("&&", " and ").replace("||", " or ")).strip()
    try:
        if not _ALLOWED.fullmatch(source) or len(source) > 200_000:
            raise ExpressionError("it may hold step names, route.branch, &&, ||, ! and parentheses only")  # noqa: TRY301 - one handler words them all
        return Condition(source, ast.parse(python, mode="eval").body)
    except (SyntaxError, ExpressionError, RecursionError, MemoryError) as problem:
        reason = problem if isinstance(problem, ExpressionError) else "it can't be parsed"
        raise ExpressionError(f"`{source}` is not a dependency condition: {reason}") from None


def all_of(steps: Sequence[str]) -> Condition:
    """Return the condition that every named step committed; with none, it holds at once."""
    if not steps:
        return Condition("", ast.BoolOp(op=ast.And(), values=[]))
    return parse_condition(" && ".join(steps))
