"""What stands in the practice world now, and its ledger; each drawn again every two seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped] # comes with Streamlit, its types do not
import streamlit as st

from ui.components.badges import Badge, Metric, draw, metric_cards
from ui.components.live import live
from ui.components.text import escape, theme_type
from ui.models.status import TONES
from ui.models.world import LedgerRow, Standing, headline, ledger_rows, money, standing

if TYPE_CHECKING:
    from engine.sandbox.world import World, WorldState

REFRESH_S = 2


@live(REFRESH_S)
def world_state(world: World) -> None:
    """Draw the state in words and numbers, and what stands."""
    state, rows = world.state(), ledger_rows(world.ledger())
    _headline(state)
    _numbers(state, rows)
    full, empty = standing(state)
    with st.container(border=True, key="world_standing"):
        st.subheader("What stands now", anchor=False)
        with st.container(horizontal=True, gap="medium"):
            for group in full:
                _standing(group)
        if empty:
            names = ", ".join(escape(place.title.lower()) for place in empty)
            st.caption(f"Nothing under {names}." if full else "Nothing. Run a saga and look again.")


@live(REFRESH_S)
def world_ledger(world: World) -> None:
    """Draw every effect so far, the newest first."""
    with st.container(border=True, key="world_ledger"):
        st.subheader("Ledger", anchor=False)
        st.caption(
            "Every effect that landed, the newest first. Entries are never changed: an undo is a row of its own."
        )
        _ledger(ledger_rows(world.ledger()))


def _headline(state: WorldState) -> None:
    line = headline(state)
    with st.container(horizontal=True, vertical_alignment="center", key="world_headline"):
        draw(Badge(line.word, line.icon, line.family))
        st.markdown(escape(line.sentence))


def _numbers(state: WorldState, rows: list[LedgerRow]) -> None:
    undone = sum(1 for row in rows if row.is_undo)
    numbers = (
        Metric("Standing", str(int(state.totals["active"])), note=money(state.totals["standing_usd"])),
        Metric("Spent, fees included", money(state.totals["spent_usd"])),
        Metric("Effects so far", str(len(rows)), note=f"{undone} of them an undo" if undone else ""),
        Metric("On their way", str(state.in_flight), help="Asked for, and landing later by a fault"),
    )
    metric_cards(numbers, key="world_numbers")


def _standing(group: Standing) -> None:
    count = str(len(group.records))
    number = f"{count}, worth {escape(money(group.total_usd))}" if group.total_usd else count
    title = f":material/{group.place.icon}: **{escape(group.place.title)}** :gray[{number}]"
    with st.container(gap="xxsmall", width=250):
        st.markdown(title)
        shown = group.records[-5:]
        for record in reversed(shown):
            st.text(record)
        if len(group.records) > len(shown):
            st.caption(f"and {len(group.records) - len(shown)} older ones; the ledger has them")


def _ledger(rows: list[LedgerRow]) -> None:
    if not rows:
        st.caption("Nothing happened yet.")
        return
    table = pd.DataFrame([_cells(row) for row in rows])
    violet = f"color: {TONES[theme_type()]['violet'].text}; font-weight: 600"
    undone = {i for i, row in enumerate(rows) if row.is_undo}

    def tint(row: Any) -> list[str]:
        return [violet if row.name in undone else ""] * len(row)

    st.dataframe(
        table.style.apply(tint, axis=1),
        hide_index=True,
        key="world_ledger_table",
        height="content" if len(rows) <= 14 else 520,
        column_config=_COLUMNS,
        alt="The practice world's ledger",
    )


_COLUMNS = {
    "#": st.column_config.NumberColumn(width=46),
    "Time": st.column_config.DatetimeColumn(format="HH:mm:ss", width=78, help="When it landed, in UTC"),
    "Effect": st.column_config.TextColumn(width=108, help="↶ marks what took something back"),
    "What": st.column_config.TextColumn(width=310),
    "Code": st.column_config.TextColumn(width=78, help="The confirmation of the record it is about"),
    "USD": st.column_config.NumberColumn(format="%.2f", width=80, help="Below 0: given back"),
    "Status": st.column_config.TextColumn(
        width=128, help="How the record stands since, or the entry that this one takes back"
    ),
    "Step": st.column_config.LinkColumn(
        display_text=r"#(.*)$", width=108, help="The step that did it; opens its run"
    ),
    "Key": st.column_config.TextColumn(
        width=250, help="The idempotency key of the call: the run, the step and its epoch, c: for an undo"
    ),
}


def _cells(row: LedgerRow) -> dict[str, Any]:
    return {
        "#": row.seq,
        "Time": row.at,
        "Effect": f"↶ {row.word}" if row.is_undo else f"✓ {row.word}",
        "What": row.what,
        "Code": row.code,
        "USD": row.amount_usd,
        "Status": row.status,
        "Step": f"run?id={row.run}#{row.step}" if row.run else None,
        "Key": row.key,
    }
