"""The Designer's header row: what is open, how it stands, and undo, redo, export, save, run."""

from __future__ import annotations

import streamlit as st

from engine.core.document import to_yaml
from engine.core.errors import DefinitionInvalid
from ui.components import design_state as state
from ui.components.badges import Badge, draw
from ui.components.design_marks import header_marks
from ui.components.design_state import Design, Standing
from ui.components.start_run import ask_to_run
from ui.components.text import escape
from ui.models.draft import title_of
from ui.models.draft_problems import tally, why_not_ready


def design_header(design: Design, standing: Standing) -> None:
    """Draw the header."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="designer-head"):
        st.header(escape(title_of(design.whole)), anchor=False, width="content")
        for badge in badges(standing):
            draw(badge)
        header_marks()
        st.space("stretch")
        _history_buttons(design)
        st.download_button(
            "Export", to_yaml(design.whole), f"{design.name or 'saga'}.yaml", "application/yaml",
            key="designer-export", icon=":material/download:", on_click="ignore", help="The saga as a YAML file",
        )  # fmt: skip
        _ready_buttons(standing)


def badges(standing: Standing) -> list[Badge]:
    """Return what the header says about the draft: draft or saved, and how many problems."""
    found = []
    if standing.is_draft:
        found.append(
            Badge(
                f"Draft of v{standing.next_version}",
                "edit",
                "yellow",
                "Kept as you go; not saved as a version yet",
            )
        )
    if standing.versions:
        found.append(Badge(f"v{standing.versions[0].version} saved", "check_circle", "green"))
    errors, warnings = tally(standing.findings)
    if errors:
        found.append(Badge(_count(errors, "problem"), "error", "red"))
    if warnings:
        found.append(Badge(_count(warnings, "warning"), "warning", "orange"))
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _history_buttons(design: Design) -> None:
    past, future = len(design.history.past), len(design.history.future)
    st.button("Undo", key="designer-undo", icon=":material/undo:", type="tertiary", on_click=state.undo,
              disabled=not past, help=f"Take back the last of {past} changes" if past else "Nothing to take back")  # fmt: skip
    st.button("Redo", key="designer-redo", icon=":material/redo:", type="tertiary", on_click=state.redo,
              disabled=not future, help="Make it again" if future else "Nothing was taken back")  # fmt: skip


def _ready_buttons(standing: Standing) -> None:
    why = why_not_ready(standing.findings)
    saved = "" if standing.is_draft else "This is what the newest version says already"
    st.button(f"Save v{standing.next_version}" if standing.is_draft else "Saved", key="designer-save",
              icon=":material/publish:", on_click=save, disabled=bool(why or saved),
              help=escape(why or saved or "Keep the draft as a version that runs can use"))  # fmt: skip
    st.button("Run", key="designer-run", icon=":material/play_arrow:", type="primary", on_click=ask_to_run,
              args=(standing.saga,), disabled=bool(why), help=escape(why or "Ask for the inputs, then start"))  # fmt: skip


def save() -> None:
    """Save the draft as a version."""
    design = state.current()
    saga = state.standing(design).saga
    if saga is None:
        return
    try:
        version = state.publish(design, saga)
        design.said = f"Saved as version {version.version} of {version.saga}"
    except DefinitionInvalid as invalid:
        design.said = f"Not saved: {invalid}"
