"""The facts of disruptions: that one is known, that it strikes, that it is over; what a person makes of an assumption."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from engine.core.disruption_kinds import Disruption
from engine.core.fact import Fact, Json

Injection = Literal["fail", "refuse", "timeout_but_land", "land_late", "delay", "garbage", "down"]


class Disrupted(Fact):
    """A disruption is known; it holds from a moment on, and until one."""

    type: Literal["disrupted"] = "disrupted"
    what: Disruption
    by: str
    known_at: datetime | None = Field(default=None, description="unless said, when it was recorded")
    effective_from: datetime | None = Field(default=None, description="unless said, when it is known")
    until: datetime | None = Field(default=None, description="unless said, to the end of the run")
    item: int = Field(
        default=0, description="which one of the saga's schedule, from 1; 0: somebody asked for it"
    )

    @model_validator(mode="before")
    @classmethod
    def _as_first_recorded(cls, facts: Any) -> Any:
        """Read a fault as the first releases recorded it; their `fail` was a refusal."""
        if not isinstance(facts, dict) or "injection" not in facts:
            return facts
        kind = {"fail": "refuse"}.get(facts["injection"], facts["injection"])
        delay = {"delay_s": facts.get("delay_s") or 0.001} if kind == "delay" else {}
        kept = {key: value for key, value in facts.items() if key in {"type", "by"}}
        return {**kept, "what": {"kind": kind, "step": facts["step"], **delay}}


class FactChange(Fact):
    """Base of what changes a recorded fact, and with it what steps relied on."""

    path: str = ""
    before: Json = None
    value: Json = None
    writes: dict[str, Json] = Field(default_factory=dict, description="what follows for S_A")
    stale: tuple[str, ...] = Field(default=(), description="the steps that used it and no longer count")
    reason: str = ""
    by: str = ""


class DisruptionStruck(FactChange):
    """A disruption takes hold: what it says is true from now on."""

    type: Literal["disruption_struck"] = "disruption_struck"
    disruption: int = Field(description="the place of its `disrupted` in the log")


class DisruptionEnded(FactChange):
    """A disruption is over: its time is up, or a person lifted it."""

    type: Literal["disruption_ended"] = "disruption_ended"
    disruption: int


class AssumptionJudged(FactChange):
    """A person accepts an assumption or refuses it."""

    type: Literal["assumption_judged"] = "assumption_judged"
    accepted: bool
