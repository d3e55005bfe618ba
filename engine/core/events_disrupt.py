"""The facts of disruptions: that one is known, that it strikes, that it is over; what a person makes of an assumption."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from engine.core.disruption_kinds import Disruption
from engine.core.fact import Json, fact

Injection = Literal["fail", "refuse", "timeout_but_land", "land_late", "delay", "garbage", "down"]


@fact
class Disrupted:
    """A disruption is known; it holds from a moment on, and until one."""

    type: Literal["disrupted"] = "disrupted"
    what: Disruption
    by: str
    known_at: datetime | None = None
    """Unless said, when it was recorded."""
    effective_from: datetime | None = None
    """Unless said, when it is known."""
    until: datetime | None = None
    """Unless said, to the end of the run."""
    item: int = 0
    """Which one of the saga's schedule, from 1; 0: somebody asked for it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return how it is read, as the first releases recorded it, too."""
        return no_info_before_validator_function(_as_first_recorded, handler(source))


def _as_first_recorded(facts: Any) -> Any:
    """Read a fault as the first releases recorded it; their `fail` was a refusal."""
    if not isinstance(facts, dict) or "injection" not in facts:
        return facts
    kind = {"fail": "refuse"}.get(facts["injection"], facts["injection"])
    delay = {"delay_s": facts.get("delay_s") or 0.001} if kind == "delay" else {}
    kept = {key: value for key, value in facts.items() if key in {"type", "by"}}
    return {**kept, "what": {"kind": kind, "step": facts["step"], **delay}}


@fact
class FactChange:
    """Base of what changes a recorded fact, and with it what steps relied on."""

    path: str = ""
    before: Json = None
    value: Json = None
    writes: dict[str, Json] = field(default_factory=dict)
    """What follows for S_A."""
    stale: tuple[str, ...] = ()
    """The steps that used it and no longer count."""
    reason: str = ""
    by: str = ""


@fact
class DisruptionStruck(FactChange):
    """A disruption takes hold: what it says is true from now on."""

    type: Literal["disruption_struck"] = "disruption_struck"
    disruption: int
    """The place of its `disrupted` in the log."""


@fact
class DisruptionEnded(FactChange):
    """A disruption is over: its time is up, or a person lifted it."""

    type: Literal["disruption_ended"] = "disruption_ended"
    disruption: int


@fact
class AssumptionJudged(FactChange):
    """A person accepts an assumption or refuses it."""

    type: Literal["assumption_judged"] = "assumption_judged"
    accepted: bool
