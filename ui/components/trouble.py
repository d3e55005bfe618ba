"""What every page says while the database can't be used, and how it comes back by itself."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.core.errors import SagaError
from engine.ports import RunFilter, Unavailable
from ui.components.live import AWAY, live
from ui.components.text import escape
from ui.session import studio

LOOK_S: Final = 2.0
COUNT_S: Final = 5.0


def history_is_here() -> None:
    """End the page with one clear error where the history can't be opened, or goes on in another database."""
    try:
        store = studio().store
        wrong = store.trouble if store.moved else ""
    except SagaError as refused:
        wrong = str(refused)
    if wrong:
        st.error(escape(wrong), icon=":material/database_off:")
        st.stop()


@live(LOOK_S, key="live-trouble")
def trouble_banner() -> None:
    """Say what keeps facts from being stored; nothing while all is well."""
    if studio().store.moved:
        st.rerun()  # the page as a whole: `history_is_here` says so in its place
    wrong = studio().store.trouble
    if wrong:
        st.error(
            f"**The database can't be used now:** {escape(wrong)}\n\nNothing is lost: what is known is kept and"
            " stored as soon as it can be, and no step with an effect starts before. It goes on by itself.",
            icon=":material/database_off:",
        )


@live(COUNT_S, key="live-waiting")
def keep_count(drawn: int) -> None:
    """Draw the page again, and with it the number in the navigation, once that number is another."""
    if waiting_for_people() != drawn:
        st.rerun()


def waiting_for_people() -> int:
    """Return how many runs and incidents ask people for something; none where that can't be read now."""
    store = studio().store
    try:
        return store.count(RunFilter(waiting_for_people=True)) + len(store.incidents())
    except Unavailable:
        return 0


@live(LOOK_S)
def page_comes_back() -> None:
    """Stand in for a page that can't be read now, and draw it as soon as it can be."""
    try:
        studio().store.count(RunFilter())
    except Unavailable:
        st.caption(AWAY)
        return
    st.rerun()
