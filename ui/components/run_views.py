"""The view switch of the Run page: timeline, table, checks, events, facts, states, rollback, timetable; one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run
from ui.components.chart import chart
from ui.components.run_commands import now
from ui.components.run_facts import draw_facts
from ui.components.run_gantt import draw_gantt
from ui.components.run_place import go, here, pick_key
from ui.components.run_rollback import draw_rollback
from ui.components.run_state import draw_state
from ui.components.run_validation import draw_checks
from ui.components.steady_table import steady_table
from ui.components.text import escape, theme_type
from ui.models.run_events import MAX_EVENTS, deeds, event_json, lines_of, log_json, matching_events, type_name
from ui.models.run_graph import cost_of, spent
from ui.models.run_inspect import shortened
from ui.models.run_places import choosable, is_composite, table_steps, title_in
from ui.models.run_timeline import FEW_INSIDE, MAX_INSIDE, openable, run_timeline
from ui.models.run_words import clock_ms, counted, has_clock, titles_of
from ui.models.status import effect_look, kind_look, step_look
from ui.models.step_words import shown_status, status_words
from ui.models.timeline import figure

MAX_DEEDS: Final = 100


def draw_views(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the switch and the chosen view of a run."""
    chosen = st.segmented_control(
        "View",
        [view for view in _VIEWS if view != "Timetable" or run.clock is not None],
        default="Timeline",
        key=f"run-{run.id}-view",
        required=True,
        label_visibility="collapsed",
    )
    with st.container(key=f"run-{run.id}-view-{(chosen or 'Timeline').lower()}"):
        _VIEWS[chosen or "Timeline"](run, history)


def draw_deeds(run: Run, history: Sequence[Recorded]) -> None:
    """Draw who did what and why, in whole sentences: a data frame would cut them, and holds up the browser as it comes."""
    found = deeds(history, titles_of(run), clock=has_clock(run))
    st.subheader("Who did what, and why", anchor=False)
    if len(found) > MAX_DEEDS:
        st.caption(f"The last {MAX_DEEDS} of {counted(len(found), 'deed')}; all are among the events.")
    rows = [
        (escape(clock_ms(deed.at)), escape(deed.who), escape(deed.did), escape(deed.why))
        for deed in found[-MAX_DEEDS:]
    ]
    head = [("Time, UTC", "Who", "What", "Why"), ("---",) * 4]
    with st.container(key="run-deeds"):
        st.markdown("\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows]))


def _timeline(run: Run, history: Sequence[Recorded]) -> None:
    opened = _opened(run)
    drawn = run_timeline(run, history, now(), opened)
    chart(figure(drawn, theme_type()), key=f"run-{run.id}-time")


def _opened(run: Run) -> list[str]:
    """Draw the switches that open composite steps in place, and return those that are open; large ones are not at first."""
    key, found = f"run-{run.id}-time-inside", openable(run)
    if not found:
        return []
    turned = st.session_state.setdefault(key, [])
    opened = [name for name, count in found.items() if (count <= FEW_INSIDE) != (name in turned)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-switches"):
        st.caption("Steps inside", width="content")
        for name, count in found.items():
            icon, verb = ("unfold_less", "Fold") if name in opened else ("unfold_more", "Show")
            words = f"{verb} the steps inside" + (f"; the first {MAX_INSIDE}" if count > MAX_INSIDE else "")
            st.button(f"{escape(title_in(run, name))} · {count:,}", key=f"{key}-{name}", icon=f":material/{icon}:",
                      type="tertiary", help=words, on_click=_turn_inside, args=(key, name))  # fmt: skip
    return opened


def _turn_inside(key: str, name: str) -> None:
    turned = st.session_state.get(key, [])
    st.session_state[key] = [other for other in turned if other != name] + [name] * (name not in turned)


def _pick(run_id: str, names: list[str]) -> None:
    chosen = st.session_state[f"run-{run_id}-table"]["selection"]["rows"]
    name = names[chosen[0]] if chosen else None
    if name is not None:
        go(run_id, name.rpartition(".")[0])
    st.session_state[pick_key(run_id)] = name


def _table(run: Run, _history: Sequence[Recorded]) -> None:
    steps = table_steps(run, here(run))
    words = [status_words(run, step) for step in steps]
    families = [step_look(shown_status(run, step)).family for step in steps]
    data = {
        "Step": [title_in(run, step.id) for step in steps],
        "Status": [[word] for word in words],
        "Kind": [kind_look(step.definition.kind).word for step in steps],
        "Effect": [
            "" if is_composite(step) else effect_look(step.definition.effect or "readonly").word
            for step in steps
        ],
        "Tries": [len(step.attempts) for step in steps],
        "Undo tries": [len(step.undos) for step in steps],
        "Took": [spent(step.attempts, now()) for step in steps],
        "Cost": [cost_of(step) for step in steps],
        "Reason": [step.reason for step in steps],
    }
    colours = dict(zip(words, families, strict=True))
    st.dataframe(
        data,
        hide_index=True,
        key=f"run-{run.id}-table",
        column_config={
            "Status": st.column_config.MultiselectColumn(options=list(colours), color=list(colours.values())),
            "Reason": st.column_config.TextColumn(width="large"),
        },
        on_select=lambda: _pick(run.id, [step.id for step in steps]),
        selection_mode="single-row",
        alt="The steps of this run",
    )
    left_out = len(run.steps) - len(steps)
    inside = f" {left_out:,} more are inside composite steps: open those in the graph." if left_out else ""
    st.caption(f"Select a row to see the step in the inspector.{inside}")


def _events(run: Run, history: Sequence[Recorded]) -> None:
    titles, key = titles_of(run), f"run-{run.id}-events"
    kinds = list(dict.fromkeys(recorded.event.type for recorded in history))
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}-filter"):
        step = st.selectbox(
            "Step", choosable(run), index=None, placeholder="All steps",
            format_func=lambda name: escape(titles[name]), key=f"{key}-step", width=220,
        )  # fmt: skip
        chosen = st.multiselect(
            "Type", kinds, format_func=type_name, placeholder="All types", key=f"{key}-kinds", width=320
        )
        text = st.text_input("Search", key=f"{key}-text", type="search", live="300ms", width=240)
        st.space("stretch")
        st.download_button(
            "Download as JSON",
            lambda: log_json(run, history),
            f"{run.id}.json",
            "application/json",
            key=f"{key}-download",
            icon=":material/download:",
            on_click="ignore",
        )
    found = matching_events(history, step=step, kinds=chosen, text=text or "")
    lines = lines_of(found[:MAX_EVENTS], titles, clock=has_clock(run))
    cut = f"; the newest {MAX_EVENTS:,} are shown" if len(found) > MAX_EVENTS else ""
    st.caption(f"{counted(len(found), 'event')} of {len(history)}, newest first, times in UTC{cut}")
    chosen_seq = steady_table(
        {
            "No.": [line.seq for line in lines],
            "Time": [clock_ms(line.at) for line in lines],
            "Step": [line.step for line in lines],
            "Event": [line.name for line in lines],
            "What": [line.what for line in lines],
        },
        [line.seq for line in lines],
        f"{key}-table",
        hide_index=True,
        column_config={
            "No.": st.column_config.NumberColumn(width=60),
            "What": st.column_config.TextColumn(width="large"),
        },
        alt="The log of this run",
    )
    if chosen_seq is not None:
        st.json(shortened(event_json(history, chosen_seq)))
    else:
        st.caption("Select a row to see all that it holds.")


_VIEWS: Final[dict[str, Callable[[Run, Sequence[Recorded]], Any]]] = {
    "Timeline": _timeline,
    "Table": _table,
    "Checks": draw_checks,
    "Events": _events,
    "Facts": draw_facts,
    "State": draw_state,
    "Rollback": draw_rollback,
    "Timetable": draw_gantt,
}
