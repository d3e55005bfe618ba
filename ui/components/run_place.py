"""Going into composite steps and back: where the reader is, the way there, and the button that opens what is inside."""

from __future__ import annotations

import streamlit as st

from engine.core.run import Run
from ui.components.badges import Badge, draw, step_badge
from ui.components.text import escape
from ui.models.run_places import Crumb, frame_title, is_composite, known_place, way_to
from ui.models.run_tally import frame_status, inside_words
from ui.models.status import kind_look

AT = "at"
"""The part of the address that names the place."""
_FRAME_ICON = "filter_center_focus"


def place_key(run_id: str) -> str:
    """Return the session key of the place that the reader is at."""
    return f"run-{run_id}-place"


def pick_key(run_id: str) -> str:
    """Return the session key of the card that the page selects, after a click in the table of steps."""
    return f"run-{run_id}-pick"


def here(run: Run) -> str:
    """Return the place that the reader is at, as far as the run has it."""
    wanted = st.session_state.setdefault(place_key(run.id), st.query_params.get(AT, ""))
    return known_place(run, str(wanted))


def go(run_id: str, place: str) -> None:
    """Go to a place; what was selected elsewhere is no longer."""
    st.session_state[place_key(run_id)] = place
    st.session_state[pick_key(run_id)] = None
    if place:
        st.query_params[AT] = place
    else:
        st.query_params.pop(AT, None)


def draw_way(run: Run, place: str) -> None:
    """Draw the way from the run to the place; each part of it but the last leads there."""
    crumbs = way_to(run, place)
    key = f"run-{run.id}-way"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        st.button("", icon=":material/arrow_upward:", key=f"{key}-up", type="tertiary", on_click=go,
                  args=(run.id, crumbs[-2].place), help=escape(f"Back to {crumbs[-2].title}"))  # fmt: skip
        for number, crumb in enumerate(crumbs):
            last = number == len(crumbs) - 1
            if number:
                st.markdown(":gray[:material/chevron_right:]", width="content")
            if last:
                st.markdown(f"{_icon(crumb)} **{escape(crumb.title)}**", width="content")
            else:
                st.button(escape(crumb.title), icon=_icon(crumb), key=f"{key}-{number}", type="tertiary",
                          on_click=go, args=(run.id, crumb.place))  # fmt: skip


def _icon(crumb: Crumb) -> str:
    if crumb.kind in {"run", "frame"}:
        return f":material/{'account_tree' if crumb.kind == 'run' else _FRAME_ICON}:"
    return kind_look(crumb.kind).material


def draw_open(run: Run, name: str) -> None:
    """Draw the way into a composite step: what is inside, and the button that opens it."""
    step = run.steps[name]
    if not is_composite(step):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"run-{run.id}-inside"):
        st.button("Open", icon=":material/open_in_full:", key=f"run-{run.id}-open-{name}", type="primary",
                  on_click=go, args=(run.id, name), disabled=name not in run.composites,
                  help=None if name in run.composites else "Nothing inside it has begun")  # fmt: skip
        st.caption(escape(inside_words(run, step) or "Nothing inside it has begun."), width="stretch")


def draw_task(run: Run, name: str) -> None:
    """Draw one run of a body that is selected: what it was given, and the button that opens its steps."""
    frame = run.frames[name]
    st.subheader(escape(frame_title(run, frame)), anchor=False)
    with st.container(horizontal=True, gap="xsmall"):
        draw(step_badge(frame_status(run, frame)))
        draw(Badge(frame.body or frame.name, "person", "gray"))
    st.button("Open", icon=":material/open_in_full:", key=f"run-{run.id}-open-{name}", type="primary",
              on_click=go, args=(run.id, name), disabled=frame.status == "waiting",
              help="It has not begun" if frame.status == "waiting" else None)  # fmt: skip
    if frame.failing:
        st.code(frame.failing, language=None, wrap_lines=True)
    st.caption("What it was given")
    st.json({key: value for key, value in frame.values.items() if key == "task"} or frame.values, expanded=2)
