"""The dialog that asks for a run's inputs, saves the draft as a version, and starts it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.core.errors import SagaError
from ui.components import design_state as state
from ui.components.design_fields import widget
from ui.components.design_state import Design, Standing
from ui.components.text import escape
from ui.models.design_values import from_widget, to_widget
from ui.models.draft_inputs import inputs_of, run_field
from ui.session import me, studio

Json = Any


def run_dialog(design: Design, standing: Standing) -> None:
    """Draw the dialog if it is open."""
    if design.dialog != "run" or standing.saga is None:
        return
    st.dialog("Start a run", icon=":material/play_arrow:", on_dismiss=_close)(_form)(design, standing)


def _close() -> None:
    state.current().dialog = ""


def _form(design: Design, standing: Standing) -> None:
    schemas = inputs_of(design.document)
    if standing.is_draft:
        st.caption(f"This saves version {standing.next_version} first, and runs it.")
    with st.form("designer-run-form", border=False):
        shown = {name: _ask(name, schema) for name, schema in schemas.items()}
        if not schemas:
            st.text("This saga asks for no inputs.")
        go = st.form_submit_button("Save and start" if standing.is_draft else "Start", key="designer-run-start",
                                   type="primary", icon=":material/play_arrow:")  # fmt: skip
    if go:
        _start(design, standing, shown)


def _ask(name: str, schema: dict[str, Json]) -> Json:
    spec, key = run_field(name, schema), f"designer-run-input-{name}"
    if key not in st.session_state:
        st.session_state[key] = to_widget(spec, schema.get("default"))
    return widget(spec, key, None, ())


def _start(design: Design, standing: Standing, shown: dict[str, Json]) -> None:
    try:
        values = _values(design, shown)
        assert standing.saga is not None, "the dialog is open for sagas that may run only"
        run_id = studio().engine.start_run(standing.saga, values, me())
    except (SagaError, ValueError) as problem:
        st.error(escape(str(problem)), icon=":material/error:")
        return
    version = studio().store.version(standing.saga.hash)
    if version is not None:
        state.show_version(design, version)
    design.dialog = ""
    st.switch_page("views/run.py", query_params={"id": run_id})


def _values(design: Design, shown: dict[str, Json]) -> dict[str, Json]:
    """Return the inputs that were given; an empty one takes its default.

    Raises:
        ValueError: if a text can't be read, naming the input.
    """
    values = {}
    for name, schema in inputs_of(design.document).items():
        spec = run_field(name, schema)
        try:
            value = from_widget(spec, shown[name])
        except ValueError as problem:
            raise ValueError(f"{spec.label}: {problem}") from None
        if value is not None:
            values[name] = value
    return values
