"""Dependency conditions such as `(a && b) || triage.high`, in three-valued logic.

The syntax is the Boolean part of CEL, and `2 of (a, b, c)`. A name is a step: true once it committed,
false once it can't any more, unknown until then; `route.branch` is true once that route chose that
branch; `a.failed`, `a.timed_out` and `a.skipped` ask how else a step ended. Kleene's logic decides as
early as the outcome is certain, so `a || b` holds as soon as one committed.

The parser is ours: Python's own is not safe in several threads at once (3.11 can fail with "AST
constructor recursion depth mismatch"), and knows words that are good names for steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from engine.core.errors import ExpressionError

Truth = bool | None
MAX_DEPTH = 60
MAX_LENGTH = 200_000
_TOKEN = re.compile(r"\s*(?:([a-z]\w*(?:\.[a-z]\w*)?|\d{1,5})|(&&|\|\||[!(),]))", re.ASCII)
_TERM = re.compile(r"([a-z]\w*)(?:\.([a-z]\w*))?", re.ASCII)


OUTCOMES = frozenset({"failed", "timed_out", "skipped"})
"""What a term may ask of any step besides its commit; no route may have a branch of such a name."""


EMITTED = "emits:"
"""How a term begins, behind its dot, that asks whether a step caused an event; only compiled, never written."""


@dataclass(frozen=True, slots=True)
class Term:
    """A step that must have committed or ended otherwise (`OUTCOMES`), or a route that must have chosen a branch."""

    step: str
    branch: str | None = None

    def __str__(self) -> str:
        """Return it as people write it."""
        return self.step if self.branch is None else f"{self.step}.{self.branch}"


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Joint:
    """Conditions of which all (`&&`) or one (`||`) must hold."""

    operator: Literal["&&", "||"]
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Conditions of which some number must hold: `2 of (a, b, c)`."""

    count: int
    parts: tuple[Node, ...]


Node = Term | Not | Joint | AtLeast


class Condition:
    """A parsed dependency condition; made by `parse_condition`.

    Attributes:
        terms: the steps and branches it speaks of, in order of appearance.
        is_list: whether it only says that all of them must hold.
    """

    __slots__ = ("_tree", "is_list", "source", "terms")

    def __init__(self, source: str, tree: Node) -> None:
        self.source = source
        self._tree = tree
        self.terms: tuple[tuple[str, str | None], ...] = tuple(
            dict.fromkeys((term.step, term.branch) for term in _terms(tree))
        )
        plain = tree.parts if isinstance(tree, Joint) and tree.operator == "&&" else (tree,)
        self.is_list = all(isinstance(part, Term) for part in plain)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps it speaks of, in order of appearance."""
        return tuple(dict.fromkeys(step for step, _ in self.terms))

    def truth(self, of: Callable[[str, str | None], Truth]) -> Truth:
        """Return true, false, or None while it is still open; `of(step, branch)` tells the terms."""
        return _truth(self._tree, of)

    def replaced(self, by: Callable[[Term], Node]) -> Condition:
        """Return the condition with other parts in place of its terms."""
        tree = _replaced(self._tree, by)
        return Condition(_text(tree), tree)

    def joined(self, other: Condition) -> Condition:
        """Return the condition that holds where this one and the other hold."""
        tree = Joint("&&", (self._tree, other._tree))
        return Condition(_text(tree), tree)

    def without(self, goes: Callable[[Term], bool]) -> str:
        """Return the condition as text without the terms that go; empty where nothing is left."""
        rest = _rest(self._tree, goes)
        return "" if rest is None else _text(rest)


def _truth(node: Node, of: Callable[[str, str | None], Truth]) -> Truth:
    if isinstance(node, Term):
        return of(node.step, node.branch)
    if isinstance(node, Not):
        return _not(_truth(node.inner, of))
    if isinstance(node, AtLeast):
        return _at_least(node.count, [_truth(part, of) for part in node.parts])
    if node.operator == "&&":
        return _all([_truth(part, of) for part in node.parts])
    return _not(_all([_not(_truth(part, of)) for part in node.parts]))


def _all(values: Sequence[Truth]) -> Truth:
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def _at_least(count: int, values: Sequence[Truth]) -> Truth:
    held = sum(value is True for value in values)
    if held >= count:
        return True
    return None if held + sum(value is None for value in values) >= count else False


def _not(value: Truth) -> Truth:
    return None if value is None else not value


def _terms(node: Node) -> Iterator[Term]:
    if isinstance(node, Term):
        yield node
    elif isinstance(node, Not):
        yield from _terms(node.inner)
    else:
        for part in node.parts:
            yield from _terms(part)


def _rest(node: Node, goes: Callable[[Term], bool]) -> Node | None:
    if isinstance(node, Term):
        return None if goes(node) else node
    if isinstance(node, Not):
        inner = _rest(node.inner, goes)
        return None if inner is None else Not(inner)
    kept = tuple(rest for part in node.parts if (rest := _rest(part, goes)) is not None)
    if isinstance(node, AtLeast):
        return AtLeast(min(node.count, len(kept)), kept) if kept else None
    return Joint(node.operator, kept) if len(kept) > 1 else next(iter(kept), None)


def _replaced(node: Node, by: Callable[[Term], Node]) -> Node:
    if isinstance(node, Term):
        return by(node)
    if isinstance(node, Not):
        return Not(_replaced(node.inner, by))
    parts = tuple(_replaced(part, by) for part in node.parts)
    return AtLeast(node.count, parts) if isinstance(node, AtLeast) else Joint(node.operator, parts)


def _text(node: Node) -> str:
    if isinstance(node, Term):
        return str(node)
    if isinstance(node, Not):
        return f"!({_text(node.inner)})" if isinstance(node.inner, Joint) else f"!{_text(node.inner)}"
    if isinstance(node, AtLeast):
        return f"{node.count} of ({', '.join(_text(part) for part in node.parts)})"
    parts = (f"({_text(part)})" if isinstance(part, Joint) else _text(part) for part in node.parts)
    return f" {node.operator} ".join(parts)


class _Reader:
    """Reads the tokens of one condition: `!` binds closest, then `&&`, then `||`."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Node:
        tree = self._joint("||", 0)
        if self._at < len(self._tokens):
            raise ExpressionError("it can't be parsed")
        return tree

    def _joint(self, operator: Literal["&&", "||"], depth: int) -> Node:
        parts = [self._part(operator, depth)]
        while self._take(operator):
            parts.append(self._part(operator, depth))
        return parts[0] if len(parts) == 1 else Joint(operator, tuple(parts))

    def _part(self, operator: Literal["&&", "||"], depth: int) -> Node:
        return self._joint("&&", depth) if operator == "||" else self._single(depth)

    def _single(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"it is nested deeper than {MAX_DEPTH}")
        if self._take("!"):
            return Not(self._single(depth + 1))
        if self._at < len(self._tokens) and self._tokens[self._at].isdigit():
            return self._at_least(depth)
        if self._take("("):
            inner = self._joint("||", depth + 1)
            if not self._take(")"):
                raise ExpressionError("it can't be parsed")
            return inner
        return self._term()

    def _at_least(self, depth: int) -> AtLeast:
        count = int(self._tokens[self._at])
        self._at += 1
        if not (self._take("of") and self._take("(")):
            raise ExpressionError(f"write `{count} of (a, b, c)`")
        parts = [self._joint("||", depth + 1)]
        while self._take(","):
            parts.append(self._joint("||", depth + 1))
        if not self._take(")"):
            raise ExpressionError("it can't be parsed")
        if not 1 <= count <= len(parts):
            raise ExpressionError(f"`{count} of` {len(parts)} conditions can't be")
        return AtLeast(count, tuple(parts))

    def _term(self) -> Term:
        found = _TERM.fullmatch(self._tokens[self._at]) if self._at < len(self._tokens) else None
        if found is None:
            raise ExpressionError("it can't be parsed")
        self._at += 1
        return Term(*found.groups())

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False


def _tokens(source: str) -> list[str]:
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"it has {len(source):,} characters; {MAX_LENGTH:,} are allowed")
    found, at, text = [], 0, source.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ExpressionError(
                "it may hold step names, route.branch, step.failed, &&, ||, !, `2 of (...)` and parentheses only"
            )
        found.append(token.group(1) or token.group(2))
        at = token.end()
    return found


@lru_cache(maxsize=4096)
def parse_condition(source: str) -> Condition:
    """Return the condition ready to ask.

    Raises:
        ExpressionError: if it is anything but names, `route.branch`, `step.failed`, `&&`, `||`, `!`, `k of (...)` and parentheses.
    """
    try:
        return Condition(source, _Reader(_tokens(source)).whole())
    except ExpressionError as problem:
        shown = source if len(source) <= 80 else source[:77] + "..."
        raise ExpressionError(f"`{shown}` is not a dependency condition: {problem}") from None


def all_of(steps: Sequence[str]) -> Condition:
    """Return the condition that every named step committed; with none, it holds at once.

    Raises:
        ExpressionError: for an item that is not a step or `route.branch`.
    """
    names: list[Node] = []
    for item in steps:
        term = _TERM.fullmatch(item)
        if term is None:
            raise ExpressionError(
                f"`{item[:80]}` is no step id; write a condition as one text, not as an item of a list"
            )
        names.append(Term(*term.groups()))
    return Condition(" && ".join(steps), Joint("&&", tuple(names)))
