"""The inspector of the Run page: the run as a whole, or the step that is selected in the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core.commands import Skip
from engine.core.composites import COMPOSITES
from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.badges import Badge, draw, effect_badge, kind_badge, step_badge
from ui.components.run_commands import now, press
from ui.components.run_context import draw_context
from ui.components.run_place import draw_open, draw_task
from ui.components.run_validation import draw_validation, has_validation
from ui.components.text import escape, plain
from ui.models.run_actions import refusal
from ui.models.run_events import event_lines
from ui.models.run_inspect import StepDetail, Try, shortened, step_detail
from ui.models.run_words import clock_ms, has_clock, titles_of
from ui.session import me


def draw_inspector(run: Run, history: Sequence[Recorded], step: str | None, *, wide: bool = False) -> None:
    """Draw the details of a step, or of the run where none is selected; `wide` puts data side by side."""
    if step in run.frames and step not in run.steps:
        draw_task(run, step)
        return
    detail = step_detail(run, step, now()) if step else None
    if detail is None:
        _run(run, wide=wide)
        return
    _head(detail)
    draw_open(run, detail.id)
    _skip(run, detail)
    tabs = _tabs(run, detail)
    key = f"run-{run.id}-inspect"
    if st.session_state.get(key) not in tabs:
        st.session_state[key] = tabs[0]
    chosen = st.segmented_control(
        "What to look at", tabs, key=key, required=True, label_visibility="collapsed", wrap=True
    )
    if chosen == "Events":
        _events(run, history, detail)
    elif chosen == "Data":
        _data(detail, wide=wide)
    elif chosen == "Context":
        draw_context(run, detail.id, detail.model_calls)
    elif chosen == "Validation":
        draw_validation(run, history, run.steps[detail.id])
    else:
        _DRAW[str(chosen)](detail)


def _skip(run: Run, detail: StepDetail) -> None:
    """Offer to leave out a step that has not begun; what failed is settled above, where it asks for help."""
    if detail.id in run.attention or refusal(run, Skip(step=detail.id, reason="..."), now()):
        return
    key = f"run-{run.id}-skip-{detail.id}"
    with st.popover("Skip this step", icon=":material/skip_next:", key=f"{key}-open"):
        st.caption(
            "It will not run. Steps that need it are skipped too, unless their condition holds without it."
        )
        st.text_input("Why?", key=f"{key}-reason", placeholder="Kept with the run", max_chars=300)
        st.button("Skip it", key=key, type="primary", on_click=_press_skip, args=(run.id, detail, f"{key}-reason"))  # fmt: skip


def _press_skip(run_id: str, detail: StepDetail, reason_key: str) -> None:
    reason = str(st.session_state.get(reason_key, ""))
    press(run_id, Skip(by=me(), step=detail.id, reason=reason), f"{detail.title} is skipped")


def _halves(*, wide: bool) -> tuple[DeltaGenerator, DeltaGenerator]:
    if not wide:
        return st.container(), st.container()
    left, right = st.columns(2, gap="medium")
    return left, right


def _run(run: Run, *, wide: bool) -> None:
    st.subheader("The run", anchor=False)
    about, data = _halves(wide=wide)
    with about:
        if run.saga.description:
            st.caption(escape(run.saga.description))
        st.caption(
            ":material/ads_click: Select a step in the graph to see what went in, what came out, and why."
        )
    with data:
        if run.output is not None:
            st.markdown("**Result**")
            st.json(shortened(run.output), expanded=2)
        st.markdown("**Input**")
        st.json(shortened(run.input), expanded=1)


def _head(detail: StepDetail) -> None:
    st.subheader(escape(detail.title), anchor=False)
    with st.container(horizontal=True, gap="xsmall"):
        draw(step_badge(detail.status, word=detail.word))
        draw(kind_badge(detail.kind))
        if detail.kind not in COMPOSITES:  # what is inside has effects, not the step
            draw(effect_badge(detail.effect))
    facts = [f"{name} {value}" for name, value in detail.facts]
    st.caption(escape(" · ".join([detail.id, *facts])))
    if detail.reason and detail.status not in {"committed", "fallback"}:  # it came to an end after that
        st.code(detail.reason, language=None, wrap_lines=True)
    if detail.description:
        st.caption(escape(detail.description))


def _tabs(run: Run, detail: StepDetail) -> list[str]:
    has = {
        "Data": True,
        "Tries": bool(detail.tries or detail.looks or detail.earlier),
        "Context": bool(detail.model_calls),
        "Validation": has_validation(run.steps[detail.id]),
        "Approval": bool(detail.questions),
        "Undo": detail.undo is not None,
        "Events": True,
    }
    return [name for name, there in has.items() if there]


def _data(detail: StepDetail, *, wide: bool) -> None:
    sent, came = _halves(wide=wide)
    with sent:
        st.caption("Input, as it was sent")
        inside = detail.kind in COMPOSITES
        _json(
            detail.input, "The steps inside have what was sent." if inside else "Nothing has been sent yet."
        )
    with came:
        st.caption("Output")
        _json(detail.output, "No output yet.")
    if detail.evidence:
        st.caption("Why it could start")
        st.json(detail.evidence, expanded=1)


def _json(value: object, otherwise: str) -> None:
    if value is None:
        st.caption(f":gray[{otherwise}]")
    else:
        st.json(shortened(value), expanded=2)


def _tries(detail: StepDetail) -> None:
    for number, one in enumerate([*detail.tries, *detail.looks]):
        draw_try(one, expanded=number == 0)
    for old in detail.earlier:
        st.markdown(f"**{escape(old.title)}** :gray[before a repair: {escape(old.fate.lower())}]")
        for one in old.tries:
            draw_try(one)
        if not old.tries:
            st.caption("It had not begun.")


def draw_try(one: Try, *, expanded: bool = False) -> None:
    """Draw one call: its outcome in words, when, the key, what went out and came back."""
    label = f":{one.family}[**{escape(one.title)}**] · {escape(one.took)}"
    with st.expander(label, icon=f":material/{one.icon}:", expanded=expanded):
        if one.error:
            st.code(one.error, language=None, wrap_lines=True)
        for said in (one.resolved, one.planted):
            if said:
                st.markdown(f":orange[:material/info:] {escape(said)}")
        facts = [("Started", f"{one.started} UTC"), *one.facts]
        if one.code:
            facts.append(("Code", one.code))
        st.caption(escape(" · ".join(f"{name} {value}" for name, value in facts)))
        st.caption("Idempotency key")
        st.code(one.key, language=None, wrap_lines=True)
        st.caption("Request")
        st.json(shortened(one.request), expanded=1)
        if one.output is not None:
            st.caption("Answer")
            st.json(shortened(one.output), expanded=1)


def _approval(detail: StepDetail) -> None:
    for question in detail.questions:
        with st.container(border=True):
            plain(question.question)
            asked = f"Asked {question.group or 'anyone'} at {clock_ms(question.asked_at)} UTC"
            needs = f", {question.quorum} people must agree" if question.quorum > 1 else ""
            st.caption(escape(asked + needs))
            draw(Badge(question.status.capitalize(), "how_to_reg", "gray"))
            for said in (*question.answers, question.ends, question.reason):
                if said:
                    plain(said)


def _undo(detail: StepDetail) -> None:
    undo = detail.undo
    if undo is None:
        return
    if undo.none_because:
        st.markdown(":red[:material/do_not_step:] **Can't be undone**")
        plain(undo.none_because)
        return
    with st.container(horizontal=True, gap="xsmall"):
        draw(step_badge(undo.status))
        st.caption(escape(undo.action), width="content")
    for number, one in enumerate(undo.tries):
        draw_try(one, expanded=number == 0)
    if undo.tries:
        return
    if not undo.key:
        st.caption("It is frozen before the step's first call, with its inputs.")
        return
    st.caption("Frozen before the step's first call; nothing decides it later.")
    st.caption("Idempotency key")
    st.code(undo.key, language=None, wrap_lines=True)
    if undo.request is not None:
        st.caption("Request")
        st.json(undo.request, expanded=2)


def _events(run: Run, history: Sequence[Recorded], detail: StepDetail) -> None:
    for line in event_lines(history, titles_of(run), step=detail.id, clock=has_clock(run)):
        st.caption(f":gray[{line.seq} · {escape(clock_ms(line.at))}] **{escape(line.name)}**")
        plain(line.what)


_DRAW: Final[dict[str, Callable[[StepDetail], None]]] = {
    "Tries": _tries,
    "Approval": _approval,
    "Undo": _undo,
}
