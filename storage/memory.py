"""Facts across runs: written in the log's own commits, read and erased without the log."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Dialect, Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

from engine.memories import Remembered
from storage.part import Part
from storage.prepared import Prepared, Values
from storage.rows import writable
from storage.tables import memory as table
from storage.tables import micros

KEY = ("saga", "key", "name")
COLUMNS = (*KEY, "value", "run_id", "steps", "seq", "at")


class MemoryWriter:
    """Writes the facts that the runs of one transaction leave; one without any costs nothing."""

    def __init__(self, dialect: Dialect) -> None:
        self._keep = Prepared(_kept(dialect), COLUMNS, dialect)

    def write(self, cursor: Cursor, facts: Sequence[Remembered]) -> None:
        """Keep facts in place of those of the same name about the same; the last one counts."""
        last = {(fact.saga, fact.key, fact.name): fact for fact in facts}
        self._keep.run(
            cursor, [_values(last[at]) for at in sorted(last)]
        )  # in one order, or two writers deadlock


def _kept(dialect: Dialect) -> Insert:
    made: postgresql.Insert | sqlite.Insert = (
        postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
    )
    changed = {name: made.excluded[name] for name in COLUMNS if name not in KEY}
    return made.on_conflict_do_update(index_elements=KEY, set_=changed)


def _values(fact: Remembered) -> Values:
    """Return the columns of a fact as the driver takes them."""
    return (
        writable(fact.saga), writable(fact.key), writable(fact.name), _json(fact.value), fact.run_id,
        _json(list(fact.steps)), fact.seq, micros(fact.at),
    )  # fmt: skip


def _json(value: object) -> str:
    return writable(json.dumps(value, ensure_ascii=False))


class Memory(Part):
    """Facts that outlive their runs."""

    def remembered(self, saga: str | None = None, key: str | None = None) -> list[Remembered]:
        """Return the facts of a saga, or of all, about something or about anything; by saga, key and name."""
        wanted = select(table).order_by(table.c.saga, table.c.key, table.c.name)
        if saga is not None:
            wanted = wanted.where(table.c.saga == saga)
        if key is not None:
            wanted = wanted.where(table.c.key == writable(key))
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        return [
            Remembered.model_validate(
                {**row, "value": json.loads(row["value"]), "steps": json.loads(row["steps"])}
            )
            for row in found
        ]

    def forget(self, saga: str, key: str | None = None, name: str | None = None) -> int:
        """Erase facts of a saga; return how many there were."""
        gone = delete(table).where(table.c.saga == saga)
        if key is not None:
            gone = gone.where(table.c.key == writable(key))
        if name is not None:
            gone = gone.where(table.c.name == name)
        with self._database.writing() as connection:
            return connection.execute(gone).rowcount
