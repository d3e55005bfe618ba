"""The facts of checking outputs: who was asked, what was said, what was added or taken instead."""

from __future__ import annotations

from typing import Literal

from engine.core.fact import Json, fact
from engine.core.validators import CheckType

Verdict = Literal["accept", "reject", "retry", "augment", "ask", "feedback", "none"]
"""`none`: the validator could not be asked; that is never an accept."""


@fact
class ValidationBegun:
    """Code has nothing against an output; now these validators are called, each a check of its own (R11)."""

    type: Literal["validation_begun"] = "validation_begun"
    step: str
    attempt: int
    validators: tuple[str, ...]


@fact
class VerdictGiven:
    """A validator's answer about one output, or a person's in its place (R11, R28)."""

    type: Literal["verdict_given"] = "verdict_given"
    step: str
    attempt: int
    validator: str
    verdict: Verdict
    evidence: str
    kind: str = ""
    """`rule`, `judge`...; `schema` where empty and so named, else `rule`."""
    check: CheckType | None = None
    """What it is about."""
    tier: Literal["intra", "inter"] = "intra"
    edge: str = ""
    """Of an edge's validator: the consumer."""
    whole: bool = False
    """Whether it is a validator of the saga."""
    by: str = ""
    """The person who decided in the validator's place."""
    proposal: dict[str, Json] | None = None
    """What it would add to the output."""
    votes: tuple[int, int] | None = None
    """Accepted, given."""
    cost_usd: float = 0
    tokens: int = 0
    latency_s: float = 0


@fact
class OutputAugmented:
    """A validator added to an output what was missing; before and after are both kept (R28)."""

    type: Literal["output_augmented"] = "output_augmented"
    step: str
    attempt: int
    validator: str
    before: Json
    after: Json
    by: str = ""
    """The person who consented, where one had to."""


@fact
class FallbackTaken:
    """A readonly step that would have failed goes on in a simpler way; `output` where that is a value."""

    type: Literal["fallback_taken"] = "fallback_taken"
    step: str
    number: int
    kind: str
    reason: str
    output: Json = None


@fact
class AppRestored:
    """A person set the application state back to what it was at an earlier moment."""

    type: Literal["app_restored"] = "app_restored"
    app: dict[str, Json]
    at_seq: int
    by: str
    reason: str
