"""A table whose selected row stays the same one while rows come and go around it.

Streamlit knows a keyed table by its key and a selected row by its number: without this, what is selected would be
whatever stands there next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

Id = TypeVar("Id", str, int)


def steady_table(data: dict[str, list[Any]], ids: Sequence[Id], key: str, **options: Any) -> Id | None:
    """Draw a table of which one row can be selected; return the id of that row, or None."""
    kept: tuple[Id | None, int | None, int] = st.session_state.get(f"{key}-chosen", (None, None, 0))
    chosen, row, turn = kept
    place = ids.index(chosen) if chosen is not None and chosen in ids else None
    if place != row:  # another table then, which begins with the row where it is now
        turn += 1
    st.session_state[f"{key}-chosen"] = (chosen, place, turn)
    st.dataframe(
        data, key=f"{key}-{turn}", on_select=lambda: _choose(key, turn, ids), selection_mode="single-row",
        selection_default=None if place is None else {"selection": {"rows": [place]}}, **options,
    )  # fmt: skip
    return None if place is None else chosen


def _choose(key: str, turn: int, ids: Sequence[Id]) -> None:
    rows = st.session_state[f"{key}-{turn}"]["selection"]["rows"]
    row = rows[0] if rows and rows[0] < len(ids) else None
    st.session_state[f"{key}-chosen"] = (None if row is None else ids[row], row, turn)
