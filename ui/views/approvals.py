"""The approvals page: every question that waits for a person, and one of them with all it takes to answer."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import streamlit as st

from engine.core.events import RunStarted
from engine.ports import RunFilter, RunRow
from ui.components.approval_inbox import (
    draw_decision,
    draw_detail,
    draw_gone,
    draw_inbox,
    draw_nothing,
    draw_others,
)
from ui.components.badges import Badge, header
from ui.components.incidents import draw_incidents
from ui.components.live import live
from ui.components.run_commands import now, show_outcome
from ui.models.approval_inbox import InboxItem, approval_detail, inbox, other_help, verdict_items
from ui.models.incidents import incident_cards
from ui.models.run_words import Headline, counted
from ui.models.verdict_ask import verdict_detail
from ui.session import me, my_groups, run_view, studio

TICK_S = 2.0
SHOWN = 200
KEPT_S = 15
Others = list[tuple[str, str, Headline]]


@live(TICK_S)
def live_inbox() -> None:
    """Draw the inbox and the open question; drawn again at each tick."""
    moment = now()
    rows = studio().store.rows(RunFilter(waiting_for_people=True), SHOWN)
    decisions = [item for row in rows if row.attention for item in decisions_of(row, moment)]
    inputs = {row.id: inputs_of(row.id) for row in rows if row.approvals}
    items = [*inbox(rows, moment, inputs), *decisions]
    others = other_help(rows, Counter(item.run for item in decisions))
    found = incident_cards(studio().store.incidents(), moment)
    urgent = sum(item.family == "red" for item in items)
    badges = [Badge(f"{len(items)} waiting", "how_to_reg", "yellow")] if items else []
    badges += [Badge(f"{urgent} close to the deadline", "timer", "red")] if urgent else []
    badges += [Badge(counted(len(found), "incident"), "gpp_maybe", "red")] if found else []
    header("Approvals", badges, key="approvals-head")
    show_outcome()
    if items:
        draw_questions(items, others, moment)
    else:
        if not found:
            draw_nothing()
        draw_others(others)
    if found:
        st.subheader("Incidents after the end", anchor=False)
        draw_incidents(found, linked=True)


def inputs_of(run_id: str) -> dict[str, Any]:
    """Return what a run was started with; it never changes, so it is read once."""
    kept: dict[str, dict[str, Any]] = st.session_state.setdefault("_inputs", {})
    if run_id not in kept:
        first = studio().store.history(run_id, limit=1)
        started = first[0].event if first else None
        kept[run_id] = started.input if isinstance(started, RunStarted) else {}
    return kept[run_id]


def decisions_of(row: RunRow, moment: datetime) -> list[InboxItem]:
    """Return the outputs of a run that wait for a decision; what was found is kept for some ticks."""
    kept: dict[str, tuple[tuple[int, int], list[InboxItem]]] = st.session_state.setdefault("_decisions", {})
    stamp = (row.last_seq, int(moment.timestamp() / KEPT_S))
    known, items = kept.get(row.id, ((0, 0), []))
    if known != stamp:
        view = run_view(row.id)
        items = verdict_items(row, view.run, view.history, moment, me()) if view else []
        kept[row.id] = (stamp, items)
    return items


def draw_questions(items: list[InboxItem], others: Others, moment: datetime) -> None:
    """Draw the inbox, and beside it the open question."""
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        chosen = draw_inbox(items)
        draw_others(others)
    with right:
        view = run_view(chosen.run)
        if view and chosen.kind == "verdict":
            decision = verdict_detail(view.run, view.history, chosen.step, moment, me())
            if decision is None:
                draw_gone()
            else:
                draw_decision(decision)
            return
        detail = approval_detail(view.run, chosen.step, moment, me(), my_groups()) if view else None
        if detail is None:
            draw_gone()
        else:
            draw_detail(detail)


live_inbox()
