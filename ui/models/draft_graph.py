"""A draft as a graph, drawn as far as it can be: a broken step or condition hides nothing else."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.core.composites import COMPOSITES
from ui.models.draft import Document, branches_of, get, steps_of
from ui.models.draft_checks import edge_count
from ui.models.draft_events import event_edges
from ui.models.draft_names import terms
from ui.models.draft_needs import edge_label, is_outcome
from ui.models.draft_places import count_of
from ui.models.draft_problems import Finding
from ui.models.graph import EdgeKind, Graph, GraphEdge, GraphNode
from ui.models.run_words import counted

UNDO: Final = "undo:"


def draft_graph(document: Document, findings: list[Finding] | None = None) -> Graph:
    """Return the graph of a draft: steps, their undo below, arrows, and marks where there are problems."""
    steps = steps_of(document)
    wrong: set[tuple[str | None, bool]] = {(f.step, f.segment == "Undo") for f in findings or () if f.step}
    nodes = [_node(name, step, wrong) for name, step in steps.items()]
    undos = [(name, step["compensate"]) for name, step in steps.items() if _is_undo(step.get("compensate"))]
    nodes += [_undo_node(name, undo, wrong) for name, undo in undos]
    edges = [edge for name in steps for edge in (*_edges(document, name), *event_edges(document, name))]
    edges += [GraphEdge(f"{name}>{UNDO}{name}", name, UNDO + name, kind="undo") for name, _ in undos]
    return Graph(tuple(nodes), tuple(edges))


def step_of_card(card: str) -> tuple[str, str | None]:
    """Return the step that a card belongs to, and the form to show: an undo card shows the undo."""
    return (card.removeprefix(UNDO), "Undo") if card.startswith(UNDO) else (card, None)


def subtitle(step: Document) -> str:
    """Return what a step does, in a few words."""
    call = step.get("with") if isinstance(step.get("with"), dict) else {}
    match step.get("kind"):
        case "http":
            return f"{get(call, ('method',), 'GET')} {_short(get(call, ('url',), ''))}"
        case "llm":
            return " ".join(str(get(call, ("prompt",), "")).split())
        case "python":
            return str(get(call, ("function",), ""))
        case "approval":
            return str(get(call, ("question",), ""))
        case "wait":
            return _waits_for(call)
        case "activity":
            ends = [str(get(call, (key,), "")) for key in ("from", "to", "place")]
            return " ".join(filter(None, (str(get(call, ("kind",), "work")), *ends)))
        case "route":
            branches = get(call, ("branches",), [])
            return " or ".join(map(str, branches)) if isinstance(branches, list) else ""
    return _inside(step, call)


def _inside(step: Document, call: Any) -> str:
    """Return what a composite step goes over, goes by, or has; "" for every other step."""
    words = {
        "map": f"over {_words(get(call, ('over',), '?'))}",
        "loop": f"until {get(call, ('until',), '?')}",
        "saga": str(get(call, ("saga",), "") or "choose a saga"),
        "team": ", ".join(map(str, step.get("workers") or ())),
        "agent": ", ".join(map(str, step.get("tools") or ())),
    }
    return words.get(str(step.get("kind")), "")


def _waits_for(call: Any) -> str:
    for name, word in (("event", "for"), ("until", "until")):
        if told := get(call, (name,), ""):
            return f"{word} {told}"
    duration = get(call, ("duration_s",), "?")
    return f"{duration:g} s" if isinstance(duration, int | float) else f"{duration} s"


def _is_undo(value: Any) -> bool:
    return isinstance(value, dict)


def _node(name: str, step: Document, wrong: set[tuple[str | None, bool]]) -> GraphNode:
    marks = ("problem",) if (name, False) in wrong else ()
    if step.get("validate"):
        marks = (*marks, "to_check")
    if get(step, ("drafted", "parts")):
        marks = (*marks, "by_model")
    if step.get("compensate") == "none":
        marks = ("irreversible", *marks)
    return GraphNode(
        name,
        str(step.get("title") or name),
        subtitle(step),
        kind=str(step.get("kind") or "step"),
        effect=str(step.get("effect") or "readonly"),
        marks=marks,
        count=max(count_of(step), 2) if step.get("kind") in COMPOSITES else 1,
    )


def _words(value: Any) -> str:
    return f"{len(value)} items" if isinstance(value, list) else str(value)


def _undo_node(name: str, undo: Document, wrong: set[tuple[str | None, bool]]) -> GraphNode:
    marks = ("problem",) if (name, True) in wrong else ()
    kind = str(undo.get("kind") or "http")
    return GraphNode(UNDO + name, subtitle(undo) or "Undo", kind=kind, lane="undo", marks=marks)


def _edges(document: Document, target: str) -> list[GraphEdge]:
    steps = steps_of(document)
    needs = steps[target].get("needs")
    found = []
    for source, branch in terms(needs):
        if source in steps and source != target:
            kind = _edge_kind(branch, branches_of(document, source))
            name = f"{source}.{branch or ''}>{target}"
            count = edge_count(document, source, target)
            words = [edge_label(branch, needs), counted(count, "check") if count else ""]
            label = " · ".join(word for word in words if word)
            found.append(GraphEdge(name, source, target, label, kind, check="to_check" if count else ""))
    return found


def _edge_kind(branch: str | None, branches: list[str]) -> EdgeKind:
    if is_outcome(branch):
        return "outcome"
    return "branch" if branch in branches else "needs"


def _short(url: Any) -> str:
    """Return an address without its host: the practice world's name says nothing."""
    return re.sub(r"^(\$\{world\}|https?://)", "", str(url)) or "?"
