"""The inspector: what the selected step is, and its forms; the saga's own where none is selected."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import streamlit as st

from engine.core.composites import COMPOSITES
from engine.core.keys import name_remedy
from engine.core.parts import ID_PATTERN
from engine.core.saga import RESERVED_IDS
from engine.steps.python import FUNCTIONS
from ui.components import design_state as state
from ui.components.badges import draw, kind_badge
from ui.components.design_checks import draw_edge, draw_validate
from ui.components.design_drawn import edited, field
from ui.components.design_events import draw_events
from ui.components.design_fields import draw_field, form, rows, show_problems, unread_note
from ui.components.design_inside import draw_body, draw_inside, saga_names
from ui.components.design_marks import draw_marks
from ui.components.design_needs import draw_needs
from ui.components.design_saga import draw_saga
from ui.components.design_undo import draw_undo
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.check_forms import CONTEXT_FIELDS, EXPLAIN_FIELD, READS_FIELD, STATES_FIELDS
from ui.models.design_forms import (
    GATE_FIELDS,
    KIND_FIELDS,
    LOCK_FIELDS,
    MORE_FIELDS,
    RETRY_FIELDS,
    STEP_FIELDS,
    FieldSpec,
    time_fields,
)
from ui.models.draft_defaults import default_gate
from ui.models.draft_problems import SEGMENTS, Finding, at, sentence
from ui.models.status import effect_look, kind_look

EFFECTS: Final = ("readonly", "compensatable", "pivot", "retriable")
_TITLE: Final = FieldSpec(("title",), "Title", help="How people call it")
_ROW: Final = (
    FieldSpec(("when",), "When", "code", "CEL; the first row that is true decides", is_required=True),
    FieldSpec(("to",), "go to", "choice", is_required=True),
)


def inspector(findings: list[Finding]) -> None:
    """Draw the inspector of what is selected; a field that can't be read says so itself."""
    design, findings = state.current(), [finding for finding in findings if finding.unread is None]
    with st.container(border=True, key="designer-inspector"):
        if design.chosen_edge is not None:
            draw_edge(*design.chosen_edge, findings)
            return
        if design.place and (design.step is None or design.selected is None):
            draw_body(findings)
            return
        if design.step is None or design.selected is None:
            draw_saga(findings)
            return
        step, own = design.selected, [f for f in findings if f.step == design.selected]
        _head(step, design.step)
        draw_marks(step)
        with field("designer-segment", design.segment) as turn:
            st.segmented_control(
                "Form", SEGMENTS, default=turn.value, key=turn.key, required=True,
                label_visibility="collapsed", width="stretch", on_change=edited, args=(turn.key, _turn),
            )  # fmt: skip
        draw_form = {"Retry": _retry, "Validate": draw_validate, "Undo": draw_undo, "Approve": _approve}
        draw_form.get(design.segment, _step)(step, design.step, own)


def _head(step: str, body: ops.Document) -> None:
    look = kind_look(str(body.get("kind")))
    title = escape(str(body.get("title") or step))
    left, right = st.columns([7, 1], vertical_alignment="center")
    with (
        left,
        st.container(horizontal=True, vertical_alignment="center", gap="small", key="designer-step-head"),
    ):
        st.subheader(f"{look.material} {title}", anchor=False, width="content")
        draw(kind_badge(str(body.get("kind"))))
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        st.button("", key="designer-delete", icon=":material/delete:", type="tertiary", help="Delete this step",
                 on_click=state.remove, args=(step,))  # fmt: skip


def _turn(form: str | None) -> None:
    state.current().segment = form or "Step"


def _step(step: str, body: ops.Document, findings: list[Finding]) -> None:
    base, prefix, kind = ("steps", step), f"designer-step-{step}", str(body.get("kind"))
    left, right = st.columns(2)
    with left:
        draw_field(_TITLE, base, prefix, findings)
    with right:
        _id_field(step)
    form([_filled(spec, body) for spec in KIND_FIELDS.get(kind, ())], base, prefix, findings)
    if kind == "route":
        _rules(step, findings)
    if kind in COMPOSITES:
        draw_inside(step, body, findings)
    if kind in {"http", "python"}:
        _effect(step, body, findings)
    draw_needs(step, findings)
    draw_events(step, body, findings)
    if kind in {"http", "python", "llm", "route"}:
        with st.expander("Locks", key=f"{prefix}-locking", icon=":material/lock:"):
            form(LOCK_FIELDS, base, prefix, findings)
    if kind == "llm":
        _context(step, body, findings)
    with st.expander("More", key=f"{prefix}-more"):
        more = [*STEP_FIELDS, *MORE_FIELDS.get(kind, ()), *STATES_FIELDS, READS_FIELD]
        form(more, base, prefix, findings)
    show_problems([f for f in findings if f.problem.path in {f"steps.{step}", f"steps.{step}.kind"}])


def _context(step: str, body: ops.Document, findings: list[Finding]) -> None:
    """Draw what the model sees besides its prompt, and whether it is asked for its reasoning."""
    base, prefix = ("steps", step), f"designer-step-{step}"
    with st.expander("Context", key=f"{prefix}-context-box", icon=":material/view_list:"):
        has = isinstance(body.get("context"), dict)
        st.caption(
            "Goals and constraints are always told, whole. The rest shares what is left of the budget."
        )
        with field(f"{prefix}-sees", has) as own:
            args = (own.key, _set_context, step)
            st.toggle("Show it other steps' outputs", own.value, key=own.key, on_change=edited, args=args)
        if has:
            form(CONTEXT_FIELDS, base, prefix, findings)
        draw_field(EXPLAIN_FIELD, base, prefix, findings)
        show_problems([f for f in findings if f.problem.path == f"steps.{step}.context"])


def _set_context(sees: bool, step: str) -> None:
    value = {"budget_tokens": CONTEXT_FIELDS[0].default} if sees else ops.UNSET
    state.apply(ops.put, ("steps", step, "context"), value)


def _filled(spec: FieldSpec, body: ops.Document) -> FieldSpec:
    """Return a field with the choices that only the draft or this process knows."""
    value = ops.get(body, spec.path)
    if spec.path == ("with", "function"):
        return replace(spec, widget="choice", options=_with(FUNCTIONS.names, value))
    if spec.path == ("with", "saga"):
        return replace(spec, widget="choice", options=_with(sorted(saga_names()), value))
    if spec.path == ("with", "default"):
        return replace(spec, widget="choice", options=_with(ops.get(body, ("with", "branches"), []), value))
    return spec


def _with(options: list[str], value: object) -> tuple[str, ...]:
    listed = tuple(map(str, options)) if isinstance(options, list | tuple) else ()
    return listed if value is None or value in listed else (*listed, str(value))


def _id_field(step: str) -> None:
    name, path = f"designer-step-{step}-id", ("steps", step, "id")
    typed = state.unread_at(path)
    help_ = "What conditions and expressions call it; they follow when you change it"
    with field(name, typed.shown if typed else step) as own:
        args = (own.key, _rename, step)
        st.text_input("Id", own.value, key=own.key, help=help_, on_change=edited, args=args)
    unread_note(name, path, typed)


def _rename(typed: str, step: str) -> None:
    design, new, path = state.current(), typed.strip(), ("steps", step, "id")
    steps = ops.steps_of(design.document)
    message = ""
    if not re.fullmatch(ID_PATTERN, new):
        message = sentence(name_remedy(new, ID_PATTERN))
    elif new in RESERVED_IDS:
        message = f"{new} is a word of the expression language; choose another id."
    elif new != step and new in steps:
        message = f"There is a step {new} already."
    if message:
        state.keep_unread(path, new, message)
        return
    design.selected = new
    state.rename(("steps", step), ("steps", new), ops.rename_step(design.document, step, new), path)


def _effect(step: str, body: ops.Document, findings: list[Finding]) -> None:
    value = body.get("effect") if body.get("effect") in EFFECTS else None
    if value is None and (body.get("kind") == "python" or ops.get(body, ("with", "method"), "GET") == "GET"):
        value = "readonly"
    help_ = "What the step does to the outside; it decides what a rollback has to undo"
    with field(f"designer-step-{step}-effect", value, is_clearable=True) as own:
        st.selectbox("Effect", EFFECTS, index=None, key=own.key, help=help_, placeholder="Say what it does",
                     format_func=_effect_word, on_change=edited, args=(own.key, _set_effect, step))  # fmt: skip
    show_problems(at(findings, f"steps.{step}.effect"))


def _effect_word(effect: str) -> str:
    return f"{effect_look(effect).word} ({effect})"


def _set_effect(effect: str | None, step: str) -> None:
    if effect:
        state.apply(ops.set_effect, step, effect)
    else:
        state.apply(ops.put, ("steps", step, "effect"), ops.UNSET)


def _rules(step: str, findings: list[Finding]) -> None:
    st.markdown("**Rules**")
    branches = ops.branches_of(state.current().document, step)
    specs = (_ROW[0], replace(_ROW[1], options=tuple(branches)))
    first = branches[0] if branches else ""
    path, prefix = ("steps", step, "with", "rules"), f"designer-step-{step}-rules"
    rows(specs, path, prefix, findings, noun="rule", new=lambda _: {"when": "true", "to": first})
    show_problems(at(findings, f"steps.{step}.with.branches"))


def _retry(step: str, body: ops.Document, findings: list[Finding]) -> None:
    kind, base, prefix = str(body.get("kind")), ("steps", step), f"designer-step-{step}"
    if kind in {"approval", "wait", "activity"}:
        st.info("Nothing is called here, so nothing is tried again.", icon=":material/info:")
        return
    if kind in COMPOSITES and kind != "agent":
        st.info("The steps inside are tried again, each by its own rules.", icon=":material/info:")
        form(time_fields(kind), base, prefix, findings)
        return
    form(RETRY_FIELDS, base, prefix, findings)
    form(time_fields(kind), base, prefix, findings)


def _approve(step: str, body: ops.Document, findings: list[Finding]) -> None:
    base, prefix = ("steps", step), f"designer-step-{step}"
    if body.get("kind") in {"approval", "wait", "activity"} and "approval" not in body:
        st.info("This step needs no further yes. Ask in a step of its own.", icon=":material/info:")
        return
    gate = isinstance(body.get("approval"), dict)
    with field(f"{prefix}-asks", gate) as own:
        args = (own.key, _set_gate, step)
        st.toggle("Ask a person before this step runs", own.value, key=own.key, on_change=edited, args=args)
    if gate:
        form(GATE_FIELDS, base, prefix, findings)
    show_problems([f for f in findings if f.problem.path == f"steps.{step}.approval"])


def _set_gate(asks: bool, step: str) -> None:
    value = default_gate() if asks else ops.UNSET
    state.apply(ops.put, ("steps", step, "approval"), value)
