"""The State view of the Run page: a run at any moment in three dimensions, and where two moments differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from engine.core.dimensions import MAX_DIFFERENCES, Dimensions, difference
from engine.core.dimensions import moment as dimensions_at
from engine.core.events import Recorded
from engine.core.run import Run
from engine.core.saga import Saga
from ui.components.badges import draw, step_badge
from ui.components.run_commands import now
from ui.components.run_dialogs import RESTORE, open_dialog
from ui.components.text import escape, plain
from ui.models.run_events import event_json
from ui.models.run_inspect import shortened
from ui.models.run_places import choosable
from ui.models.run_state import Moment, moment, no_restore, state_json
from ui.models.run_state_tables import (
    attempt_rows,
    checkpoint_rows,
    condition_rows,
    difference_rows,
    entity_rows,
    invariant_rows,
)
from ui.models.run_words import clock, counted, titles_of
from ui.models.status import step_look

KEPT: Final = 32
"""How many past moments stay folded; the past never changes, so a tick of the page folds none of them again."""

MAX_BADGES: Final = 60
"""How many steps are named with how they stood."""


def draw_state(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the slider over the log, and the chosen part of what the run was then."""
    key = f"run-{run.id}-state"
    seq = _chosen_moment(key, len(history))
    _moment_head(_moment_at((run.id, seq), run.first_plan, history))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-head"):
        part = st.segmented_control(
            "Part",
            list(_PARTS),
            default=_FIRST,
            key=f"{key}-part",
            required=True,
            label_visibility="collapsed",
        )
        st.space("stretch")
        st.download_button(
            "Download as JSON",
            lambda: state_json(_state(run, history, seq)),
            f"{run.id}-at-{seq}.json",
            "application/json",
            key=f"{key}-download",
            icon=":material/download:",
            on_click="ignore",
        )
    _PARTS[part or _FIRST](run, history, seq)


def _state(run: Run, history: Sequence[Recorded], seq: int) -> Dimensions:
    return _state_at((run.id, seq), run.first_plan, history)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _state_at(at: tuple[str, int], _saga: Saga, _history: Sequence[Recorded]) -> Dimensions:
    return dimensions_at(_saga, _history, at[1])


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _moment_at(at: tuple[str, int], _saga: Saga, _history: Sequence[Recorded]) -> Moment:
    return moment(_saga, _history, at[1])


def _chosen_moment(key: str, last: int) -> int:
    """Draw the slider over the log and return the chosen event.

    A slider whose end changes starts anew, so it only grows with the log while it stands at its end.
    """
    chosen, top = st.session_state.get(f"{key}-seq"), st.session_state.get(f"{key}-top", last)
    top = last if chosen is None or chosen >= top else top
    st.session_state[f"{key}-top"] = top
    if top < 2:
        return top
    seq = st.slider(
        "Moment: the state right after this event", 1, top, top, key=f"{key}-seq", format="event %d"
    )
    if top < last:
        newer = counted(last - top, "newer event")
        st.caption(f"{newer}. Move the slider to its end to follow the run.")
    return seq


def _moment_head(past: Moment) -> None:
    parts = [f"Event {past.seq}", f"{clock(past.at)} UTC", past.event, past.step, f"run: {past.run}"]
    st.caption(escape(" · ".join(part for part in parts if part)))


def _changes(past: Moment) -> None:
    for key in past.keys:
        before, after = (json.dumps(value, ensure_ascii=False) for value in (key.before, key.after))
        st.caption(escape(key.key))
        st.code(f"{before}  →  {after}", language=None, wrap_lines=True)
    for step in past.steps:
        plain(f"{step.title}: {step.before} → {step.after}")
    if not past.keys and not past.steps:
        st.caption("Neither a key of the application state nor a step's status.")


def _what_happened(run: Run, history: Sequence[Recorded], seq: int) -> None:
    past = _moment_at((run.id, seq), run.first_plan, history)
    cause, changed, then = st.columns(3, gap="medium")
    with cause:
        st.markdown("**What happened**")
        plain(past.what)
        st.json(shortened(event_json(history, past.seq)), expanded=2)
    with changed:
        st.markdown("**What that changed**")
        _changes(past)
    with then:
        st.markdown("**Steps then**")
        with st.container(horizontal=True, gap="xsmall"):
            begun = [each for each in past.statuses if each[1] != "pending"]
            for title, status in begun[:MAX_BADGES]:
                draw(step_badge(status, word=f"{title}: {step_look(status).word.lower()}"))
        if len(begun) > MAX_BADGES:
            st.caption(f"and {len(begun) - MAX_BADGES:,} more")


def _application(run: Run, history: Sequence[Recorded], seq: int) -> None:
    key = f"run-{run.id}-state"
    state = _state(run, history, seq)["application"]
    titles = titles_of(run)
    entities, checkpoints = st.columns(2, gap="medium")
    with entities:
        st.markdown("**Application state then**")
        _table(entity_rows(state), f"{key}-entities", "The application state was empty.")
        refused = no_restore(run, seq, now())
        if st.button(
            "Restore to this moment",
            key=f"{key}-restore",
            icon=":material/history:",
            disabled=bool(refused),
            help=escape(refused) if refused else "Set the application state back to what it was then",
        ):
            open_dialog(f"{RESTORE}{seq}")
        if refused:
            st.caption(f"No restore now: {escape(refused)}")
    with checkpoints:
        st.markdown("**Invariants then**")
        _table(invariant_rows(state), f"{key}-invariants", "This saga has no invariants.")
        st.markdown("**Checkpoints: every write until then**")
        _table(checkpoint_rows(state, titles), f"{key}-checkpoints", "Nothing had been written.")


def _operations(run: Run, history: Sequence[Recorded], seq: int) -> None:
    step = _chosen_step(run, history, seq)
    told = _state(run, history, seq)["operation"][step]
    tries, record = st.columns(2, gap="medium")
    with tries:
        st.markdown("**Tries until then**")
        _table(attempt_rows(told), f"run-{run.id}-state-tries", "No try had begun.")
    with record:
        st.markdown("**All that is known of it**")
        st.json(told, expanded=1)


def _dependencies(run: Run, history: Sequence[Recorded], seq: int) -> None:
    state = _state(run, history, seq)["dependency"]
    st.markdown("**What each step waits for**")
    _table(condition_rows(state, titles_of(run)), f"run-{run.id}-state-conditions", "There are no steps.")
    step = _chosen_step(run, history, seq)
    own, shared = st.columns(2, gap="medium")
    with own:
        st.markdown("**What it went by**")
        st.json(state["steps"][step], expanded=1)
    with shared:
        st.markdown("**Locks, and checks over several steps**")
        st.json({"locks": state["locks"], "boundaries": state["boundaries"]}, expanded=2)


def _comparison(run: Run, history: Sequence[Recorded], seq: int) -> None:
    key = f"run-{run.id}-state"
    asked = st.number_input(
        "Compare with the state right after event", 1, value=max(seq - 1, 1), key=f"{key}-other", width=320
    )
    other = min(int(asked), len(history))
    if other != asked:
        st.caption(f"The log ends with event {other}; compared with that.")
    states = [_state(run, history, each) for each in sorted((seq, other))]
    found = difference(*states)
    earlier, later = sorted((seq, other))
    more = ", and there are more" if len(found) == MAX_DIFFERENCES else ""
    st.caption(f"{counted(len(found), 'difference')} between event {earlier} and event {later}{more}")
    _table(difference_rows(found), f"{key}-differences", "Nothing differs.")


def _chosen_step(run: Run, history: Sequence[Recorded], seq: int) -> str:
    """Draw the choice of a step, at first that of the event, and return it."""
    titles = titles_of(run)
    of_event = str(getattr(history[seq - 1].event, "step", None) or "")
    names = choosable(run)
    if of_event in run.steps and of_event not in names:
        names = [of_event, *names]
    return st.selectbox(
        "Step", names, index=names.index(of_event) if of_event in names else 0,
        format_func=lambda name: escape(titles[name]), key=f"run-{run.id}-state-step", width=320,
    )  # fmt: skip


def _table(rows: Sequence[dict[str, Any]], key: str, nothing: str) -> None:
    if not rows:
        st.caption(nothing)
        return
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    st.dataframe(columns, hide_index=True, key=key, alt=key)


_FIRST: Final = "What happened"
_PARTS: Final[dict[str, Callable[[Run, Sequence[Recorded], int], None]]] = {
    _FIRST: _what_happened,
    "Application": _application,
    "Operations": _operations,
    "Dependencies": _dependencies,
    "Differences": _comparison,
}
