"""The Designer's start screen: a blank saga, a copy of a template, or one that is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import streamlit as st

from engine.templates import Template, templates
from ui.components import design_state as state
from ui.components.badges import Badge, draw, header
from ui.components.text import escape, plain, shorten
from ui.models.draft import title_of
from ui.session import studio

ACROSS = 4
"""Templates side by side."""


def start_screen(missing: str = "") -> None:
    """Draw the start screen; `missing` names a saga that was asked for and is not there."""
    header("Designer", key="designer-start", icon="schema")
    if missing:
        st.warning(f"There is no saga named {escape(missing)}.", icon=":material/search_off:")
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="designer-begin-blank"):
        with st.container(gap=None):
            st.markdown("**:material/draw: Blank saga**")
            st.caption("Draw the steps yourself, one click each. Every new step runs as it is.")
        st.button("Start drawing", key="designer-blank", icon=":material/add:", type="primary",
                  on_click=state.begin_blank)  # fmt: skip
    _existing()
    st.subheader("Or take a copy", anchor=False)
    for row in _rows(templates()):
        for column, entry in zip(st.columns(ACROSS), row, strict=False):
            with column:
                _template(entry)


def _rows(entries: Sequence[Template]) -> Iterator[Sequence[Template]]:
    for start in range(0, len(entries), ACROSS):
        yield entries[start : start + ACROSS]


def _template(entry: Template) -> None:
    with st.container(border=True, height="stretch", key=f"designer-begin-{entry.name}"):
        st.markdown(f"**:material/{entry.icon}: {escape(entry.saga.name)}**")
        st.caption(escape(entry.when))
        st.space("stretch")
        st.button("Open a copy", key=f"designer-template-{entry.name}", icon=":material/content_copy:",
                  on_click=state.begin_from, args=(entry.name,))  # fmt: skip


def _existing() -> None:
    store = studio().store
    drafts, newest = {d.saga: d for d in store.drafts()}, {v.saga: v for v in store.versions()}
    if not drafts and not newest:
        return
    st.subheader("Go on with", anchor=False)
    found: list[tuple[datetime, str]] = [(draft.updated_at, name) for name, draft in drafts.items()]
    found += [(version.created_at, name) for name, version in newest.items() if name not in drafts]
    for when, name in sorted(found, reverse=True):
        version = newest.get(name)
        document = drafts[name].document if name in drafts else newest[name].document
        badges = [Badge("Draft", "edit", "yellow")] if name in drafts else []
        badges += [Badge(f"v{version.version} saved", "check_circle", "green")] if version else []
        _row(name, title_of(document), badges, when)


def _row(name: str, title: str, badges: list[Badge], when: datetime) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key=f"designer-existing-{name}"
    ):
        with st.container(gap=None):
            plain(shorten(title))
            st.caption(escape(name))
        for badge in badges:
            draw(badge)
        st.caption(f"{when:%d %b, %H:%M} UTC", width="content")
        _discard(name, has_draft=any(badge.word == "Draft" for badge in badges))
        st.button("Open", key=f"designer-open-{name}", on_click=state.open_saga, args=(name,))


def _discard(name: str, *, has_draft: bool) -> None:
    """Draw the button that forgets a draft; it asks first, for nothing brings it back."""
    if not has_draft:
        return
    with st.popover(
        "",
        icon=":material/delete:",
        type="tertiary",
        help="Discard the draft",
        key=f"designer-discard-{name}",
    ):
        st.text("The draft is gone for good. Saved versions stay.")
        st.button(
            "Discard the draft",
            key=f"designer-discard-{name}-yes",
            on_click=state.discard_draft,
            args=(name,),
        )
