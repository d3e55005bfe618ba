"""Reading runs: histories, rows, lists, counts. Nothing here folds a log."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, func, or_, select, tuple_

from engine.core.events import Recorded
from engine.ports import RunFilter, RunRow
from storage.part import Part
from storage.rows import recorded, run_row, writable
from storage.tables import event, run

LONGEST_SEARCH = 1000
"""A search is a few words; beyond this SQLite would refuse the pattern some day."""


class Runs(Part):
    """What lists and pages read."""

    def history(self, run_id: str, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """Return the events of a run behind `after`, in order."""
        wanted = (
            select(event.c.seq, event.c.at, event.c.body)
            .where(event.c.run_id == run_id, event.c.seq > after)
            .order_by(event.c.seq)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        return recorded(rows)

    def row(self, run_id: str) -> RunRow | None:
        """Return a run's row, or None."""
        with self._database.reading() as connection:
            found = connection.execute(select(run).where(run.c.id == run_id)).one_or_none()
        return None if found is None else run_row(found)

    def rows(self, where: RunFilter, limit: int = 50, offset: int = 0) -> list[RunRow]:
        """Return the matching runs, newest start first."""
        newest = (run.c.started_at.desc(), run.c.id.desc())
        page = (
            select(run.c.id)
            .where(*_conditions(where))
            .order_by(*newest)
            .limit(limit)
            .offset(offset)
            .subquery()
        )
        wanted = select(run).join(page, page.c.id == run.c.id).order_by(*newest)  # sorts ids, not whole rows
        with self._database.reading() as connection:
            found = connection.execute(wanted).all()
        return [run_row(row) for row in found]

    def count(self, where: RunFilter) -> int:
        """Return how many runs match."""
        wanted = select(func.count()).select_from(run).where(*_conditions(where))
        with self._database.reading() as connection:
            return int(connection.execute(wanted).scalar_one())

    def counts(self, where: RunFilter) -> dict[str, int]:
        """Return how many runs match, by status; `where.statuses` is ignored."""
        anywhere = where.model_copy(update={"statuses": (), "needs_help": False})
        wanted = select(run.c.status, func.count()).where(*_conditions(anywhere)).group_by(run.c.status)
        with self._database.reading() as connection:
            return {str(status): int(count) for status, count in connection.execute(wanted)}


def _conditions(where: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.needs_help:
        helpless = and_(run.c.waiting.is_(True), run.c.attention > 0)
        found.append(or_(run.c.status.in_(where.statuses), helpless))
    elif where.statuses:
        found.append(run.c.status.in_(where.statuses))
    if where.saga is not None:
        found.append(run.c.saga == where.saga)
    if where.saga_hash is not None:
        found.append(run.c.saga_hash == where.saga_hash)
    if where.since is not None:
        found.append(run.c.started_at >= where.since)
    if where.behind is not None:
        found.append(tuple_(run.c.started_at, run.c.id) < where.behind)
    if where.waiting_for_people:
        found.append(run.c.waiting.is_(True))
    if len(where.text) > LONGEST_SEARCH:
        found.append(false())
    elif where.text:
        found.append(run.c.text.icontains(writable(where.text), autoescape=True))
    return found
