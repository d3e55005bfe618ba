"""The run page: how one run stands, what it asks of people, and everything that happened in it."""

from __future__ import annotations

import streamlit as st

from ui.components.incidents import draw_run_incidents
from ui.components.live import live
from ui.components.memory_run import draw_memory
from ui.components.run_attention import draw_attention
from ui.components.run_commands import show_outcome
from ui.components.run_dialogs import draw_dialog
from ui.components.run_graph import draw_graph
from ui.components.run_header import draw_header
from ui.components.run_progress import draw_progress
from ui.components.run_replan import draw_plannings
from ui.components.run_rollback import draw_story
from ui.components.run_views import draw_deeds, draw_views
from ui.models.verdict_ask import verdict_questions
from ui.session import RunView, run_view

TICK_S = 1.0
ENDED_TICK_S = 5.0  # nothing is added to a run that has ended, but incidents come later


def stamp(view: RunView) -> tuple[str, bool, int]:
    """Return what the parts around the live bands depend on: a change reruns the whole page."""
    run = view.run
    asked = sum(step.status == "awaiting_approval" for step in run.steps.values())
    return run.id, run.is_closed, asked + len(verdict_questions(run))


def bands(run_id: str, drawn: tuple[str, bool, int]) -> None:
    """Draw the five bands; called again at each tick while the run is open."""
    view = run_view(run_id)
    if view is None or stamp(view) != drawn:
        st.rerun()
    run, history = view.run, view.history
    show_outcome()
    draw_header(view)
    if run.is_closed:
        draw_run_incidents(run.id)
    draw_attention(run, history)
    draw_progress(run)
    draw_story(run, history)
    draw_plannings(run, history)
    draw_graph(run, history)
    draw_views(run, history)
    draw_memory(run)
    draw_deeds(run, history)


def missing(run_id: str) -> None:
    """Say that there is no such run, and where the runs are."""
    with st.container(border=True, horizontal_alignment="center", key="run-missing"):
        st.subheader("No such run" if run_id else "No run chosen", anchor=False, width="content")
        st.text(f"There is no run '{run_id}' in this studio." if run_id else "Choose one from the list.")
        st.page_link("views/runs.py", label="All runs", icon=":material/timeline:")


wanted = st.query_params.get("id", "")
found = run_view(wanted) if wanted else None
if found is None:
    missing(wanted)
else:
    draw_dialog(found.run)
    live(ENDED_TICK_S if found.run.is_closed else TICK_S)(bands)(wanted, stamp(found))
