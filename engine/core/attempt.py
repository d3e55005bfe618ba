"""The state of what a step does and is asked: its calls, questions about it, late effects, its validation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.core.events import (
    ApprovalGiven,
    ApprovalRequested,
    AttemptEnded,
    AttemptIntended,
    AttemptResolved,
    Outcome,
)

Json = Any


@dataclass(slots=True)
class Attempt:
    """One call: its intent, its single result, and what a later look made of an unknown one."""

    intent: AttemptIntended
    started_at: datetime
    seq: int
    ended_at: datetime | None = None
    result: AttemptEnded | None = None
    landed: bool | None = None
    resolution: AttemptResolved | None = None
    ended_seq: int = 0
    resolved_seq: int = 0

    @property
    def number(self) -> int:
        """Its place among the tries of its step and phase, from 1."""
        return self.intent.attempt

    @property
    def outcome(self) -> Outcome | None:
        """What came of it, or None while the call is open."""
        return self.result.outcome if self.result else None

    @property
    def maybe_landed(self) -> bool:
        """Whether an effect may be out there: it went well, or nobody knows."""
        if self.landed is not None:
            return self.landed
        return self.outcome in {None, "ok", "unknown"}

    @property
    def surely_landed(self) -> bool:
        """Whether an effect is out there for sure: it went well, or a later look says so."""
        return self.landed if self.landed is not None else self.outcome == "ok"

    @property
    def lost(self) -> bool:
        """Whether its answer may still come: it is unknown how it ended, and nobody knows that it landed (R25)."""
        return self.outcome == "unknown" and not self.landed

    @property
    def unresolved(self) -> bool:
        """Whether its outcome is unknown and nothing has told since (R3)."""
        return self.outcome == "unknown" and self.landed is None


@dataclass(slots=True)
class Approval:
    """A question to people and their answers; `seq` is its place in the log."""

    request: ApprovalRequested
    asked_at: datetime
    seq: int
    status: Literal["open", "approved", "denied", "expired", "withdrawn", "superseded", "consumed"] = "open"
    answers: list[ApprovalGiven] = field(default_factory=list)
    ended_at: datetime | None = None
    reason: str = ""


BY_HAND = 0
"""Stands for the number of an attempt where a person had done it."""


@dataclass(slots=True)
class Late:
    """An effect of an attempt that had been given up: one too many, to be undone by its own output (R25).

    `before` is how many calls had been made to undo late effects of the step when this one's turn, or a
    person's new try, began.
    """

    attempt: int
    output: Json
    status: Literal["to_undo", "undoing", "failed", "settled"] = "to_undo"
    due: datetime | None = None
    before: int = 0


@dataclass(slots=True)
class Panel:
    """The validation of one output: from which verdict and check on, who is to be called, who has added to it.

    `examined` says that code has looked at the output as it is now.
    """

    verdicts_from: int = 0
    checks_from: int = 0
    called: tuple[str, ...] = ()
    examined: bool = False
    augmented: tuple[str, ...] = ()
