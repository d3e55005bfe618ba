"""The world's file: rows in and out of SQLite, with no rules. Every transaction is durable when it ends."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.sandbox.answers import Answer, Body
from engine.sandbox.faults import Fault, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_TIMEOUT_S = 20.0

_TABLES = {
    "ledger": "(seq INTEGER PRIMARY KEY, entry TEXT NOT NULL)",
    "records": "(seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, collection TEXT NOT NULL, key TEXT,"
    " is_active INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (collection, key))",
    "answers": "(operation TEXT, collection TEXT, key TEXT, asked TEXT NOT NULL, status INTEGER NOT NULL,"
    " body TEXT NOT NULL, PRIMARY KEY (operation, collection, key))",
    "landings": "(id INTEGER PRIMARY KEY, due_at REAL NOT NULL, operation TEXT NOT NULL,"
    " collection TEXT NOT NULL, key TEXT, asked TEXT NOT NULL)",
    "faults": "(id INTEGER PRIMARY KEY AUTOINCREMENT, fault TEXT NOT NULL)",
}


@dataclass(frozen=True, slots=True)
class Landing:
    """An effect on its way: asked for, not there yet.

    Attributes:
        due_at: when it lands, in seconds since 1970.
        asked: the request's body for a create, `{"id": ...}` for a cancel.
    """

    due_at: float
    operation: Operation
    collection: str
    key: str | None
    asked: Body


def canonical(value: Any) -> str:
    """Return the JSON text that equal values share."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


class Store:
    """One SQLite file. Every method but `transaction` and `close` wants to be called inside a transaction."""

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            for name, columns in _TABLES.items():
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {name} {columns}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do what is inside all or not at all, alone; what it did is on the disk when it ends."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def clear(self) -> None:
        """Delete every row."""
        for name in _TABLES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608  # the names are ours

    def _documents(self, sql: str, *values: Any) -> list[Body]:
        return [json.loads(row[0]) for row in self._db.execute(sql, values)]

    def add_entry(self, entry: Body) -> None:
        """Append to the ledger; the row's number is the entry's `seq`."""
        self._db.execute("INSERT INTO ledger (entry) VALUES (?)", (canonical(entry),))

    def entries(self) -> list[Body]:
        """Return the ledger in order, each entry with its `seq`."""
        rows = self._db.execute("SELECT seq, entry FROM ledger ORDER BY seq")
        return [{"seq": seq, **json.loads(entry)} for seq, entry in rows]

    def put_record(self, collection: str, record: Body, key: str | None, *, is_active: bool) -> None:
        """Write a record, new or changed."""
        self._db.execute(
            "INSERT INTO records (id, collection, key, is_active, record) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET is_active = excluded.is_active, record = excluded.record",
            (record["id"], collection, key, is_active, json.dumps(record)),
        )

    def record(self, collection: str, *, record_id: str | None = None, key: str | None = None) -> Body | None:
        """Return the record with this id, or else the one made under this key."""
        column, value = ("id", record_id) if record_id is not None else ("key", key)
        sql = f"SELECT record FROM records WHERE collection = ? AND {column} = ?"  # noqa: S608  # the column is ours
        return next(iter(self._documents(sql, collection, value)), None)

    def active_records(self, collection: str) -> list[Body]:
        """Return what stands in the collection, oldest first."""
        sql = "SELECT record FROM records WHERE collection = ? AND is_active ORDER BY seq"
        return self._documents(sql, collection)

    def keep_answer(
        self, operation: Operation, collection: str, key: str, asked: Body, answer: Answer
    ) -> None:
        """Keep the answer for whoever asks again under this key."""
        row = (operation, collection, key, canonical(asked), answer.status, json.dumps(answer.body))
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)

    def kept_answer(self, operation: Operation, collection: str, key: str) -> tuple[str, Answer] | None:
        """Return what was asked under this key, as canonical JSON, and the answer."""
        row = self._db.execute(
            "SELECT asked, status, body FROM answers WHERE operation = ? AND collection = ? AND key = ?",
            (operation, collection, key),
        ).fetchone()
        return row and (row[0], Answer(row[1], json.loads(row[2]), replayed=True))

    def add_landing(self, landing: Landing) -> None:
        """Note an effect that is on its way."""
        row = (landing.due_at, landing.operation, landing.collection, landing.key, canonical(landing.asked))
        self._db.execute(
            "INSERT INTO landings (due_at, operation, collection, key, asked) VALUES (?, ?, ?, ?, ?)", row
        )

    def landings(self) -> list[Landing]:
        """Return what is on its way, in the order in which it lands."""
        sql = "SELECT due_at, operation, collection, key, asked FROM landings ORDER BY due_at, id"
        return [
            Landing(due_at, Operation(operation), collection, key, json.loads(asked))
            for due_at, operation, collection, key, asked in self._db.execute(sql)
        ]

    def drop_landings(self, until: float) -> None:
        """Forget what was due by then."""
        self._db.execute("DELETE FROM landings WHERE due_at <= ?", (until,))

    def add_fault(self, fault: Fault) -> Fault:
        """Write a fault and return it with its id."""
        cursor = self._db.execute("INSERT INTO faults (fault) VALUES (?)", (fault.model_dump_json(),))
        return fault.model_copy(update={"id": cursor.lastrowid})

    def faults(self) -> list[Fault]:
        """Return the faults, oldest first."""
        rows = self._db.execute("SELECT id, fault FROM faults ORDER BY id")
        return [Fault.model_validate_json(text).model_copy(update={"id": number}) for number, text in rows]

    def change_fault(self, fault: Fault) -> None:
        """Write a fault's new state."""
        self._db.execute("UPDATE faults SET fault = ? WHERE id = ?", (fault.model_dump_json(), fault.id))

    def drop_fault(self, fault_id: int) -> bool:
        """Delete a fault; return whether it was there."""
        return self._db.execute("DELETE FROM faults WHERE id = ?", (fault_id,)).rowcount > 0
