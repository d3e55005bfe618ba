"""The runs page: every run there is, live, with filters and the numbers of the last day."""

from __future__ import annotations

from engine.ports import RunFilter
from ui.components.badges import header
from ui.components.live import live
from ui.components.run_list import draw_day, draw_filters, draw_list, draw_nothing
from ui.session import studio

TICK_S = 2.0


@live(TICK_S)
def live_list() -> None:
    """Draw numbers, filters, table and pages; drawn again at each tick."""
    store = studio().store
    draw_day()
    where = draw_filters()
    found = store.count(where)
    if not found:
        unfiltered = RunFilter(since=where.since) == where and where.since is None
        draw_nothing(filtered=not unfiltered)
        return
    draw_list(where, found)


header("Runs", key="runs-head")
live_list()
