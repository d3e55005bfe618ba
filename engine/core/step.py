"""What every step of a saga has, whatever its kind."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from engine.core.choreography import Emission, as_emissions
from engine.core.condition import Condition, all_of, parse_condition
from engine.core.drafted import StepDraft
from engine.core.parts import ID_PATTERN, Compensation, Gate, Part, Probe, Retry
from engine.core.validators import Fallback, States, Validator

Effect = Literal["readonly", "compensatable", "pivot", "retriable"]
Json = Any


def _as_list(value: Any) -> Any:
    return (
        [value]
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", value)
        else value
    )


class StepBase(Part):
    """What every step has, whatever its kind."""

    title: str = Field(default="", max_length=120, description="how people call it")
    description: str = ""
    needs: Annotated[tuple[str, ...] | str, BeforeValidator(_as_list)] = Field(
        default=(),
        description="the steps that must commit first, or a condition such as `(a && b) || triage.high`",
    )
    when: str | None = Field(default=None, description="CEL guard; where it is false the step is skipped")
    on: str = Field(
        default="",
        description="the events it waits for, such as `order_placed && payment_taken`; beside `needs`",
    )
    emits: Annotated[tuple[Emission, ...], BeforeValidator(as_emissions)] = Field(
        default=(), max_length=20, description="the events that its commit causes"
    )
    emits_on_failure: str = Field(
        default="",
        pattern=f"{ID_PATTERN}|^$",
        description="the event that its failure causes; where a step hears it, that is no fault",
    )
    output: dict[str, Json] | None = Field(default=None, description="JSON Schema of what the step must give")
    retry: Retry = Retry()
    timeout_s: float = Field(default=30, gt=0, le=86400, description="seconds until an attempt is given up")
    settle_s: float = Field(
        default=2.0, ge=0, le=86400, description="how long after its deadline an effect may still land (R7)"
    )
    validate_: tuple[Validator, ...] = Field(default=(), alias="validate")
    fallback: tuple[Fallback, ...] = Field(
        default=(),
        max_length=5,
        description="what is tried, in order, when a readonly step would fail: a simpler prompt, another model, a value",
    )
    states: States | None = Field(
        default=None, description="goals and constraints in its output that every later model is told"
    )
    reads: tuple[str, ...] | None = Field(
        default=None, description="the S_A keys that its expressions may use; unless said, any"
    )
    writes: dict[str, str] = Field(
        default_factory=dict, description="S_A keys, each a CEL over `output` and `app`"
    )
    commutative: bool = Field(
        default=False,
        description="what it writes to S_A may be applied in any order, so others may run beside it",
    )
    locks: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="resources that no other run may hold meanwhile, such as `seat:${run.input.seat}`; kept until the run ends",
    )
    lock_wait_s: float = Field(
        default=60, gt=0, le=86400, description="seconds to wait for its locks before the step fails"
    )
    approval: Gate | None = None
    compensate: Compensation | Literal["none"] | None = Field(
        default=None, description="the undo; `none` needs a reason"
    )
    compensate_reason: str = Field(default="", description="why there is no undo")
    probe: Probe | None = None
    key_ttl_s: float | None = Field(
        default=None, ge=0, description="how long the target honours a key; 0: not at all (R5)"
    )
    drafted: StepDraft | None = Field(default=None, description="what a model wrote of it, until accepted")
    schedules: str = Field(
        default="",
        description="CEL over `output` that gives `{activities, ends}`: activities by id that take the place of those not begun (null: they stay), and other ends of those under way",
    )

    @cached_property
    def condition(self) -> Condition:
        """The dependency condition, parsed."""
        if isinstance(self.needs, str):
            return parse_condition(self.needs)
        return all_of(self.needs)

    @property
    def name(self) -> str:
        """The title, or empty; views fall back on the id."""
        return self.title
