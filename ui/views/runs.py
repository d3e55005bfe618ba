"""The runs page: every run there is, live, with filters and the numbers of the last day."""

from __future__ import annotations

import streamlit as st

from engine.ports import RunFilter
from ui.components.badges import header
from ui.components.run_commands import now
from ui.components.run_list import draw_day, draw_filters, draw_nothing, draw_table
from ui.models.run_words import counted
from ui.models.runs_table import run_lines
from ui.session import studio

TICK_S = 2.0
PER_PAGE = 25


@st.fragment(run_every=TICK_S)
def live_list() -> None:
    """Draw numbers, filters, table and pages; drawn again at each tick."""
    store = studio().store
    draw_day()
    where = draw_filters()
    found = store.count(where)
    if not found:
        unfiltered = RunFilter(since=where.since) == where and where.since is None
        draw_nothing(filtered=not unfiltered)
        return
    place, below = st.container(key="runs-list"), st.container(horizontal=True, vertical_alignment="center")
    pages = -(-found // PER_PAGE)
    page = min(st.session_state.get("runs-page", 1), pages)
    with below:
        first = (page - 1) * PER_PAGE
        st.caption(
            f"{first + 1} to {min(first + PER_PAGE, found)} of {counted(found, 'run')}", width="content"
        )
        st.space("stretch")
        if pages > 1:
            page = st.pagination(pages, key="runs-page")
    with place:
        draw_table(run_lines(store.rows(where, PER_PAGE, (page - 1) * PER_PAGE), now()))


header("Runs", key="runs-head")
live_list()
