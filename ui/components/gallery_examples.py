"""The Gallery's small cards: an example per type of validation, with a button for each of its two cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from ui.components.start_run import start_now
from ui.components.text import escape
from ui.models.gallery import CHECKS, tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.templates import Template

_PER_ROW: Final = 3


def example_cards(shown: Sequence[Template]) -> None:
    """Draw examples of single checks, those of one step's result before those between steps."""
    st.subheader("Checks, one at a time", anchor=False)
    st.caption(
        "An example for each type of validation. Each has a case that must be caught and a near miss that must pass."
    )
    for title, entries in tiers(shown).items():
        if not entries:
            continue
        st.markdown(f"**{title}**")
        for start in range(0, len(entries), _PER_ROW):
            for column, entry in zip(st.columns(_PER_ROW), entries[start : start + _PER_ROW], strict=False):
                with column:
                    _card(entry)


def _card(entry: Template) -> None:
    """Draw the example of one type of validation: its story, and a button for each of its two cases."""
    saga = entry.saga
    with st.container(border=True, height="stretch", gap="small", key=f"gallery_card_{entry.name}"):
        assert entry.check is not None, "examples have a check"
        st.markdown(f"**:material/{entry.icon}: {CHECKS[entry.check]}**", help=escape(saga.description))
        st.caption(f"*{escape(saga.name)}.* {escape(entry.when)}")
        st.space("stretch")
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            _case(entry, "caught", "Caught", "Runs the case that the validator must catch")
            _case(entry, "near_miss", "Near miss", "Runs the case that looks like it and must pass")
            st.space("stretch")
            if st.button("", key=f"gallery_design_{entry.name}", icon=":material/schema:", type="tertiary", help="Open in Designer"):  # fmt: skip
                st.switch_page("views/designer.py", query_params={"template": entry.name})


def _case(entry: Template, case: str, label: str, note: str) -> None:
    icon = ":material/front_hand:" if case == "caught" else ":material/play_arrow:"
    if st.button(label, key=f"gallery_run_{entry.name}_{case}", icon=icon, help=note):
        start_now(entry.saga, {"case": case})
