"""The saga's own forms: name, what it does after a fault, inputs, invariants, what it gives."""

from __future__ import annotations

import re
from typing import Final

import streamlit as st

from engine.core.keys import name_remedy
from engine.core.parts import ID_PATTERN
from ui.components import design_state as state
from ui.components.design_checks import draw_validators
from ui.components.design_drawn import edited, field
from ui.components.design_fields import draw_field, form, rows, show_problems, unread_note
from ui.components.design_marks import draw_marks
from ui.models import draft_inputs as inputs
from ui.models.check_forms import GOAL_FIELDS
from ui.models.design_forms import (
    BUDGET_FIELDS,
    LIMIT_FIELDS,
    MEMORY_FIELDS,
    SAGA_FIELDS,
    SAGA_MORE_FIELDS,
    FieldSpec,
)
from ui.models.draft_defaults import default_invariant
from ui.models.draft_problems import Finding, at, sentence

PREFIX: Final = "designer-saga"
_NAME: Final = f"{PREFIX}-name"
_NAME_PATH: Final = ("saga",)
_INVARIANT: Final = (
    FieldSpec(("name",), "Name", is_required=True),
    FieldSpec(("rule",), "Must always hold", "code", "CEL over `app`, `run`, `steps`", is_required=True),
)
_DESCRIPTION: Final = FieldSpec(("description",), "Description")


def draw_saga(findings: list[Finding]) -> None:
    """Draw the saga's forms."""
    own = [finding for finding in findings if finding.step is None]
    st.subheader(":material/settings: Saga", anchor=False)
    draw_marks(None)
    tab = st.segmented_control(
        "Form", ("Saga", "Inputs", "Goals", "Checks", "Limits", "Invariants", "Memory", "More"), key="designer-saga-form", default="Saga", required=True,
        label_visibility="collapsed", wrap=True, persist_state="session",
    )  # fmt: skip
    if tab == "Inputs":
        _inputs(own)
    elif tab == "Goals":
        st.caption(
            "Told to every model and judge of a run, whole, whatever else has to be left out. One a line."
        )
        form(GOAL_FIELDS, (), PREFIX, own)
    elif tab == "Checks":
        st.caption("What is checked over several steps: each looks when the last of its steps has an output.")
        draw_validators(("validate",), f"{PREFIX}-validate", own, "saga")
    elif tab == "Limits":
        st.caption(
            "What a run may spend going forward, failed attempts included. Undoing is never held back."
        )
        form(BUDGET_FIELDS, (), PREFIX, own)
        form(LIMIT_FIELDS, (), PREFIX, own)
    elif tab == "Memory":
        st.caption("Facts that outlive a run: read as `memory.NAME`, left when a run completes.")
        form(MEMORY_FIELDS, (), PREFIX, own)
        show_problems(at(own, "memory"))
    elif tab == "Invariants":
        st.caption("Checked at each commit and after each undo. One that breaks sends the run back.")
        rows(
            _INVARIANT, ("invariants",), f"{PREFIX}-invariants", own, noun="invariant", new=default_invariant
        )
    elif tab == "More":
        form(SAGA_MORE_FIELDS, (), PREFIX, own)
    else:
        _name()
        form(SAGA_FIELDS, (), PREFIX, own)
        show_problems(at(own, "saga"))


def _name() -> None:
    typed = state.unread_at(_NAME_PATH)
    help_ = "What versions share, and what addresses and files are called"
    with field(_NAME, typed.shown if typed else state.current().name) as own:
        st.text_input("Name", own.value, key=own.key, help=help_, on_change=edited, args=(own.key, _rename))
    unread_note(_NAME, _NAME_PATH, typed)


def _rename(typed: str) -> None:
    text = typed.strip()
    problem = state.rename_saga(text)
    if problem:
        state.keep_unread(_NAME_PATH, text, problem)


def _inputs(findings: list[Finding]) -> None:
    st.caption("What a run is started with. Steps use it as `${run.input.name}`.")
    for name, schema in inputs.inputs_of(state.current().document).items():
        prefix = f"{PREFIX}-input-{name}"
        with st.container(border=True, gap="small", key=prefix):
            left, right = st.columns(2)
            with left:
                _input_name(name, prefix)
            with right:
                _input_type(name, schema, prefix)
            with left:
                draw_field(inputs.default_field(schema), ("input", name), prefix, findings)
            with right:
                draw_field(_DESCRIPTION, ("input", name), prefix, findings)
            show_problems([f for f in findings if f.problem.path == f"input.{name}"])
            st.button("Remove", key=f"{prefix}-remove", icon=":material/delete:", type="tertiary",
                      on_click=state.take, args=(("input", name), inputs.delete_input, name))  # fmt: skip
    st.button("Add input", key=f"{PREFIX}-add-input", icon=":material/add:", on_click=state.apply,
              args=(inputs.add_input,))  # fmt: skip


def _input_name(name: str, prefix: str) -> None:
    own_name, path = f"{prefix}-name", ("input", name, "name")
    typed = state.unread_at(path)
    with field(own_name, typed.shown if typed else name) as own:
        args = (own.key, _rename_input, name)
        st.text_input("Name", own.value, key=own.key, on_change=edited, args=args)
    unread_note(own_name, path, typed)


def _rename_input(typed: str, name: str) -> None:
    document, new, path = state.current().document, typed.strip(), ("input", name, "name")
    if not re.fullmatch(ID_PATTERN, new):
        state.keep_unread(path, new, sentence(name_remedy(new, ID_PATTERN)))
    elif new != name and new in inputs.inputs_of(document):
        state.keep_unread(path, new, f"There is an input {new} already.")
    else:
        state.rename(("input", name), ("input", new), inputs.rename_input(document, name, new), path)


def _input_type(name: str, schema: dict[str, object], prefix: str) -> None:
    kinds, kind = tuple(inputs.TYPES), schema.get("type")
    shown = kind if kind in kinds else None
    with field(f"{prefix}-type", shown) as own:
        st.selectbox("Type", kinds, None if shown is None else kinds.index(shown), key=own.key,
                     format_func=lambda option: inputs.TYPES.get(option, option), placeholder="See the source",
                     on_change=edited, args=(own.key, _set_type, name))  # fmt: skip


def _set_type(kind: str | None, name: str) -> None:
    if kind in inputs.TYPES:
        state.apply(inputs.set_type, name, kind)
