"""What every page says while the database can't be used, and how it comes back by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import streamlit as st

from engine.ports import RunFilter, Unavailable
from ui.components.text import escape
from ui.session import studio

P = ParamSpec("P")
LOOK_S: Final = 2.0
COUNT_S: Final = 5.0
AWAY: Final = "What stands here needs the database; it comes back by itself."


@st.fragment(run_every=LOOK_S, key="trouble")
def trouble_banner() -> None:
    """Say what keeps facts from being stored; nothing while all is well."""
    wrong = studio().store.trouble
    if wrong:
        st.error(
            f"**The database can't be used now:** {escape(wrong)}\n\nNothing is lost: what is known is kept and"
            " stored as soon as it can be, and no step with an effect starts before. It goes on by itself.",
            icon=":material/database_off:",
        )


def unless_away(draw: Callable[P, None]) -> Callable[P, None]:
    """Return `draw` for a fragment that is drawn again and again: a note in its place where it can't read."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except Unavailable:
            st.caption(AWAY)

    return drawn


@st.fragment(run_every=COUNT_S, key="waiting")
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


@st.fragment(run_every=LOOK_S, key="trouble_page")
def page_comes_back() -> None:
    """Stand in for a page that can't be read now, and draw it as soon as it can be."""
    try:
        studio().store.count(RunFilter())
    except Unavailable:
        st.caption(AWAY)
        return
    st.rerun()
