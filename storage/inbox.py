"""Commands left for the engine that drives a run, and their answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from engine.ports import Posted
from storage.part import Part
from storage.rows import writable
from storage.tables import posted as posted_table
from storage.tables import run

_COLUMNS = [posted_table.c[name] for name in ("id", "run_id", "command", "answered", "error")]


class Inbox(Part):
    """Posted commands."""

    def post(self, posted: Posted) -> None:
        """Leave a command for the engine that drives the run; the same id again changes nothing."""
        known = select(posted_table.c.id).where(posted_table.c.id == posted.id)
        with self._database.writing() as connection:
            if connection.execute(known).first() is None:
                connection.execute(insert(posted_table).values(posted.model_dump(mode="json")))

    def inbox(self, driver: str) -> list[Posted]:
        """Return the unanswered commands for runs of this driver, oldest first."""
        wanted = (
            select(*_COLUMNS)
            .join(run, run.c.id == posted_table.c.run_id)
            .where(posted_table.c.answered.is_(False), run.c.driver == driver)
            .order_by(posted_table.c.number)
        )
        with self._database.reading() as connection:
            return [_as_posted(row) for row in connection.execute(wanted).mappings()]

    def answer(self, posted_id: str, error: str) -> None:
        """Answer a posted command; an empty error means that it was done. The first answer counts."""
        answered = (
            update(posted_table)
            .where(posted_table.c.id == posted_id, posted_table.c.answered.is_(False))
            .values(answered=True, error=writable(error))
        )
        with self._database.writing() as connection:
            connection.execute(answered)

    def posted(self, posted_id: str) -> Posted | None:
        """Return a posted command with its answer, or None."""
        wanted = select(*_COLUMNS).where(posted_table.c.id == posted_id)
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().one_or_none()
        return None if found is None else _as_posted(found)


def _as_posted(row: Any) -> Posted:
    return Posted.model_validate(dict(row))
