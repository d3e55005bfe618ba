"""Compensations as a list in order, each with its state in words, what it sends, and why it is in."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.badges import draw, run_badge, step_badge
from ui.components.run_commands import now
from ui.components.run_repair import draw_rounds, draw_under_way
from ui.components.text import escape, plain
from ui.models.run_repaired import repaired_words
from ui.models.run_rollback import RollbackLine, Trouble, rollback_lines, tells_more, troubles, verdict
from ui.models.run_words import clock_ms, headline, titles_of
from ui.models.undo_cost import price_words

MAX_LINES = 60
"""How many compensations are listed; of thousands the first ones tell the order."""


def draw_lines(lines: Sequence[RollbackLine], *, key: str) -> None:
    """Draw compensations as a numbered list."""
    with st.container(key=key, gap="small"):
        for line in lines[:MAX_LINES]:
            _line(line, key)
        if len(lines) > MAX_LINES:
            st.caption(f"and {len(lines) - MAX_LINES:,} more, in the same order")


def _line(line: RollbackLine, key: str) -> None:
    with st.container(border=True, gap=None, key=f"{key}-{line.step}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{line.number}. {escape(line.title)}**", width="content")
            draw(step_badge(line.status, word="Would be undone" if line.status == "standby" else ""))
            if line.obstacle:
                draw(step_badge("comp_failed", word="Can't be undone by the engine", help=line.obstacle))
            st.space("stretch")
            st.caption(escape(_facts(line)), width="content", text_alignment="right")
        st.caption(escape(f"{line.why[0].upper()}{line.why[1:]}. {line.turn}"))
        for text in (line.obstacle, line.note if line.note != line.obstacle else ""):
            if text:
                st.markdown(f":orange[:material/warning:] {escape(text)}")


def _facts(line: RollbackLine) -> str:
    parts = [line.action]
    if line.cost:
        parts.append(f"costs {line.cost}")
    if line.attempts > 1:
        parts.append(f"{line.attempts} tries")
    if line.took:
        parts.append(line.took)
    if line.at:
        parts.append(f"at {clock_ms(line.at)}")
    return " · ".join(part for part in parts if part)


def draw_story(run: Run, history: Sequence[Recorded]) -> None:
    """Draw in words what went wrong first, what was undone in which order, and what was not."""
    found = troubles(history, titles_of(run))
    said = verdict(run, history)
    if not found and not tells_more(run):
        return
    with st.container(border=True, key=f"run-{run.id}-story", gap="small"):
        if found:
            _trouble(found[0], first=True)
        if said:
            head = headline(run)
            with st.container(horizontal=True, vertical_alignment="top", gap="small"):
                draw(run_badge(head.status, word=head.word))
                st.markdown(escape(" ".join(said)), width="stretch")
        if len(found) > 1:
            with st.expander(f"What else was noted ({len(found) - 1})", key=f"run-{run.id}-later"):
                for trouble in found[1:]:
                    _trouble(trouble, first=False)


def _trouble(trouble: Trouble, *, first: bool) -> None:
    lead = "What went wrong first: " if first else ""
    icon = ":red[:material/flag:]" if first else ":gray[:material/schedule:]"
    st.markdown(f"{icon} **{lead}{escape(trouble.headline)}** :gray[{escape(clock_ms(trouble.at))} UTC]")
    plain(trouble.reason)


def draw_rollback(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the Rollback view: what going back would do, how far it is, or what came of it."""
    lines = rollback_lines(run, now())
    if run.repair is not None:
        for sentence in verdict(run, history):
            st.markdown(escape(sentence))
        draw_under_way(run)
    elif run.direction == "undo":
        for sentence in verdict(run, history):
            st.markdown(escape(sentence))
    elif run.status == "completed":
        before = repaired_words(run, history) or "Nothing was undone, and nothing will be."
        st.markdown(escape(f"The run completed. {before}"))
        lines = []
    elif run.pivot_passed():
        st.markdown("The point of no return is passed: from here the run only goes forward.")
        lines = []
    else:
        text = f"If the run went back now, this would happen, in this order. {price_words(run)}"
        st.markdown(escape(text) if lines else "Nothing has taken effect yet, so there is nothing to undo.")
    draw_lines(lines, key=f"run-{run.id}-rollback")
    if run.repairs:
        draw_rounds(run, history)
