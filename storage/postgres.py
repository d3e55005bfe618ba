"""What Postgres is told: durable commits, locks that end, and connections that notice a dead server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from engine.core.errors import SagaError
from storage.sqlite import in_words

SHORT_WRITES = 7236419
"""The advisory lock that short writes take, so that each is alone as on SQLite; the log takes row locks."""
IDLE_S = 30
"""A process that is stopped in mid-transaction loses its locks after this; its transaction never was."""
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""What a read is: one moment of the database, however many statements it takes."""
NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds; without it a lost server is waited for a quarter of an hour
    "application_name": "saga-studio",
}


class DriverMissing(SagaError):
    """Postgres was asked for where its driver is not installed."""


class DatabaseUnfit(SagaError):
    """A database that can't hold what people write."""


def postgres_url(url: URL) -> URL:
    """Return the URL with the one driver that is used.

    Raises:
        DriverMissing: if that is not installed.
    """
    try:
        import psycopg  # noqa: F401 - optional: only those who use Postgres install it
    except ImportError:
        raise DriverMissing(
            "the database is Postgres, and its driver psycopg is not installed; install saga-studio with"
            " the extra `postgres`, as in `pip install -e '.[postgres]'`"
        ) from None
    return url.set(drivername="postgresql+psycopg")


def postgres_engine(url: URL, busy_s: float, **pool: int) -> Engine:
    """Return an engine whose connections commit durably and wait for a lock no longer than `busy_s`."""
    network: dict[str, Any] = {name: value for name, value in NETWORK.items() if name not in url.query}
    engine = create_engine(url, isolation_level="READ COMMITTED", connect_args=network, **pool)

    def connected(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {busy_s * 1000:.0f}")
            cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_S * 1000}")
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
            )
        connection.commit()

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", _begun)
    return engine


def check_fit(connection: Connection) -> None:
    """Refuse a database that can't hold every text.

    Raises:
        DatabaseUnfit: unless its encoding is UTF8.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise DatabaseUnfit(
            f"the database's encoding is {encoding}, which can't hold every text; make it anew:"
            " CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def about_postgres(connection: Connection) -> Mapping[str, str]:
    """Return what a settings page shows of a Postgres database."""
    asked = (
        "SELECT current_setting('server_version'), current_setting('synchronous_commit'),"
        " current_setting('fsync'), pg_database_size(current_database()),"
        " (SELECT datcollate FROM pg_database WHERE datname = current_database())"
    )
    version, commit, fsync, size, locale = connection.exec_driver_sql(asked).one()
    return {
        "postgres": version,
        "synchronous": commit,
        "durable": "yes" if fsync == "on" else "no: fsync is off on the server",
        "locale": locale,
        "size": in_words(size),
    }


def _begun(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SHORT_WRITES})")
