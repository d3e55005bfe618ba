"""The practice world's rules: effects, keys, faults and late landings over one file. No HTTP here.

1. An effect, its ledger entry and its stored answer land in one transaction, before anything is answered.
2. One key makes one effect per collection and operation. Refusals are not stored: they changed nothing.
3. A fault strikes after validation and before the effect; using it up is part of the same transaction.
4. What lands late is a row with a due time. Whoever looks next lands what is due first, so a landing
   needs no task, outlives the process, and stands in the ledger at the time at which it was due.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from engine.sandbox.answers import Answer, Body, RefusedError, not_found
from engine.sandbox.catalogue import COLLECTIONS, OFFERS, STOCK, collection_at
from engine.sandbox.effects import Effects
from engine.sandbox.faults import Fault, FaultKind, Operation, hanging, refuse, spoil
from engine.sandbox.fields import check_body, check_query
from engine.sandbox.store import Landing, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Answer", "Fault", "FaultKind", "LedgerEntry", "Operation", "World", "WorldState"]


class LedgerEntry(BaseModel):
    """One effect that landed. Entries are never changed."""

    model_config = ConfigDict(frozen=True)
    seq: int
    at: datetime = Field(description="UTC")
    action: str
    resource: str
    id: str
    key: str | None = Field(description="the idempotency key of the call that did it")
    summary: str
    amount_usd: float = Field(description="above 0: charged; below 0: given back")
    status: str = Field(description="the record's status from here on")


class WorldState(BaseModel):
    """What stands now."""

    model_config = ConfigDict(frozen=True)
    clean: bool = Field(description="whether nothing stands and nothing is on its way")
    collections: dict[str, list[Body]] = Field(description="the records that stand, by collection")
    counts: dict[str, int]
    in_flight: int = Field(description="effects that are asked for and will land later")
    totals: dict[str, float] = Field(description="active (records), standing_usd, spent_usd (fees included)")


class World:
    """The world in one SQLite file. Safe to share between threads; two processes may open the same file.

    No method sleeps: an answer's `delay_s` is for whoever sends it.
    """

    def __init__(self, path: str | Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = Store(path)
        self._effects = Effects(self._store)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def create(self, path: str, body: Any, key: str | None = None) -> Answer:
        """Make a record in the collection at `path`, once per key, and return the answer to send."""

        def deed() -> Answer:
            collection = collection_at(path)
            asked = check_body(body, collection.required, collection.optional)
            known = self._effects.known(Operation.CREATE, path, key, asked)
            if known is None:
                self._effects.check(collection, asked)
            fault = self._strike(path, Operation.CREATE, {**asked, "key": key}, is_fresh=known is None)
            refuse(fault)
            if fault is not None and fault.kind is FaultKind.LAND_LATE:
                return self._later(fault, key, asked)
            return spoil(known or self._effects.make(collection, asked, key, self._clock()), fault)

        return self._alone(deed)

    def cancel(
        self,
        path: str,
        *,
        record_id: str | None = None,
        made_under: str | None = None,
        key: str | None = None,
    ) -> Answer:
        """Take back the record with this id, or else the one made under that key, and return the answer.

        `key` is the cancel's own idempotency key.
        """

        def deed() -> Answer:
            collection = collection_at(path)
            record = self._effects.record(path, record_id, made_under)
            asked = {"id": record["id"]}
            known = self._effects.known(Operation.CANCEL, path, key, asked)
            if known is None:
                self._effects.check_undo(collection, record)
            fault = self._strike(path, Operation.CANCEL, record, is_fresh=known is None)
            refuse(fault)
            if fault is not None and fault.kind is FaultKind.LAND_LATE:
                return self._later(fault, key, asked)
            return spoil(known or self._effects.undo(collection, record, key, self._clock()), fault)

        return self._alone(deed)

    def find(self, path: str, *, record_id: str | None = None, key: str | None = None) -> Answer:
        """Return the answer to a look-up by id, or else by the key that the record was made under."""

        def deed() -> Answer:
            collection_at(path)
            fault = self._strike(path, Operation.LOOKUP, {"id": record_id, "key": key}, is_fresh=True)
            refuse(fault)
            record = self._store.record(path, record_id=record_id, key=key)
            nothing = not_found(f"nothing in {path} under {record_id or key!r}").answer
            return spoil(nothing if record is None else Answer(200, record), fault)

        return self._alone(deed)

    def offers(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return the answer to a question for offers, such as `flights/offers`."""

        def deed() -> Answer:
            if path not in OFFERS:
                raise not_found(f"there are no offers at {path!r}; there are {', '.join(OFFERS)}")
            asked = check_query(query, OFFERS[path].required, OFFERS[path].optional)
            fault = self._strike(path, Operation.LOOKUP, asked, is_fresh=True)
            refuse(fault)
            return spoil(Answer(200, {"offers": OFFERS[path].offers(asked)}), fault)

        return self._alone(deed)

    def stock(self) -> dict[str, int]:
        """Return how many pieces of each article are free."""
        with self._store.transaction():
            self._effects.land_due(self._clock())
            return {sku: self._effects.available(sku) for sku in STOCK}

    def ledger(self) -> list[LedgerEntry]:
        """Return every effect so far, in order."""
        with self._store.transaction():
            self._effects.land_due(self._clock())
            return [LedgerEntry.model_validate(entry) for entry in self._store.entries()]

    def state(self) -> WorldState:
        """Return what stands now."""
        with self._store.transaction():
            self._effects.land_due(self._clock())
            standing = {path: self._store.active_records(path) for path in COLLECTIONS}
            in_flight = len(self._store.landings())
            spent_usd = sum(entry["amount_usd"] for entry in self._store.entries())
        records = [record for found in standing.values() for record in found]
        standing_usd = sum(record["cost_usd"] for record in records)
        return WorldState(
            clean=not records and not in_flight,
            collections=standing,
            counts={path: len(found) for path, found in standing.items()},
            in_flight=in_flight,
            totals={
                "active": len(records),
                "standing_usd": round(standing_usd, 2),
                "spent_usd": round(spent_usd, 2),
            },
        )

    def faults(self) -> list[Fault]:
        """Return the faults that will still strike, oldest first."""
        with self._store.transaction():
            return self._store.faults()

    def add_fault(self, fault: Fault) -> Fault:
        """Plant a fault and return it with its id."""
        with self._store.transaction():
            return self._store.add_fault(fault)

    def remove_fault(self, fault_id: int) -> bool:
        """Remove a fault; return whether it was there."""
        with self._store.transaction():
            return self._store.drop_fault(fault_id)

    def clear_faults(self) -> int:
        """Remove all faults; return how many there were."""
        with self._store.transaction():
            return sum(
                self._store.drop_fault(fault.id) for fault in self._store.faults() if fault.id is not None
            )

    def reset(self) -> None:
        """Make the world new: no records, ledger, keys, faults, nothing on its way."""
        with self._store.transaction():
            self._store.clear()

    def _alone(self, deed: Callable[[], Answer]) -> Answer:
        """Do a deed in a transaction; a refusal is raised before anything but a fault's count changed."""
        with self._store.transaction():
            self._effects.land_due(self._clock())
            try:
                return deed()
            except RefusedError as refusal:
                return refusal.answer

    def _later(self, fault: Fault, key: str | None, asked: Body) -> Answer:
        due_at = self._clock().timestamp() + fault.wait_s
        self._store.add_landing(Landing(due_at, fault.operation, fault.resource, key, asked))
        return hanging(fault)

    def _strike(self, path: str, operation: Operation, fields: Body, *, is_fresh: bool) -> Fault | None:
        for fault in self._store.faults():
            if fault.id is not None and fault.strikes(path, operation, fields, is_fresh=is_fresh):
                if fault.times == 1:
                    self._store.drop_fault(fault.id)
                elif fault.times > 1:
                    self._store.change_fault(fault.model_copy(update={"times": fault.times - 1}))
                return fault
        return None
