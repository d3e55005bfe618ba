"""The list of runs: its filters, its numbers, its table, and the way into a run."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from engine.ports import RunFilter
from ui.components.run_commands import now
from ui.components.run_header import draw_numbers
from ui.components.text import escape
from ui.models.run_words import counted
from ui.models.runs_table import (
    DAY,
    HELP,
    PERIODS,
    SUMMED,
    RunLine,
    badge_colours,
    pill_counts,
    run_filter,
    run_lines,
    run_metrics,
    table_data,
)
from ui.session import studio

RUN_PAGE: Final = "views/run.py"
SHOWN: Final = "runs-shown"
PER_PAGE = 25


def draw_filters() -> RunFilter:
    """Draw the filters and return what they mean to the store."""
    store = studio().store
    sagas = {version.saga: version.title for version in store.versions()}
    with st.container(horizontal=True, vertical_alignment="center", key="runs-filters"):
        text = st.text_input(
            "Search", key="runs-text", type="search", live="300ms", persist_state="session",
            placeholder="Search ids, inputs, outputs and errors", label_visibility="collapsed",
            on_change=first_page,
        )  # fmt: skip
        saga = st.selectbox(
            "Saga", list(sagas), index=None, placeholder="All sagas", key="runs-saga", width=260,
            format_func=lambda name: escape(sagas[name]), persist_state="session",
            label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
        period = st.segmented_control(
            "Started within", list(PERIODS), default="All", key="runs-period", required=True,
            persist_state="session", label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
    where = run_filter([], saga, period or "All", text or "", now())
    waiting = store.count(where.model_copy(update={"waiting_for_people": True}))
    helpless = store.count(run_filter([HELP], saga, period or "All", text or "", now()))
    labels = pill_counts(store.counts(where), waiting, helpless)
    pills = st.pills(
        "Status", list(labels), selection_mode="multi", key="runs-status", wrap=True, format_func=labels.__getitem__,
        persist_state="session", label_visibility="collapsed", on_change=first_page,
    )  # fmt: skip
    return run_filter(pills, saga, period or "All", text or "", now())


def first_page() -> None:
    """Go back to the first page; a filter that changes asks for it."""
    st.session_state["runs-page"] = 1


def draw_day() -> None:
    """Draw the numbers of the last 24 hours."""
    store, moment = studio().store, now()
    day = RunFilter(since=moment - DAY)
    waiting = store.count(RunFilter(waiting_for_people=True))
    recent = store.rows(day, limit=SUMMED)
    draw_numbers(run_metrics(store.counts(day), waiting, recent, moment), key="runs-numbers")


def draw_list(where: RunFilter, found: int) -> None:
    """Draw one page of the matching runs, and below it which page that is."""
    place = st.container(key="runs-list")
    pages = -(-found // PER_PAGE)
    page = min(st.session_state.get("runs-page") or 1, pages)
    with st.container(horizontal=True, vertical_alignment="center", key="runs-pages"):
        first = (page - 1) * PER_PAGE
        shown = f"{first + 1} to {min(first + PER_PAGE, found)} of {counted(found, 'run')}"
        st.caption(shown, width="content")
        st.space("stretch")
        if pages > 1:
            st.pagination(pages, key="runs-page")
    with place:
        draw_table(run_lines(studio().store.rows(where, PER_PAGE, first), now()))


def draw_table(lines: list[RunLine]) -> None:
    """Draw the runs of one page; a click on Open goes to the run."""
    st.session_state[SHOWN] = [line.id for line in lines]
    colours = badge_colours(lines)
    st.dataframe(
        table_data(lines),
        hide_index=True,
        key="runs-table",
        row_height=38,
        height="content",
        column_config={
            "open": st.column_config.ButtonColumn(
                "", key="runs-open", on_click=_open_clicked, type="tertiary", width="small"
            ),
            "id": st.column_config.LinkColumn("Run", display_text=r"id=(.+)$", width=170),
            "title": st.column_config.TextColumn("Saga", width="medium"),
            "status": st.column_config.MultiselectColumn(
                "Status", options=list(colours), color=list(colours.values()),
                width="medium",
            ),
            "progress": st.column_config.ProgressColumn("Progress", min_value=0, max_value=100, format="%d%%"),
            "steps": "Steps",
            "took": "Took",
            "started": "Started",
            "by": "By",
            "fault": st.column_config.TextColumn("What went wrong", width="large"),
        },
        alt="Runs, newest first",
    )  # fmt: skip


def _open_clicked() -> None:
    click: Any = st.session_state.get("runs-open")
    if click:
        _open(int(click["row"]))


def _open(row: int) -> None:
    shown: list[str] = st.session_state.get(SHOWN, [])
    if row < len(shown):
        st.switch_page(RUN_PAGE, query_params={"id": shown[row]})


def draw_nothing(*, filtered: bool) -> None:
    """Say that there is nothing to list, and what to do about it."""
    with st.container(border=True, horizontal_alignment="center", key="runs-empty"):
        st.subheader("No run matches" if filtered else "No runs yet", anchor=False, width="content")
        if filtered:
            st.text("Choose other statuses, a longer period, or fewer words.")
            st.button(
                "Clear the filters", key="runs-clear", icon=":material/filter_alt_off:", on_click=_clear
            )
        else:
            st.text("Start one from the Gallery: three templates are ready to run, and to break.")
            st.page_link("views/gallery.py", label="Open the Gallery", icon=":material/apps:")


def _clear() -> None:
    first_page()
    st.session_state["runs-status"] = []
    st.session_state["runs-saga"] = None
    st.session_state["runs-text"] = ""
    st.session_state["runs-period"] = "All"
