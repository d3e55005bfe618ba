"""The practice world as its page shows it: one line on its state, what stands, and the ledger's rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.sandbox.catalogue import COLLECTIONS, STOCK
from engine.sandbox.effects import confirmation_of
from engine.sandbox.world import LedgerEntry, WorldState
from ui.models.status import Family
from ui.models.world_words import Place, place

Json = Any
_KEY: Final = re.compile(r"^(c:)?(r-[0-9a-z]+):([a-z][a-z0-9_]*):\d+$")
_PAST: Final = {
    "book": "Booked", "authorise": "Authorised", "capture": "Captured", "reserve": "Reserved",
    "ship": "Handed over", "open": "Opened", "apply": "Applied", "send": "Sent",
    "cancel": "Cancelled", "void": "Released", "refund": "Refunded", "release": "Released",
    "close": "Closed", "revert": "Reverted", "correct": "Corrected",
}  # fmt: skip
_Entries = Mapping[tuple[str, str], LedgerEntry]
_MAKES: Final = frozenset(collection.action for collection in COLLECTIONS.values())


@dataclass(frozen=True)
class Headline:
    """How the world stands, in a word and a sentence."""

    word: str
    icon: str
    family: Family
    sentence: str


@dataclass(frozen=True)
class Standing:
    """One collection with the records that stand in it."""

    path: str
    place: Place
    records: tuple[str, ...]
    total_usd: float


@dataclass(frozen=True)
class LedgerRow:
    """One effect as the ledger's table shows it.

    Attributes:
        code: the confirmation of the record that it is about.
        status: how that record stands since, or which entry this one takes back.
        run: the run whose call it was; like `step`, "" for calls from elsewhere.
    """

    seq: int
    at: datetime
    is_undo: bool
    word: str
    what: str
    code: str
    amount_usd: float
    where: str
    status: str
    key: str
    run: str
    step: str


@dataclass(frozen=True)
class StockRow:
    """One article: how much is free, of how much."""

    sku: str
    free: int
    of: int


def headline(state: WorldState) -> Headline:
    """Return how the world stands."""
    active, on_its_way = int(state.totals["active"]), state.in_flight
    spent = money(state.totals["spent_usd"])
    if state.clean:
        kept = f" Fees of undone bookings: {spent}." if state.totals["spent_usd"] else ""
        return Headline("Clean", "check_circle", "green", f"Nothing stands and nothing is on its way.{kept}")
    parts = [f"{active} {'record stands' if active == 1 else 'records stand'}" if active else ""]
    parts.append(f"{on_its_way} on {'its' if on_its_way == 1 else 'their'} way" if on_its_way else "")
    words = " and ".join(part for part in parts if part)
    sentence = f"{words[:1].upper()}{words[1:]}, worth {money(state.totals['standing_usd'])}."
    return Headline("Something stands", "foundation", "blue", sentence)


def money(usd: float) -> str:
    """Return an amount in words: "1,234.50 USD"."""
    return f"{usd:,.2f} USD"


def standing(state: WorldState) -> tuple[list[Standing], list[Place]]:
    """Return the collections where something stands, and those where nothing does."""
    full = [
        Standing(
            path,
            place(path),
            tuple(record_words(path, record) for record in records),
            round(sum(record["cost_usd"] for record in records), 2),
        )
        for path, records in state.collections.items()
        if records
    ]
    return full, [place(path) for path, records in state.collections.items() if not records]


def record_words(path: str, record: Json) -> str:
    """Return a record as the ledger words it, with its confirmation and its price."""
    said = COLLECTIONS[path].summary.format_map(record)
    price = f", {money(record['cost_usd'])}" if record["cost_usd"] else ""
    return f"{said} ({record['confirmation']}{price})"


def ledger_rows(entries: Sequence[LedgerEntry]) -> list[LedgerRow]:
    """Return the ledger's rows, the newest first."""
    made = {_record(entry): entry for entry in entries if not _is_undo(entry)}
    undone = {_record(entry): entry for entry in entries if _is_undo(entry)}
    return [_row(entry, made, undone) for entry in reversed(entries)]


def _record(entry: LedgerEntry) -> tuple[str, str]:
    return entry.resource, entry.id


def _is_undo(entry: LedgerEntry) -> bool:
    return entry.action not in _MAKES


def _word(entry: LedgerEntry) -> str:
    return _PAST.get(entry.action, entry.action.capitalize())


def _row(entry: LedgerEntry, made: _Entries, undone: _Entries) -> LedgerRow:
    found = _KEY.match(entry.key or "")
    return LedgerRow(
        seq=entry.seq,
        at=entry.at,
        is_undo=_is_undo(entry),
        word=_word(entry),
        what=entry.summary,
        code=confirmation_of(entry.id),
        amount_usd=entry.amount_usd,
        where=place(entry.resource).title,
        status=_status(entry, made, undone),
        key=entry.key or "",
        run=found[2] if found else "",
        step=found[3] if found else "",
    )


def _status(entry: LedgerEntry, made: _Entries, undone: _Entries) -> str:
    """Return how an entry and the one that took it back, or that it takes back, belong together."""
    record = _record(entry)
    if _is_undo(entry):
        return f"undoes #{made[record].seq}"
    taken_back = undone.get(record)
    if taken_back is None:
        return entry.status.replace("_", " ")
    return f"{_word(taken_back).lower()} by #{taken_back.seq}"


def stock_rows(free: dict[str, int]) -> list[StockRow]:
    """Return the articles, the scarcest share first."""
    rows = [StockRow(sku, free[sku], of) for sku, of in STOCK.items()]
    return sorted(rows, key=lambda row: row.free / row.of if row.of else 2.0)
