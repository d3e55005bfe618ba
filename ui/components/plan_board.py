"""Proposals beside each other: picture, numbers, what was found in each round, comments, and what to do with one."""

from __future__ import annotations

import streamlit as st

from engine.planning.words.drafting import ROUNDS, Drafting
from engine.planning.words.measures import measured
from ui.components import plan_state as state
from ui.components.badges import Badge, draw
from ui.components.start_run import run_dialog
from ui.components.text import escape, theme_type
from ui.models.gallery_picture import picture
from ui.models.plan_drafts import Board, profiles, round_lines, round_title, schemas_by_step
from ui.models.plan_words import STATES, WHY_NOT, approach_word, measure_lines


def draw_board(board: Board) -> None:
    """Draw every proposal, each in its column."""
    best = board.best
    for index, (column, drafting) in enumerate(
        zip(st.columns(len(board.proposals), gap="medium"), board.proposals, strict=True)
    ):
        with column, st.container(border=True, key=f"plan-proposal-{index}"):
            _head(drafting, is_best=index == best and len(board.proposals) > 1)
            _picture(drafting)
            _numbers(drafting)
            _record(drafting, index)
            _actions(drafting, index)


def _head(drafting: Drafting, *, is_best: bool) -> None:
    is_ready = drafting.state == "ready"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(approach_word(drafting.words.approach), anchor=False, width="content")
        draw(Badge("Ready", "check_circle", "green") if is_ready else Badge("Not ready", "error", "red"))
        if is_best:
            draw(Badge("Best by what counts", "thumb_up", "blue"))
    title = drafting.outline.frame.title if drafting.outline.frame else ""
    st.caption(escape(f"{title}: {STATES[drafting.state]}" if title else STATES[drafting.state]))
    if drafting.error and drafting.state == "no_model":
        st.error(escape(drafting.error), icon=":material/error:")
    elif drafting.error:
        st.warning(
            escape(f"Not revised, the model can't be asked: {drafting.error}"), icon=":material/error:"
        )


def _picture(drafting: Drafting) -> None:
    if drafting.saga is None or drafting.saga.graph.cycle():
        return
    drawn = picture(drafting.saga, theme_type())
    if drawn is not None:
        titles = ", ".join(step.name or name for name, step in drafting.saga.steps.items())
        st.image(drawn.svg, width="content", alt=f"Steps: {titles}")


def _numbers(drafting: Drafting) -> None:
    if not drafting.outline.nodes:
        return
    for name, value in measure_lines(measured(drafting), drafting.outline.titles):
        with st.container(horizontal=True, gap="small"):
            st.caption(name, width=110)
            st.text(value)
    if drafting.trial is not None and drafting.trial.why_not:
        st.warning(escape(f"Not tried: {drafting.trial.why_not}"), icon=":material/science:")


def _record(drafting: Drafting, index: int) -> None:
    """Draw what each round found; of one that ended without a result the last round is open."""
    for done in drafting.rounds:
        is_last = done is drafting.rounds[-1] and drafting.state != "ready"
        label = escape(round_title(done))
        with st.expander(
            label, expanded=is_last, key=f"plan-round-{index}-{done.number}", icon=":material/rule:"
        ):
            if done.comment:
                st.text(f"A person said: {done.comment}")
            for words, finding in round_lines(done):
                st.markdown(f"**{words}**")
                st.text(finding)
            st.caption(
                escape(f"Asked: {', '.join(done.asked)}. {done.tokens:,} tokens, {done.cost_usd:.4f} USD.")
            )
    if drafting.outline.nodes:
        with st.expander("Steps and their profiles", key=f"plan-profiles-{index}", icon=":material/badge:"):
            st.dataframe(profiles(drafting), hide_index=True)
            shown = schemas_by_step(drafting)
            chosen = st.selectbox(
                "What goes in, comes out and is on record", list(shown), key=f"plan-schemas-{index}"
            )
            if chosen:
                st.json(shown[chosen]._asdict(), expanded=2)


def _actions(drafting: Drafting, index: int) -> None:
    with st.form(f"plan-revise-{index}", border=False):
        comment = st.text_area("Comment", key=f"plan-comment-{index}", height=80, max_chars=1000,
                               placeholder="Rather three stars, and a train instead of the second flight")  # fmt: skip
        again = st.form_submit_button("Revise with my comment", key=f"plan-revise-go-{index}", icon=":material/replay:",
                                      disabled=drafting.document is None)  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        why = WHY_NOT[drafting.state]
        if st.button("Approve", key=f"plan-approve-{index}", icon=":material/how_to_reg:", type="primary",
                     disabled=bool(why), help=why or "Save it as a version, take all of it over as yours, and start a run"):  # fmt: skip
            state.approve(drafting)
        if st.button("Open in the Designer", key=f"plan-open-{index}", icon=":material/schema:",
                     disabled=drafting.document is None, help="As a draft, with what a model wrote marked"):  # fmt: skip
            state.open_in_designer(drafting)
    if again and comment.strip():
        state.revise(index, comment.strip(), rounds=int(st.session_state.get(state.ROUNDS_KEY) or ROUNDS))
        st.rerun()


def draw_run_dialog() -> None:
    """Draw the dialog that starts the first run of what was approved, if it is open."""
    saga = state.approved_saga()
    if saga is not None:
        run_dialog(saga)
