"""The attention strip of the Run page: what only people can settle, each with one form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.core.commands import TryNow
from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.approval_form import draw_consequences, draw_form
from ui.components.badges import draw, run_badge, step_badge
from ui.components.run_commands import now, press, refuse, send
from ui.components.run_repair import culprits_key, draw_ways, pick_culprits
from ui.components.run_signal import draw_signal
from ui.components.text import escape
from ui.components.verdict_form import draw_verdict, draw_verdict_head
from ui.models.approval_inbox import approval_detail
from ui.models.run_attention import Ask, asks, command_of, direction_of, give_up
from ui.models.run_repair import preselected
from ui.models.verdict_ask import verdict_detail
from ui.session import me, my_groups, studio


def draw_attention(run: Run, history: Sequence[Recorded]) -> None:
    """Draw everything that a run asks of people, the most urgent first; nothing where it asks nothing."""
    for ask in asks(run, now()):
        key = f"run-{run.id}-ask-{ask.kind}-{ask.step}"
        with st.container(border=True, key=key, gap="small"):
            if ask.kind == "approval":
                _approval(run, ask, key)
            elif ask.kind == "verdict":
                _verdict(run, history, ask, key)
            elif ask.kind == "direction":
                _direction(run, ask, key)
            elif ask.kind == "signal":
                draw_signal(run, ask, key)
            elif ask.kind in {"retry", "looking", "locks"}:
                _waiting(run, ask, key)
            else:
                _question(run, ask, key)
    offer = give_up(run)
    if offer is not None:
        _give_up(run, offer)


def _head(ask: Ask) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(
            run_badge(ask.status) if ask.kind in {"direction", "limit", "replan"} else step_badge(ask.status)
        )
        st.markdown(f"**{escape(ask.title)}**", width="stretch")


def _approval(run: Run, ask: Ask, key: str) -> None:
    detail = approval_detail(run, ask.step, now(), me(), my_groups())
    if detail is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(step_badge("awaiting_approval", word=f"Waiting for {detail.group or 'approval'}"))
        st.markdown(f"**{escape(detail.title)}**", width="content")
        st.space("stretch")
        st.caption(escape(f"asked {detail.asked} · {detail.deadline}. {detail.silence}"), width="content")
    about, answer = st.columns([1.9, 1], gap="medium")
    with about:
        st.text(detail.question)
        for said in detail.answers:
            st.caption(escape(said))
        draw_consequences(detail, key, folded=True)
    with answer:
        draw_form(detail, key)


def _verdict(run: Run, history: Sequence[Recorded], ask: Ask, key: str) -> None:
    detail = verdict_detail(run, history, ask.step, now(), me())
    if detail is not None:
        draw_verdict_head(detail)
        draw_verdict(detail, key)


def _waiting(run: Run, ask: Ask, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(step_badge(ask.status))
        st.markdown(f"**{escape(ask.title)}**", width="content")
        st.caption(escape(" · ".join(part for part in (ask.advice, ask.detail) if part)), width="stretch")
        if ask.kind == "locks":
            _holders(run, ask.step)
        if ask.kind == "retry":
            st.button(
                "Retry now",
                key=f"{key}-now",
                icon=":material/replay:",
                disabled=bool(ask.blocked),
                help=escape(ask.blocked) or None,
                on_click=press,
                args=(run.id, TryNow(step=ask.step, by=me()), "The next try begins"),
            )


def _holders(run: Run, step: str) -> None:
    """Draw the way to the runs that hold what a step waits for; a link to the same page keeps the old address."""
    holders = studio().store.holders(run.steps[step].wanted)
    for other in dict.fromkeys(holders.values()):
        if st.button(f"Held by {other}", key=f"run-{run.id}-holder-{other}", icon=":material/open_in_full:"):
            st.query_params["id"] = other
            st.rerun()


def _direction(run: Run, ask: Ask, key: str) -> None:
    """Draw the ways there are side by side, for the steps that are said not to count any more, and the form."""
    _head(ask)
    if ask.detail:
        st.code(ask.detail, language=None, wrap_lines=True)
    st.markdown(escape(ask.advice))
    culprits = pick_culprits(run, key, "Steps that no longer count", preselected(run))
    command = direction_of("repair", "", me(), culprits)
    draw_ways(run, culprits, command, key=f"{key}-ways")
    _form(run, ask, key, horizontal=True)


def _question(run: Run, ask: Ask, key: str) -> None:
    _head(ask)
    about, answer = st.columns([1, 1], gap="medium")
    with about:
        if ask.detail:
            st.code(ask.detail, language=None, wrap_lines=True)
        if ask.advice:
            st.markdown(escape(ask.advice))
        if ask.kind in {"unknown_outcome", "late_success"}:
            st.json(ask.request, expanded=1)
    with answer:
        if ask.blocked:
            st.info(escape(ask.blocked), icon=":material/schedule:")
        else:
            _form(run, ask, key)


def _form(run: Run, ask: Ask, key: str, *, horizontal: bool = False) -> None:
    captions = [choice.caption for choice in ask.choices]
    labels = {choice.value: choice.label for choice in ask.choices}
    with st.form(f"{key}-form", border=False):
        st.radio(
            ask.label,
            list(labels),
            index=None,
            format_func=labels.__getitem__,
            captions=captions,
            horizontal=horizontal,
            key=f"{key}-choice",
        )
        if "edit" in labels:
            with st.expander("The request, to edit", key=f"{key}-edit"):
                st.text_area(
                    "Request, as JSON", json.dumps(ask.request, indent=2), key=f"{key}-request", height=160,
                    label_visibility="collapsed",
                )  # fmt: skip
        st.text_input(ask.reason_label, key=f"{key}-reason", placeholder="Kept with the run", max_chars=1000)
        st.form_submit_button(
            "Send the answer",
            type="primary",
            icon=":material/send:",
            on_click=_answer,
            args=(run.id, ask, key),
        )


def _answer(run_id: str, ask: Ask, key: str) -> None:
    state: Any = st.session_state
    choice = state.get(f"{key}-choice") or ""
    reason = str(state.get(f"{key}-reason") or "").strip()
    if ask.kind != "give_up" and choice not in {c.value for c in ask.choices}:
        refuse("choose one of the answers first")
        return
    request = None
    if choice == "edit":
        try:
            request = json.loads(state.get(f"{key}-request") or "null")
        except ValueError as error:
            refuse(f"the request is not JSON: {error}")
            return
    if not reason and choice not in {"retry", "edit"} and ask.kind != "direction":
        refuse("this needs a reason or evidence in words; it is kept with the run")
        return
    said = {"give_up": "Given up"}.get(ask.kind, "Done")
    culprits = state.get(culprits_key(key), ())
    if send(run_id, command_of(ask, choice, reason, me(), request, culprits=culprits), said):
        st.rerun()


def _give_up(run: Run, offer: Ask) -> None:
    key = f"run-{run.id}-ask-give_up"
    with st.expander(offer.title, key=key, icon=":material/block:"):
        st.markdown(escape(offer.advice))
        with st.form(f"{key}-form", border=False):
            st.text_input(offer.reason_label, key=f"{key}-reason", max_chars=1000)
            st.form_submit_button(
                "Give it up", icon=":material/block:", on_click=_answer, args=(run.id, offer, key)
            )
