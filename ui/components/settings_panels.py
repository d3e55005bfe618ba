"""The panels of the Settings page: who you are, what is in force, where things are kept, models, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.steps.python import FUNCTIONS
from ui.components.badges import Badge, draw
from ui.components.text import escape, plain
from ui.models.settings_rows import journal_note, masked, setting_rows, store_rows, version_rows
from ui.session import me, studio


def person_panel() -> None:
    """Ask who is looking; approvals and the log name them."""
    with st.container(border=True, height="stretch", key="settings_person_panel"):
        st.subheader("Who you are", anchor=False)
        st.text_input(
            "Name", me(), key="settings_person", max_chars=80, on_change=_take_person,
            help="Kept for this browser session",
        )  # fmt: skip
        st.caption(
            "Approvals and the log name you like this. It is a name, not a login: whoever can open this app"
            " can write any name here. For good: SAGA_USER."
        )


def _take_person() -> None:
    name = " ".join(str(st.session_state.get("settings_person") or "").split())
    if name:
        st.session_state["person"] = name
    else:
        st.session_state.pop("person", None)


def settings_panel() -> None:
    """Draw each setting with its value and where it is set."""
    with st.container(border=True, key="settings_table_panel"):
        st.subheader("In force", anchor=False)
        st.caption(
            "Set by the environment variable, or by the key in `.streamlit/secrets.toml`; the variable wins."
            " Changes count from the next start."
        )
        rows = [
            {
                "Setting": row.name,
                "Value": row.value,
                "": "default" if row.is_default else "set",
                "Environment variable": row.variable,
                "secrets.toml": row.secret,
                "Meaning": row.meaning,
            }
            for row in setting_rows(studio().settings)
        ]
        st.dataframe(
            rows, hide_index=True, key="settings_table",
            column_config={
                "Value": st.column_config.TextColumn(width="medium"),
                "": st.column_config.TextColumn(width=76),
                "Meaning": st.column_config.TextColumn(width="large"),
            },
        )  # fmt: skip


def store_panel() -> None:
    """Draw where everything is kept, and how safely."""
    about = studio().store.describe()
    with st.container(border=True, height="stretch", key="settings_store"):
        st.subheader("Where it is kept", anchor=False)
        trouble = str(getattr(studio().store, "trouble", "") or "")
        if trouble:
            st.error(escape(trouble), icon=":material/database_off:")
        pairs([("Data folder", str(studio().settings.data_dir.resolve())), *store_rows(about)])
        if note := journal_note(about):
            st.caption(note)


def engine_panel() -> None:
    """Draw which engine this is, where the practice world runs, and which functions sagas can call."""
    with st.container(border=True, height="stretch", key="settings_engine"):
        st.subheader("Engine", anchor=False)
        alive = len(studio().store.drivers())
        where = "beside this app" if studio().world is not None else "elsewhere"
        pairs(
            [
                ("Engine", studio().engine.id),
                ("Engines on this database", str(alive)),
                (f"Practice world, {where}", masked(studio().sandbox_url)),
            ]
        )
        st.markdown("**Functions that `python` steps can call**")
        plain(", ".join(FUNCTIONS.names))
        st.caption(
            "SAGA_FUNCTIONS names modules that register more; the Guide's chapter on the format shows how."
        )


def models_panel() -> None:
    """Draw the models and whether each can be used."""
    default = studio().settings.model
    listed: Sequence[Any] = getattr(studio().llm, "models", list)()
    known = {choice.name for choice in listed}
    with st.container(border=True, height="stretch", key="settings_models"):
        st.subheader("Models", anchor=False)
        for choice in listed:
            _model(choice.name, choice.note, choice.available, is_default=choice.name == default)
        if default not in known:
            note = "through LiteLLM, with the key in its provider's environment variable"
            _model(default, note, None, is_default=True)
        st.caption(
            "Steps that name no model take the default. Any LiteLLM name works in a step, such as"
            " `anthropic/…`, `openai/…` or `ollama/…`; keys are read from the provider's own environment"
            " variables and are never shown or stored."
        )


def _model(name: str, note: str, available: bool | None, *, is_default: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{escape(name)}**")
        if is_default:
            draw(Badge("Default", "star", "blue"))
        match available:
            case True:
                draw(Badge("Ready", "check_circle", "green"))
            case False:
                draw(Badge("Not available", "error", "red"))
            case _:
                draw(Badge("Only a call can tell", "help", "gray"))
        st.caption(escape(note))


def versions_panel() -> None:
    """Draw the versions, and where the look comes from."""
    with st.container(border=True, height="stretch", key="settings_versions"):
        st.subheader("Versions", anchor=False)
        table = [{"Package": name, "Version": said} for name, said in version_rows()]
        st.dataframe(table, hide_index=True, key="settings_versions_table", height="content")
        st.caption(
            "Light or dark follows your system; the menu at the top right (⋮) chooses."
            " Colours and fonts: `[theme]` in `.streamlit/config.toml`."
        )


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Draw names and values; the values as plain text."""
    for name, value in rows:
        left, right = st.columns([1, 2.4], gap="small")
        left.caption(escape(name))
        right.text(value)
