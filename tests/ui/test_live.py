"""Parts that draw themselves again keep their place, whatever of them Streamlit forgets on the way to the browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest

import ui
from ui.serve import streamlit_config

SCRIPTS = Path(ui.__file__).parent
LARGEST_MESSAGE = 2**31
"""Bytes: what protobuf can hold."""


def page() -> None:
    import streamlit as st

    from ui.components.live import live

    live(1)(lambda: st.text("again and again"))()
    st.text("after it")


@pytest.fixture
def sent():
    """What Streamlit sends to the browser for `page`."""
    messages: list[ForwardMsg] = []
    ForwardMsgQueue.on_before_enqueue_msg(messages.append)
    try:
        AppTest.from_function(page).run()
    finally:
        ForwardMsgQueue.on_before_enqueue_msg(None)
    return [message for message in messages if message.HasField("delta")]


def left_after(messages: list[ForwardMsg], fragment: str) -> list[list[int]]:
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[fragment])
    return [list(message.metadata.delta_path) for message in queue.flush()]


def test_the_place_of_a_live_part_is_sent_also_where_what_stands_in_it_is_forgotten(sent):
    (fragment,) = {message.delta.fragment_id for message in sent} - {""}
    places = [list(message.metadata.delta_path) for message in sent]
    assert places == [[0, 0], [0, 0, 0], [0, 0, 0, 0], [0, 1]]
    assert left_after(sent, fragment) == [[0, 0], [0, 1]]


def test_streamlit_keeps_references_of_what_it_forgets_so_it_must_send_none(sent):
    """Where the first half fails, Streamlit has mended this, and the setting can go."""
    block, text = sent[1:3]
    reference = ForwardMsg(ref_hash="of a large element")
    reference.metadata.CopyFrom(text.metadata)
    assert left_after([block, reference], block.delta.fragment_id) == [[0, 0, 0, 0]]
    assert streamlit_config(None)["global.minCachedMessageSize"] > LARGEST_MESSAGE


def test_whatever_is_drawn_again_is_a_live_part():
    files = [
        path.relative_to(SCRIPTS) for path in SCRIPTS.rglob("*.py") if "st.fragment(" in path.read_text()
    ]
    assert files == [Path("components/live.py")]
