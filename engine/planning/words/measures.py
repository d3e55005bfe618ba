"""What one proposal is worth beside another: cost, time, slack, steps, and how much of it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from engine.planning.words.answers import Metric
from engine.planning.words.constraints import critical_minutes, prices
from engine.planning.words.drafting import Drafting
from engine.planning.words.outline import Outline


@dataclass(frozen=True)
class Measures:
    """A proposal in numbers.

    Attributes:
        cost_usd: what it would cost; `is_measured` says by the ledger of its trial, else by the price list.
        minutes: how long the longest way through it takes.
        critical: the nodes on that way, in order.
        slack: how many minutes each node can be late without moving the end.
        effects: how many steps act on the world; `reversible` of these have an undo.
        fee_usd: what undoing all of it would cost.
    """

    steps: int
    cost_usd: float
    is_measured: bool
    minutes: float
    critical: tuple[str, ...]
    slack: dict[str, float]
    effects: int
    reversible: int
    fee_usd: float

    @property
    def slack_minutes(self) -> float:
        """The slack of all nodes together."""
        return sum(self.slack.values())


def measured(drafting: Drafting) -> Measures:
    """Return a proposal in numbers."""
    outline, trial = drafting.outline, drafting.trial
    has_run = trial is not None and trial.forward == "completed"
    cost = trial.cost_usd if trial and has_run else sum(price.cost_usd or 0 for price in prices(outline))
    slack = slacks(outline)
    effects = [node for node in outline.nodes if (tool := outline.tool(node)) and tool.has_effect]
    back = {
        n.id for n in outline.undoable() if outline.undos.get(n.id) and outline.undos[n.id].action != "none"
    }
    return Measures(
        steps=len(outline.nodes),
        cost_usd=round(cost, 2),
        is_measured=has_run,
        minutes=critical_minutes(outline),
        critical=longest_way(outline),
        slack=slack,
        effects=len(effects),
        reversible=len(back),
        fee_usd=round(sum(undo.fee_usd for undo in trial.undos.values()), 2) if trial else 0.0,
    )


def slacks(outline: Outline) -> dict[str, float]:
    """Return how many minutes each node can be late without moving the end; nothing where it goes in circles."""
    graph, length = outline.graph(), {node.id: node.minutes for node in outline.nodes}
    if not nx.is_directed_acyclic_graph(graph):
        return {}
    order = list(nx.topological_sort(graph))
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for name in order:
        before[name] = max((before[first] + length[first] for first in graph.predecessors(name)), default=0)
    for name in reversed(order):
        after[name] = max((after[then] + length[then] for then in graph.successors(name)), default=0)
    end = critical_minutes(outline)
    return {name: round(end - before[name] - length[name] - after[name], 6) for name in order}


def longest_way(outline: Outline) -> tuple[str, ...]:
    """Return the nodes of one way that takes longest, in order; nothing where the graph goes in circles."""
    slack, graph = slacks(outline), outline.graph()
    way: list[str] = []
    for node in outline.in_order():
        if slack.get(node.id) == 0 and (not way or way[-1] in graph.predecessors(node.id)):
            way.append(node.id)
    return tuple(way)


def best(proposals: Sequence[Drafting]) -> int | None:
    """Return which ready proposal is best by the metrics that were asked for; None where none is ready."""
    ready = [index for index, each in enumerate(proposals) if each.state == "ready"]
    return min(ready, key=lambda index: (_rank(proposals[index]), index)) if ready else None


def _rank(drafting: Drafting) -> tuple[float, ...]:
    numbers = measured(drafting)
    frame = drafting.outline.frame
    by: dict[Metric, float] = {
        "cost": numbers.cost_usd,
        "time": numbers.minutes,
        "steps": float(numbers.steps),
        "reversible": numbers.effects - numbers.reversible + numbers.fee_usd / 1e6,
    }
    asked: tuple[Metric, ...] = frame.prefer if frame else ()
    rest: tuple[Metric, ...] = ("cost", "time", "steps")
    return tuple(by[metric] for metric in (*asked, *rest))
