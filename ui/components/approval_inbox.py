"""The inbox of questions: a list of cards, one of them open beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from ui.components.approval_form import draw_consequences, draw_form
from ui.components.badges import Badge, draw, run_badge
from ui.components.text import escape, plain, shorten
from ui.components.verdict_form import draw_verdict, draw_verdict_head
from ui.models.approval_inbox import ApprovalDetail, InboxItem, short_id
from ui.models.run_words import Headline
from ui.models.verdict_ask import VerdictDetail

CHOSEN: Final = "approvals-chosen"
ABOUT: Final = 120
"""How many characters of a run's inputs stand in a card."""


def draw_inbox(items: Sequence[InboxItem]) -> InboxItem:
    """Draw the questions as cards and return the one that is open: the chosen one, else the first."""
    chosen = next((item for item in items if item.id == st.session_state.get(CHOSEN)), items[0])
    for item in items:
        _card(item, is_open=item.id == chosen.id)
    return chosen


def _card(item: InboxItem, *, is_open: bool) -> None:
    with st.container(border=True, gap="small", key=f"approvals-card-{item.run}-{item.step}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape(item.title)}**", width="content")
            st.space("stretch")
            draw(Badge(item.deadline, "front_hand" if item.kind == "verdict" else "timer", item.family))
        plain(shorten(item.question, 140))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link("views/run.py", label=escape(short_id(item.run)), query_params={"id": item.run},
                         help=escape(f"Open run {item.run}"))  # fmt: skip
            st.caption(escape(shorten(item.about, ABOUT)), width="stretch")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(escape(f"{item.saga} · asked {item.asked}"), width="stretch")
            st.button(
                "Shown" if is_open else "Open",
                key=f"approvals-open-{item.run}-{item.step}",
                type="primary" if is_open else "secondary",
                icon=":material/chevron_right:",
                icon_position="right",
                on_click=_choose,
                args=(item.id,),
            )


def _choose(item: str) -> None:
    st.session_state[CHOSEN] = item


def draw_detail(detail: ApprovalDetail) -> None:
    """Draw one question: what is asked, what follows from each answer, and the form."""
    key = f"approvals-{detail.run}-{detail.step}"
    with st.container(border=True, key=key):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(escape(detail.title), anchor=False, width="content")
            if detail.group:
                draw(Badge(detail.group, "person", "yellow"))
            st.page_link(
                "views/run.py", label=escape(detail.saga), icon=":material/open_in_full:",
                query_params={"id": detail.run},
            )  # fmt: skip
            st.space("stretch")
            st.caption(escape(f"asked {detail.asked} · {detail.deadline}. {detail.silence}"), width="content")
        st.caption(escape(f"Run {detail.run} · {shorten(detail.about, 3 * ABOUT)}"))
        if detail.share is not None:
            st.progress(detail.share)
        about, answer = st.columns([1.7, 1], gap="medium")
        with about:
            st.text(detail.question)
            for said in detail.answers:
                st.caption(escape(said))
            draw_consequences(detail, key)
        with answer:
            draw_form(detail, key)


def draw_decision(detail: VerdictDetail) -> None:
    """Draw an output that waits for a person's word in a validator's place, and the form."""
    key = f"approvals-{detail.run}-{detail.step}"
    with st.container(border=True, key=key):
        draw_verdict_head(detail, linked=True)
        draw_verdict(detail, key)


def draw_gone() -> None:
    """Say that the question is settled meanwhile."""
    with st.container(border=True, key="approvals-gone"):
        st.text("This question has been settled meanwhile. Choose another one.")


def draw_nothing() -> None:
    """Say that nothing waits, and where questions come from."""
    with st.container(border=True, horizontal_alignment="center", key="approvals-empty"):
        st.subheader("Nothing waits for you", anchor=False, width="content")
        st.text("Questions appear here as soon as a run asks one. The templates show how.")
        st.page_link("views/gallery.py", label="Open the Gallery", icon=":material/apps:")


def draw_others(runs: Sequence[tuple[str, str, Headline]]) -> None:
    """Draw the runs that need a person for something else; they are settled on their own page."""
    if not runs:
        return
    st.markdown("**Runs that need other help**")
    for run_id, title, head in runs:
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"approvals-run-{run_id}"
        ):
            draw(run_badge(head.status, word=head.word))
            st.page_link(
                "views/run.py",
                label=escape(title),
                icon=":material/open_in_full:",
                query_params={"id": run_id},
            )
