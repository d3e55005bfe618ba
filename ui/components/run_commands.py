"""Sending commands to runs from callbacks, and saying what came of them."""

from __future__ import annotations

from concurrent.futures import Future, wait
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import streamlit as st

from engine.core.commands import AnyCommand
from engine.core.errors import SagaError
from ui.components.text import escape
from ui.session import studio

ANSWER_S: Final = 20.0
SLICE_S: Final = 1.0
LATE: Final = "the engine did not answer in time; look at the run before trying again"
AWAY: Final = "the database can't be used now. It may be done as soon as that is over: look at the run before trying again"
_DONE: Final = "run-said"
_REFUSED: Final = "run-refused"
_NEWS: Final = "run-refused-now"


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def send(run_id: str, command: AnyCommand, done: str) -> bool:
    """Send a command and keep what to say about it; return whether the run took it."""
    try:
        _answered(studio().engine.submit(run_id, command))
    except SagaError as refused:
        refuse(str(refused))
        return False
    except TimeoutError:
        refuse(AWAY if studio().store.trouble else LATE)
        return False
    done_now(done)
    return True


def _answered(future: Future[None]) -> None:
    """Wait for the answer to a command; not for long while the database is in trouble, which its page then says.

    Raises:
        TimeoutError: it takes too long; the command may be done yet.
    """
    until = monotonic() + ANSWER_S
    while not wait([future], timeout=SLICE_S).done:
        if monotonic() > until or studio().store.trouble:
            raise TimeoutError
    future.result()


def press(run_id: str, command: AnyCommand, done: str) -> None:
    """Send a command, as a button's callback."""
    send(run_id, command, done)


def done_now(text: str) -> None:
    """Keep what was done to be said, and forget an earlier refusal."""
    st.session_state.pop(_REFUSED, None)
    st.session_state.pop(_NEWS, None)
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


def show_refusal(key: str = "run-refusal") -> None:
    """Show why the last command was refused, if it was; a dialog over the page needs a key of its own."""
    refused = st.session_state.get(_REFUSED)
    if not refused:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=key):
        st.error(f"Not done: {escape(refused)}", icon=":material/block:", width="stretch")
        st.button("Dismiss", key=f"{key}-dismiss", on_click=forget_refusal, type="tertiary")


def forget_refusal() -> None:
    """Forget the last refusal."""
    st.session_state.pop(_REFUSED, None)
