"""The Undo form: how a step is taken back, and how the engine looks whether an attempt landed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from engine.steps.python import FUNCTIONS
from ui.components import design_state as state
from ui.components.design_drawn import edited, field
from ui.components.design_fields import form, show_problems
from ui.models import draft as ops
from ui.models.design_forms import (
    PROBE_FIELDS,
    REASON_FIELDS,
    UNDO_CALL,
    UNDO_FIELDS,
    UNDO_RETRY_FIELDS,
    FieldSpec,
)
from ui.models.draft_defaults import default_probe
from ui.models.draft_problems import Finding, at

_WAYS: Final = {"http": "By a service", "python": "By a function", "none": "It can't be undone"}


def draw_undo(step: str, body: ops.Document, findings: list[Finding]) -> None:
    """Draw the form."""
    if body.get("kind") not in {"http", "python"}:
        st.info(
            "This kind of step changes nothing outside, so there is nothing to undo.", icon=":material/info:"
        )
        return
    prefix = f"designer-step-{step}"
    if body.get("effect", "readonly") == "readonly" and "compensate" not in body:
        is_said = (
            "effect" in body or body["kind"] != "http" or ops.get(body, ("with", "method"), "GET") == "GET"
        )
        what = "As it stands, the step only reads" if is_said else "What the call does is not said yet"
        st.info(f"{what}. Say what it changes, and this form fills itself.", icon=":material/info:")
        st.button("It changes something that can be undone", key=f"{prefix}-make-undo", icon=":material/undo:",
                  on_click=state.apply, args=(ops.set_effect, step, "compensatable"))  # fmt: skip
    else:
        _way(step, body, findings)
    st.space("small")
    _probe(step, body, findings)


def _way(step: str, body: ops.Document, findings: list[Finding]) -> None:
    base, prefix, undo = ("steps", step), f"designer-step-{step}", body.get("compensate")
    how = str(undo.get("kind")) if isinstance(undo, dict) else undo
    with field(f"{prefix}-undo-by", how if how in _WAYS else None, is_clearable=True) as own:
        st.selectbox("How it is undone", tuple(_WAYS), index=None, key=own.key, placeholder="Not said",
                     format_func=lambda way: _WAYS.get(way, way), on_change=edited, args=(own.key, _set_way, step),
                     help="It must be safe to call twice with the same key")  # fmt: skip
    if how == "none":
        form(REASON_FIELDS, base, prefix, findings)
    elif how in UNDO_CALL:
        form([_filled(spec) for spec in UNDO_CALL[how]], base, prefix, findings)
        form(UNDO_FIELDS, base, prefix, findings)
        with st.expander("How patiently", key=f"{prefix}-undo-retry"):
            form(UNDO_RETRY_FIELDS, base, prefix, findings)
    show_problems([f for f in findings if f.problem.path in {f"steps.{step}", f"steps.{step}.compensate"}])


def _filled(spec: FieldSpec) -> FieldSpec:
    if spec.path[-1] == "function":
        return replace(spec, widget="choice", options=tuple(FUNCTIONS.names))
    return spec


def _set_way(way: str | None, step: str) -> None:
    state.apply(ops.set_undo, step, way or "")


def _probe(step: str, body: ops.Document, findings: list[Finding]) -> None:
    base, prefix, has = ("steps", step), f"designer-step-{step}", isinstance(body.get("probe"), dict)
    with field(f"{prefix}-looks", has) as own:
        st.toggle("Look whether an attempt landed", own.value, key=own.key, on_change=edited, args=(own.key, _set_probe, step),
                  help="A readonly call by the key, made where an answer never came")  # fmt: skip
    if has:
        form(PROBE_FIELDS, base, prefix, findings)
    show_problems([f for f in at(findings, f"steps.{step}.probe") if f.problem.path.endswith("probe")])


def _set_probe(looks: bool, step: str) -> None:
    body = ops.steps_of(state.current().document)[step]
    value = default_probe(body) if looks else ops.UNSET
    state.apply(ops.put, ("steps", step, "probe"), value)
