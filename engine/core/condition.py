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
_ALLOWED = re.compile(r"[\w\s.()&|!]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TERM = re.compile(r"([a-z]\w*)(?:\.([a-z]\w*))?", re.ASCII)
_MARK = "s_"  # before each name, so that steps may be called `return` or `import`


class Condition:
    """A parsed dependency condition; made by `parse_condition`.

    Attributes:
        terms: the steps and branches it speaks of, in order of appearance.
        is_list: whether it only says that all of them must hold.
    """

    __slots__ = ("_tree", "is_list", "source", "terms")

    def __init__(self, source: str, tree: ast.expr) -> None:
        self.source = source
        self._tree = tree
        self.terms: tuple[tuple[str, str | None], ...] = tuple(dict.fromkeys(_terms(tree)))
        plain = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
        self.is_list = all(isinstance(part, ast.Name | ast.Attribute) for part in plain)

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
            return of(step.removeprefix(_MARK), branch.removeprefix(_MARK))
        case ast.Name(id=step):
            return of(step.removeprefix(_MARK), None)
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
            yield step.removeprefix(_MARK), branch.removeprefix(_MARK)
        case ast.Name(id=step):
            yield step.removeprefix(_MARK), None
        case _:
            raise ExpressionError("it may hold step names, route.branch, &&, ||, ! and parentheses only")


@lru_cache(maxsize=4096)
def parse_condition(source: str) -> Condition:
    """Return the condition ready to ask.

    Raises:
        ExpressionError: if it is anything but names, `route.branch`, `&&`, `||`, `!` and parentheses.
    """
    marked = _NAME.sub(lambda name: _MARK + name.group(), source)
    python = marked.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    try:
        if not _ALLOWED.fullmatch(source) or len(source) > 200_000:
            raise ExpressionError("it may hold step names, route.branch, &&, ||, ! and parentheses only")  # noqa: TRY301 - one handler words them all
        return Condition(source, ast.parse(" ".join(python.split()), mode="eval").body)
    except (SyntaxError, ExpressionError, RecursionError, MemoryError) as problem:
        reason = problem if isinstance(problem, ExpressionError) else "it can't be parsed"
        shown = source if len(source) <= 80 else source[:77] + "..."
        raise ExpressionError(f"`{shown}` is not a dependency condition: {reason}") from None


def all_of(steps: Sequence[str]) -> Condition:
    """Return the condition that every named step committed; with none, it holds at once.

    Raises:
        ExpressionError: for an item that is not a step or `route.branch`.
    """
    names: list[ast.expr] = []
    for item in steps:
        term = _TERM.fullmatch(item)
        if term is None:
            raise ExpressionError(
                f"`{item[:80]}` is no step id; write a condition as one text, not as an item of a list"
            )
        step, branch = term.groups()
        name: ast.expr = ast.Name(id=_MARK + step)
        names.append(name if branch is None else ast.Attribute(value=name, attr=_MARK + branch))
    return Condition(" && ".join(steps), ast.BoolOp(op=ast.And(), values=names))
