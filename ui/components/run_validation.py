"""What validators said about a run's outputs: cards in the inspector, and the Checks view as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.events import Recorded
from engine.core.run import Run, StepState
from ui.components.badges import Badge, draw
from ui.components.text import escape, plain
from ui.models.run_verdicts import (
    ABSENT,
    TIERS,
    Addition,
    KeyChange,
    VerdictLine,
    additions,
    fallbacks,
    verdict_lines,
    verdict_table,
    verdicts_csv,
)
from ui.models.run_words import counted
from ui.models.status import VERDICT, step_look, verdict_look

_ALL: Final = "All"


def has_validation(step: StepState) -> bool:
    """Return whether there is anything to say about how a step was checked."""
    return bool(step.verdicts or step.fallbacks or step.augmentations)


def draw_validation(run: Run, history: Sequence[Recorded], step: StepState) -> None:
    """Draw the inspector's section: fallbacks taken, additions, and every verdict, newest first."""
    for taken in fallbacks(step):
        look = step_look("fallback")
        with st.container(border=True, gap="small"):
            draw(Badge(f"Fallback {taken.number}: {taken.what}", look.icon, look.family))
            st.caption("Taken instead of failing, because:")
            plain(taken.reason)
    for added in additions(step):
        _addition(added)
    for line in verdict_lines(run, history, step=step.id):
        draw_verdict_line(line)


def _addition(added: Addition) -> None:
    look = verdict_look("augment")
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            draw(Badge(look.word, look.icon, look.family))
            st.markdown(f"**{escape(added.validator)}**", width="content")
            by = f", {added.by} agreed" if added.by else ""
            st.caption(escape(f"try {added.attempt}{by}"), width="content")
        draw_changes(added.changes)


def draw_changes(changes: Sequence[KeyChange]) -> None:
    """Draw the keys of an output that differ, before and after."""
    if not changes:
        st.caption("Nothing: the output has it all already.")
    for change in changes:
        st.caption(escape(change.key))
        sides = (("-", change.before), ("+", change.after))
        shown = "\n".join(f"{sign} {value}" for sign, value in sides if value != ABSENT)
        st.code(shown, language="diff", wrap_lines=True)


def draw_verdict_line(line: VerdictLine) -> None:
    """Draw one verdict: what was said and by whom, on what grounds, at what price, and who decided after it."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            draw(Badge(line.look.word, line.look.icon, line.look.family))
            st.markdown(f"**{escape(line.validator)}**", width="content")
            if line.by:
                draw(Badge(f"by {line.by}", "person", "gray"))
        plain(line.evidence)
        facts = [line.kind, f"{line.check}, {TIERS[line.tier]}", f"on {line.where}", f"try {line.attempt}"]
        facts += [part for part in (line.votes and f"{line.votes} accept", line.latency, line.cost) if part]
        st.caption(escape(" · ".join(facts)))
        if line.decided:
            st.markdown(f":material/person: {escape(line.decided)}")


def draw_checks(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the Checks view of the Run page: all verdicts as a table, with filters and an export."""
    every = verdict_lines(run, history)
    if not every:
        _none_yet(run)
        return
    lines = _filtered(run, history, every)
    words = {look.word: look.family for look in VERDICT.values()}
    st.dataframe(
        verdict_table(lines),
        hide_index=True,
        key=f"run-{run.id}-checks-table",
        column_config={
            "Verdict": st.column_config.MultiselectColumn(options=list(words), color=list(words.values())),
            "Evidence": st.column_config.TextColumn(width=360),
            "Stands on": st.column_config.TextColumn(width="medium"),
        },
        alt="What validators said in this run",
    )


def _filtered(run: Run, history: Sequence[Recorded], every: Sequence[VerdictLine]) -> list[VerdictLine]:
    key = f"run-{run.id}-checks"
    said = list(dict.fromkeys(line.verdict for line in every))
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}-filter"):
        verdicts = st.multiselect(
            "Verdict", said, placeholder="All verdicts", key=f"{key}-verdicts", width=320,
            format_func=lambda verdict: verdict_look(verdict).word,
        )  # fmt: skip
        tier = st.segmented_control(
            "Looks at", [_ALL, *TIERS], default=_ALL, required=True, key=f"{key}-tier",
            format_func=lambda name: TIERS.get(str(name), str(name)).capitalize(),
        )  # fmt: skip
        st.space("stretch")
        found = verdict_lines(run, history, verdicts=verdicts, tier=None if tier == _ALL else tier)
        st.download_button(
            "Download as CSV", lambda: verdicts_csv(found), f"{run.id}-checks.csv", "text/csv",
            key=f"{key}-download", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.caption(f"{counted(len(found), 'verdict')} of {len(every)}, newest first, times in UTC")
    return found


def _none_yet(run: Run) -> None:
    saga = run.saga
    declared = [*saga.validate_, *saga.edges, *(v for step in saga.steps.values() for v in step.validate_)]
    with st.container(border=True, key=f"run-{run.id}-checks-empty"):
        if declared:
            st.text("No output has been checked yet. The verdicts appear here as they are given.")
        else:
            st.text(
                "This saga has no validators, so outputs count unchecked. Add some in the Designer, under Validate."
            )
