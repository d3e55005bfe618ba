"""Moving a whole history to another database: copied in one transaction, compared, and closed behind it.

1. The source is locked against short writes for the time; at the destination it is one transaction.
2. The copy is read back and compared row by row before it is committed.
3. The source is closed in that same transaction: two engines that go on with one run would do everything twice. Who
   had it open is refused from then on, whatever it slept through: that an engine is not heard of proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select
from sqlmodel import SQLModel

from engine.core.errors import SagaError
from engine.ports import Driver
from engine.runtime.living import lingering, living
from storage.database import Database, as_url
from storage.driving import IS_OPEN
from storage.migrations import leave, migrate
from storage.rows import writable
from storage.sqlite import has_file
from storage.tables import driver, event, posted, run

PORTION = 1000
"""How many rows are read and written at once."""
Values = tuple[Any, ...]


class MoveRefused(SagaError):
    """A history that can't be moved; neither database was changed."""


@dataclass(frozen=True)
class Moved:
    """What was moved, and found to be the same on both sides.

    Attributes:
        counts: how many rows, by table.
        open_runs: how many runs go on at the destination.
        digest: SHA-256 of all events, run by run.
    """

    counts: dict[str, int]
    open_runs: int
    digest: str


def move(source_url: str, target_url: str, now: datetime) -> Moved:
    """Move the history of one database to another, whole or not at all, and return what was moved.

    Raises:
        MoveRefused: if there is no source, an engine uses it, or the destination is not empty.
        Unavailable: if one of the two can't be reached or written.
    """
    _check_places(source_url, target_url)
    with _opened(source_url) as source, _opened(target_url) as target, source.writing() as here:
        _hold_still(here)
        _check_unused(here, now)
        with target.writing() as there:
            _check_empty(there, target_url)
            _be_patient(here, there)
            for table in _tables():
                _copy(table, here, there)
            _count_on(there)
            moved = _compared(here, there)
            leave(here)
    return moved


def _tables() -> list[Table]:
    """Return what a history is: every table but that of the processes that work on it."""
    return [table for table in SQLModel.metadata.sorted_tables if table is not driver]


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def _check_places(source_url: str, target_url: str) -> None:
    if "memory:" in {source_url, target_url}:
        raise MoveRefused("`memory:` keeps nothing; name a file or a database on both sides")
    source, target = as_url(source_url), as_url(target_url)
    if source.get_backend_name() == "sqlite" and not has_file(source):
        raise MoveRefused(f"there is no database at '{source.database}'; name the file that has the history")
    if source == target:
        raise MoveRefused("source and destination are the same database; name another destination")


def _hold_still(source: Connection) -> None:
    """Wait for the log's commits and keep the next ones out: on Postgres it does not take the lock of short writes.

    `run` is locked first, as the log does it, or they would deadlock.
    """
    if source.dialect.name == "postgresql":
        tables = sorted(_tables(), key=lambda table: table is not run)
        names = ", ".join(table.name for table in tables)
        source.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _check_unused(source: Connection, now: datetime) -> None:
    known = [Driver.model_validate(dict(row)) for row in source.execute(select(driver)).mappings()]
    for used in living(known, now):
        raise MoveRefused(
            f"the history is in use by the engine of process {used.pid} on {used.host}; stop it, then move"
        )
    for asleep in lingering(known):
        raise MoveRefused(
            f"the engine of process {asleep.pid} on this machine has not been heard of since {asleep.beat_at:%F %T} UTC,"
            f" but the process is still there, perhaps suspended; end it, as with `kill -9 {asleep.pid}`, then move"
        )
    if not any(_count(table, source) for table in _tables()):
        raise MoveRefused("the source holds no history; name the database that has it first")


def _check_empty(target: Connection, url: str) -> None:
    full = [table.name for table in _tables() if _count(table, target)]
    if full:
        name = as_url(url).render_as_string(hide_password=True)
        raise MoveRefused(
            f"the destination {name} is not empty (it has {', '.join(full)}); name an empty one"
        )


def _be_patient(*connections: Connection) -> None:
    """Let a transaction idle while the other side works."""
    for connection in connections:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _copy(table: Table, source: Connection, target: Connection) -> None:
    names = [column.name for column in table.columns]
    portion: list[dict[str, Any]] = []
    for row in _rows(table, source):
        portion.append(dict(zip(names, row, strict=True)))
        if len(portion) == PORTION:
            target.execute(insert(table), portion)
            portion = []
    if portion:
        target.execute(insert(table), portion)


def _rows(table: Table, connection: Connection) -> Generator[Values, None, None]:
    """Yield the rows in the order of their key, with texts as every database can hold them."""
    wanted = select(table).order_by(*table.primary_key.columns)
    streamed = wanted.execution_options(stream_results=True, max_row_buffer=PORTION)
    with connection.execute(streamed) as found:
        for row in found:
            yield tuple(writable(value) if isinstance(value, str) else value for value in row)


def _count_on(target: Connection) -> None:
    """Let Postgres give the next posted command a number behind those that were copied."""
    if target.dialect.name == "postgresql" and _count(posted, target):
        last = select(func.max(posted.c.number)).scalar_subquery()
        target.execute(select(func.setval(func.pg_get_serial_sequence("posted", "number"), last)))


def _compared(source: Connection, target: Connection) -> Moved:
    """Return what both sides have.

    Raises:
        MoveRefused: at the first row that differs.
    """
    counts, digest = {}, hashlib.sha256()
    for table in _tables():
        counts[table.name] = 0
        with closing(_rows(table, source)) as ours, closing(_rows(table, target)) as theirs:
            for here, there in zip_longest(ours, theirs):
                if here != there:
                    key = (here or there)[: len(table.primary_key.columns)]
                    raise MoveRefused(f"'{table.name}' {key} came out differently; nothing was kept")
                counts[table.name] += 1
                if table is event:
                    digest.update(repr(here).encode())
    open_runs = target.execute(select(func.count()).select_from(run).where(IS_OPEN)).scalar_one()
    return Moved(counts, open_runs, digest.hexdigest())


def _count(table: Table, connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
