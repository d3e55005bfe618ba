"""The writer: one thread that takes whatever changes are queued and commits them together.

1. First in, first out; the futures are done after the commit, in order.
2. It never waits for company: a lone change is committed at once.
3. A database that can't be written is tried again until it can; `trouble` says so meanwhile.
4. One whose history was moved never can: what is appended fails with `DatabaseMoved`.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine.core.errors import SagaError
from engine.ports import Change, Conflict, DatabaseMoved
from storage.database import Database, in_words
from storage.moved import WORDS
from storage.transition import Entry, Transition, entry_of

log = logging.getLogger(__name__)
BATCH = 500
"""How many changes one commit takes at most; the disk's share of a change is negligible long before."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 1.0
HOPELESS = frozenset({"21", "44", "54"})
"""Postgres' classes of errors, besides those that its driver calls errors of data, that a row has by itself: one that
stands twice in a statement, one that a check refuses, and one that is larger than an index or a row may be."""
GRACE_S = 2.0
"""How long closing waits for a database that can't be written."""


class StoreClosed(SagaError):
    """The store is closed; what was still waiting was not stored."""


class Log:
    """The queue of changes and the thread that writes them.

    Attributes:
        trouble: what keeps the database from being written, in words; empty when all is well.
    """

    def __init__(self, database: Database) -> None:
        self.trouble = ""
        self._database = database
        self._driver: Any = database.engine.dialect.dbapi
        self._transition = Transition(database.engine.dialect)
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._order = threading.Lock()
        self._closing = threading.Event()
        self._ended = False
        self._lost = False
        self._until = 0.0
        self._thread = threading.Thread(target=self._serve, name="saga-log", daemon=True)
        self._thread.start()

    def append(self, change: Change) -> Future[None]:
        """Queue a change; see `Store.append`.

        Raises:
            ValueError: if the change contradicts itself.
            StoreClosed: if the store is closed.
        """
        entry = entry_of(change)
        with self._order:
            if self._closing.is_set():
                raise StoreClosed(f"the store is closed; run '{change.run_id}' can't be stored any more")
            self._queue.put(entry)
        return entry.future

    def close(self) -> None:
        """Write what is queued, and end; if the database can't be written, give up after a while.

        What is given up fails with `StoreClosed`.
        """
        with self._order:
            if not self._closing.is_set():
                self._until = time.monotonic() + GRACE_S
                self._closing.set()
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._next():
            for entry, verdict in zip(batch, self._store(batch), strict=True):
                if verdict is None:
                    entry.future.set_result(None)
                else:
                    entry.future.set_exception(verdict)

    def _next(self) -> list[Entry]:
        """Wait for a change; return it and what is queued behind it, or nothing at the end."""
        batch: list[Entry] = []
        while not self._ended and len(batch) < BATCH:
            try:
                entry = self._queue.get(block=not batch)
            except Empty:
                break
            if entry is None:
                self._ended = True
            else:
                batch.append(entry)
        return batch

    def _store(self, batch: list[Entry], *, again: bool = False) -> list[Exception | None]:
        """Store a batch, however long that takes; return why an entry was not, or None."""
        pause_s = FIRST_PAUSE_S
        while not self._lost:
            try:
                with self._database.logging() as cursor:
                    verdicts = self._transition.settle(cursor, batch, again=again)
                self._be_well()
                return list(verdicts)
            except Exception as error:  # noqa: BLE001 - whatever it is, the writer lives on
                if self._database.finds_moved(error):
                    return [DatabaseMoved(WORDS) for _ in batch]
                if not self._is_trouble(error):
                    return self._one_by_one(batch, error, again=again)
                self._be_troubled(error)
            again = True
            self._lost = not self._wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        return [StoreClosed(f"closed before it was stored; {self.trouble}") for _ in batch]

    def _wait(self, pause_s: float) -> bool:
        """Wait before the next try; return whether there should be one."""
        if not self._closing.wait(pause_s):
            return True
        time.sleep(FIRST_PAUSE_S)
        return time.monotonic() < self._until

    def _one_by_one(self, batch: list[Entry], error: Exception, *, again: bool) -> list[Exception | None]:
        """Keep one entry that can't be written from taking the others with it."""
        if len(batch) > 1:
            return [verdict for entry in batch for verdict in self._store([entry], again=again)]
        self._be_well()
        if isinstance(error, self._driver.IntegrityError):
            return [Conflict(f"run '{batch[0].change.run_id}' was written by somebody else; load it again")]
        log.error("run '%s': a change can't be stored", batch[0].change.run_id, exc_info=error)
        return [error]

    def _is_trouble(self, error: Exception) -> bool:
        """Return whether the database is at fault, and not what was to be written: then trying again helps."""
        driver, state = self._driver, getattr(error, "sqlstate", None) or ""
        if state[:2] in HOPELESS:
            return False
        if isinstance(error, driver.InterfaceError):
            # SQLite: a value of a type that it doesn't know. Elsewhere: the connection is lost.
            return not self._database.is_sqlite
        own = (driver.IntegrityError, driver.DataError, driver.ProgrammingError, driver.NotSupportedError)
        if isinstance(error, driver.ProgrammingError) and state:
            return True  # Postgres, of a right or a table that is missing: the statements are always the same
        if isinstance(error, driver.Error):
            return not isinstance(error, own)
        return isinstance(error, DBAPIError | PoolTimeout)  # from connecting

    def _be_troubled(self, error: Exception) -> None:
        if not self.trouble:
            log.warning("nothing can be stored now, it is tried again: %s", error)
        self.trouble = in_words(error)

    def _be_well(self) -> None:
        if self.trouble:
            log.warning("storing works again")
            self.trouble = ""
