"""The form that asks what is wanted, and the examples that fill it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.planning.words.drafting import ROUNDS
from engine.planning.words.problem import APPROACHES, MAX_PROBLEM, examples
from ui.components import plan_state as state
from ui.components.text import escape

RULES_ONLY: Final = "scripted"
_STYLES: Final = {"saga": "A saga of steps with effects", "chain": "A chain of narrow prompts"}


def example_row() -> None:
    """Draw a button per problem that ships; it fills the form, with the script that answers for a model."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="plan-examples"):
        st.caption("Examples", width="content")
        for entry in examples():
            st.button(entry.title, key=f"plan-example-{entry.name}", icon=f":material/{entry.icon}:",
                      on_click=state.take_example, args=(entry,), help=escape(entry.problem))  # fmt: skip


def ask_form() -> None:
    """Draw the form; sending it drafts the proposals."""
    with st.form("plan-ask"):
        st.text_area("The problem", key=state.PROBLEM, height=90, max_chars=MAX_PROBLEM, persist_state="session",
                     placeholder="Robin flies to Berlin, stays four nights and flies home. All of it is booked, or nothing.")  # fmt: skip
        left, right = st.columns(2)
        left.text_area("Constraints, one a line", key=state.CONSTRAINTS, height=100, persist_state="session",
                       placeholder="All of it costs at most 2,500 USD.")  # fmt: skip
        right.text_area("What counts, one a line", key=state.METRICS, height=100, persist_state="session",
                        placeholder="lowest cost")  # fmt: skip
        first, second, third, fourth = st.columns([2.4, 2.4, 1, 1])
        model = first.selectbox("Model", state.model_names(), key=state.MODEL, accept_new_options=True,
                                help="The examples' scripts answer for their own problem only", persist_state="session")  # fmt: skip
        style = second.selectbox(
            "What it becomes", tuple(_STYLES), key="plan-style", format_func=lambda kind: _STYLES[kind]
        )
        count = third.number_input("Proposals", 1, len(APPROACHES), len(APPROACHES), key="plan-count")
        rounds = fourth.number_input(
            "Rounds", 1, 20, ROUNDS, key=state.ROUNDS_KEY, help="At most so many each"
        )
        go = st.form_submit_button("Draft", key="plan-draft", icon=":material/edit_note:", type="primary")
    if not go:
        return
    problem = str(st.session_state[state.PROBLEM] or "")
    if not problem.strip():
        st.warning("Say what is wanted first, or take an example.", icon=":material/edit_note:")
        return
    if model == RULES_ONLY:
        st.warning("The scripted model answers by fixed rules and drafts nothing of its own: take an example, which"
                   " comes with a script, or choose another model.", icon=":material/smart_toy:")  # fmt: skip
        return
    words = state.words_of(
        problem,
        str(st.session_state[state.CONSTRAINTS] or ""),
        str(st.session_state[state.METRICS] or ""),
        as_chain=style == "chain",
    )
    state.draft(words, str(model), count=int(count), rounds=int(rounds))
