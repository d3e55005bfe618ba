"""Constraint checks of a draft: what the given constraints demand of its graph, its tools and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import networkx as nx

from engine.core.errors import ExpressionError
from engine.core.scope import WORLD
from engine.core.templates import render
from engine.planning.words.answers import ConstraintAnswer, Spec
from engine.planning.words.assemble import given_arguments, limit_of
from engine.planning.words.finding import Finding
from engine.planning.words.outline import Outline
from engine.planning.words.problem import Words
from engine.planning.words.tools import refusal
from engine.sandbox.answers import RefusedError

Json = Any
SUBJECTS = ("cost_usd", "minutes", "steps")


@dataclass(frozen=True)
class Price:
    """What a node would cost with the example inputs; None where that depends on what comes out before."""

    node: str
    cost_usd: float | None


def constraint_findings(outline: Outline, words: Words) -> Iterator[Finding]:
    """Yield the constraints that were lost on the way, make no sense, or are broken by the draft."""
    stated = outline.frame.constraints if outline.frame else ()
    told = {constraint.of for constraint in stated}
    for number, text in enumerate(words.constraints, 1):
        if number not in told:
            what = f"constraint {number} is not stated: {text}"
            yield Finding(
                "constraint_lost", "frame", "constraints", what, "state it, as `words` if nothing else fits"
            )
    for constraint in stated:
        yield from _CHECKS[constraint.kind](outline, constraint)
    yield from _refused(outline)


def _at_most(outline: Outline, constraint: ConstraintAnswer) -> Iterator[Finding]:
    where, limit = f"constraints.{constraint.name}", limit_of(outline, constraint)
    if constraint.subject not in SUBJECTS or limit is None:
        what = f"`{constraint.subject}` at most `{constraint.object}` can't be checked"
        remedy = f"use {', '.join(SUBJECTS)} and a number or an input that is one"
        yield Finding("constraint_lost", "frame", where, what, remedy)
        return
    if constraint.subject == "cost_usd":
        yield from _too_dear(outline, where, limit)
    elif constraint.subject == "steps" and len(outline.nodes) > limit:
        yield Finding("constraint_broken", "nodes", where, f"{len(outline.nodes)} steps, at most {limit:g}")
    elif constraint.subject == "minutes" and (length := critical_minutes(outline)) > limit:
        what = f"the longest way takes {length:g} minutes, at most {limit:g}"
        yield Finding("constraint_broken", "edges", where, what, "do more at the same time")


def _too_dear(outline: Outline, where: str, limit: float) -> Iterator[Finding]:
    known = [price for price in prices(outline) if price.cost_usd]
    total = round(sum(price.cost_usd or 0 for price in known), 2)
    if total > limit:
        dearest = max(known, key=lambda price: price.cost_usd or 0)
        sums = " + ".join(f"{price.node} {price.cost_usd:.2f}" for price in known)
        what = f"{total:.2f} USD of {limit:g}: {sums}"
        yield Finding(
            "constraint_broken",
            f"spec:{dearest.node}",
            where,
            what,
            f"take something cheaper for '{dearest.node}'",
        )


def _before(outline: Outline, constraint: ConstraintAnswer) -> Iterator[Finding]:
    earlier = set(outline.users_of(constraint.subject))
    for then in outline.users_of(constraint.object):
        if not earlier & _ancestors(outline, then):
            first = " or ".join(sorted(earlier)) or f"a node that uses {constraint.subject}"
            what, remedy = f"'{then}' does not wait for {first}", f"let {first} come before {then}"
            yield Finding("constraint_broken", "edges", f"constraints.{constraint.name}", what, remedy)


def _asks_person(outline: Outline, constraint: ConstraintAnswer) -> Iterator[Finding]:
    people = set(outline.users_of("person"))
    for name in outline.users_of(constraint.subject):
        if not people & _ancestors(outline, name):
            what = f"nobody is asked before '{name}'"
            remedy = "add a node with the tool `person` that it waits for"
            yield Finding("constraint_broken", "nodes", f"constraints.{constraint.name}", what, remedy)


def _ancestors(outline: Outline, name: str) -> set[str]:
    """Return the nodes that come before one, near or far."""
    return {str(other) for other in nx.ancestors(outline.graph(), name)}


def _uses(outline: Outline, constraint: ConstraintAnswer) -> Iterator[Finding]:
    if not outline.users_of(constraint.subject):
        what = f"no node uses {constraint.subject}"
        yield Finding("constraint_broken", "nodes", f"constraints.{constraint.name}", what, "add one")


def _only_words(_outline: Outline, _constraint: ConstraintAnswer) -> Iterator[Finding]:
    """Yield nothing: such a constraint is told to every model of a run, and people see it; no code can check it."""
    return iter(())


_CHECKS = {
    "at_most": _at_most,
    "before": _before,
    "asks_person": _asks_person,
    "uses": _uses,
    "words": _only_words,
}


def prices(outline: Outline) -> list[Price]:
    """Return what each node would cost with the example inputs."""
    found = []
    for node in outline.nodes:
        tool = outline.tool(node)
        if tool is None or not tool.is_priced:
            continue
        arguments = _rendered(outline, node.id)
        try:
            cost = None if arguments is None or tool.price is None else tool.price(arguments)
        except RefusedError:
            cost = None
        found.append(Price(node.id, cost))
    return found


def _refused(outline: Outline) -> Iterator[Finding]:
    """Yield calls that their tool would refuse with the example inputs."""
    for node in outline.nodes:
        tool, arguments = outline.tool(node), _rendered(outline, node.id)
        said = refusal(tool, arguments) if tool is not None and arguments is not None else ""
        if said and not any(f"`{name}` is missing" in said for name in (tool.takes if tool else ())):
            yield Finding("bad_argument", f"spec:{node.id}", f"steps.{node.id}.with", said)


def _rendered(outline: Outline, name: str) -> dict[str, Json] | None:
    """Return a node's arguments with the example inputs filled in; None where they need more than that."""
    node = outline.node(name)
    tool = outline.tool(node) if node else None
    if tool is None:
        return None
    inputs = {key: schema.get("default") for key, schema in outline.input_schemas().items()}
    scope = {
        "run": {"id": "r-example", "input": inputs},
        "world": WORLD,
        "key": "example",
        "app": {},
        "steps": {},
    }
    try:
        rendered: dict[str, Json] = render(given_arguments(tool, outline.specs.get(name, Spec())), scope)
    except ExpressionError:
        return None
    return rendered


def critical_minutes(outline: Outline) -> float:
    """Return how long the longest way through the graph takes; 0 where it goes in circles."""
    graph, length = outline.graph(), {node.id: node.minutes for node in outline.nodes}
    if not nx.is_directed_acyclic_graph(graph):
        return 0
    until: dict[str, float] = {}
    for name in nx.topological_sort(graph):
        until[name] = length[name] + max((until[first] for first in graph.predecessors(name)), default=0)
    return max(until.values(), default=0)
