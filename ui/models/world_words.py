"""The practice world in words: its collections, its faults, and where its effects stand. No drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from engine.sandbox.catalogue import COLLECTIONS, OFFERS
from engine.sandbox.faults import USUAL_DELAY_S, Fault, FaultKind, Operation

Json = Any


@dataclass(frozen=True)
class Place:
    """A collection as people call it, with a Material Symbols name."""

    title: str
    icon: str


PLACES: Final[dict[str, Place]] = {
    "flights/bookings": Place("Flights", "flight"),
    "hotels/bookings": Place("Hotels", "hotel"),
    "trains/bookings": Place("Trains", "train"),
    "payments/authorisations": Place("Payments on hold", "credit_score"),
    "payments/captures": Place("Payments taken", "payments"),
    "inventory/reservations": Place("Reserved goods", "inventory_2"),
    "shipping/orders": Place("Parcels with the carrier", "local_shipping"),
    "tickets": Place("Tickets", "confirmation_number"),
    "changes": Place("Changes in force", "build"),
    "notices": Place("Notices sent", "campaign"),
    "flights/offers": Place("Flight offers", "travel_explore"),
    "hotels/offers": Place("Hotel offers", "travel_explore"),
    "trains/offers": Place("Train offers", "travel_explore"),
}
_OTHER: Final = Place("", "category")

OPERATIONS: Final[dict[Operation, str]] = {
    Operation.CREATE: "doing it",
    Operation.CANCEL: "undoing it",
    Operation.LOOKUP: "looking it up",
}
_STRIKES: Final[dict[Operation, str]] = {
    Operation.CREATE: "",
    Operation.CANCEL: "Undoing ",
    Operation.LOOKUP: "Looking up ",
}

KINDS: Final[dict[FaultKind, tuple[str, str]]] = {
    FaultKind.FAIL: ("Fails", "It answers 503 and nothing happens. Trying again may help."),
    FaultKind.REFUSE: ("Refuses", "It answers 403 and nothing happens. Trying again is useless."),
    FaultKind.SOLD_OUT: ("Sold out", "It answers 409 and nothing happens: nothing is left."),
    FaultKind.TIMEOUT_BUT_LAND: (
        "Lands, but no answer",
        "It happens, but the answer takes longer than anyone waits. The outcome is unknown until somebody looks.",
    ),
    FaultKind.LAND_LATE: (
        "Lands late",
        "No answer now; it happens only later, when the caller has long given up.",
    ),
    FaultKind.ERROR_AFTER: ("Lands, then errors", "It happens, but the answer is a 500, as if it had not."),
    FaultKind.SLOW: ("Slow", "It happens and the answer is right, only late."),
    FaultKind.GARBAGE: ("Garbled answer", "It happens, but the answer is no JSON."),
}
"""Each kind of fault: its name, and what it does in one line."""


def place(path: str) -> Place:
    """Return how a collection is called; an unknown one by its path."""
    return PLACES.get(path) or Place(path.replace("/", " "), _OTHER.icon)


def kind_name(kind: FaultKind) -> str:
    """Return the name of a kind of fault."""
    return KINDS[kind][0]


def fault_words(fault: Fault) -> str:
    """Return one sentence: "Flights where from is CGN: sold out, until removed"."""
    where = " and ".join(f"{name} is {value}" for name, value in fault.match.items())
    title = place(fault.resource).title
    prefix = _STRIKES[fault.operation]
    subject = f"{prefix}{title[:1].lower()}{title[1:]}" if prefix else title
    delay = f", {fault.wait_s:g} s" if fault.wait_s and fault.kind in USUAL_DELAY_S else ""
    told = f" where {where}" if where else ""
    return f"{subject}{told}: {kind_name(fault.kind).lower()}{delay}, {times_words(fault.times)}"


def times_words(times: int) -> str:
    """Return how often a fault still strikes."""
    return {-1: "until removed", 1: "once", 2: "twice"}.get(times, f"{times} times")


def resources(operation: Operation) -> list[str]:
    """Return the paths that a fault of this operation can strike."""
    return [*COLLECTIONS, *(OFFERS if operation is Operation.LOOKUP else ())]


def fields_of(resource: str) -> list[str]:
    """Return the fields that a fault can look at, for calls to this path."""
    known = COLLECTIONS.get(resource) or OFFERS[resource]
    return [*known.required, *known.optional, *(["key"] if resource in COLLECTIONS else [])]
