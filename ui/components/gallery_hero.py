"""The top of the Gallery: what this is and why undo matters, and what is planted in the practice world."""

from __future__ import annotations

import streamlit as st

from engine.sandbox.faults import Fault
from ui.components.text import escape
from ui.models.world_words import fault_words
from ui.session import studio

WHAT = (
    "A saga is a chain of steps that reach outside: bookings, payments, messages, changes. When a late step"
    " fails, what the earlier ones did is still out there, and somebody has to take it back."
    " Here each step says how it is undone, and the engine undoes what happened, in the right order,"
    " even after a crash."
)


def hero() -> None:
    """Draw the title, the idea in plain words, and where to read on."""
    with st.container(key="gallery_hero", gap="small"):
        st.header("Work that can be taken back", anchor=False)
        st.markdown(WHAT, width=860)
        st.caption(
            "The sagas below act on a practice world that runs beside this app: run one, break one, watch it recover."
        )
        with st.container(horizontal=True, gap="medium"):
            st.page_link(
                "views/guide.py", label="What a saga is, in two minutes", icon=":material/menu_book:"
            )
            st.page_link("views/sandbox.py", label="Look at the practice world", icon=":material/science:")


def planted_notice() -> None:
    """Say which faults still wait in the practice world, for runs will meet them; offer to remove them."""
    world = studio().world
    faults = world.faults() if world is not None else []
    if not faults:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="gallery_planted"):
        st.markdown(f":orange[:material/bolt:] {_said(faults)}", width="stretch")
        st.button(
            "Remove", key="gallery_clear_faults", icon=":material/delete:", on_click=_clear, width="content"
        )


def _said(faults: list[Fault]) -> str:
    lines = "; ".join(escape(fault_words(fault)) for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    are, them = ("fault is", "it") if len(faults) == 1 else ("faults are", "them")
    return f"**{len(faults)} {are} planted in the practice world**, and runs will meet {them}. {lines}{more}."


def _clear() -> None:
    world = studio().world
    if world is not None:
        world.clear_faults()
