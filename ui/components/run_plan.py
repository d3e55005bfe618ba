"""The plan of a run as a person may change it: its text, what that would change, and why it can't be."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.core.commands import Amend
from engine.core.document import to_yaml
from engine.core.run import Run
from ui.components.design_fields import code_font
from ui.components.run_commands import now, send
from ui.components.text import escape
from ui.models.run_plan import proposal
from ui.session import me

PLAN: Final = "plan"
"""The name of the dialog."""


def draw_plan(run: Run) -> bool:
    """Draw the plan to change, and return whether it was changed."""
    key = f"run-{run.id}-plan"
    st.caption(
        "What has begun, or was asked about, stays as it is; everything else may be added, changed or removed, for "
        "this run only. "
        "Pause the run first if it should not go on meanwhile."
    )
    code_font()
    text = st.text_area("The plan", to_yaml(run.saga.document()), height=360, key=f"{key}-text")
    found = proposal(run, text, now())
    if found.refusal:
        st.warning(escape(found.refusal), icon=":material/block:")
    else:
        st.markdown("\n".join(f"- {escape(line)}" for line in found.lines))
    reason = st.text_input(
        "Why (required)", key=f"{key}-reason", placeholder="Kept with the run", max_chars=500
    ).strip()
    wanted = st.button(
        "Change the plan", type="primary", icon=":material/edit_note:", key=f"{key}-send",
        disabled=bool(found.refusal),
    )  # fmt: skip
    if not wanted:
        return False
    if not reason:
        st.warning("Say why the plan changes: it is kept with the run.", icon=":material/edit:")
        return False
    return send(run.id, Amend(document=found.document, reason=reason, by=me()), "The plan is changed")
