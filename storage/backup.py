"""A copy of the database while it is in use. Copying the file instead would tear it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.core.errors import SagaError
from storage.sqlite import make_private, sqlite_module
from storage.store import SqlStore


class BackupImpossible(SagaError):
    """A backup that can't be made; nothing was written."""


def backup(store: SqlStore, path: str | Path) -> Path:
    """Write the database of this moment to one file, whole or not at all, and return its path.

    Runs go on meanwhile. A file of that name is replaced.

    Raises:
        BackupImpossible: for a database that is not SQLite, or a path that is the database itself.
    """
    source, target = store.database.path, Path(path).expanduser().absolute()
    if source is None:
        raise BackupImpossible("this is not SQLite; use the database's own backup tools")
    if target.exists() and target.samefile(source):
        raise BackupImpossible(f"'{target}' is the database itself; choose another name")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    make_private(part)
    try:
        _copy(store, part)
        part.replace(target)
        _sync(target.parent, os.O_DIRECTORY)
    finally:
        part.unlink(missing_ok=True)
    return target


def _copy(store: SqlStore, part: Path) -> None:
    with (
        closing(store.database.engine.raw_connection()) as connection,
        closing(sqlite_module().connect(str(part))) as copy,
    ):
        raw: Any = connection.driver_connection
        raw.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    _sync(part, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
