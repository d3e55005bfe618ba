"""A saga's graph as a page shows it, and its two drawings: the live flow and the Designer's canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ui.models.cards import MARGIN_Y, card_uri
from ui.models.layout import CARD_H, CARD_W, Layout, Link, layout
from ui.models.status import (
    SURFACES,
    TONES,
    Family,
    Look,
    Theme,
    effect_look,
    kind_look,
    mark_look,
    step_look,
)

Lane = Literal["step", "undo"]
EdgeKind = Literal["needs", "branch", "outcome", "event", "undo"]
EdgeState = Literal["idle", "taken", "dead"]
EdgeCheck = Literal["", "to_check", "checked", "rejected", "caught", "no_verdict"]
"""How the validators of an edge stand, as a key of `status.MARK`; "" where it has none."""

# streamlit-agraph opens a window on a double click with the title's innerHTML, and fails without a
# title. A stray end tag parses to nothing, so no window opens.
_HARMLESS_TITLE: Final = "</i>"
_PORT: Final = "\x1f"  # parts a port's id from its card's
_NEVER_MS: Final = 10_000_000


@dataclass(frozen=True)
class GraphNode:
    """One card: a step, or (lane "undo") the compensation of one.

    `status` is a step status of `status.STEP`; "" draws a design without a run. `marks` are keys of
    `status.MARK`; `count` > 1 draws a stack (the items of a map). `word` is a shorter one for the status.
    """

    id: str
    title: str
    subtitle: str = ""
    kind: str = "python"
    status: str = ""
    effect: str = "readonly"
    lane: Lane = "step"
    attempts: int = 0
    marks: tuple[str, ...] = ()
    count: int = 1
    word: str = ""


@dataclass(frozen=True)
class GraphEdge:
    """An arrow. An "undo" edge goes from a step to its compensation; an "outcome" edge is taken where it failed or so.

    An "event" edge goes from a step that can cause an event to one that hears it.
    """

    id: str
    source: str
    target: str
    label: str = ""
    kind: EdgeKind = "needs"
    state: EdgeState = "idle"
    check: EdgeCheck = ""


@dataclass(frozen=True)
class Graph:
    """The cards and arrows of one saga or run."""

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()


def arrange(graph: Graph) -> Layout:
    """Return the positions of a graph's cards. They depend on the shape only, not on any status."""
    steps = [node.id for node in graph.nodes if node.lane == "step"]
    links = [Link(e.source, e.target, e.label) for e in graph.edges if e.kind != "undo"]
    undo = {e.target: e.source for e in graph.edges if e.kind == "undo"}
    orphans = [n.id for n in graph.nodes if n.lane == "undo" and n.id not in undo]
    return layout([*steps, *orphans], links, undo)


def to_flow(graph: Graph, positions: Layout) -> dict[str, Any]:
    """Return what `components.flow` sends to the browser: plain JSON, no colours but family names."""
    nodes = [_flow_node(node, positions) for node in graph.nodes if node.id in positions.at]
    shown = {node["id"] for node in nodes}
    edges = [_flow_edge(e, positions) for e in graph.edges if e.source in shown and e.target in shown]
    return {
        "nodes": nodes,
        "edges": edges,
        "icons": _icons(graph),
        "card": {"w": CARD_W, "h": CARD_H},
    }


def _flow_node(node: GraphNode, positions: Layout) -> dict[str, Any]:
    at = positions.at[node.id]
    look = step_look(node.status) if node.status else None
    kind = _kind(node)
    return {
        "id": node.id,
        "x": at.x,
        "y": at.y,
        "title": node.title,
        "subtitle": node.subtitle,
        "lane": node.lane,
        "status": node.status,
        "word": node.word or (look.word if look else kind.word),
        "icon": look.icon if look else "",
        "family": look.family if look else "gray",
        "pattern": look.pattern if look else "solid",
        "kind": {"icon": kind.icon, "word": kind.word},
        "pivot": effect_look("pivot").word if node.effect == "pivot" else "",
        "attempts": node.attempts,
        "count": node.count,
        "marks": [_flow_mark(mark) for mark in node.marks],
    }


def _flow_mark(mark: str) -> dict[str, str]:
    look = mark_look(mark)
    return {"icon": look.icon, "word": look.word, "family": look.family, "id": mark}


def _flow_edge(edge: GraphEdge, positions: Layout) -> dict[str, Any]:
    return {
        "id": edge.id,
        "source": edge.source,
        "target": edge.target,
        "label": edge.label,
        "kind": edge.kind,
        "state": edge.state,
        "check": _flow_mark(edge.check) if edge.check else None,
        "bends": [[p.x, p.y] for p in positions.bends.get((edge.source, edge.target), ())],
    }


def _kind(node: GraphNode) -> Look:
    return kind_look("undo" if node.lane == "undo" else node.kind)


def _icons(graph: Graph) -> dict[str, str]:
    """Return the outlines the graph needs, so that a tick carries ten icons and not sixty."""
    looks = [_kind(node) for node in graph.nodes]
    looks += [step_look(node.status) for node in graph.nodes if node.status]
    looks += [mark_look(mark) for node in graph.nodes for mark in node.marks]
    looks += [mark_look(edge.check) for edge in graph.edges if edge.check]
    looks.append(effect_look("pivot"))
    return {look.icon: look.path for look in looks}


def to_agraph(
    graph: Graph, positions: Layout, theme: Theme, *, selected: str | None = None, height: int = 460
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Return `(data, config)` for streamlit-agraph's frontend: cards as SVG images at fixed places."""
    cards = [
        _agraph_card(n, positions, theme, selected=n.id == selected)
        for n in graph.nodes
        if n.id in positions.at
    ]
    shown = {card["id"] for card in cards}
    ports: dict[str, dict[str, Any]] = {}
    edges: list[dict[str, Any]] = []
    for edge in graph.edges:
        if edge.source in shown and edge.target in shown:
            stops = [_port(name, x, y) for name, x, y in _stops(edge, positions)]
            ports |= {stop["id"]: stop for stop in stops}
            edges += _agraph_edges(edge, [stop["id"] for stop in stops], theme)
    return {"nodes": [*ports.values(), *cards], "edges": edges}, _agraph_config(theme, height)


def owner(clicked: str) -> str:
    """Return the id of the card that a click in the canvas means: a port's card, or the id itself."""
    return clicked.split(_PORT, 1)[0]


def _agraph_card(node: GraphNode, positions: Layout, theme: Theme, *, selected: bool) -> dict[str, Any]:
    at = positions.at[node.id]
    return {
        "id": node.id,
        "x": at.x,
        "y": at.y,
        "shape": "image",
        "image": card_uri(node, theme, selected=selected),
        "size": CARD_H / 2 + MARGIN_Y,
        "title": _HARMLESS_TITLE,
    }


def _port(name: str, x: float, y: float) -> dict[str, Any]:
    """Return an invisible point for an arrow to start at, pass or end at: vis-network has no ports."""
    nothing = {"background": "rgba(0,0,0,0)", "border": "rgba(0,0,0,0)"}
    colour = {**nothing, "highlight": nothing, "hover": nothing}
    return {
        "id": name,
        "x": x,
        "y": y,
        "shape": "dot",
        "size": 0.1,
        "color": colour,
        "title": _HARMLESS_TITLE,
    }


def _stops(edge: GraphEdge, positions: Layout) -> list[tuple[str, float, float]]:
    """Return the points an arrow runs through, two by two: a curve, then straight past a layer."""
    source, target = positions.at[edge.source], positions.at[edge.target]
    if edge.kind == "undo":
        top = target.y - CARD_H / 2 - 2
        return [
            (f"{edge.source}{_PORT}undo", source.x, source.y + CARD_H / 2),
            (f"{edge.target}{_PORT}undo", target.x, top),
        ]
    half = CARD_W / 2
    stops = [(f"{edge.source}{_PORT}out", source.x + half, source.y)]
    for i, point in enumerate(positions.bends.get((edge.source, edge.target), ())):
        stops.append((f"{edge.source}{_PORT}{edge.target}{_PORT}{i}a", point.x - half, point.y))
        stops.append((f"{edge.source}{_PORT}{edge.target}{_PORT}{i}b", point.x + half, point.y))
    return [*stops, (f"{edge.target}{_PORT}in", target.x - half - 2, target.y)]


def _agraph_edges(edge: GraphEdge, stops: list[str], theme: Theme) -> list[dict[str, Any]]:
    """Return the pieces of one arrow; the first has its label, the last its head."""
    undo = edge.kind == "undo"
    families: dict[str, Family] = {"undo": "violet", "outcome": "orange", "event": "blue"}
    family = families.get(edge.kind, "gray")
    colour = TONES[theme][family].fill
    last = len(stops) - 2
    return [
        {
            "id": edge.id if i == 0 else f"{edge.id}{_PORT}{i}",
            "from": stops[i],
            "to": stops[i + 1],
            "label": edge.label if i == 0 else "",
            "dashes": [5, 4] if edge.kind in families else False,
            "width": 1.5,
            "arrows": {"to": {"enabled": i == last, "scaleFactor": 0.55, "type": "arrow"}},
            "color": {"color": colour, "highlight": colour, "hover": colour, "inherit": False},
            "smooth": {
                "enabled": not undo and i % 2 == 0,
                "type": "cubicBezier",
                "forceDirection": "horizontal",
                "roundness": 0.5,
            },
        }
        for i in range(last + 1)
    ]


def _agraph_config(theme: Theme, height: int) -> dict[str, Any]:
    surface = SURFACES[theme]
    font = {"size": 12, "color": surface.muted, "face": "Helvetica, Arial, sans-serif"}
    return {
        "height": f"{height}px",
        "width": "100%",
        "autoResize": True,
        "physics": {"enabled": False},
        "layout": {"improvedLayout": False, "hierarchical": {"enabled": False}},
        "interaction": {
            "dragNodes": False,
            "hover": False,
            "tooltipDelay": _NEVER_MS,
            "zoomView": True,
            "selectConnectedEdges": False,
        },
        "nodes": {"borderWidth": 0, "shapeProperties": {"useImageSize": False, "interpolation": True}},
        "edges": {
            "font": {**font, "strokeWidth": 5, "strokeColor": surface.page, "align": "horizontal"},
            "arrowStrikethrough": False,
            "selectionWidth": 0,
        },
    }
