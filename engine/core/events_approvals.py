"""The facts of asking people: the question, each answer, and that it no longer counts (R33)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from engine.core.fact import Json, fact


@fact
class ApprovalRequested:
    """A person is asked; the hash freezes what will be sent (R33)."""

    type: Literal["approval_requested"] = "approval_requested"
    step: str
    question: str
    group: str
    request: Json
    request_hash: str
    quorum: int
    four_eyes: bool
    expires_at: datetime | None
    on_expire: Literal["deny", "approve"]


@fact
class ApprovalGiven:
    """One person's answer; `final` when it decides (R33)."""

    type: Literal["approval_given"] = "approval_given"
    step: str
    decision: Literal["approved", "denied"]
    by: str
    reason: str
    request_hash: str
    final: bool


@fact
class ApprovalEnded:
    """An open or given approval that no longer counts, and why."""

    type: Literal["approval_ended"] = "approval_ended"
    step: str
    how: Literal["expired", "withdrawn", "superseded"]
    reason: str
    again: bool = False
    """Whether the step asks anew."""
