"""The forms that disturb a run on purpose: faults of calls, changes of the world and of the task, the studio itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final, cast, get_args

import streamlit as st
from pydantic import ValidationError

from engine.core.commands import Disrupt, Lift
from engine.core.disruption_kinds import OF_CALLS, OF_THE_PROCESS, LimitName
from engine.core.facts import ledger
from engine.core.run import Run
from ui.components.run_commands import now, press, send
from ui.components.run_repair import draw_ways
from ui.components.text import escape
from ui.models.run_actions import disruptable
from ui.models.run_disrupt import GROUPS, HINTS, Kind, foresee, label_of, not_yet, standing_rows
from ui.models.run_facts import reach
from ui.models.run_repair import FOLLOWS, what_follows
from ui.models.run_words import counted, titles_of
from ui.session import me

KEY: Final = "run-disrupt"
DONE: Final = "Planted. It strikes when its time comes"
GUESSED: Final = 5.0


def draw_disrupt(run: Run, group: str) -> bool:
    """Draw the form for one group of kinds; return whether a disruption was just sent."""
    if st.session_state.pop(f"{KEY}-sent", False):
        return True
    kinds = GROUPS[group]
    name = st.segmented_control(
        "Kind", list(kinds), default=next(iter(kinds)), required=True, key=f"{KEY}-kind-{group}",
        format_func=lambda one: kinds[one].word,
    ) or next(iter(kinds))  # fmt: skip
    st.caption(kinds[name].caption)
    if "step" in kinds[name].asks and not _steps(run, name):
        st.info("No step of this run is in a state for that.", icon=":material/info:")
        return False
    values = _fields(run, name, kinds[name])
    left, right = st.columns(2)
    with left:
        begins = st.number_input("Begins after (s)", 0.0, 86400.0, 0.0, key=f"{KEY}-from")
    with right:
        lasts = st.number_input(
            "Lasts (s), empty = to the end", 0.0, 86400.0, None, key=f"{KEY}-for", placeholder="to the end"
        )
    values["reason"] = st.text_input(
        "What happened", key=f"{KEY}-reason", placeholder="Kept with the run", max_chars=500
    )
    command = _command({"kind": name, **values}, begins, lasts)
    possible = command is not None and _preview(run, command, later=bool(begins))
    st.button(
        "Plant it" if group == "Plant a fault" else "Let it happen", type="primary", icon=":material/bolt:",
        key=f"{KEY}-send", disabled=not possible, on_click=_send, args=(run.id, command),
    )  # fmt: skip
    return False


def _send(run_id: str, command: Disrupt) -> None:
    st.session_state[f"{KEY}-sent"] = send(run_id, command, DONE)


def _steps(run: Run, kind: str) -> dict[str, str]:
    """Return the steps that a kind can name, with their titles."""
    titles = titles_of(run)
    if kind == "cancelled_booking":
        return {
            n: titles[n]
            for n, s in run.steps.items()
            if s.status == "committed" and s.maybe_landed and not s.gone
        }
    if kind == "withdraw_approval":
        return {
            n: titles[n]
            for n, s in run.steps.items()
            if s.approval and s.approval.status in {"approved", "consumed"}
        }
    return {target.step: target.title for target in disruptable(run, now()) if not target.refusal}


def _fields(run: Run, kind: str, form: Kind) -> dict[str, Any]:
    """Draw what a kind asks for, and return it as plain values; what is left empty is left out."""
    found = {name: _field(run, kind, name) for name in form.asks}
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _field(run: Run, kind: str, name: str) -> Any:
    key, label = f"{KEY}-{name}", label_of(kind, name)
    if name in {"step", "steps", "path", "phase"}:
        return _pick(run, kind, name, key)
    if name == "times":
        least = 0 if kind in {"tool_down", "model_down"} else 1
        return int(st.number_input(label, least, 100, least, key=f"{key}-{least}"))
    if name in {"delay_s", "seconds"}:
        return st.slider(label, 0.0, 60.0, GUESSED, 0.5, key=key)
    if name == "factor":
        return st.number_input(
            label, 0.0, 100.0, None, key=f"{key}-{kind}", placeholder="leave empty for none"
        )
    if name in {"value", "output"}:
        text = st.text_input(label, key=key, placeholder="JSON or plain text")
        return _parsed(text) if text else None
    return _words(run, kind, name, key)


def _pick(run: Run, kind: str, name: str, key: str) -> Any:
    label = label_of(kind, name)
    if name == "path":
        return _path(run, label, key)
    if name == "phase":
        words = {"forward": "Its call", "undo": "Its undo", "probe": "Its look"}
        return st.segmented_control(
            label, list(words), default="forward", format_func=words.__getitem__, key=key
        )
    titles = _steps(run, kind) if name == "step" else titles_of(run)
    if name == "step":
        return st.selectbox(label, list(titles), format_func=lambda one: escape(titles[one]), key=key)
    return st.multiselect(label, list(titles), format_func=lambda one: escape(titles[one]), key=key)


def _words(run: Run, kind: str, name: str, key: str) -> Any:
    label = label_of(kind, name)
    if name == "limit":
        return st.selectbox(label, list(get_args(LimitName)), key=key)
    if name == "allowed":
        return st.number_input(label, 0.0, None, None, key=key)
    if name == "resource":
        return st.selectbox(label, list(run.locks), key=key, accept_new_options=True, index=None)
    if name == "name" and kind == "relax":
        there = [*(i.name for i in run.saga.invariants), *run.saga.constraints, *run.constraints]
        return st.selectbox(
            label, [one for one in there if one not in run.relaxed], key=f"{key}-relax", index=None
        )
    return st.text_input(f"{label}{HINTS.get(name, '')}", key=key)


def _path(run: Run, label: str, key: str) -> str | None:
    paths = [fact.path for fact in ledger(run) if not fact.path.startswith("said.")]
    given = st.session_state.get(key)
    if given and given not in paths:
        paths = [given, *paths]
    return cast("str | None", st.selectbox(label, paths, index=None, key=key, accept_new_options=True))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _command(what: dict[str, Any], begins: float, lasts: float | None) -> Disrupt | None:
    """Return the command for what a form says, or None, with the reason, where that is none yet."""
    moment = now()
    start = moment + timedelta(seconds=begins) if begins else None
    end = (start or moment) + timedelta(seconds=lasts) if lasts else None
    try:
        return Disrupt.model_validate({"what": what, "effective_from": start, "until": end, "by": me()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        st.caption(escape(f"Not yet: {not_yet(what['kind'], first)}"))
        return None


def _preview(run: Run, command: Disrupt, *, later: bool) -> bool:
    """Draw what would follow from a change of the world or of the task; return whether it is possible."""
    what = command.what
    if isinstance(what, (*OF_CALLS, *OF_THE_PROCESS)) or later:
        return True
    found = foresee(run, what)
    if found.refusal:
        st.warning(escape(f"Not possible: {found.refusal}"), icon=":material/block:")
        return False
    for note in found.notes:
        st.caption(escape(note))
    if not found.stale:
        st.info("No step that has acted relied on it: nothing is undone.", icon=":material/info:")
        return True
    way = what_follows(run)
    st.markdown(FOLLOWS[way])
    draw_ways(run, found.stale, command, key=f"{KEY}-ways", follows=way)
    _draw_reach(run, found.stale)
    return True


def _draw_reach(run: Run, stale: tuple[str, ...]) -> None:
    rows = reach(run, stale)
    with st.expander(f"Why these: {counted(len(rows), 'step')}, by dependency and by data"):
        st.caption(
            "What is undone goes by the dependencies. Where data alone would not reach a step, that is said."
        )
        st.dataframe(
            {
                "Step": [row.title for row in rows],
                "By dependency": [row.by_dependency for row in rows],
                "By data": [row.by_data for row in rows],
            },
            hide_index=True,
            key=f"{KEY}-reach",
        )


def draw_standing(run: Run, key: str) -> None:
    """Draw the disruptions that a run knows of, each with a way to end it."""
    rows = standing_rows(run, now())
    if not rows:
        return
    st.markdown(f"**{counted(len(rows), 'disruption')}**")
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-{row.seq}"):
            st.markdown(f":material/bolt: {escape(row.what)}", width="content")
            st.caption(escape(f"{row.by}, {row.state}"), width="stretch")
            if row.open and not run.is_closed:
                st.button(
                    "End it", key=f"{key}-{row.seq}-lift", type="tertiary", on_click=press,
                    args=(run.id, Lift(disruption=row.seq, by=me()), "It is over"),
                )  # fmt: skip
