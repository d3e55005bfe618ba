"""The world's collections as data: what each asks for, what it costs, how it is undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from engine.sandbox import offers
from engine.sandbox.answers import Body, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class OfferList:
    """Something to choose from. Reading it changes nothing."""

    path: str
    required: Mapping[str, str]
    offers: Callable[[Body], list[Body]]
    optional: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undo:
    """How a record is taken back: the word for it, and what it costs.

    Attributes:
        action: the ledger's word, such as `cancel`.
        summary: the ledger's sentence; `{summary}` is the record's own, in front of the body's fields.
        fee_share: the part of the price that is kept, from 0 to 1.
        fee_usd: a fixed fee, never more than the price.
        refused_as: the error of a collection whose records can't be taken back.
    """

    action: str = "cancel"
    summary: str = "{summary} cancelled"
    fee_share: float = 0.0
    fee_usd: float = 0.0
    refused_as: str | None = None

    def fee(self, cost_usd: float) -> float:
        """Return the fee in USD for taking back what cost `cost_usd`."""
        return round(min(cost_usd, cost_usd * self.fee_share + self.fee_usd), 2)


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of effect.

    Attributes:
        path: where it lives, such as `flights/bookings`.
        prefix: how its ids begin.
        action: the ledger's word for making one.
        status: the status of a record that stands.
        summary: the ledger's sentence, over the body's fields.
        required: the body's fields and their kinds; `optional` likewise.
        details: what the world adds to a record, `cost_usd` at least.
        undo: how a record is taken back.
    """

    path: str
    prefix: str
    action: str
    status: str
    summary: str
    required: Mapping[str, str]
    details: Callable[[Body], Body]
    undo: Undo = Undo()
    optional: Mapping[str, str] = field(default_factory=dict)


STOCK: dict[str, int] = {
    "backpack": 12, "coffee-beans": 40, "espresso-machine": 3, "grinder": 6, "headphones": 8,
    "kettle": 10, "keyboard": 15, "lamp": 20, "laptop": 5, "mug": 60, "tent": 4,
    "SKU-1": 10, "SKU-2": 5, "SKU-3": 1, "SKU-0": 0,
}  # fmt: skip
"""Pieces of each article in an untouched world."""

CURRENCY = "USD"


def _priced(offer: Body, *details: str) -> Body:
    """Return an offer's price, in the world's one currency, with some of its details."""
    return {"cost_usd": offer["price_usd"], "currency": CURRENCY, **{name: offer[name] for name in details}}


def _flight(body: Body) -> Body:
    offer = offers.choose(offers.flight_offers(body), body)
    return _priced(offer, "carrier", "departs", "arrives")


def _train(body: Body) -> Body:
    return _priced(offers.choose(offers.train_offers(body), body), "departs", "arrives")


def _room(body: Body) -> Body:
    room = offers.choose(offers.hotel_offers(body), body)
    check_out = date.fromisoformat(body["check_in"]) + timedelta(days=body["nights"])
    return {**_priced(room, "name", "stars", "night_usd"), "check_out": check_out.isoformat()}


def _free(_body: Body) -> Body:
    return {"cost_usd": 0.0}


def _postage(body: Body) -> Body:
    return {"cost_usd": round(offers.draw(8, 25, "postage", body["address"]), 2)}


_TRIP = {"from": "text", "to": "text", "date": "date"}
_STAY = {"city": "text", "check_in": "date", "nights": "nights"}
_MONEY = {"amount_usd": "amount", "order": "text"}

_COLLECTIONS = (
    Collection(
        "flights/bookings", "FL", "book", "booked", "Flight {from} to {to} on {date}",
        {**_TRIP, "passenger": "text"}, _flight, Undo(fee_share=0.10), {"offer": "text"},
    ),
    Collection(
        "hotels/bookings", "HT", "book", "booked", "Hotel in {city} from {check_in}, nights: {nights}",
        _STAY, _room, Undo(), {"stars": "stars", "guest": "text", "offer": "text"},
    ),
    Collection(
        "trains/bookings", "TR", "book", "booked", "Train {from} to {to} on {date}",
        _TRIP, _train, Undo(fee_usd=5.0), {"passenger": "text", "offer": "text"},
    ),
    Collection(
        "payments/authorisations", "PA", "authorise", "authorised", "{amount_usd} USD held for order {order}",
        _MONEY, _free, Undo("void", "{summary}: released"),
    ),
    Collection(
        "payments/captures", "PC", "capture", "captured", "{amount_usd} USD taken for order {order}",
        _MONEY, lambda body: {"cost_usd": float(body["amount_usd"])}, Undo("refund", "{summary}: given back"),
    ),
    Collection(
        "inventory/reservations", "IR", "reserve", "reserved", "{quantity} of {sku} reserved",
        {"sku": "text", "quantity": "quantity"}, _free, Undo("release", "{summary}: back in stock"),
        {"order": "text"},
    ),
    Collection(
        "shipping/orders", "SH", "ship", "handed_over", "Order {order} handed to the carrier",
        {"order": "text", "address": "address"}, _postage, Undo(refused_as="already_handed_over"),
    ),
    Collection(
        "tickets", "TK", "open", "open", "Ticket ({severity}): {title}",
        {"title": "text", "severity": "text"}, _free, Undo("close", "{summary}: closed"),
    ),
    Collection(
        "changes", "CH", "apply", "applied", "Change to {service}: {action}",
        {"service": "text", "action": "text"}, _free, Undo("revert", "{summary}: reverted"),
    ),
    Collection(
        "notices", "NT", "send", "sent", "Notice to {to}: {text}",
        {"to": "text", "text": "text"}, _free, Undo("correct", 'Correction sent to {to}: please disregard "{text}"'),
    ),
)  # fmt: skip

COLLECTIONS: dict[str, Collection] = {collection.path: collection for collection in _COLLECTIONS}

OFFERS: dict[str, OfferList] = {
    "flights/offers": OfferList("flights/offers", _TRIP, offers.flight_offers),
    "hotels/offers": OfferList("hotels/offers", _STAY, offers.hotel_offers, {"stars": "stars"}),
    "trains/offers": OfferList("trains/offers", _TRIP, offers.train_offers),
}


def collection_at(path: str) -> Collection:
    """Return the collection that lives at the path.

    Raises:
        RefusedError: 404 when none does.
    """
    if path not in COLLECTIONS:
        raise not_found(f"there is no collection {path!r}; there are {', '.join(COLLECTIONS)}")
    return COLLECTIONS[path]
