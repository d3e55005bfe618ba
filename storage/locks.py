"""What runs hold: resources that no other open run may have at the same time (R37)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from storage.driving import IS_OPEN
from storage.part import Part
from storage.tables import lock, run


class Locks(Part):
    """Semantic locks."""

    def acquire(self, run_id: str, keys: Sequence[str]) -> bool:
        """Let an open run hold these resources, all or none; return whether it does."""
        try:
            with self._database.writing() as connection:
                if any(holder != run_id for holder in _holders(connection, keys).values()):
                    return False
                connection.execute(delete(lock).where(lock.c.key.in_(keys)))
                connection.execute(
                    insert(lock), [{"key": key, "run_id": run_id} for key in dict.fromkeys(keys)]
                )
        except IntegrityError:
            return False  # another writer took one of them a moment ago
        return True

    def holders(self, keys: Sequence[str]) -> dict[str, str]:
        """Return which open run holds each of these resources."""
        with self._database.reading() as connection:
            return _holders(connection, keys)


def _holders(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    held = select(lock.c.key, lock.c.run_id).join(run, run.c.id == lock.c.run_id)
    found = connection.execute(held.where(lock.c.key.in_(keys), IS_OPEN))
    return {row.key: row.run_id for row in found}
