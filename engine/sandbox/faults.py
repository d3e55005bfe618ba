"""The world's faults: what can go wrong with a call, and what each kind does to its answer."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.sandbox.answers import Answer, RefusedError, invalid
from engine.sandbox.catalogue import COLLECTIONS, OFFERS

if TYPE_CHECKING:
    from collections.abc import Mapping


class Operation(StrEnum):
    """What a call does: makes a record, takes it back, or looks."""

    CREATE = "create"
    CANCEL = "cancel"
    LOOKUP = "lookup"


class FaultKind(StrEnum):
    """What goes wrong, and whether the effect lands."""

    FAIL = "fail"
    ERROR_AFTER = "error_after"
    TIMEOUT_BUT_LAND = "timeout_but_land"
    LAND_LATE = "land_late"
    SLOW = "slow"
    REFUSE = "refuse"
    SOLD_OUT = "sold_out"
    GARBAGE = "garbage"


USUAL_DELAY_S = {FaultKind.TIMEOUT_BUT_LAND: 30.0, FaultKind.LAND_LATE: 30.0, FaultKind.SLOW: 2.0}

FRESH_ONLY = frozenset({FaultKind.REFUSE, FaultKind.SOLD_OUT, FaultKind.LAND_LATE})
"""Kinds that are decisions about a new effect: a replay of one that landed is not touched by them."""


class Fault(BaseModel):
    """Something that will go wrong with the next calls that match.

    Where several match, the oldest strikes. A fault whose `times` are used up is gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: int | None = Field(default=None, description="given by the world")
    kind: FaultKind
    resource: str = Field(description="a path, such as `flights/bookings` or `flights/offers`")
    operation: Operation = Operation.CREATE
    match: dict[str, Any] = Field(
        default_factory=dict, description="fields of the body (of the record, for a cancel) and their values"
    )
    times: int = Field(default=1, ge=-1, description="how often it still strikes; -1 is for ever")
    delay_s: float | None = Field(default=None, ge=0, le=3600, allow_inf_nan=False)

    @model_validator(mode="after")
    def _makes_sense(self) -> Fault:
        if self.resource not in COLLECTIONS and self.resource not in OFFERS:
            known = ", ".join([*COLLECTIONS, *OFFERS])
            raise ValueError(f"there is no resource {self.resource!r}; there are {known}")
        if self.resource in OFFERS and self.operation is not Operation.LOOKUP:
            raise ValueError("offers can only be looked up: operation must be `lookup`")
        if self.kind is FaultKind.LAND_LATE and self.operation is Operation.LOOKUP:
            raise ValueError("a look-up has no effect that could land late; use `slow`")
        if self.times == 0:
            raise ValueError("times must be -1 (for ever) or at least 1")
        return self

    @property
    def wait_s(self) -> float:
        """How long this fault keeps the caller waiting, in seconds."""
        return USUAL_DELAY_S.get(self.kind, 0.0) if self.delay_s is None else self.delay_s

    def strikes(
        self, resource: str, operation: Operation, fields: Mapping[str, Any], *, is_fresh: bool
    ) -> bool:
        """Return whether this call is hit. Values are compared as text, so that forms can type them."""
        return (
            self.resource == resource
            and self.operation is operation
            and (is_fresh or self.kind not in FRESH_ONLY)
            and all(name in fields and str(fields[name]) == str(value) for name, value in self.match.items())
        )


_REFUSALS = {
    FaultKind.FAIL: (503, "unavailable", "the service is down; nothing happened"),
    FaultKind.REFUSE: (403, "refused", "the service refuses this request; nothing happened"),
    FaultKind.SOLD_OUT: (409, "sold_out", "nothing is left; nothing happened"),
}


def refuse(fault: Fault | None) -> None:
    """Stop the call here if the fault is of a kind that lets nothing land.

    Raises:
        RefusedError: 503, 403 or 409, by the fault's kind.
    """
    if fault is not None and fault.kind in _REFUSALS:
        raise RefusedError(*_REFUSALS[fault.kind])


def spoil(answer: Answer, fault: Fault | None) -> Answer:
    """Return what the caller gets to see of an answer whose effect has landed."""
    if fault is None:
        return answer
    match fault.kind:
        case FaultKind.ERROR_AFTER:
            body = {"error": "internal_error", "message": "something went wrong on our side"}
            return Answer(500, body, delay_s=fault.wait_s)
        case FaultKind.GARBAGE:
            return replace(answer, status=200, garbled=True, delay_s=fault.wait_s)
        case _:
            return replace(answer, delay_s=fault.wait_s)


def hanging(fault: Fault) -> Answer:
    """Return the answer to a call whose effect lands late: none until then, and then no news."""
    body = {"error": "gateway_timeout", "message": "no answer from the service; what became of it is unknown"}
    return Answer(504, body, delay_s=fault.wait_s)


def fault_from(body: Any) -> Fault:
    """Return the fault that a request describes.

    Raises:
        RefusedError: 400, with the field that is wrong.
    """
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "id"}
    try:
        return Fault.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(".".join(map(str, first["loc"])) or "body", first["msg"]) from error
