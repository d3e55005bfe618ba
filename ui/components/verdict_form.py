"""One decision in a validator's place: what was found, the output, what would be added, and one form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.core.commands import GiveVerdict
from engine.core.saga import request_hash
from ui.components.badges import draw, step_badge
from ui.components.run_commands import refuse, send
from ui.components.run_rollback import draw_lines
from ui.components.run_validation import draw_changes, draw_verdict_line
from ui.components.text import escape, plain
from ui.models.verdict_ask import LABELS, VerdictDetail
from ui.session import me


def draw_verdict_head(detail: VerdictDetail, *, linked: bool = False) -> None:
    """Draw who waits for what since when; `linked` leads to the run."""
    names = ", ".join(line.validator for line in detail.findings)
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(step_badge("awaiting_verdict", word=f"Waiting for a decision: {names}"))
        st.markdown(f"**{escape(detail.title)}**", width="content")
        if linked:
            st.page_link(
                "views/run.py", label=escape(detail.saga), icon=":material/open_in_full:",
                query_params={"id": detail.run},
            )  # fmt: skip
        st.space("stretch")
        st.caption(escape(f"asked {detail.asked}"), width="content")


def draw_verdict(detail: VerdictDetail, key: str) -> None:
    """Draw the evidence left and the form right."""
    about, answer = st.columns([1.6, 1], gap="medium")
    with about:
        _about(detail, key)
    with answer:
        _form(detail, f"{key}-{detail.asked_seq}")


def _about(detail: VerdictDetail, key: str) -> None:
    for line in detail.findings:
        draw_verdict_line(line)
    for proposal in detail.proposals:
        st.markdown(f"**What {escape(proposal.validator)} would change**")
        draw_changes(proposal.changes)
    st.markdown("**The output**")
    if isinstance(detail.output, dict | list):
        st.json(detail.output, expanded=2)
    else:
        plain(str(detail.output))
    if detail.undo:
        label = escape(f"What a rejection would undo. {detail.undo_cost}")
        with st.expander(label, key=f"{key}-no", icon=":material/undo:"):
            draw_lines(detail.undo, key=f"{key}-undo")


def _form(detail: VerdictDetail, key: str) -> None:
    if detail.refusal:
        st.warning(escape(detail.refusal), icon=":material/block:")
        return
    st.markdown(f":material/lightbulb: Recommended: **{LABELS[detail.advised]}**: {escape(detail.advice)}.")
    captions = dict(detail.choices)
    with st.form(f"{key}-form", border=False):
        st.radio(
            "Your decision",
            list(captions),
            index=None,
            format_func=LABELS.__getitem__,
            captions=list(captions.values()),
            key=f"{key}-choice",
        )
        st.text_area("Reason", key=f"{key}-reason", placeholder="Required; kept with the run", height=80,
                     max_chars=1000)  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button(
                "Send the decision", type="primary", icon=":material/send:", key=f"{key}-send",
                on_click=_decide, args=(detail, key),
            )  # fmt: skip
            st.caption(escape(f"You decide as {me()}."), width="content")


def _decide(detail: VerdictDetail, key: str) -> None:
    state: Any = st.session_state
    choice, reason = state.get(f"{key}-choice"), str(state.get(f"{key}-reason") or "").strip()
    if choice not in dict(detail.choices):
        refuse("choose one of the decisions first")
        return
    if not reason:
        refuse("say why: whoever looks later wants to know")
        return
    seen = request_hash(detail.output)
    command = GiveVerdict(step=detail.step, decision=choice, reason=reason, output_hash=seen, by=me())
    if send(detail.run, command, f"{LABELS[choice]}: {detail.title}"):
        st.rerun()
