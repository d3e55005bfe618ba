"""Fitting a drawing into a fixed box, for a canvas whose frontend fits only once, when it is mounted."""

from __future__ import annotations

from typing import Any, Final

BOX: Final = (1120.0, 520.0)
WIDE_BOX: Final = (1700.0, 520.0)
MAX_SCALE: Final = 1.4
_FILL: Final = 1.06  # the frontend leaves a tenth free around what it fits; half of that is enough
_CARD: Final = (196.0, 96.0)

Drawing = dict[str, list[dict[str, Any]]]


def fitted(drawing: Drawing, box: tuple[float, float] = BOX) -> Drawing:
    """Return the drawing centred in a box, scaled down to fit, with invisible corners.

    The corners make the frontend's first fit the same for every graph: the box. What is drawn later is
    in sight, too, and a reader's own zoom and place stay.
    """
    nodes, edges = drawing["nodes"], drawing["edges"]
    if not nodes:
        return drawing
    middle, scale = _frame(nodes, box)
    placed = [_placed(node, middle, scale) for node in nodes]
    return {"nodes": [*_corners(box), *placed], "edges": [_drawn(edge, scale) for edge in edges]}


def _frame(nodes: list[dict[str, Any]], box: tuple[float, float]) -> tuple[tuple[float, float], float]:
    """Return the middle of the nodes, and the scale at which all of them fit."""
    middle, scale = [0.0, 0.0], MAX_SCALE
    cards = [node for node in nodes if node["shape"] == "image"] or nodes
    for axis, name in enumerate(("x", "y")):
        low, high = min(node[name] for node in cards), max(node[name] for node in cards)
        middle[axis] = (low + high) / 2
        scale = min(scale, box[axis] * _FILL / (high - low + _CARD[axis]))
    return (middle[0], middle[1]), scale


def _placed(node: dict[str, Any], middle: tuple[float, float], scale: float) -> dict[str, Any]:
    x, y = (node["x"] - middle[0]) * scale, (node["y"] - middle[1]) * scale
    return {**node, "x": round(x, 2), "y": round(y, 2), "size": round(node["size"] * scale, 3)}


def _drawn(edge: dict[str, Any], scale: float) -> dict[str, Any]:
    return {**edge, "width": edge["width"] * scale, "font": {"size": round(12 * max(scale, 0.5), 1)}}


def _corners(box: tuple[float, float]) -> list[dict[str, Any]]:
    nothing = {"background": "rgba(0,0,0,0)", "border": "rgba(0,0,0,0)"}
    colour = {**nothing, "highlight": nothing, "hover": nothing}
    return [
        {"id": f"\x1f{i}", "x": sign * box[0] / 2, "y": sign * box[1] / 2, "shape": "dot", "size": 0.1,
         "color": colour, "title": "</i>"}
        for i, sign in enumerate((-1, 1))
    ]  # fmt: skip
