"""The Memory page's parts: filters, the table of facts with their source, and the way to erase them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import streamlit as st

from engine.memories import Remembered
from ui.components.run_commands import done_now, now, show_outcome
from ui.components.text import escape
from ui.models.memory_table import matching, named, table
from ui.models.run_words import counted
from ui.session import studio

TABLE: Final = "memory-table"


def draw_filters(titles: dict[str, str]) -> list[Remembered]:
    """Draw the filters and return the facts that they leave."""
    show_outcome()
    with st.container(horizontal=True, vertical_alignment="center", key="memory-filters"):
        saga = st.selectbox(
            "Saga", list(titles), index=None, placeholder="All sagas", key="memory-saga", width=260,
            format_func=lambda name: escape(titles[name]), label_visibility="collapsed",
        )  # fmt: skip
        text = st.text_input(
            "Search",
            key="memory-text",
            placeholder="About, fact or value",
            width=300,
            label_visibility="collapsed",
        )
    return matching(studio().store.remembered(saga), text)


def draw_facts(facts: Sequence[Remembered], titles: dict[str, str]) -> None:
    """Draw the facts, and a button that erases those that are selected."""
    chosen = st.dataframe(
        table(facts, titles, now()),
        hide_index=True,
        key=f"{TABLE}-{_mark(facts)}",
        column_config={
            "Value": st.column_config.TextColumn(width="large"),
            "Run": st.column_config.LinkColumn(display_text=r"id=(.*)"),
        },
        on_select="rerun",
        selection_mode="multi-row",
        alt="Facts that outlive their runs",
    )["selection"]["rows"]
    picked = [facts[row] for row in chosen if row < len(facts)]
    with st.container(horizontal=True, vertical_alignment="center", key="memory-erase"):
        st.button(
            f"Forget {counted(len(picked), 'fact')}" if picked else "Forget",
            key="memory-forget", icon=":material/delete:", disabled=not picked, on_click=_ask, args=(picked,),
        )  # fmt: skip
        st.caption("Later runs do not know it then. The logs of the runs that left it stay as they are.")


def _mark(facts: Sequence[Remembered]) -> str:
    """Return what tells these facts from others: in another table nothing is selected yet."""
    named_all = "\n".join(f"{fact.saga}/{fact.key}/{fact.name}" for fact in facts)
    return sha256(named_all.encode()).hexdigest()[:12]


@st.dialog("Forget for good")
def _ask(picked: list[Remembered]) -> None:
    st.markdown(escape(", ".join(named(fact) for fact in picked[:20])))
    if st.button("Forget it", key="memory-sure", type="primary"):
        _forget(picked)
        st.rerun()


def _forget(picked: list[Remembered]) -> None:
    store = studio().store
    gone = sum(store.forget(fact.saga, fact.key, fact.name) for fact in picked)
    done_now(f"Forgotten: {counted(gone, 'fact')}")


def draw_nothing() -> None:
    """Draw what stands there before any run has left a fact."""
    with st.container(border=True, horizontal_alignment="center", key="memory-nothing"):
        st.subheader("Nothing is remembered", anchor=False, width="content")
        st.markdown(
            "A saga with `memory:` leaves facts when its runs complete, and its later runs read them as `memory.NAME`."
        )
