"""The first band of the Run page: what it is, how it stands, its numbers, and what a person may do."""

from __future__ import annotations

import streamlit as st

from engine.core.commands import Pause, Resume
from engine.core.run import Run
from ui.components.badges import Action, Badge, Metric, header, metric_cards, run_badge
from ui.components.run_commands import now, press
from ui.components.run_dialogs import open_dialog
from ui.components.run_plan import PLAN
from ui.components.text import escape
from ui.models.run_actions import Allowed, allowed
from ui.models.run_numbers import Number, run_numbers
from ui.models.run_words import day_and_time, headline, locks_held
from ui.session import RunView, me


def draw_header(view: RunView) -> None:
    """Draw title, badges, actions and numbers of a run."""
    run, head = view.run, headline(view.run)
    badges = [run_badge(head.status, word=head.word)]
    if run.paused and head.status != "paused":
        badges.append(run_badge("paused"))
    amended = ", amended" if run.amendments else ""
    badges.append(Badge(f"{run.saga.saga} v{view.version.version}{amended}", "account_tree"))
    header(run.saga.name, badges, _actions(run, allowed(run, now())), key="run-head")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-id"):
        st.markdown(f"`{run.id}`", width="content")
        started = day_and_time(run.started_at) if run.started_at else ""
        st.caption(escape(f"started by {run.starter} on {started}"), width="content")
        held = locks_held(run)
        if held:
            st.caption(f":material/lock: {escape(held)}", width="content")
    draw_numbers(run_numbers(run, now()), key="run-numbers")


def draw_numbers(numbers: tuple[Number, ...], *, key: str) -> None:
    """Draw numbers as a row of cards."""
    cards = [
        Metric(n.label, n.value, note=n.note, trend=n.trend, trend_type="bar", help=n.help) for n in numbers
    ]
    metric_cards(cards, key=key)


def _actions(run: Run, may: Allowed) -> list[Action]:
    if run.paused:
        hold = Action(
            "Resume", "run-resume", press, (run.id, Resume(by=me()), "Resumed"), "play_arrow",
            disabled_because=may.resume,
        )  # fmt: skip
    else:
        hold = Action(
            "Pause", "run-pause", press, (run.id, Pause(by=me()), "Paused: no new call begins"), "pause",
            help="No new call begins; what is under way is still recorded", disabled_because=may.pause,
        )  # fmt: skip
    return [
        hold,
        Action(
            "Disrupt", "run-disrupt-open", open_dialog, ("disrupt",), "bolt", disabled_because=may.disrupt
        ),
        Action(
            "Change the plan",
            "run-plan-open",
            open_dialog,
            (PLAN,),
            "edit_note",
            help="Change what has not begun yet",
            disabled_because=may.amend,
        ),
        Action(
            "Cancel and undo",
            "run-cancel-open",
            open_dialog,
            ("cancel",),
            "undo",
            disabled_because=may.cancel,
        ),
    ]
