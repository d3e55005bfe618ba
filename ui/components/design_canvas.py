"""The palette of step kinds, and the canvas with the draft's graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from engine.core.saga import KINDS
from ui.components import design_state as state
from ui.components.canvas import canvas, clicked
from ui.components.design_inside import draw_way
from ui.components.design_state import Design
from ui.models.design_fit import BOX, WIDE_BOX
from ui.models.draft_graph import draft_graph, step_of_card
from ui.models.draft_problems import Finding
from ui.models.graph import Graph
from ui.models.status import kind_look

CANVAS: Final = "designer-canvas"
_PART: Final = "\x1f"  # what `models.graph.owner` cuts a clicked id at
_HEIGHT: Final = 430


def palette(design: Design) -> None:
    """Draw a button per step kind; a new step comes after the selected one."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="designer-palette"):
        st.caption("Add a step", width="content")
        for kind in KINDS:
            look = kind_look(kind)
            st.button(look.word, key=f"designer-add-{kind}", icon=look.material, on_click=state.add, args=(kind,),
                      help="Comes after the selected step" if design.selected else "Comes first")  # fmt: skip
        st.space("stretch")
        st.button("", key="designer-wide", type="tertiary", on_click=state.widen,
                  icon=":material/close_fullscreen:" if design.is_wide else ":material/open_in_full:",
                  help="Put the inspector beside the canvas" if design.is_wide else "Give the canvas the whole width")  # fmt: skip
        st.button("Saga settings", key="designer-settings", icon=":material/settings:", type="tertiary",
                  on_click=state.select, args=(None,), disabled=design.selected is None,
                  help="Name, inputs, invariants" if design.selected else "They are in the inspector")  # fmt: skip


def design_canvas(design: Design, findings: list[Finding]) -> None:
    """Draw the graph; a click on a card selects its step, one on an undo card its Undo form."""
    graph = draft_graph(design.document, findings)
    with st.container(border=True, key="designer-graph", gap="small"):
        draw_way(design)
        if not graph.nodes:
            _nothing_yet()
            return
        chosen = f"{design.selected}{_PART}{design.picks}" if design.selected else None
        canvas(
            _anew(graph, design.picks),
            key=canvas_key(design),
            selected=chosen,
            height=_HEIGHT,
            fit=WIDE_BOX if design.is_wide else BOX,
            on_change=_choose,
        )


def canvas_key(design: Design) -> str:
    """Return the key of the canvas: one for each body, since it fits what it draws only once."""
    return "-".join([CANVAS, *map(str, design.place)])


def _anew(graph: Graph, picks: int) -> Graph:
    """Return the graph under ids that change when the page selects.

    The frontend reports a card again only if its id differs from the one it reported last.
    """

    def named(card: str) -> str:
        return f"{card}{_PART}{picks}"

    nodes = tuple(replace(node, id=named(node.id)) for node in graph.nodes)
    edges = tuple(replace(e, source=named(e.source), target=named(e.target)) for e in graph.edges)
    return Graph(nodes, edges)


def _choose() -> None:
    card = clicked(canvas_key(state.current()))
    if card:
        state.choose(*step_of_card(card))


def _nothing_yet() -> None:
    with st.container(
        height=_HEIGHT, border=False, horizontal_alignment="center", vertical_alignment="center"
    ):
        st.markdown("#### Draw the first step", width="content")
        st.caption(
            "Choose a kind above. Each further step comes after the one that is selected.", width="content"
        )
