"""The events of a step in the inspector: what it hears, what it causes, and what its failure causes."""

from __future__ import annotations

import streamlit as st

from ui.components import design_state as state
from ui.components.design_fields import form, rows, show_problems
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.draft_events import EMIT_FIELDS, FAIL_FIELDS, HEAR_FIELDS, emitted, events_in, heard, new_event
from ui.models.draft_problems import Finding, at


def draw_events(step: str, body: ops.Document, findings: list[Finding]) -> None:
    """Draw what a step hears and emits; open where there is something."""
    base, prefix = ("steps", step), f"designer-step-{step}"
    is_open = bool(heard(body) or emitted(body))
    with st.expander("Events", key=f"{prefix}-events", icon=":material/campaign:", expanded=is_open):
        form(HEAR_FIELDS, base, prefix, findings)
        known = [event for event in events_in(state.current().document) if event not in emitted(body)]
        if known:
            st.caption(escape(f"Others emit {', '.join(known)}. Join them by && and ||."))
        st.markdown("**When it is done**")
        fresh = new_event(state.current().document)
        rows(
            EMIT_FIELDS,
            (*base, "emits"),
            f"{prefix}-emits",
            findings,
            noun="event",
            new=lambda _: {"event": fresh},
        )
        form(FAIL_FIELDS, base, prefix, findings)
        show_problems(
            [f for f in at(findings, f"steps.{step}.emits") if f.problem.path == f"steps.{step}.emits"]
        )
