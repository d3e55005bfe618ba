"""One question to a person: what will happen if yes and if no, and one form to answer it."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from engine.core.commands import Decide
from ui.components.run_commands import done_now, refuse, send
from ui.components.run_rollback import draw_lines
from ui.components.text import escape, plain
from ui.models.approval_inbox import ApprovalDetail, has_said, settled_words
from ui.session import me, my_groups, run_view

ANSWERS: Final = {"approved": "Approve", "denied": "Deny"}


def draw_consequences(detail: ApprovalDetail, key: str, *, folded: bool = False) -> None:
    """Draw what follows from a yes, with what would be sent, and from a no, with what would be undone."""
    if detail.evidence:
        draw_evidence(detail.evidence)
    st.markdown(f":green[:material/thumb_up:] **If yes:** {escape(detail.if_yes)}")
    if detail.wire:
        st.code(detail.wire, language=None, wrap_lines=True)
    st.markdown(f":red[:material/thumb_down:] **If no:** {escape(detail.if_no)}")
    if not detail.undo:
        return
    if folded:
        with st.expander(
            escape(f"What a no would undo. {detail.undo_cost}"), key=f"{key}-no", icon=":material/undo:"
        ):
            draw_lines(detail.undo, key=f"{key}-undo")
    else:
        draw_lines(detail.undo, key=f"{key}-undo")
        st.caption(escape(detail.undo_cost))


def draw_evidence(evidence: Any) -> None:
    """Draw what the author of the saga wants the person to see: short texts as text, the rest as JSON."""
    if not isinstance(evidence, dict):
        st.json(evidence)
        return
    for name, value in evidence.items():
        label, shown = st.columns([1, 4], gap="small")
        label.caption(escape(name.replace("_", " ").capitalize()))
        with shown:
            if isinstance(value, str | int | float):
                plain(str(value))
            else:
                st.json(value)


def draw_form(detail: ApprovalDetail, key: str) -> None:
    """Draw the form: one radio, one comment, one submit. A person who may not decide reads why."""
    if detail.refusal:
        st.warning(escape(detail.refusal), icon=":material/block:")
        return
    key = f"{key}-{detail.hash[:8]}-{detail.seq}"
    with st.form(f"{key}-form", border=False):
        st.radio(
            "Your answer",
            list(ANSWERS),
            index=None,
            format_func=ANSWERS.__getitem__,
            horizontal=True,
            key=f"{key}-answer",
        )
        st.text_area(
            "Comment", key=f"{key}-comment", placeholder="Why? Kept with the run", height=80, max_chars=1000
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button(
                "Send the answer",
                type="primary",
                icon=":material/send:",
                key=f"{key}-send",
                on_click=_decide,
                args=(detail, key),
            )
            st.caption(escape(f"You answer as {me()}."), width="content")


def _decide(detail: ApprovalDetail, key: str) -> None:
    decision = st.session_state.get(f"{key}-answer")
    if decision not in ANSWERS:
        refuse("choose Approve or Deny first")
        return
    command = Decide(
        step=detail.step,
        decision=decision,
        reason=str(st.session_state.get(f"{key}-comment") or "").strip(),
        request_hash=detail.hash,
        question=detail.seq,
        by=me(),
        groups=my_groups(),
    )
    done = f"{decision.capitalize()}: {detail.title}"
    if send(detail.run, command, done):
        st.rerun()
    else:
        _not_taken(detail, decision, done)


def _not_taken(detail: ApprovalDetail, decision: str, done: str) -> None:
    """Say of an answer that was refused who was first; that it is given, where this person gave it a moment ago."""
    view = run_view(detail.run)
    if view is None:
        return
    if has_said(view.run, detail.step, detail.seq, decision, me()):
        done_now(done)
        return
    settled = settled_words(view.run, detail.step, detail.seq)
    if settled:
        refuse(settled)
