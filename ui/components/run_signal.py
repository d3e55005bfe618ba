"""A step that waits for a signal, on the Run page: what it waits for, and a way to send it by hand."""

from __future__ import annotations

import json
from uuid import uuid4

import streamlit as st

from engine.core.commands import Signal
from engine.core.run import Run
from ui.components.badges import draw, step_badge
from ui.components.run_commands import refuse, send
from ui.components.text import escape
from ui.models.run_attention import Ask
from ui.session import me


def draw_signal(run: Run, ask: Ask, key: str) -> None:
    """Draw what a step waits for, and what would be sent by hand."""
    with st.container(horizontal=True, vertical_alignment="center"):
        draw(step_badge(ask.status, word="Waiting for a signal"))
        st.markdown(f"**{escape(ask.title)}**", width="content")
        st.caption(escape(ask.advice), width="stretch")
        with st.popover("Send it", icon=":material/notifications_active:"):
            st.text_area("What it brings, as JSON", ask.detail, key=f"{key}-payload", height=120)
            st.button(
                "Send the signal",
                key=f"{key}-send",
                type="primary",
                on_click=_send,
                args=(run.id, ask.request, f"{key}-payload"),
            )


def _send(run_id: str, awaited: tuple[str, str], field: str) -> None:
    name, about = awaited
    try:
        payload = json.loads(st.session_state[field])
    except ValueError as error:
        refuse(f"what the signal brings is no JSON: {error}")
        return
    send(run_id, Signal(id=uuid4().hex, name=name, key=about, payload=payload, by=me()), f"{name} was sent")
