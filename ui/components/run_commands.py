"""Sending commands to runs from callbacks, and saying what came of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import streamlit as st

from engine.core.commands import AnyCommand
from engine.core.errors import SagaError
from ui.components.text import escape
from ui.session import studio

ANSWER_S: Final = 20.0
_DONE: Final = "run-said"
_REFUSED: Final = "run-refused"
_NEWS: Final = "run-refused-now"


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def send(run_id: str, command: AnyCommand, done: str) -> bool:
    """Send a command and keep what to say about it; return whether the run took it."""
    try:
        studio().engine.submit(run_id, command).result(timeout=ANSWER_S)
    except SagaError as refused:
        refuse(str(refused))
        return False
    except TimeoutError:
        refuse("the engine did not answer in time; look at the run before trying again")
        return False
    done_now(done)
    return True


def press(run_id: str, command: AnyCommand, done: str) -> None:
    """Send a command, as a button's callback."""
    send(run_id, command, done)


def done_now(text: str) -> None:
    """Keep what was done to be said, and forget an earlier refusal."""
    st.session_state.pop(_REFUSED, None)
    st.session_state[_DONE] = text


def refuse(text: str) -> None:
    """Keep a refusal to be shown."""
    st.session_state[_REFUSED] = st.session_state[_NEWS] = text


def show_outcome() -> None:
    """Show what came of the last command: a toast, and a refusal until it is dismissed."""
    done, news = st.session_state.pop(_DONE, None), st.session_state.pop(_NEWS, None)
    if done:
        st.toast(escape(done), icon=":material/check:")
    if news:
        st.toast(f"Not done: {escape(news)}", icon=":material/block:")
    show_refusal()


def show_refusal() -> None:
    """Show why the last command was refused, if it was."""
    refused = st.session_state.get(_REFUSED)
    if not refused:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="run-refusal"):
        st.error(f"Not done: {escape(refused)}", icon=":material/block:", width="stretch")
        st.button("Dismiss", key="run-refusal-dismiss", on_click=forget_refusal, type="tertiary")


def forget_refusal() -> None:
    """Forget the last refusal."""
    st.session_state.pop(_REFUSED, None)
