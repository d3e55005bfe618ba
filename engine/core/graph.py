"""What the dependency graph of a saga tells: order, neighbours, circles, and the undo order (R17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

import networkx as nx

from engine.core.condition import EMITTED, OUTCOMES, Condition


class StepGraph:
    """The dependency graph of one saga: an edge leads from a step to each that depends on it.

    Attributes:
        conditions: each step's dependency condition, parsed.
        needs: each step's prerequisites, in order of appearance.
        dependents: each step's direct dependents, in the saga's own order.
        position: each step's place in the saga's own order.
        watched: the steps that some condition asks about by outcome, with the words it uses (`failed`...).
    """

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self.conditions = dict(conditions)
        self.needs: dict[str, tuple[str, ...]] = {name: c.steps for name, c in conditions.items()}
        self.position = {name: index for index, name in enumerate(conditions)}
        self.dependents: dict[str, list[str]] = {name: [] for name in conditions}
        self.watched: dict[str, set[str]] = {}
        for condition in conditions.values():
            for other, word in condition.terms:
                if word is not None and (word in OUTCOMES or word.startswith(EMITTED)):
                    self.watched.setdefault(other, set()).add(word)
        self.digraph: nx.DiGraph[str] = nx.DiGraph()
        self.digraph.add_nodes_from(conditions)
        for name, needed in self.needs.items():
            for other in needed:
                if other in self.dependents:
                    self.dependents[other].append(name)
                    self.digraph.add_edge(other, name)

    @property
    def roots(self) -> list[str]:
        """The steps without prerequisites, in the saga's own order."""
        return [name for name, needed in self.needs.items() if not needed]

    def order(self) -> list[str]:
        """Return the steps, prerequisites first, ties in the saga's own order; needs a graph without circles."""
        return list(nx.lexicographical_topological_sort(self.digraph, key=self.position.__getitem__))

    def comes_before(self, first: str, then: str) -> bool:
        """Return whether `then` depends on `first`, near or far; needs a graph without circles."""
        return bool(self._masks[then] >> self.position[first] & 1)

    @cached_property
    def _masks(self) -> dict[str, int]:
        """Each step's ancestors as a bit per position: small and quick for thousands of steps."""
        masks: dict[str, int] = {}
        for step in nx.topological_sort(self.digraph):
            mask = 0
            for other in self.needs[step]:
                mask |= masks[other] | 1 << self.position[other]
            masks[step] = mask
        return masks

    def descendants(self, step: str) -> set[str]:
        """Return every step that depends on the given one, near or far."""
        return set(nx.descendants(self.digraph, step))

    def cycle(self) -> list[str]:
        """Return the steps of one circle of dependencies, or nothing where there is none."""
        for part in nx.strongly_connected_components(self.digraph):
            start = min(part, key=self.position.__getitem__)
            if len(part) > 1 or start in self.dependents[start]:
                inside = self.digraph.subgraph(part)
                first = min(inside.successors(start), key=self.position.__getitem__)
                return [start, *nx.shortest_path(inside, first, start)[:-1]]
        return []


def undo_after(
    graph: nx.DiGraph[str], position: Mapping[str, int], planned: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return for each planned step the planned dependents that must be undone before it (R17).

    Dependence runs through steps that are not in the plan: what was built on them goes first too. `position` breaks
    ties.
    """
    chosen = set(planned)
    nearest: dict[str, set[str]] = {}
    for step in reversed(list(nx.topological_sort(graph))):
        found: set[str] = set()
        for child in graph.successors(step):
            found |= {child} if child in chosen else nearest[child]
        nearest[step] = found
    return {step: tuple(sorted(nearest[step], key=position.__getitem__)) for step in planned}
