"""The store on a database: its parts under one name, and how to open one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from engine.memory import MemoryStore, utc_now
from engine.ports import Change, Store
from storage.database import Database, as_url
from storage.driving import Driving
from storage.inbox import Inbox
from storage.incidents import Incidents
from storage.locks import Locks
from storage.log import Log
from storage.memory import Memory
from storage.migrations import HEAD, migrate
from storage.moved import WORDS
from storage.runs import Runs
from storage.sqlite import make_private, set_journal, sqlite_engine
from storage.verdicts import Verdicts
from storage.versions import Drafts, Versions


class SqlStore(Runs, Driving, Locks, Incidents, Verdicts, Memory, Versions, Drafts, Inbox):
    """A `Store` on SQLite or Postgres. Safe in threads.

    Reads and short writes raise `engine.ports.Unavailable` while the database can't be used;
    the log waits instead, and `trouble` says why. Where the history was moved, both raise `DatabaseMoved`.
    """

    def __init__(self, url_or_path: str | Path, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._database = Database(url_or_path)
        try:
            migrate(self._database)
            self._log = Log(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def database(self) -> Database:
        """The connections, for backups and tests."""
        return self._database

    @property
    def moved(self) -> bool:
        """Whether a write has found that the history goes on in another database."""
        return self._database.moved

    @property
    def trouble(self) -> str:
        """What keeps the database from being used, in words; empty when all is well."""
        if self.moved:
            return WORDS
        return self._log.trouble or self._database.trouble

    def append(self, change: Change) -> Future[None]:
        """Store a transition; the future is done when it is durable, in the order of the calls.

        Raises:
            ValueError: if the change contradicts itself.
            StoreClosed: if the store is closed.
        """
        return self._log.append(change)

    def describe(self) -> Mapping[str, str]:
        """Return what a settings page shows."""
        return {**self._database.describe(), "schema": HEAD}

    def connect(self, path: Path) -> Engine:
        """Return an engine on another SQLite file, set as this one is, to measure the disk with."""
        make_private(path)
        engine = sqlite_engine(as_url(path))
        set_journal(engine)
        return engine

    def close(self) -> None:
        """Store what was appended and let go of the database."""
        self._log.close()
        self._database.close()


def open_store(url: str) -> Store:
    """Return the store at `sqlite:///path`, `postgresql://...`, a path, or `memory:`."""
    return MemoryStore() if url == "memory:" else SqlStore(url)
