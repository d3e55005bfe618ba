"""The edges as a table, with a row to add one and a button to remove each."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from ui.components import design_state as state
from ui.components.design_needs import sources_for, term_label
from ui.components.design_state import Design
from ui.components.text import plain
from ui.models import draft as ops
from ui.models.draft_checks import edge_count
from ui.models.draft_names import needs_text, terms
from ui.models.draft_needs import in_words, picked
from ui.models.run_words import counted

_WIDTHS: Final = (3, 1.4, 3, 2, 2.2, 0.8)


def draw_edges(design: Design) -> None:
    """Draw the table."""
    _add(design)
    steps = ops.steps_of(design.document)
    edges = [(a, b, target) for target, step in steps.items() for a, b in terms(step.get("needs"))]
    if not edges:
        st.caption("No step comes after another yet: all start at once.")
        return
    for column, word in zip(
        st.columns(_WIDTHS), ("From", "How it ended", "To", "Starts when", "Checks", ""), strict=True
    ):
        column.caption(word)
    for source, branch, target in edges:
        _row(design, source, branch, target)


def _row(design: Design, source: str, branch: str | None, target: str) -> None:
    needs = ops.steps_of(design.document)[target].get("needs")
    shown = (
        ops.step_title(design.document, source),
        in_words(branch or ""),
        ops.step_title(design.document, target),
        _when(needs),
    )
    *columns, checked, last = st.columns(_WIDTHS, vertical_alignment="center")
    for column, text in zip(columns, shown, strict=True):
        with column:
            plain(text)
    count = edge_count(design.document, source, target)
    checked.button(counted(count, "check") if count else "Add", key=f"designer-edge-{source}-{branch or ''}-{target}-checks",
                   icon=":material/fact_check:", type="secondary" if design.chosen_edge == (source, target) else "tertiary",
                   help="Show what is checked between the two", on_click=state.select_edge, args=(source, target))  # fmt: skip
    last.button("", key=f"designer-edge-{source}-{branch or ''}-{target}-remove", icon=":material/delete:", type="tertiary",
                help="Remove this edge", on_click=state.apply, args=(ops.disconnect, source, target, branch))  # fmt: skip


def _when(needs: Any) -> str:
    choice = picked(needs)
    if choice is None:
        return needs_text(needs)
    whole = len(choice.terms)
    if whole == 1:
        return "it did"
    return f"{choice.enough} of the {whole} did" if choice.enough else f"all {whole} did"


def _add(design: Design) -> None:
    document = design.document
    names = list(ops.steps_of(document))
    if len(names) < 2:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="designer-edge-new"):
        st.selectbox("Step", names, index=None, key="designer-edge-to", placeholder="Choose a step",
                     format_func=lambda name: term_label(document, name))  # fmt: skip
        target = st.session_state.get("designer-edge-to")
        sources = sources_for(document, target) if target in names else []
        st.selectbox("comes after", sources, index=None, key="designer-edge-from", disabled=not sources,
                     placeholder="Choose what comes before", format_func=lambda term: term_label(document, term))  # fmt: skip
        st.button("Connect", key="designer-edge-add", icon=":material/add:", on_click=_connect,
                  disabled=st.session_state.get("designer-edge-from") not in sources)  # fmt: skip


def _connect() -> None:
    """Connect the two that are chosen; a title that changed since is no step, so nothing then."""
    document, target = state.current().document, st.session_state["designer-edge-to"]
    term = str(st.session_state["designer-edge-from"])
    if target not in ops.steps_of(document) or term not in sources_for(document, target):
        return
    source, _, branch = term.partition(".")
    state.apply(ops.connect, source, target, branch or None)
    st.session_state["designer-edge-from"] = None
