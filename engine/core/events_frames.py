"""Facts about composite steps: the frames that they open, rounds, what is dropped, what is gathered (R35, R36)."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from engine.core.fact import Json, fact


@fact
class FrameOpened:
    """One run of a body: for an item, a round, a task, a call of a tool.

    `name` tells it from the others of its step, empty for a nested saga; `values` is what its steps see besides
    what all steps see; it begins when the frames `after` have ended.
    """

    name: str = ""
    body: str = ""
    values: dict[str, Json] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@fact
class FramesOpened:
    """A composite step has frozen what it runs next; at most `concurrency` frames are in work at once.

    With `only_after_good` none begins after one that failed: it is dropped in its place.
    """

    type: Literal["frames_opened"] = "frames_opened"
    step: str
    frames: tuple[FrameOpened, ...]
    concurrency: int = 1
    only_after_good: bool = False


@fact
class FrameDropped:
    """A frame failed, or never began as one that it needs failed: what it did is undone on its own (R36)."""

    type: Literal["frame_dropped"] = "frame_dropped"
    step: str
    frame: str
    reason: str


@fact
class RoundEnded:
    """A round of a loop ended; `stop` says why it is the last one, empty while there is another."""

    type: Literal["round_ended"] = "round_ended"
    step: str
    round: int
    output: Json = None
    score: float | None = None
    stop: Literal["", "until", "max_rounds", "stall", "timeout"] = ""
    best: int = 1


@fact
class Gathered:
    """All frames of a composite step have ended; what they come to is its output, now before its validators."""

    type: Literal["gathered"] = "gathered"
    step: str
    output: Json = None
    ask: str = ""
    """What a person is asked about it first."""
