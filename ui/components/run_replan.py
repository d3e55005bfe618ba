"""The rounds of planning anew on the Run page: what was proposed, what code found, what it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.badges import Badge, draw
from ui.components.text import escape
from ui.models.run_replan import Planned, PlanRound, plannings
from ui.models.run_words import clock, counted
from ui.models.status import Family

VERDICTS: Final[dict[str, tuple[str, str, Family]]] = {
    "open": ("Asked", "hourglass_top", "blue"),
    "failed": ("No answer", "error", "red"),
    "refused": ("Refused", "block", "yellow"),
    "admitted": ("Admitted", "check_circle", "green"),
}


def draw_plannings(run: Run, history: Sequence[Recorded]) -> None:
    """Draw how the rest of a run was planned anew, the last time first; nothing where it never was."""
    found = plannings(history)
    for number, planned in zip(range(len(found), 0, -1), found, strict=True):
        key = f"run-{run.id}-planning-{number}"
        label = f"Planned anew at {clock(planned.at)} UTC: {counted(len(planned.rounds), 'round')}"
        with st.expander(escape(label), key=key, icon=":material/alt_route:", expanded=planned.open):
            _draw_planning(planned, key)


def _draw_planning(planned: Planned, key: str) -> None:
    st.caption(escape(f"Because: {planned.reason}"))
    for one in planned.rounds:
        with st.container(border=True, key=f"{key}-round-{one.number}", gap="small"):
            _draw_round(one, f"{key}-round-{one.number}")
    st.markdown(f"**{escape(planned.ended)}**")


def _draw_round(one: PlanRound, key: str) -> None:
    word, icon, family = VERDICTS[one.verdict]
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(Badge(word, icon, family))
        st.markdown(f"**Round {one.number}**", width="content")
        st.caption(escape(_facts(one)), width="stretch")
    if one.reason:
        st.markdown(escape(f"{one.by} says: {one.reason}"))
    proposal, found = st.columns(2, gap="medium")
    with proposal:
        st.markdown("\n".join(f"- {escape(line)}" for line in one.lines) or "No proposal yet.")
        if one.patch:
            st.code(one.patch, language="yaml", wrap_lines=True)
    with found:
        st.markdown("\n".join(f"- {escape(line)}" for line in one.findings))
        st.caption(escape(one.told))
    if one.prompt:
        with st.expander("What the model was asked", key=f"{key}-prompt"):
            st.code(one.prompt, language=None, wrap_lines=True)


def _facts(one: PlanRound) -> str:
    asked = f"asked with {one.asked:,} tokens at most" if one.asked else ""
    return " · ".join(part for part in (one.scope, asked, f"took {one.spent}" if one.spent else "") if part)
