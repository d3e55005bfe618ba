"""Starting a run from a page: at once with the defaults, or through a dialog that asks for the inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from engine.core.errors import CommandRejected, DefinitionInvalid, SagaError
from ui.components.text import escape
from ui.models.inputs import InputField, Unreadable, input_fields, input_values
from ui.session import me, studio

if TYPE_CHECKING:
    from engine.core.saga import Saga

Json = Any
_ASKED = "start_run_asked"


def ask_to_run(saga: Saga) -> None:
    """Open the dialog for a saga; for `on_click`. The page then draws it by `run_dialog`."""
    st.session_state[_ASKED] = saga.hash


def run_dialog(saga: Saga, *, saves: int = 0, on_start: Callable[[], None] | None = None) -> None:
    """Draw the dialog that asks for the inputs of a saga, starts a run and shows it, if it is open.

    `saves` is the number of the version that starting makes of a draft; `on_start` is called before the page
    is left. The widgets have the keys `start_<saga>_<input>`, the button `start_<saga>_go`.
    """
    if st.session_state.get(_ASKED) == saga.hash:
        title = escape(f"Run {saga.name}")
        dialog = st.dialog(title, width="medium", icon=":material/play_arrow:", on_dismiss=close_dialog)
        dialog(_form)(saga, saves, on_start)


def close_dialog() -> None:
    """Forget that the dialog was asked for."""
    st.session_state.pop(_ASKED, None)


def start_now(
    saga: Saga, values: dict[str, Json] | None = None, on_start: Callable[[], None] | None = None
) -> None:
    """Start a run and show its page; where that is refused, say why here and come back."""
    try:
        run_id = studio().engine.start_run(saga, values or {}, me())
    except SagaError as refused:
        say_refusal(refused)
        return
    if on_start is not None:
        on_start()
    show_run(run_id)


def show_run(run_id: str) -> NoReturn:
    """Leave for the page of a run."""
    close_dialog()
    st.switch_page("views/run.py", query_params={"id": run_id})


def say_refusal(refused: SagaError) -> None:
    """Draw why a run did not start: each problem of a definition, or the one sentence of a refusal."""
    if isinstance(refused, DefinitionInvalid):
        lines = [f"- {escape(f'{p.path}: {p.problem}. {p.remedy}')}" for p in refused.problems]
        st.error("This saga can't run yet.\n" + "\n".join(lines), icon=":material/error:")
        return
    what = "The inputs don't fit: " if isinstance(refused, CommandRejected) else "It did not start: "
    st.error(what + escape(str(refused)), icon=":material/error:")


def _form(saga: Saga, saves: int, on_start: Callable[[], None] | None) -> None:
    fields = input_fields(saga)
    if saves:
        st.caption(f"This saves version {saves} first, and runs it.")
    with st.form(f"start_{saga.saga}", border=False):
        if not fields:
            st.caption("This saga asks for no inputs.")
        given = {field.name: _ask(field, f"start_{saga.saga}_{field.name}") for field in fields}
        go = st.form_submit_button(
            "Save and start" if saves else "Start the run",
            key=f"start_{saga.saga}_go",
            type="primary",
            icon=":material/play_arrow:",
        )
    if not go:
        return
    try:
        values = input_values(fields, given)
    except Unreadable as problem:
        st.error(escape(str(problem)), icon=":material/error:")
        return
    start_now(saga, values, on_start)


def _ask(field: InputField, key: str) -> Json:
    """Draw a field without its bounds: a browser keeps what is beyond them to itself, and `input_values` says so."""
    label, note = escape(field.label), escape(field.help) or None
    match field.widget:
        case "long":
            return st.text_area(label, field.default, key=key, help=note, height=110)
        case "toggle":
            return st.toggle(label, bool(field.default), key=key, help=note)
        case "date":
            return st.date_input(label, field.default, key=key, help=note, format="YYYY-MM-DD")
        case "choice":
            return _choice(field, key, label, note)
        case "number" | "whole":
            return _number(field, key, label, note)
        case "json":
            return st.text_area(f"{label} (JSON)", field.default, key=key, help=note, height=110)
    return st.text_input(label, field.default, key=key, help=note)


def _choice(field: InputField, key: str, label: str, note: str | None) -> Json:
    index = field.options.index(field.default) if field.default in field.options else None
    return st.selectbox(label, field.options, index=index, key=key, help=note, format_func=str)


def _number(field: InputField, key: str, label: str, note: str | None) -> Json:
    if field.widget == "whole":
        return st.number_input(label, value=field.default, step=1, key=key, help=note)
    step = 0.05 if field.high is not None and field.high <= 1 else 1.0
    form = f"%.{field.decimals}f"
    return st.number_input(label, value=field.default, step=step, format=form, key=key, help=note)
