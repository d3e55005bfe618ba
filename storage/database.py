"""The connections: how a database is opened, and what SQLite is told so that a commit is a commit."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from engine.core.errors import SagaError

SAFE_WAL = (3, 51, 3)
"""Older SQLites can corrupt a WAL file when two connections write or checkpoint at once."""
BUSY_S = 10.0
"""How long a reader or a short write waits for somebody else's lock."""
LOG_BUSY_S = 0.25
"""How long the log's writer does before it says so; it tries again anyway."""


class Unavailable(SagaError):
    """The database can't be used now; the message has its own words. Try again."""


class Turn:
    """A lock that is handed over in turn: who just had it can't take it before who waits."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Wait at the door, so that at most one is ahead."""
        with self._door:
            self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class Database:
    """One database: a pool for reads and short writes, and a connection for the log's writer.

    Attributes:
        path: the file, for SQLite.
        engine: the pool.
        turn: held while this process writes, so that its threads never poll for each other's lock.
    """

    def __init__(self, url_or_path: str | Path) -> None:
        self.url = as_url(url_or_path)
        self.turn = Turn()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path: Path | None = None
        if self.is_sqlite:
            if self.url.database in {None, "", ":memory:"}:
                raise ValueError("SQLite in memory is one connection only; open `memory:` instead")
            self.path = Path(str(self.url.database)).expanduser().absolute()
            self.url = self.url.set(database=str(self.path))
            make_private(self.path)
        self.engine = self._engine(BUSY_S, pool_size=8, max_overflow=24)
        self._writes = self.engine.execution_options(writes=True)
        self._log = self._engine(LOG_BUSY_S, pool_size=1, max_overflow=0)
        if self.is_sqlite:
            set_journal(self.engine)

    def _engine(self, busy_s: float, **pool: int) -> Engine:
        if self.is_sqlite:
            return sqlite_engine(self.url, busy_s, **pool)
        return create_engine(self.url, pool_pre_ping=True, **pool)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction of its own: one moment of the database.

        Raises:
            Unavailable: if the database can't be read now.
        """
        with _told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that alone may write; what it did is durable at the end, or never was.

        Raises:
            Unavailable: if the database can't be written now; a violated constraint goes through as it is.
        """
        with _told(), self.turn, self._writes.begin() as connection:
            yield connection

    @contextmanager
    def logging(self) -> Iterator[Cursor]:
        """Give the log's writer a cursor of the driver, as `writing` does, with the driver's own errors.

        After an error the connection is thrown away: whatever state it is in, the next one is new.
        """
        with self.turn:
            connection = self._log.raw_connection()
            try:
                cursor = connection.cursor()
                if self.is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                cursor.close()
                connection.commit()
            except BaseException:
                connection.invalidate()
                raise
            finally:
                connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._log.dispose()
        self.engine.dispose()


def sqlite_engine(url: URL, busy_s: float = BUSY_S, **pool: int) -> Engine:
    """Return an engine whose connections commit durably and begin where they are told to."""
    engine = create_engine(
        url, module=sqlite_module(), poolclass=QueuePool, connect_args={"timeout": busy_s}, **pool
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _journal(engine: Engine, mode: str) -> str:
    """Ask for a journal mode and return the one that is in force."""
    with closing(engine.raw_connection()) as raw:
        cursor = raw.cursor()
        try:
            cursor.execute(f"PRAGMA journal_mode = {mode}")
            (found,) = cursor.fetchone() or ("",)
            return str(found)
        finally:
            cursor.close()


def set_journal(engine: Engine) -> None:
    """Give a database the journal that this SQLite keeps safely.

    Raises:
        Unavailable: if the file is no database, or others have it open in another mode.
    """
    module = sqlite_module()
    mode = journal_mode(module.sqlite_version_info)
    until = time.monotonic() + BUSY_S
    while True:
        try:
            found = _journal(engine, mode)
            break
        except module.Error as error:
            # SQLite does not wait by itself here: it says "locked" at once while another opens a new file.
            if "locked" not in str(error) or time.monotonic() > until:
                raise Unavailable(f"'{engine.url.database}' can't be opened: {error}") from error
            time.sleep(0.01)
    if found != mode:
        raise Unavailable(
            f"'{engine.url.database}' is open elsewhere with the journal {found}; close it there"
        )


def as_url(url_or_path: str | Path) -> URL:
    """Return the SQLAlchemy URL of a URL, or of an SQLite file's path."""
    text = str(url_or_path)
    return make_url(text) if "://" in text else URL.create("sqlite", database=text)


def make_private(path: Path) -> None:
    """Make the file, readable by its owner only, and its folder where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def sqlite_module() -> ModuleType:
    """Return the newest SQLite there is: the one in the `pysqlite3` wheel, else Python's own."""
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return importlib.import_module("sqlite3")


def journal_mode(version: tuple[int, ...]) -> str:
    """Return the journal mode to use with an SQLite of this version."""
    return "wal" if version >= SAFE_WAL else "delete"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout) as error:
        raise Unavailable(in_words(error)) from error


def in_words(error: Exception) -> str:
    """Return the database's own words for what is wrong."""
    return f"the database says: {getattr(error, 'orig', None) or error}"


def _connected(connection: Any, _record: object) -> None:
    connection.isolation_level = (
        None  # transactions begin where `_begun` says so, not where the module guesses
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only


def _begun(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
