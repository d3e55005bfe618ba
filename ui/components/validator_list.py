"""The Validators page's parts: filters, the table, one validator's days, and what stands there before any ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.ports import ValidatorStats
from ui.components.badges import Badge, draw
from ui.components.chart import chart
from ui.components.run_commands import now
from ui.components.run_header import draw_numbers
from ui.components.text import escape, plain, theme_type
from ui.models.check_forms import KINDS, TYPES
from ui.models.run_verdicts import TIERS
from ui.models.validator_table import (
    PERIODS,
    chosen,
    days_figure,
    kind_word,
    latency,
    numbers,
    share,
    since,
    table,
)
from ui.session import studio

CHOSEN: Final = "validators-chosen"
_TAUGHT: Final = ("rule", "facts", "dates", "budget", "agree", "judge")


def saga_titles() -> dict[str, str]:
    """Return how people call the published sagas, by name; those of one title by their name, too.

    A choice is known by what it reads, so no two may read the same.
    """
    titles = {version.saga: version.title for version in studio().store.versions()}
    shared = Counter(titles.values())
    return {name: f"{title} ({name})" if shared[title] > 1 else title for name, title in titles.items()}


def draw_filters(titles: dict[str, str]) -> list[ValidatorStats]:
    """Draw the filters and return the validators that they leave."""
    with st.container(horizontal=True, vertical_alignment="center", key="validators-filters"):
        saga = st.selectbox(
            "Saga", list(titles), index=None, placeholder="All sagas", key="validators-saga", width=260,
            format_func=lambda name: escape(titles[name]), persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        checks = st.multiselect(
            "About", TYPES, placeholder="About anything", key="validators-checks", width=360,
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        period = st.segmented_control(
            "Period", list(PERIODS), default="All", key="validators-period", required=True,
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
    return chosen(studio().store.validators(saga, since(period or "All", now())), checks)


def draw_validators(stats: Sequence[ValidatorStats], titles: dict[str, str]) -> None:
    """Draw the numbers, the table, and the validator that is selected in it."""
    draw_numbers(numbers(stats), key="validators-numbers")
    st.dataframe(
        table(stats, titles, now()),
        hide_index=True,
        key="validators-table",
        column_config={
            "Share": st.column_config.ProgressColumn(
                "Share caught", min_value=0, max_value=100, format="%d%%"
            ),
            "Latency": st.column_config.TextColumn(width="medium"),
        },
        on_select=lambda: _choose(stats),
        selection_mode="single-row",
        alt="Validators and how they did",
    )
    one = next((each for each in stats if _name(each) == st.session_state.get(CHOSEN)), None)
    if one is None:
        st.caption("Select a row to see its days, and what it caught last.")
    else:
        _one(one)


def _choose(stats: Sequence[ValidatorStats]) -> None:
    """Keep who is chosen, not which row: the order changes as verdicts come."""
    rows = st.session_state["validators-table"]["selection"]["rows"]
    st.session_state[CHOSEN] = _name(stats[rows[0]]) if rows and rows[0] < len(stats) else None


def _name(stats: ValidatorStats) -> tuple[str, str, str]:
    return stats.saga, stats.step, stats.validator


def _one(stats: ValidatorStats) -> None:
    with st.container(border=True, key="validators-one"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            icon = KINDS[stats.kind].icon if stats.kind in KINDS else "fact_check"
            st.subheader(escape(stats.validator), anchor=False, width="content")
            draw(Badge(kind_word(stats.kind), icon))
            draw(Badge(f"{stats.check or 'not said'}, {TIERS.get(stats.tier, stats.tier)}"))
            st.space("stretch")
            st.page_link(
                "views/designer.py", label="Open in the Designer", icon=":material/schema:",
                query_params={"saga": stats.saga},
            )  # fmt: skip
        about, drawn = st.columns([1, 2], gap="medium")
        with about:
            _about(stats)
        with drawn:
            days = studio().store.verdict_days(stats.saga, stats.step, stats.validator)
            chart(days_figure(days, theme_type()), key="validators-days")


def _about(stats: ValidatorStats) -> None:
    facts = {
        "Caught": f"{stats.caught} of {stats.ran}, {share(stats.caught, stats.ran)}",
        "Accepted": str(stats.accepted),
        "Only noted": str(stats.fed_back),
        "Gave no verdict": str(stats.no_verdict),
        "Overruled": f"{stats.overruled}, {share(stats.overruled, stats.caught)} of what it caught",
        "Latency": latency(stats),
    }
    for name, value in facts.items():
        st.markdown(f":gray[{name}] {escape(value)}")
    if stats.evidence:
        st.caption("What it caught last")
        plain(stats.evidence)


def draw_nothing(*, filtered: bool) -> None:
    """Say that nothing has been checked, and what validators there are."""
    with st.container(border=True, key="validators-empty"):
        if filtered:
            st.subheader("No validator matches", anchor=False)
            st.text("Choose another saga, another type, or a longer period.")
            return
        st.subheader("No validator has run yet", anchor=False)
        st.text(
            "A validator looks at what a step gives, before it counts. It stands outside the step: on it, on an"
            " edge between two steps, or on the whole saga. Here you see which ones earn their keep: how often"
            " each ran, what it caught, and how often a person knew better."
        )
        for column, kind in zip(st.columns(len(_TAUGHT)), _TAUGHT, strict=True):
            words = KINDS[kind]
            column.markdown(f":material/{words.icon}: **{words.word}**")
            column.caption(words.line.capitalize())
        with st.container(horizontal=True):
            st.page_link("views/gallery.py", label="Run a template", icon=":material/apps:")
            st.page_link("views/designer.py", label="Add one in the Designer", icon=":material/schema:")
