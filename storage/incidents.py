"""What was found to be wrong in the world after a run had ended, and which runs to look at for that (R38)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.ports import Incident
from storage.part import Part
from storage.rows import writable
from storage.tables import TO_AUDIT, run
from storage.tables import incident as table


class Incidents(Part):
    """Incidents, and the audits that find them."""

    def open_incident(self, incident: Incident) -> None:
        """Keep an incident; the same id again changes nothing."""
        values = incident.model_dump() | {
            "what": writable(incident.what),
            "reason": writable(incident.reason),
        }
        try:
            with self._database.writing() as connection:
                if connection.execute(select(table.c.id).where(table.c.id == incident.id)).first() is None:
                    connection.execute(insert(table).values(values))
        except IntegrityError:
            return  # another engine found the same a moment ago

    def incidents(self, run_id: str | None = None, *, open_only: bool = True) -> list[Incident]:
        """Return the incidents of a run, or of all, the newest first."""
        wanted = select(table).order_by(table.c.at.desc(), table.c.id.desc())
        if run_id is not None:
            wanted = wanted.where(table.c.run_id == run_id)
        if open_only:
            wanted = wanted.where(table.c.closed_at.is_(None))
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        return [Incident.model_validate(dict(row)) for row in found]

    def close_incident(self, incident_id: str, by: str, reason: str, at: datetime) -> bool:
        """Close an open incident; return whether it was open."""
        is_open = (table.c.id == incident_id) & table.c.closed_at.is_(None)
        closed = update(table).where(is_open).values(by=writable(by), reason=writable(reason), closed_at=at)
        with self._database.writing() as connection:
            return connection.execute(closed).rowcount == 1

    def audits(self, now: datetime, limit: int = 20) -> list[str]:
        """Return ended runs whose effects should be looked at once more by now, oldest first."""
        due = (
            select(run.c.id)
            .where(TO_AUDIT, run.c.wake_at <= now)
            .order_by(run.c.wake_at, run.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return list(connection.execute(due).scalars())

    def audited(self, run_id: str) -> None:
        """Say that this was done."""
        done = update(run).where(run.c.id == run_id, run.c.ended_at.is_not(None)).values(wake_at=None)
        with self._database.writing() as connection:
            connection.execute(done)
