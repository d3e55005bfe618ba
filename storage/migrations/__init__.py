"""Brings a database up to date when it is opened. Revisions are numbered, so that "newer" can be seen."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, column, inspect, table, update

from engine.core.errors import SagaError
from engine.ports import DatabaseMoved
from storage.database import Database
from storage.moved import WORDS, raise_fence

HEAD = "0005"
"""The revision that this program needs: the last file in `versions/`."""

MOVED = "moved"
"""The revision of a database whose history goes on elsewhere."""

_ALEMBIC = threading.Lock()
"""Alembic keeps what it works on in module globals: one migration at a time."""


class DatabaseTooNew(SagaError):
    """A database that a newer version of the program has changed; this one would damage it."""


def migrate(database: Database) -> None:
    """Make or change the tables until they are those of this program; do nothing if they are.

    Raises:
        DatabaseTooNew: if the database is that of a newer version.
        DatabaseMoved: if its history was moved to another database.
    """
    with database.reading() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    if found == MOVED:
        raise DatabaseMoved(WORDS)
    if found is not None and found > HEAD:
        raise DatabaseTooNew(
            f"the database is at revision {found}, this program knows {HEAD}; install the newer version"
            " again, or restore a backup made before the update"
        )
    with _ALEMBIC, database.writing() as connection:
        upgrade(connection)


def revision(connection: Connection) -> str | None:
    """Return the revision that a database is at, or None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def leave(connection: Connection) -> None:
    """Close a database whose history was moved, to whoever opens it and to whoever has it open."""
    raise_fence(connection)
    alembic_version = table("alembic_version", column("version_num"))
    connection.execute(update(alembic_version).values(version_num=MOVED))


def upgrade(connection: Connection) -> None:
    """Run the revisions that are missing, all in the connection's transaction.

    Another process that did the same a moment ago leaves nothing to do.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
