"""The Gallery's cards: one per template, and one row per saga that people published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from engine.core.document import saga_from_document
from engine.core.errors import SagaError
from engine.core.saga import Saga
from engine.templates import template
from ui.components.badges import Badge, draw
from ui.components.start_run import ask_to_run, run_dialog, say_refusal, start_now
from ui.components.text import escape, shorten, theme_type
from ui.models.gallery import Sign, break_words, faults_of, shortage, signs
from ui.models.gallery_picture import picture
from ui.models.inputs import can_start_at_once
from ui.session import studio

if TYPE_CHECKING:
    from engine.ports import SagaVersion
    from engine.templates import Break, Template
    from ui.models.gallery_sections import Section

_PER_ROW: Final = 2


def section_row(row: tuple[Section, ...]) -> None:
    """Draw the templates of one pattern, or of two patterns side by side."""
    if len(row) == 1:
        _section(row[0])
        return
    for column, section in zip(st.columns(_PER_ROW), row, strict=True):
        with column:
            _heading(section)
    for column, section in zip(st.columns(_PER_ROW), row, strict=True):
        with column:
            template_card(section.entries[0])


def _heading(section: Section) -> None:
    words = section.words
    st.subheader(f":material/{words.icon}: {words.title}", anchor=False)
    st.caption(words.note)


def _section(section: Section) -> None:
    _heading(section)
    for start in range(0, len(section.entries), _PER_ROW):
        row = section.entries[start : start + _PER_ROW]
        for column, entry in zip(st.columns(_PER_ROW), row, strict=False):
            with column:
                template_card(entry)


def template_card(entry: Template) -> None:
    """Draw a template: what it is for, what it shows, its picture, and what can be done with it."""
    saga = entry.saga
    with st.container(border=True, height="stretch", key=f"gallery_card_{entry.name}"):
        st.markdown(f"##### :material/{entry.icon}: {escape(saga.name)}")
        st.markdown(escape(entry.when))
        st.caption(escape(saga.description))
        _picture(saga)
        st.space("stretch")
        _badges(signs(saga))
        _shortage(saga)
        _actions(entry, saga)


def version_row(version: SagaVersion) -> None:
    """Draw a saga that somebody published: its newest version, to run or to edit."""
    try:
        saga = saga_from_document(version.document)
    except SagaError as broken:
        say_refusal(broken)
        return
    name = version.saga
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"gallery_own_{name}"):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{escape(saga.name)}** :gray[version {version.version}]")
            said = f" · {shorten(saga.description, 90)}" if saga.description else ""
            said = " · not as the template of that name ships today" if template(name) else said
            st.caption(
                escape(f"{len(saga.steps)} steps · by {version.by}, {version.created_at:%d %b %Y}{said}")
            )
        _run_buttons(saga, f"{name}_v{version.version}", primary=False)
        if st.button("Edit", key=f"gallery_edit_{name}", icon=":material/schema:"):
            st.switch_page("views/designer.py", query_params={"saga": name})


def _badges(shown: list[Sign]) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for sign in shown:
            draw(Badge(sign.word, sign.icon, sign.family, sign.help))


def _picture(saga: Saga) -> None:
    drawn = picture(saga, theme_type())
    if drawn is None:
        st.caption(f"{len(saga.steps)} steps: too many for a picture this small. Open it in the Designer.")
        return
    with st.container(horizontal=True, horizontal_alignment="center"):
        titles = ", ".join(step.name or name for name, step in saga.steps.items())
        st.image(drawn.svg, width="content", alt=f"Steps: {titles}")


def _shortage(saga: Saga) -> None:
    world = studio().world
    lacking = shortage(saga, world.stock()) if world is not None and "sku" in saga.input else ""
    if lacking:
        st.caption(
            f":orange[:material/production_quantity_limits:] Earlier orders took every {escape(lacking)} of the"
            " practice world: this run will be refused. Choose another article, or reset the world in the Sandbox."
        )


def _actions(entry: Template, saga: Saga) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _run_buttons(saga, entry.name, primary=True)
        if studio().world is not None and entry.breaks:
            _break(entry, saga)
        st.space("stretch")
        if st.button("Open in Designer", key=f"gallery_design_{entry.name}", icon=":material/schema:", type="tertiary"):  # fmt: skip
            st.switch_page("views/designer.py", query_params={"template": entry.name})


def _run_buttons(saga: Saga, name: str, *, primary: bool) -> None:
    at_once = can_start_at_once(saga)
    run = st.button(
        "Run",
        key=f"gallery_run_{name}",
        type="primary" if primary else "secondary",
        icon=":material/play_arrow:",
        help="Starts now, with the default inputs" if at_once else "Asks for the inputs first",
        on_click=None if at_once else ask_to_run,
        args=() if at_once else (saga,),
    )
    if saga.input:
        key, icon = f"gallery_run_with_{name}", ":material/tune:"
        st.button("Run with …", key=key, icon=icon, on_click=ask_to_run, args=(saga,))
    run_dialog(saga)
    if run and at_once:
        start_now(saga)


def _break(entry: Template, saga: Saga) -> None:
    with st.popover("Break it", icon=":material/bolt:", key=f"gallery_breaks_{entry.name}"):
        st.markdown("**What should go wrong?**")
        st.caption(
            "The fault goes into the practice world in place of those planted now, then a run starts with the"
            " default inputs. It stays until it is used up or removed."
        )
        for i, way in enumerate(entry.breaks):
            clicked = st.button(
                escape(way.label),
                key=f"gallery_break_{entry.name}_{i}",
                icon=":material/bolt:",
                width="stretch",
            )
            st.caption(escape(break_words(way)))
            if clicked:
                _plant(way)
                start_now(saga)


def _plant(way: Break) -> None:
    world = studio().world
    assert world is not None, "the button is drawn only where the world runs here"
    world.clear_faults()
    for fault in faults_of(way):
        world.add_fault(fault)
