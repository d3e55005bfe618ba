"""The Gallery's search: words, and a pill for each pattern. It owns the keys `gallery_search` and `gallery_shelf`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.models.gallery_sections import PATTERNS, Shelf, shelves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.templates import Template


def gallery_filter(entries: Sequence[Template]) -> tuple[Shelf | None, str]:
    """Draw the search over the templates; return the pattern that was chosen, or None, and the words."""
    with st.container(gap="small", key="gallery_filter"):
        search = st.text_input(
            "Search",
            key="gallery_search",
            placeholder="Search: booking, approval, map …",
            icon=":material/search:",
            label_visibility="collapsed",
            width=420,
        )
        shelf = st.pills(
            "Pattern",
            shelves(entries),
            key="gallery_shelf",
            format_func=lambda one: f":material/{PATTERNS[one].icon}: {PATTERNS[one].title}",
            label_visibility="collapsed",
            width="content",
        )
    return shelf, search or ""


def nothing_found() -> None:
    """Say that no template fits, and offer to begin again."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="gallery_nothing"):
        st.markdown("No template fits. Search for other words, or choose another pattern.", width="stretch")
        st.button(
            "Show all", key="gallery_show_all", icon=":material/close:", on_click=_clear, width="content"
        )


def _clear() -> None:
    st.session_state["gallery_search"] = ""
    st.session_state["gallery_shelf"] = None
