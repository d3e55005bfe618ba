"""What models saw, call by call: how the context was chosen, and the very messages that were sent."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.core.run import Run
from ui.components.badges import Badge, draw
from ui.components.text import escape
from ui.models.run_context import STATES, ContextView, ModelCall, context_table, followable
from ui.models.run_places import title_in


def draw_context(run: Run, step: str, calls: Sequence[ModelCall]) -> None:
    """Draw the inspector's section: the model calls about a step, newest first."""
    for number, call in enumerate(calls):
        icon = "gavel" if call.is_check else "psychology"
        label = f"**{escape(call.label)}** · {escape(call.model)}"
        with st.expander(label, icon=f":material/{icon}:", expanded=number == 0):
            _call(run, call, f"run-{run.id}-context-{step}-{len(calls) - number}")


def _call(run: Run, call: ModelCall, key: str) -> None:
    st.caption(escape(" · ".join(f"{name} {value}" for name, value in call.facts)))
    if call.context is not None:
        _budget(run, call.context, key)
    st.markdown("**Exactly what it saw**")
    for role, content in call.messages:
        st.caption(escape(role.capitalize()))
        st.code(content, language=None, wrap_lines=True)
    st.markdown("**What it said**")
    st.code(call.answer or " ", language=None, wrap_lines=True)
    if call.reasoning:
        with st.expander("Reasoning (kept apart from the output)", icon=":material/psychology_alt:"):
            st.caption("No later step sees it; only people, and a judge of the reasoning itself.")
            for name, said in call.reasoning:
                st.caption(name)
                st.code(said, language=None, wrap_lines=True)


def _budget(run: Run, view: ContextView, key: str) -> None:
    counted = f" · counted with {escape(view.tokenizer)}" if view.tokenizer else ""
    st.progress(view.share, text=f"Context: {view.tokens:,} of {view.budget:,} tokens{counted}")
    if view.tokens > view.budget:
        over = "Goals and constraints are always whole, so the budget was exceeded for them."
        draw(Badge("Over the budget", "warning", "orange", help=over))
    if view.order:
        st.caption(escape(f"Served in this order: {', '.join(view.order)}"))
    if not view.items:
        st.caption("There was nothing to choose from.")
        return
    st.dataframe(
        context_table(view),
        hide_index=True,
        key=f"{key}-items",
        column_config={
            "State": st.column_config.MultiselectColumn(
                options=[word for word, _ in STATES.values()],
                color=[family for _, family in STATES.values()],
            ),
            "Why": st.column_config.TextColumn(width="large"),
        },
        alt="What was kept, shortened and left out of the context, and why",
    )
    _follow(run, followable(view), key)


def _follow(run: Run, steps: Sequence[str], key: str) -> None:
    """Draw the way from a reference to the whole output that it stands for."""
    if not steps:
        return
    chosen = st.selectbox(
        "Follow a reference", steps, index=None, placeholder="Show the whole output of a step",
        format_func=lambda step: escape(f"{title_in(run, step)} ({step})"), key=f"{key}-follow",
        label_visibility="collapsed",
    )  # fmt: skip
    if chosen:
        st.json(run.steps[chosen].output, expanded=2)
