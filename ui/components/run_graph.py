"""The live graph of a run, and beside it (or below a wide one) the inspector of what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.flow import flow
from ui.components.run_commands import now
from ui.components.run_inside import draw_inside
from ui.components.run_inspector import draw_inspector
from ui.components.run_place import draw_way, here, pick_key
from ui.models.graph import Graph, arrange
from ui.models.layout import Layout
from ui.models.run_graph import extent, run_graph, step_of
from ui.models.run_places import is_graph
from ui.models.run_team import team_graph
from ui.models.run_words import headline

WIDE: Final = 1200.0
"""A graph wider than this gets the whole width of the page, else its cards could not be read."""
MARGIN: Final = 110


def draw_graph(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the place where the reader is: its graph and the inspector, or what a composite step did as a table."""
    place = here(run)
    if place:
        draw_way(run, place)
    composite = run.steps.get(place)
    if composite is not None and not is_graph(run, place) and composite.definition.kind != "team":
        draw_inside(run, composite)
        return
    graph = (
        team_graph(run, composite) if composite and not is_graph(run, place) else run_graph(run, now(), place)
    )
    positions = arrange(graph)
    width, height = extent(positions)
    if width > WIDE:
        selected = _flow(run, place, graph, positions, int(min(max(height * 0.9 + MARGIN, 260), 520)))
        with st.container(border=True, key="run-inspector"):
            draw_inspector(run, history, selected, wide=True)
        return
    left, right = st.columns([2.2, 1], gap="small")
    tall = int(min(max(height * 0.85 + MARGIN, 400), 520))
    with left:
        selected = _flow(run, place, graph, positions, tall)
    with right, st.container(border=True, height=tall, key="run-inspector"):
        draw_inspector(run, history, selected)


def _flow(run: Run, place: str, graph: Graph, positions: Layout, height: int) -> str | None:
    card = flow(
        graph,
        key=f"run-{run.id}-flow" + (f"-{place}" if place else ""),
        selected=st.session_state.get(pick_key(run.id)),
        height=height,
        positions=positions,
        label=f"Steps of the run: {headline(run).word}",
    )
    return step_of(card) if card else None
