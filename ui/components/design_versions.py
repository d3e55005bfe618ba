"""The versions of the open saga: what each changed against the draft, and opening an old one."""

from __future__ import annotations

import streamlit as st

from engine.ports import SagaVersion
from ui.components import design_state as state
from ui.components.design_state import Design, Standing
from ui.models.draft_diff import yaml_diff


def draw_versions(design: Design, standing: Standing) -> None:
    """Draw the versions with the diff of the chosen one to the draft."""
    if not standing.versions:
        st.caption("No version yet. Saving makes version 1; a version never changes, and runs keep theirs.")
        return
    by_number = {version.version: version for version in standing.versions}

    def words(number: int) -> str:
        version = by_number[number]
        return f"v{number} · {version.created_at:%d %b %Y, %H:%M} UTC · {version.by}"

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        number = st.selectbox("Version", list(by_number), key="designer-version", format_func=words)
        chosen = by_number.get(number) or standing.versions[0]
        same = chosen.document == design.whole
        st.button("Open as the draft", key="designer-version-open", icon=":material/edit:", on_click=_open,
                  args=(chosen,), disabled=same, help="It is what you see" if same else "Undo brings yours back")  # fmt: skip
    names = (f"v{chosen.version}", "what you see")
    diff = yaml_diff(chosen.document, design.whole, names)
    if diff:
        st.code(diff, language="diff", wrap_lines=True)
    else:
        st.caption(f"What you see is version {chosen.version}, word for word.")


def _open(version: SagaVersion) -> None:
    state.change_whole(version.document, {})
