"""Making the practice world new, after a question; and what its shop has in stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.live import live
from ui.models.world import stock_rows

if TYPE_CHECKING:
    from engine.sandbox.world import World


@st.dialog("Make the world new?", icon=":material/restart_alt:")
def reset_dialog(world: World) -> None:
    """Ask, then remove every record, ledger entry, key and fault."""
    st.markdown(
        "Every record, the whole ledger, all keys and all planted faults go. Runs keep their logs, but what"
        " they say they booked is then no longer there: undoing it will find nothing."
    )
    with st.container(horizontal=True):
        sure = st.button(
            "Make it new",
            key="world_reset_yes",
            type="primary",
            icon=":material/restart_alt:",
            on_click=world.reset,
        )
        if sure:
            st.rerun()
        if st.button("Keep it", key="world_reset_no"):
            st.rerun()


@live(5)
def stock(world: World) -> None:
    """Draw how much of each article is free."""
    with st.expander("Stock of the shop", icon=":material/inventory_2:", key="world_stock"):
        rows = stock_rows(world.stock())
        table = [{"Article": row.sku, "Free": row.free, "Of": row.of} for row in rows]
        most = max(row.of for row in rows)
        st.dataframe(
            table,
            hide_index=True,
            key="world_stock_table",
            column_config={
                "Free": st.column_config.ProgressColumn(format="%d", min_value=0, max_value=most),
                "Of": st.column_config.NumberColumn(width=60),
            },
        )
