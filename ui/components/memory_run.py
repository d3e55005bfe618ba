"""What a run knew from earlier ones, and what it leaves to later ones."""

from __future__ import annotations

import streamlit as st

from engine.core.run import Run
from ui.models.memory_table import value_words


def draw_memory(run: Run) -> None:
    """Draw both side by side; nothing for a saga without memory."""
    if run.saga.memory is None:
        return
    st.subheader("Memory", anchor=False)
    knew = [(name, value_words(known.value), known.run_id) for name, known in run.known_before.items()]
    left = [(name, value_words(told.value), ", ".join(told.steps)) for name, told in run.remembers.items()]
    for column, title, facts, source in zip(
        st.columns(2),
        ("Known at the start", "Left to later runs"),
        (knew, left),
        ("From run", "From step"),
        strict=True,
    ):
        with column:
            st.caption(title)
            if facts:
                names, values, sources = zip(*facts, strict=True)
                data = {"Fact": names, "Value": values, source: sources}
                st.dataframe(data, hide_index=True, key=f"run-{run.id}-{source}", alt=title)
            else:
                st.text(
                    "Nothing"
                    if run.is_closed or title.startswith("Known")
                    else "It is told when the run completes"
                )
