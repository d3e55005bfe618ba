"""What SQLite is told, so that a commit is a commit and a file belongs to its owner."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from engine.core.errors import SagaError
from engine.ports import Unavailable

SAFE_WAL = (3, 51, 3)
"""Older SQLites can corrupt a WAL file when two connections write or checkpoint at once."""
BUSY_S = 10.0
"""How long a reader or a short write waits for somebody else's lock."""


class UnknownDatabase(SagaError):
    """An address at which no database can be opened."""


def file_of(url: URL) -> Path:
    """Return the file of an SQLite URL, made if there is none.

    Raises:
        UnknownDatabase: for a database in memory.
        Unavailable: if the file can't be made or opened.
    """
    if url.database in {None, "", ":memory:"}:
        raise UnknownDatabase("SQLite in memory is one connection only; open `memory:` instead")
    path = Path(str(url.database)).expanduser().absolute()
    try:
        make_private(path)
    except OSError as error:
        raise Unavailable(f"'{path}' can't be opened: {error.strerror}") from error
    return path


def has_file(url: URL) -> bool:
    """Return whether there is a database to open, rather than one to make."""
    path = Path(str(url.database or "")).expanduser()
    return path.is_file() and path.stat().st_size > 0


def make_private(path: Path) -> None:
    """Make the file, readable by its owner only, and its folder where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def sqlite_engine(url: URL, busy_s: float = BUSY_S, **pool: int) -> Engine:
    """Return an engine whose connections commit durably and begin where they are told to.

    They open a file that is there and never make one: beside the journal of a file that is away for a
    moment, a new one would be the end of both.
    """
    module, name = sqlite_module(), f"{Path(str(url.database)).absolute().as_uri()}?mode=rw"

    def connect() -> Any:
        return module.connect(name, uri=True, timeout=busy_s, check_same_thread=False)

    engine = create_engine(url, module=module, poolclass=QueuePool, creator=connect, **pool)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


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


def sqlite_module() -> ModuleType:
    """Return the newest SQLite there is: the one in the `pysqlite3` wheel, else Python's own."""
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return importlib.import_module("sqlite3")


def journal_mode(version: tuple[int, ...]) -> str:
    """Return the journal mode to use with an SQLite of this version."""
    return "wal" if version >= SAFE_WAL else "delete"


def about_sqlite(connection: Connection, path: Path) -> Mapping[str, str]:
    """Return what a settings page shows of an SQLite file."""
    pragmas = {
        name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("journal_mode", "synchronous")
    }
    return {
        "database": str(path),
        "sqlite": sqlite_module().sqlite_version,
        "journal_mode": pragmas["journal_mode"],
        "synchronous": {"1": "normal", "2": "full", "3": "extra"}.get(pragmas["synchronous"], "off"),
        "size": in_words(sum(part.stat().st_size for part in _files(path))),
    }


def in_words(size: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _files(path: Path) -> list[Path]:
    return [part for part in (path, path.with_name(path.name + "-wal")) if part.exists()]


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
