"""The connections: how a database is opened, and who may use it how."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Literal

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine.ports import DatabaseMoved, Unavailable
from storage.moved import WORDS, is_fence
from storage.postgres import SNAPSHOT, about_postgres, check_fit, postgres_engine, postgres_url
from storage.sqlite import BUSY_S, UnknownDatabase, about_sqlite, file_of, set_journal, sqlite_engine

log = logging.getLogger(__name__)
LOG_BUSY_S = 0.25
"""How long the log's writer waits for somebody else's lock before it says so; it tries again anyway."""


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
        moved: whether a write was refused because the history goes on in another database.
        trouble: why the last read or short write could not be done, in words; empty since one could.
    """

    def __init__(self, url_or_path: str | Path) -> None:
        self.url = as_url(url_or_path)
        self.turn = Turn()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path: Path | None = None
        self.moved = False
        self._wrong = {"write": "", "read": ""}
        if self.is_sqlite:
            self.path = file_of(self.url)
            self.url = self.url.set(database=str(self.path))
        self.engine = self._engine(BUSY_S, pool_size=8, max_overflow=24, pool_pre_ping=not self.is_sqlite)
        self._writes = self.engine.execution_options(writes=True)
        self._reads = self.engine.execution_options(**({} if self.is_sqlite else SNAPSHOT))
        self._log = self._engine(LOG_BUSY_S, pool_size=1, max_overflow=0)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        if self.is_sqlite:
            set_journal(self.engine)
            return
        with self.reading() as connection:
            check_fit(connection)

    def _engine(self, busy_s: float, **pool: int) -> Engine:
        if self.is_sqlite:
            return sqlite_engine(self.url, busy_s, **pool)
        return postgres_engine(self.url, busy_s, **pool)

    @property
    def trouble(self) -> str:
        """Why the last read or short write could not be done; empty since one could."""
        return self._wrong["write"] or self._wrong["read"]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction of its own: one moment of the database.

        Raises:
            Unavailable: if the database can't be read now.
            DatabaseMoved: once a write has found that it goes on elsewhere; what stands here is out of date.
        """
        if self.moved:
            raise DatabaseMoved(WORDS)
        with self._told("read"), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that alone may make short writes; what it did is durable at the end, or never was.

        Raises:
            Unavailable: if the database can't be written now; a violated constraint goes through as it is.
            DatabaseMoved: if the history goes on in another one.
        """
        with self._told("write"), self.turn, self._writes.begin() as connection:
            yield connection

    @contextmanager
    def logging(self) -> Iterator[Cursor]:
        """Give the log's writer a cursor of the driver, as `writing` does, with the driver's own errors.

        After an error the connection is thrown away: whatever state it is in, the next one is new.
        """
        with self.turn if self.is_sqlite else nullcontext():
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

    def finds_moved(self, error: Exception) -> bool:
        """Return whether a write failed because the history was moved, and remember it."""
        if is_fence(error) and not self.moved:
            self.moved = True
            log.error("nothing is done here any more: %s", WORDS)
        return is_fence(error)

    def describe(self) -> Mapping[str, str]:
        """Return what a settings page shows; never a password."""
        about = {"database": self.url.render_as_string(hide_password=True)}
        with self.reading() as connection:
            if self.path is not None:
                return {**about, **about_sqlite(connection, self.path)}
            return {**about, **about_postgres(connection)}

    def close(self) -> None:
        """Close every connection."""
        self._log.dispose()
        self.engine.dispose()

    @contextmanager
    def _told(self, kind: Literal["read", "write"]) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            if self.finds_moved(error):
                raise DatabaseMoved(WORDS) from error
            if isinstance(error, IntegrityError):
                raise
            if not self._wrong[kind]:
                log.warning("the database can't be used to %s now: %s", kind, in_words(error))
            self._wrong[kind] = in_words(error)
            raise Unavailable(in_words(error)) from error
        self._wrong[kind] = ""


def as_url(url_or_path: str | Path) -> URL:
    """Return the SQLAlchemy URL of a URL, or of an SQLite file's path.

    Raises:
        UnknownDatabase: if it is neither SQLite nor Postgres.
        DriverMissing: if it is Postgres, and its driver is not installed.
    """
    text = str(url_or_path)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    kind = text.partition(":")[0].partition("+")[0]
    if kind not in {"sqlite", "postgresql", "postgres"}:
        raise UnknownDatabase(
            f"'{kind}' databases are not known here; use sqlite:///FILE or postgresql://..."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UnknownDatabase(
            f"the address of the {kind} database can't be read; write sqlite:///FILE or"
            " postgresql://USER:PASSWORD@HOST:PORT/NAME"
        ) from None
    return url if kind == "sqlite" else postgres_url(url)


def in_words(error: Exception) -> str:
    """Return the database's own words for what is wrong: the first line, without hints and statements."""
    words = str(getattr(error, "orig", None) or error).strip()
    return f"the database says: {words.splitlines()[0] if words else type(error).__name__}"
