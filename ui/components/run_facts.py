"""The Facts view of the Run page: what the run went by, who relied on it, what is only assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.commands import JudgeAssumption
from engine.core.events import Recorded
from engine.core.facts import KnownFact, ledger
from engine.core.run import Run
from ui.components.run_commands import refuse, send
from ui.components.run_dialogs import open_dialog
from ui.components.run_disrupt import KEY, draw_standing
from ui.components.steady_table import steady_table
from ui.components.text import escape
from ui.models.run_facts import FactRow, fact_rows, short, use_rows
from ui.models.run_words import counted
from ui.session import me

CHANGES: Final = "The world changes"
WAY: Final = "run-disrupt-way"
ASKED: Final = "run-facts-asked"


def draw_facts(run: Run, _history: Sequence[Recorded]) -> None:
    """Draw the fact ledger of a run, with the disruptions that it knows of above it."""
    key = f"run-{run.id}-facts"
    draw_standing(run, f"{key}-standing")
    facts, rows = ledger(run), fact_rows(run)
    st.caption(
        f"{counted(len(rows), 'fact')}: what came from outside, and who relied on it. Select one for more."
    )
    chosen = _table(rows, key)
    for fact in facts:
        if fact.assumed is not None:
            _assumption(run, fact, key)
    for fact in facts:
        if fact.path == chosen:
            _detail(run, fact, key)


def _table(rows: list[FactRow], key: str) -> str | None:
    return steady_table(
        {
            "Fact": [row.path for row in rows],
            "Value": [row.value for row in rows],
            "Source": [row.source for row in rows],
            "Since": [row.since for row in rows],
            "Relied on by": [row.relied for row in rows],
            "Stands out": [row.state for row in rows],
        },
        [row.path for row in rows],
        f"{key}-table",
        hide_index=True,
        column_config={"Relied on by": st.column_config.TextColumn(width="medium")},
        alt="The facts that this run went by",
    )


def _assumption(run: Run, fact: KnownFact, key: str) -> None:
    """Draw an assumption with what it is, whose, and the way to accept or refuse it."""
    assumed = fact.assumed
    assert assumed is not None
    where = f"{key}-{fact.path}"
    with st.container(border=True, key=where.replace(".", "-"), gap="small"):
        st.markdown(
            f"**{escape(fact.path)}** = {escape(short(fact.value))} :gray[assumed by {escape(assumed.owner)}]"
        )
        if assumed.why:
            st.caption(escape(assumed.why))
        if run.is_closed:
            return
        with st.form(f"{where}-form", border=False):
            st.segmented_control(
                "What do you say", ["Accept", "Refuse"], key=f"{where}-choice",
                default={True: "Accept", False: "Refuse", None: None}[assumed.accepted],
                help=f"If it is refused, {escape(short(assumed.otherwise))} takes its place: steps that relied on it no "
                "longer count, and checks that used it run again",
            )  # fmt: skip
            st.text_input("Reason", key=f"{where}-reason", placeholder="Kept with the run", max_chars=500)
            st.form_submit_button("Say so", on_click=_judge, args=(run.id, fact.path, where))


def _judge(run_id: str, path: str, where: str) -> None:
    choice = st.session_state.get(f"{where}-choice")
    if choice is None:
        refuse("choose Accept or Refuse")
        return
    accepted = choice == "Accept"
    reason = str(st.session_state.get(f"{where}-reason") or "")
    said = "accepted" if accepted else "refused"
    send(run_id, JudgeAssumption(path=path, accepted=accepted, reason=reason, by=me()), f"{path} is {said}")


def _detail(run: Run, fact: KnownFact, key: str) -> None:
    st.markdown(f"**{escape(fact.path)}**")
    st.json(fact.value) if isinstance(fact.value, dict | list) else st.text(short(fact.value))
    uses = use_rows(run, fact)
    if uses:
        st.dataframe(
            {"Step": [u[0] for u in uses], "For": [u[1] for u in uses], "How": [u[2] for u in uses]},
            hide_index=True, key=f"{key}-uses",
        )  # fmt: skip
    if not run.is_closed and not fact.path.startswith("said."):
        st.button(
            "This changed…", icon=":material/update:", key=f"{key}-changed", on_click=_preset, args=(fact.path,)
        )  # fmt: skip
        if st.session_state.pop(ASKED, False):
            open_dialog("disrupt")


def _preset(path: str) -> None:
    """Have the dialog begin with a fact that has changed."""
    st.session_state[f"{KEY}-path"], st.session_state[WAY] = path, CHANGES
    st.session_state[f"{KEY}-kind-{CHANGES}"] = "fact"
    st.session_state[ASKED] = True
