"""Published versions of sagas, which never change, and drafts, which do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from engine.core.saga import Saga
from engine.ports import Draft, SagaVersion
from storage.part import Part
from storage.tables import draft as draft_table
from storage.tables import saga_version


class Versions(Part):
    """Published versions."""

    def publish(self, saga: Saga, by: str) -> SagaVersion:
        """Keep a version and return it; the same definition again gives the version there is."""
        with self._database.writing() as connection:
            return _version(connection, saga.hash) or self._keep(connection, saga, by)

    def _keep(self, connection: Connection, saga: Saga, by: str) -> SagaVersion:
        last = select(func.max(saga_version.c.version)).where(saga_version.c.saga == saga.saga)
        version = SagaVersion(
            hash=saga.hash,
            saga=saga.saga,
            version=(connection.execute(last).scalar() or 0) + 1,
            title=saga.name,
            document=saga.document(),
            by=by,
            created_at=self._now(),
        )
        connection.execute(insert(saga_version).values(version.model_dump()))
        return version

    def version(self, digest: str) -> SagaVersion | None:
        """Return the version with this hash, or None."""
        with self._database.reading() as connection:
            return _version(connection, digest)

    def versions(self, saga: str | None = None) -> list[SagaVersion]:
        """Return a saga's versions, newest first; without a name the newest of each saga, by name."""
        wanted = select(saga_version)
        if saga is not None:
            wanted = wanted.where(saga_version.c.saga == saga).order_by(saga_version.c.version.desc())
        else:
            newest = (
                select(saga_version.c.saga, func.max(saga_version.c.version).label("version"))
                .group_by(saga_version.c.saga)
                .subquery()
            )
            same = (saga_version.c.saga == newest.c.saga) & (saga_version.c.version == newest.c.version)
            wanted = wanted.join(newest, same).order_by(saga_version.c.saga)
        with self._database.reading() as connection:
            return [_as_version(row) for row in connection.execute(wanted).mappings()]


class Drafts(Part):
    """Sagas in the making."""

    def save_draft(self, draft: Draft) -> None:
        """Keep a draft in place of the one of that name."""
        with self._database.writing() as connection:
            connection.execute(delete(draft_table).where(draft_table.c.saga == draft.saga))
            connection.execute(insert(draft_table).values(draft.model_dump()))

    def draft(self, saga: str) -> Draft | None:
        """Return the draft of that name, or None."""
        wanted = select(draft_table).where(draft_table.c.saga == saga)
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().one_or_none()
        return None if found is None else Draft.model_validate(dict(found))

    def drafts(self) -> list[Draft]:
        """Return all drafts, the latest change first."""
        wanted = select(draft_table).order_by(draft_table.c.updated_at.desc(), draft_table.c.saga.desc())
        with self._database.reading() as connection:
            return [Draft.model_validate(dict(row)) for row in connection.execute(wanted).mappings()]

    def delete_draft(self, saga: str) -> None:
        """Forget a draft; none of that name is fine."""
        with self._database.writing() as connection:
            connection.execute(delete(draft_table).where(draft_table.c.saga == saga))


def _version(connection: Connection, digest: str) -> SagaVersion | None:
    wanted = select(saga_version).where(saga_version.c.hash == digest)
    found = connection.execute(wanted).mappings().one_or_none()
    return None if found is None else _as_version(found)


def _as_version(row: Any) -> SagaVersion:
    return SagaVersion.model_validate(dict(row))
