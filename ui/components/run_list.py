"""The list of runs: its filters, its numbers, its table, and the way into a run."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from engine.ports import RunFilter
from ui.components.run_commands import now
from ui.components.run_header import draw_numbers
from ui.components.text import escape, theme_type
from ui.models.runs_table import (
    DAY,
    PEOPLE,
    PERIODS,
    STATUSES,
    SUMMED,
    RunLine,
    badge_colours,
    run_filter,
    run_metrics,
    table_data,
)
from ui.models.status import TONES
from ui.session import studio

RUN_PAGE: Final = "views/run.py"
SHOWN: Final = "runs-shown"


def draw_filters() -> RunFilter:
    """Draw the filters and return what they mean to the store."""
    sagas = {version.saga: version.title for version in studio().store.versions()}
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-filters"):
        pills = st.pills(
            "Status", [PEOPLE, *STATUSES], selection_mode="multi", key="runs-status", wrap=True,
            persist_state="session", label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
        st.space("stretch")
        saga = st.selectbox(
            "Saga", list(sagas), index=None, placeholder="All sagas", key="runs-saga", width=220,
            format_func=lambda name: escape(sagas[name]), persist_state="session",
            label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
        text = st.text_input(
            "Search", key="runs-text", type="search", live="300ms", width=260, persist_state="session",
            placeholder="Id, input, output, error", label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
        period = st.segmented_control(
            "Started within", list(PERIODS), default="All", key="runs-period", required=True,
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


def draw_table(lines: list[RunLine]) -> None:
    """Draw the runs of one page; a click on Open, or on a row, goes to the run."""
    st.session_state[SHOWN] = [line.id for line in lines]
    colours = badge_colours(lines)
    tones = TONES[theme_type()]
    st.dataframe(
        table_data(lines),
        hide_index=True,
        key="runs-table",
        row_height=38,
        height="content",
        on_select=_open_selected,
        selection_mode="single-row",
        column_config={
            "open": st.column_config.ButtonColumn(
                "", key="runs-open", on_click=_open_clicked, type="tertiary", width="small"
            ),
            "title": st.column_config.TextColumn("Saga", width="medium"),
            "status": st.column_config.MultiselectColumn(
                "Status", options=list(colours), color=[tones[family].fill for family in colours.values()],
                width="medium",
            ),
            "progress": st.column_config.ProgressColumn("Progress", min_value=0, max_value=100, format="%d%%"),
            "steps": "Steps",
            "took": "Took",
            "started": "Started",
            "by": "By",
            "cost": "Model cost",
            "fault": st.column_config.TextColumn("What went wrong", width="medium"),
            "id": st.column_config.LinkColumn("Link", display_text=r"id=(.+)$"),
        },
        alt="Runs, newest first",
    )  # fmt: skip


def _open_clicked() -> None:
    click: Any = st.session_state.get("runs-open")
    if click:
        _open(int(click["row"]))


def _open_selected() -> None:
    rows = st.session_state["runs-table"]["selection"]["rows"]
    if rows:
        _open(rows[0])


def _open(row: int) -> None:
    shown: list[str] = st.session_state.get(SHOWN, [])
    if row < len(shown):
        st.switch_page(RUN_PAGE, query_params={"id": shown[row]})


def draw_nothing(*, filtered: bool) -> None:
    """Say that there is nothing to list, and what to do about it."""
    with st.container(border=True, horizontal_alignment="center", key="runs-empty"):
        st.subheader("No run matches" if filtered else "No runs yet", anchor=False)
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
