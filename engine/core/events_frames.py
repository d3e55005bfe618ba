"""Facts about composite steps: the frames that they open, rounds, what is dropped, what is gathered (R35, R36)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.core.fact import Fact, Json


class FrameOpened(BaseModel):
    """One run of a body: for an item, a round, a task, a call of a tool.

    `name` tells it from the others of its step, empty for a nested saga; `values` is what its steps see besides
    what all steps see; it begins when the frames `after` have ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    body: str = ""
    values: dict[str, Json] = Field(default_factory=dict)
    after: tuple[str, ...] = ()


class FramesOpened(Fact):
    """A composite step has frozen what it runs next; at most `concurrency` frames are in work at once.

    With `only_after_good` none begins after one that failed: it is dropped in its place.
    """

    type: Literal["frames_opened"] = "frames_opened"
    step: str
    frames: tuple[FrameOpened, ...]
    concurrency: int = 1
    only_after_good: bool = False


class FrameDropped(Fact):
    """A frame failed, or never began as one that it needs failed: what it did is undone on its own (R36)."""

    type: Literal["frame_dropped"] = "frame_dropped"
    step: str
    frame: str
    reason: str


class RoundEnded(Fact):
    """A round of a loop ended; `stop` says why it is the last one, empty while there is another."""

    type: Literal["round_ended"] = "round_ended"
    step: str
    round: int
    output: Json = None
    score: float | None = None
    stop: Literal["", "until", "max_rounds", "stall", "timeout"] = ""
    best: int = 1


class Gathered(Fact):
    """All frames of a composite step have ended; what they come to is its output, now before its validators."""

    type: Literal["gathered"] = "gathered"
    step: str
    output: Json = None
    ask: str = Field(default="", description="what a person is asked about it first")
