"""What a definition keeps of how it was drafted: which parts a model wrote that nobody accepted yet, and why so."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.core.parts import Part

StepPart = Literal["call", "output", "checks", "undo"]
SagaPart = Literal["input", "goals", "invariants", "edges", "output"]
KEYS_OF_STEP: dict[StepPart, tuple[str, ...]] = {
    "call": ("with", "needs", "effect"),
    "output": ("output",),
    "checks": ("validate", "writes"),
    "undo": ("compensate", "compensate_reason", "probe"),
}
"""Which keys of a step each part of it is."""
KEYS_OF_SAGA: dict[SagaPart, tuple[str, ...]] = {
    "input": ("input",),
    "goals": ("goals", "constraints"),
    "invariants": ("app", "invariants"),
    "edges": ("edges",),
    "output": ("output",),
}


class Tried(Part):
    """An undo that was tried: the step was done and undone, and its target was then as it had been before."""

    of: str = Field(description="the hash of what was tried; another undo has not been")
    where: str = Field(description="what it was tried on")
    fee_usd: float = Field(default=0, description="what was not given back")


class StepDraft(Part):
    """How a step was drafted."""

    by: str = Field(description="the model that wrote it")
    parts: tuple[StepPart, ...] = Field(default=(), description="what nobody has accepted yet")
    tried: Tried | None = None


class DraftRound(Part):
    """One round of the drafting: what was found, or what a person said, so that there was another one."""

    findings: tuple[str, ...] = ()
    comment: str = ""


class SagaDraft(Part):
    """How a saga was drafted."""

    by: str = Field(description="the model that wrote it")
    words: str = Field(default="", description="the problem, as a person put it")
    parts: tuple[SagaPart, ...] = Field(default=(), description="what nobody has accepted yet")
    rounds: tuple[DraftRound, ...] = ()
