"""Facts about signals: news from outside that steps wait for."""

from __future__ import annotations

from typing import Literal

from engine.core.fact import Json, fact


@fact
class SignalReceived:
    """News from outside, kept until a step that waits for it takes it; `id` is the sender's, so that it counts once."""

    type: Literal["signal_received"] = "signal_received"
    id: str
    name: str
    key: str = ""
    payload: Json = None
    by: str
