"""Badges, the header row of a page, and metric cards. Words and colours come from `models.status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from ui.components.text import escape
from ui.models.status import effect_look, kind_look, run_look, step_look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ui.models.status import Family, Look


@dataclass(frozen=True)
class Badge:
    """A badge to be drawn; `word` is shown as it is written, never as Markdown."""

    word: str
    icon: str = ""
    family: Family = "gray"
    help: str = ""


@dataclass(frozen=True)
class Action:
    """A button of a header. A disabled one says why: `disabled_because` is its help."""

    label: str
    key: str
    on_click: Callable[..., None] | None = None
    args: tuple[Any, ...] = ()
    icon: str = ""
    type: Literal["primary", "secondary", "tertiary"] = "secondary"
    help: str = ""
    disabled_because: str = ""
    shortcut: str | None = None


@dataclass(frozen=True)
class Metric:
    """A number in a card. `note` is a grey line below it, `delta` a change against before."""

    label: str
    value: str
    delta: str | None = None
    delta_color: Literal["normal", "inverse", "off"] = "normal"
    note: str = ""
    trend: tuple[float, ...] = ()
    trend_type: Literal["line", "bar", "area"] = "area"
    help: str = ""


def step_badge(status: str, *, word: str = "", help: str = "") -> Badge:  # noqa: A002 (Streamlit's name)
    """Return the badge of a step's status; `word` replaces its own ("Waiting for travel desk")."""
    return _badge(step_look(status), word, help)


def run_badge(status: str, *, word: str = "", help: str = "") -> Badge:  # noqa: A002
    """Return the badge of a run's status or flag; `word` replaces its own ("Rolling back 2 of 4")."""
    return _badge(run_look(status), word, help)


def kind_badge(kind: str) -> Badge:
    """Return the badge of a step kind, grey: colour belongs to statuses."""
    look = kind_look(kind)
    return Badge(look.word, look.icon, "violet" if kind == "undo" else "gray")


def effect_badge(effect: str) -> Badge:
    """Return the badge of an effect."""
    return _badge(effect_look(effect), "", "")


def draw(badge: Badge) -> None:
    """Draw one badge where the page is."""
    st.badge(
        escape(badge.word),
        icon=f":material/{badge.icon}:" if badge.icon else None,
        color=badge.family,
        help=escape(badge.help) or None,
    )


def header(
    title: str,
    badges: Sequence[Badge] = (),
    actions: Sequence[Action] = (),
    *,
    key: str,
    icon: str = "",
) -> str | None:
    """Draw a page's one header row and return the key of the action clicked in this rerun, if any.

    Title and badges left, actions right. Prefer `Action.on_click`; the returned key is for what can
    only happen while the page is drawn (opening a dialog).
    """
    clicked = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        mark = f":material/{icon}: " if icon else ""
        st.header(f"{mark}{escape(title)}", anchor=False, width="content")
        for badge in badges:
            draw(badge)
        st.space("stretch")
        for action in actions:
            if _button(action):
                clicked = action.key
    return clicked


def metric_cards(metrics: Sequence[Metric], *, key: str) -> None:
    """Draw a row of equally wide cards."""
    if not metrics:
        return
    with st.container(key=key):
        for column, metric in zip(st.columns(len(metrics)), metrics, strict=True):
            column.metric(
                escape(metric.label),
                escape(metric.value),
                _change(metric.delta),
                metric.delta_color,
                help=escape(metric.help) or None,
                border=True,
                height="stretch",
                chart_data=list(metric.trend) or None,
                chart_type=metric.trend_type,
                delta_description=escape(metric.note) or None,
            )


def _badge(look: Look, word: str, help_: str) -> Badge:
    return Badge(word or look.word, look.icon, look.family, help_)


def _change(delta: str | None) -> str | None:
    """Return a delta escaped, but for the sign that Streamlit reads its direction from."""
    if not delta:
        return None
    sign = "-" if delta.startswith("-") else ""
    return sign + escape(delta.removeprefix("-"))


def _button(action: Action) -> bool:
    return st.button(
        escape(action.label),
        key=action.key,
        icon=f":material/{action.icon}:" if action.icon else None,
        type=action.type,
        on_click=action.on_click,
        args=action.args,
        disabled=bool(action.disabled_because),
        help=escape(action.disabled_because or action.help) or None,
        shortcut=action.shortcut,
    )
