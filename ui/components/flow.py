"""The live graph of a run: draws a `Graph`, reports which card or arrow is selected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ui.models.graph import arrange, to_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ui.models.graph import Graph
    from ui.models.layout import Layout

_HERE: Final = Path(__file__).parent
_FLOW: Final = st.components.v2.component(
    "saga_flow",
    html='<div class="flow"></div>',
    css=(_HERE / "flow.css").read_text(encoding="utf-8"),
    js=(_HERE / "flow.js").read_text(encoding="utf-8"),
)


def flow(
    graph: Graph,
    *,
    key: str,
    selected: str | None = None,
    height: int = 420,
    positions: Layout | None = None,
    label: str = "Steps of the run",
    on_change: Callable[[], None] | None = None,
) -> str | None:
    """Draw the graph and return the id of the selected card, None when nothing is selected.

    A rerun with the same `key` patches the drawing in place: zoom, selection and focus stay. The graph
    fits itself until someone pans or zooms.

    Args:
        graph: what to draw.
        key: the widget's key; `selected_node(key)` and `selected_edge(key)` read it in callbacks.
        selected: the card to select when the page decides (a link, a table row). None leaves the choice
            to the reader. A value that only repeats the last one doesn't override a newer click.
        height: pixels.
        positions: from `arrange(graph)`, where the page keeps them; they depend on the shape only.
        label: what a screen reader calls the graph.
        on_change: called when the selected card or arrow changes.
    """
    data = to_flow(graph, positions or arrange(graph))
    data |= {"height": height, "label": label, "selected": selected or selected_node(key)}
    result = _FLOW(
        key=key,
        data=data,
        height="content",
        on_selected_change=on_change or _nothing,
        on_edge_change=on_change or _nothing,
    )
    return _text(result.get("selected"))


def selected_node(key: str) -> str | None:
    """Return the id of the card that the reader selected in the flow with this key."""
    return _text(_state(key).get("selected"))


def selected_edge(key: str) -> str | None:
    """Return the id of the arrow that the reader selected in the flow with this key."""
    return _text(_state(key).get("edge"))


def _state(key: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    return state


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _nothing() -> None:
    """Stand in for an absent callback: Streamlit keeps only the state keys that have one."""
