"""How effects land, are undone, and are remembered under their keys. Wants to be inside a transaction."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.sandbox.answers import Answer, Body, RefusedError, invalid, not_found
from engine.sandbox.catalogue import COLLECTIONS, STOCK, Collection
from engine.sandbox.faults import Operation
from engine.sandbox.store import canonical

if TYPE_CHECKING:
    from engine.sandbox.store import Landing, Store


def confirmation_of(record_id: str) -> str:
    """Return the code that a record is confirmed with."""
    return hashlib.sha256(record_id.encode()).hexdigest()[:6].upper()


class Effects:
    """The effects of one world. The caller says when, and holds the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, operation: Operation, path: str, key: str | None, asked: Body) -> Answer | None:
        """Return the stored answer to this very request under this key, if there is one.

        Raises:
            RefusedError: 422 when the key was used for another request, 409 while its first call is under way.
        """
        if key is None:
            return None
        kept = self._store.kept_answer(operation, path, key)
        landing = self._on_its_way(operation, path, key)
        before = kept[0] if kept else canonical(landing.asked) if landing else None
        if before is not None and before != canonical(asked):
            raise RefusedError(422, "key_reused", f"key {key!r} was used for another request; use a new key")
        if landing is not None:
            raise _in_progress(key)
        return kept[1] if kept else None

    def _on_its_way(self, operation: Operation, path: str, key: str) -> Landing | None:
        wanted = (operation, path, key)
        found = (x for x in self._store.landings() if (x.operation, x.collection, x.key) == wanted)
        return next(found, None)

    def record(self, path: str, record_id: str | None, made_under: str | None) -> Body:
        """Return the record with this id, or else the one made under that key.

        Raises:
            RefusedError: 404 when nothing is there, 409 while it is on its way.
        """
        record = self._store.record(path, record_id=record_id, key=made_under)
        if record is not None:
            return record
        if record_id is None and made_under and self._on_its_way(Operation.CREATE, path, made_under):
            raise _in_progress(made_under)
        raise not_found(f"nothing in {path} under {record_id or made_under!r}, so nothing to cancel")

    def check(self, collection: Collection, asked: Body) -> None:
        """Do nothing if the world can make this now.

        Raises:
            RefusedError: 400 for an offer or article that does not exist, 409 out_of_stock.
        """
        collection.details(asked)  # refuses what can't be priced
        if collection.path != "inventory/reservations":
            return
        if asked["sku"] not in STOCK:
            raise invalid("sku", f"there is no article {asked['sku']!r}; there are {', '.join(STOCK)}")
        available = self.available(asked["sku"])
        if asked["quantity"] > available:
            message = f"{asked['quantity']} of {asked['sku']} wanted, {available} in stock"
            raise RefusedError(409, "out_of_stock", message, available=available)

    def check_undo(self, collection: Collection, record: Body) -> None:
        """Do nothing if the record can be taken back now.

        Raises:
            RefusedError: 409 when it was already, or never can be.
        """
        if collection.undo.refused_as is not None:
            message = f"{record['id']} has left the house; it can't be cancelled"
            raise RefusedError(409, collection.undo.refused_as, message)
        if record["status"] == "cancelled":
            raise RefusedError(409, "already_cancelled", f"{record['id']} was cancelled before")

    def available(self, sku: str) -> int:
        """Return how many pieces are free."""
        reserved = self._store.active_records("inventory/reservations")
        taken: int = sum(record["quantity"] for record in reserved if record["sku"] == sku)
        return STOCK[sku] - taken

    def make(self, collection: Collection, asked: Body, key: str | None, at: datetime) -> Answer:
        """Land a new record and return the 201 for it."""
        record_id = f"{collection.prefix}-{secrets.token_hex(4).upper()}"
        record = {
            **asked,
            "id": record_id,
            "confirmation": confirmation_of(record_id),
            "resource": collection.path,
            "status": collection.status,
            "key": key,
            **collection.details(asked),
        }
        self._store.put_record(collection.path, record, key, is_active=True)
        summary = collection.summary.format_map(asked)
        cost_usd = record["cost_usd"]
        self._enter(record, at, action=collection.action, summary=summary, amount_usd=cost_usd, key=key)
        return self._keep(Operation.CREATE, collection, key, asked, Answer(201, record))

    def undo(self, collection: Collection, record: Body, key: str | None, at: datetime) -> Answer:
        """Take the record back and return the 200 for it, with the refund and the fee."""
        fee_usd = collection.undo.fee(record["cost_usd"])
        refund_usd = round(record["cost_usd"] - fee_usd, 2)
        summary = collection.undo.summary.format_map(
            {**record, "summary": collection.summary.format_map(record)}
        )
        outcome = {
            "status": "cancelled",
            "refund_usd": refund_usd,
            "fee_usd": fee_usd,
            "undone_by": collection.undo.action,
            "undo_summary": summary,
        }
        after = {**record, **outcome}
        self._store.put_record(collection.path, after, None, is_active=False)
        action = collection.undo.action
        self._enter(after, at, action=action, summary=summary, amount_usd=0.0 - refund_usd, key=key)
        asked = {"id": record["id"]}
        answer = Answer(200, {"id": record["id"], "resource": collection.path, **outcome})
        return self._keep(Operation.CANCEL, collection, key, asked, answer)

    def _enter(self, record: Body, at: datetime, **entry: Any) -> None:
        about = {name: record[name] for name in ("resource", "id", "status")}
        self._store.add_entry({"at": at.isoformat(), **about, **entry})

    def _keep(
        self, operation: Operation, of: Collection, key: str | None, asked: Body, answer: Answer
    ) -> Answer:
        if key is not None:
            self._store.keep_answer(operation, of.path, key, asked, answer)
        return answer

    def land_due(self, at: datetime) -> None:
        """Land what is due. What can't land any more (sold by now, cancelled by another) comes to nothing."""
        now = at.timestamp()
        due = [landing for landing in self._store.landings() if landing.due_at <= now]
        if due:
            self._store.drop_landings(now)
        for landing in due:
            landed_at = datetime.fromtimestamp(landing.due_at, UTC)
            collection = COLLECTIONS[landing.collection]
            try:
                if landing.operation is Operation.CREATE:
                    self.check(collection, landing.asked)
                    self.make(collection, landing.asked, landing.key, landed_at)
                else:
                    record = self.record(collection.path, landing.asked["id"], None)
                    self.check_undo(collection, record)
                    self.undo(collection, record, landing.key, landed_at)
            except RefusedError:
                continue


def _in_progress(key: str) -> RefusedError:
    message = f"the first call with key {key!r} is still under way; ask again later"
    return RefusedError(409, "in_progress", message, retry_after_s=1)
