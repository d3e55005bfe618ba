"""The live graph of a run, and beside it (or below a wide one) the inspector of what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.flow import flow
from ui.components.run_commands import now
from ui.components.run_inspector import draw_inspector
from ui.models.graph import Graph, arrange
from ui.models.layout import Layout
from ui.models.run_graph import extent, run_graph, step_of
from ui.models.run_words import headline

WIDE: Final = 1200.0
"""A graph wider than this gets the whole width of the page, else its cards could not be read."""
MARGIN: Final = 110


def pick_key(run_id: str) -> str:
    """Return the session key of the card that the page selects, after a click in the table of steps."""
    return f"run-{run_id}-pick"


def draw_graph(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the graph and the inspector."""
    graph = run_graph(run, now())
    positions = arrange(graph)
    width, height = extent(positions)
    if width > WIDE:
        selected = _flow(run, graph, positions, int(min(max(height * 0.9 + MARGIN, 260), 520)))
        with st.container(border=True, key="run-inspector"):
            draw_inspector(run, history, selected, wide=True)
        return
    left, right = st.columns([2.2, 1], gap="small")
    tall = int(min(max(height * 0.85 + MARGIN, 400), 520))
    with left:
        selected = _flow(run, graph, positions, tall)
    with right, st.container(border=True, height=tall, key="run-inspector"):
        draw_inspector(run, history, selected)


def _flow(run: Run, graph: Graph, positions: Layout, height: int) -> str | None:
    card = flow(
        graph,
        key=f"run-{run.id}-flow",
        selected=st.session_state.get(pick_key(run.id)),
        height=height,
        positions=positions,
        label=f"Steps of the run: {headline(run).word}",
    )
    return step_of(card) if card else None
