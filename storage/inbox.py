"""Commands left for the engine that drives a run, and their answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from engine.ports import Posted
from storage.part import Part
from storage.rows import writable
from storage.tables import posted as posted_table
from storage.tables import run

_COLUMNS = [posted_table.c[name] for name in ("id", "run_id", "command", "answered", "error")]


class Inbox(Part):
    """Posted commands."""

    def post(self, posted: Iterable[Posted]) -> None:
        """Leave commands for the engines that drive their runs; the same id again changes nothing."""
        values = {each.id: each.model_dump(mode="json") for each in posted}
        known = select(posted_table.c.id).where(posted_table.c.id.in_(list(values)))
        with self._database.writing() as connection:
            for name in connection.execute(known).scalars().all():
                del values[name]
            if values:
                connection.execute(insert(posted_table), list(values.values()))

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

    def answer(self, answers: Mapping[str, str]) -> None:
        """Answer posted commands by id; an empty error means that it was done. The first answer counts."""
        given = [{"of": name, "said": writable(error)} for name, error in sorted(answers.items())]
        answered = (
            update(posted_table)
            .where(posted_table.c.id == bindparam("of"), posted_table.c.answered.is_(False))
            .values(answered=True, error=bindparam("said"))
        )
        with self._database.writing() as connection:
            connection.execute(answered, given)

    def answers(self, ids: Collection[str]) -> dict[str, str]:
        """Return the answers to posted commands by id, of those that have one."""
        wanted = select(posted_table.c.id, posted_table.c.error)
        wanted = wanted.where(posted_table.c.id.in_(list(ids)), posted_table.c.answered.is_(True))
        with self._database.reading() as connection:
            return {row.id: row.error for row in connection.execute(wanted)}


def _as_posted(row: Any) -> Posted:
    return Posted.model_validate(dict(row))
