"""The Designer's canvas: streamlit-agraph's frontend, mounted so that it survives every redraw."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.components.v1 import declare_component

from ui.components.text import theme_type
from ui.models.design_fit import fitted
from ui.models.graph import arrange, owner, to_agraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.models.graph import Graph
    from ui.models.layout import Layout


def _frontend() -> Path:
    spec = find_spec("streamlit_agraph")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("streamlit-agraph is not installed; the Designer draws with its frontend")
    return Path(spec.origin).parent / "frontend" / "build"


# The package's own `agraph()` takes no key, so each change of colour would remount its iframe.
_AGRAPH: Final = declare_component("saga_canvas", path=_frontend())


def canvas(
    graph: Graph,
    *,
    key: str,
    selected: str | None = None,
    height: int = 460,
    positions: Layout | None = None,
    fit: tuple[float, float] | None = None,
    on_change: Callable[[], None] | None = None,
) -> str | None:
    """Draw the graph and return the id of the card clicked last, None before the first click.

    The frontend reports clicks on cards only and keeps the last one over reruns, so take the value in
    `on_change` (`clicked(key)`) and keep the selection yourself. Never draw it inside a hidden tab.

    The frontend fits the graph when it is mounted, and never again. With `fit`, a box of that
    aspect, a graph that grows is scaled to stay in sight.
    """
    data, config = to_agraph(
        graph, positions or arrange(graph), theme_type(), selected=selected, height=height
    )
    data = fitted(data, fit) if fit else data
    _AGRAPH(data=json.dumps(data), config=json.dumps(config), default=None, key=key, on_change=on_change)
    return clicked(key)


def clicked(key: str) -> str | None:
    """Return the id of the card clicked last in the canvas with this key."""
    value = st.session_state.get(key)
    return owner(value) if isinstance(value, str) and value else None
