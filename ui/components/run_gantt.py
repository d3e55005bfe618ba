"""The Timetable view of a run with a timetable: its chart, the virtual clock, the plans that were proposed, and the solver's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.commands import ChangeTimes, SetClock
from engine.core.events import Recorded
from engine.core.moments import write_time
from engine.core.run import Run
from ui.components.chart import chart
from ui.components.run_commands import now, press
from ui.components.text import escape, theme_type
from ui.models.gantt import Gantt, gantt
from ui.models.gantt_figure import gantt_figure
from ui.models.gantt_plans import Candidates, candidates, proposals, world_of
from ui.models.run_words import has_clock, pace
from ui.session import me

SPEEDS: Final = (1.0, 5.0, 15.0, 60.0, 240.0)


def draw_gantt(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the timetable of a run, or say that it has none."""
    if run.clock is None:
        st.caption("This saga has no activities on a virtual clock, so there is no timetable to draw.")
        return
    found, key = gantt(run, now()), f"run-{run.id}-gantt"
    if not run.is_closed:
        _draw_clock(run, found, key)
    if found.lanes:
        chart(gantt_figure(found, theme_type()), key=key)
    else:
        st.caption("No activities yet: the plan comes first.")
    _draw_proposals(run, history, key)
    _draw_candidates(run, key)


def _draw_clock(run: Run, found: Gantt, key: str) -> None:
    assert found.now is not None
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-clock"):
        moment = write_time(round(found.now), clock=found.has_clock)
        state = pace(found.speed, clock=found.has_clock) if found.moves else "standing still"
        st.markdown(f"**{moment}** · {escape(state)}", width="content")
        st.button(
            "Stop", icon=":material/pause:", key=f"{key}-stop", disabled=not found.speed,
            on_click=press, args=(run.id, SetClock(by=me(), speed=0), "The clock stands still"),
        )  # fmt: skip
        for speed in SPEEDS:
            st.button(
                f"{speed:g}/s", key=f"{key}-speed-{speed:g}", disabled=found.speed == speed,
                help=f"On the virtual clock: {pace(speed, clock=found.has_clock)}",
                on_click=press, args=(run.id, SetClock(by=me(), speed=speed), pace(speed, clock=found.has_clock)),
            )  # fmt: skip
        st.button(
            "Next", icon=":material/skip_next:", key=f"{key}-jump", help="Let the next thing happen now",
            on_click=press, args=(run.id, SetClock(by=me(), jump=True), "On to what comes next"),
        )  # fmt: skip
        with st.popover("Something changes", icon=":material/bolt:", key=f"{key}-change"):
            _draw_change(run, key)


def _draw_change(run: Run, key: str) -> None:
    places = sorted({place for step in run.saga.steps.values() if step.kind == "activity"
                     for place in (step.with_.from_, step.with_.to) if place})  # fmt: skip
    if not places:
        st.caption("Nobody is on the way anywhere.")
        return
    place = st.selectbox("Ways to and from", places, key=f"{key}-place")
    factor = st.number_input("take so many times as long", 1.0, 20.0, 3.0, 0.5, key=f"{key}-factor")
    reason = st.text_input("Why", "Traffic", key=f"{key}-why", max_chars=200)
    command = ChangeTimes(
        by=me(),
        kind="travel_time_multiplier",
        scope={"legs_touching": place},
        magnitude=factor,
        reason=reason or "Traffic",
    )
    st.button(
        "It happens now",
        type="primary",
        key=f"{key}-happens",
        on_click=press,
        args=(run.id, command, "The world has changed"),
    )


def _draw_proposals(run: Run, history: Sequence[Recorded], key: str) -> None:
    rows = proposals(run, history)
    if not rows:
        return
    st.subheader("Plans proposed, and what the checker said", anchor=False)
    st.dataframe(
        {
            "Round": [row.round for row in rows],
            "At": [row.at for row in rows],
            "By": [row.by for row in rows],
            "Rows": [row.rows for row in rows],
            "Verdict": [row.verdict for row in rows],
            "What was found": [row.found for row in rows],
        },
        hide_index=True, key=f"{key}-proposals", alt="The plans that were proposed and what was found",
        column_config={"What was found": st.column_config.TextColumn(width="large")},
    )  # fmt: skip


def _compared(run: Run, key: str) -> Candidates:
    """Return the comparison; made anew only where the plan or the world has changed since."""
    stamp = (len(run.amendments), world_of(run), run.is_closed)
    kept = st.session_state.get(f"{key}-compared")
    if kept is None or kept[0] != stamp:
        kept = st.session_state[f"{key}-compared"] = (stamp, candidates(run))
    found: Candidates = kept[1]
    return found


def _draw_candidates(run: Run, key: str) -> None:
    if not st.toggle("Compare with the solver, and try disruptions", key=f"{key}-compare"):
        return
    found = _compared(run, key)
    if found.refusal:
        st.info(escape(found.refusal), icon=":material/info:")
        return
    st.dataframe(found.figures, hide_index=True, key=f"{key}-candidates", alt="The plans side by side")
    st.caption(escape(found.gap))
    st.dataframe(
        found.robust, hide_index=True, key=f"{key}-robust", alt="Which plan survives which disruption"
    )
    st.caption(
        f"{'Minutes are' if has_clock(run) else 'The number is'} what is left to the nearest closing time or deadline; a plan is pushed along, not planned anew."
    )
