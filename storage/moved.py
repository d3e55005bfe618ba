"""The fence around a history that was moved: the database itself refuses whoever opened it before.

1. The fence goes up in the move's own transaction: what a store wrote before came along, all it writes later is refused.
2. Before a move it is not there, so it costs nothing.
3. Only a driver may still take its own name off: an engine that stops in good order does so.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlmodel import SQLModel

from storage.tables import driver

WORDS = (
    "this history was moved by `saga migrate` and goes on in another database; open that one"
    " (SAGA_DATABASE_URL)"
)
"""What the database says to whoever writes, and what people read."""
_REFUSE = f"""
CREATE OR REPLACE FUNCTION refuse_moved() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING MESSAGE = '{WORDS}'; END $$
"""


def raise_fence(connection: Connection) -> None:
    """Let the database refuse every write of its rows from this transaction's end on."""
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.exec_driver_sql(_REFUSE)
    for table in SQLModel.metadata.sorted_tables:
        changes = ["INSERT", "UPDATE"] if table is driver else ["INSERT", "UPDATE", "DELETE"]
        if is_sqlite:
            for change in changes:
                connection.exec_driver_sql(
                    f"CREATE TRIGGER moved_{table.name}_{change.lower()} BEFORE {change} ON {table.name}"
                    f" BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
                )
        else:
            connection.exec_driver_sql(
                f"CREATE TRIGGER moved BEFORE {' OR '.join(changes)} ON {table.name}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_moved()"
            )


def is_fence(error: BaseException) -> bool:
    """Return whether it is the fence that refused a write."""
    return WORDS in str(getattr(error, "orig", None) or error)
