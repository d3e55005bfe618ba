"""Postgres: what it is told, who may open it, and what is said when it can't be used."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import storage.database
import storage.postgres
from engine.ports import RunFilter, Unavailable
from storage.database import as_url
from storage.postgres import SHORT_WRITES, DatabaseUnfit, DriverMissing
from storage.sqlite import UnknownDatabase
from storage.store import SqlStore, open_store
from tests.contract.makers import Told
from tests.contract.test_store_memory import completes
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server

OPEN = "import sys; from storage.store import SqlStore; SqlStore(sys.argv[1]).close()"


@pytest.fixture
def new_url(postgres: Server) -> Iterator[str]:
    """The URL of a database without tables."""
    name = postgres.new()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    made = SqlStore(postgres_url)
    yield made
    made.close()


def database_of(url: str) -> str:
    return url.split("@/")[1].split("?", maxsplit=1)[0]


def test_models_and_migrations_agree(store: SqlStore) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_names_are_compared_by_their_bytes_and_texts_by_letters(store: SqlStore) -> None:
    asked = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'run' AND collation_name = 'C'"
    )
    with store.database.reading() as connection:
        assert set(connection.exec_driver_sql(asked).scalars()) == {"id", "saga"}


def test_eight_threads_open_a_new_database_at_once(new_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqlStore(new_url), range(8)))
    for number, store in enumerate(stores):
        store.append(Told(f"r{number}").start()).result(timeout=60)
    assert len(stores[0].orphans([])) == 8
    for store in stores:
        store.close()


def test_three_processes_open_a_new_database_at_once(new_url: str) -> None:
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen([sys.executable, "-c", OPEN, new_url], cwd=root, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        assert process.communicate() == (None, "")
        assert process.returncode == 0


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_way_to_write_the_address_uses_the_one_driver(scheme: str) -> None:
    assert as_url(f"{scheme}://me@db/saga").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["mysql://me:secret@db/saga", "postgresql://me:secret@db:port/saga"])
def test_an_address_that_is_not_known_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UnknownDatabase, match=r"sqlite:///FILE or\s+postgresql://") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_without_the_driver_one_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing, match="the extra `postgres`"):
        open_store("postgresql://me@db/saga")


def test_a_server_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"the database says: .*No such file or directory") as told:
        open_store(f"postgresql://me:secret@/saga?host={tmp_path}")
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_database_that_can_not_hold_every_text_is_refused(postgres: Server) -> None:
    postgres.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseUnfit, match="encoding is LATIN1"):
        SqlStore(postgres.url("latin"))
    postgres.drop("latin")


def test_commits_are_durable_even_where_the_server_would_rather_not(
    postgres: Server, postgres_url: str
) -> None:
    postgres.sql("postgres", f"ALTER DATABASE {database_of(postgres_url)} SET synchronous_commit = off")
    with closing(SqlStore(postgres_url)) as store:
        assert store.describe()["synchronous"] == "on"
        with store.database.logging() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)


def test_the_settings_page_is_told_what_matters_and_no_password(postgres_url: str) -> None:
    with closing(SqlStore(postgres_url.replace("postgres@", "postgres:secret@"))) as store:
        about = store.describe()
    assert about["database"].startswith("postgresql+psycopg://postgres:***@/saga_")
    assert about["postgres"].split(".")[0].isdigit()
    assert about["durable"] == "yes"
    assert about["locale"] == "C.UTF-8"
    assert about["size"].endswith("MiB")


def test_a_short_write_that_waits_too_long_says_so(
    postgres_url: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(storage.database, "BUSY_S", 0.05)
    with closing(SqlStore(postgres_url)) as store:
        with closing(psycopg.connect(postgres_url)) as other:
            other.execute(f"SELECT pg_advisory_xact_lock({SHORT_WRITES})")
            with pytest.raises(Unavailable, match="canceling statement due to lock timeout"):
                store.leave("d1")
            assert "lock timeout" in store.trouble
        store.leave("d1")
        assert store.trouble == ""


@contextmanager
def _stopped(store: SqlStore) -> Iterator[None]:
    """Be in mid-transaction, doing nothing, and try to go on afterwards."""
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET driver = 'nobody'")
        yield
        connection.exec_driver_sql("SELECT 1")


def test_who_is_stopped_in_mid_transaction_does_not_hold_others_for_ever(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.postgres, "IDLE_S", 0.2)
    told = Told("r1")
    with closing(SqlStore(postgres_url)) as stopped, closing(SqlStore(postgres_url)) as other:
        stopped.append(told.start()).result(timeout=60)
        with pytest.raises(Unavailable), _stopped(stopped):
            assert other.claim("r1", "d2", ["d2"])
        assert other.driver_of("r1") == "d2"


def test_a_row_that_somebody_holds_is_waited_for(postgres_url: str) -> None:
    import psycopg

    told = Told("r1")
    with closing(SqlStore(postgres_url)) as store:
        store.append(told.start()).result(timeout=60)
        with closing(psycopg.connect(postgres_url)) as other:
            other.execute("SELECT * FROM run FOR UPDATE")
            futures = [store.append(told.pause()) for _ in range(3)]
            eventually(lambda: "lock timeout" in store.trouble)
            assert not any(future.done() for future in futures)
        for future in futures:
            assert future.result(timeout=60) is None
        assert store.trouble == ""
        assert store.history("r1") == told.recorded


TROUBLES = {
    "the right is taken away": ("REVOKE INSERT ON event FROM saga_app", "GRANT INSERT ON event TO saga_app"),
    "the table is away": ("ALTER TABLE event RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO event"),
    "it is read-only": (
        "ALTER ROLE saga_app SET default_transaction_read_only = on",
        "ALTER ROLE saga_app SET default_transaction_read_only = off",
    ),
    "nobody may connect": ("ALTER ROLE saga_app NOLOGIN", "ALTER ROLE saga_app LOGIN"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_facts_wait_until_they_can_be_stored(postgres: Server, postgres_url: str, name: str) -> None:
    breaks, mends = TROUBLES[name]
    database = database_of(postgres_url)
    if not postgres.sql("postgres", "SELECT 1 FROM pg_roles WHERE rolname = 'saga_app'"):
        postgres.sql("postgres", "CREATE ROLE saga_app LOGIN")
    for kind in ("TABLES", "SEQUENCES"):
        postgres.sql(database, f"GRANT ALL ON ALL {kind} IN SCHEMA public TO saga_app")
    told = Told("r1")
    with closing(SqlStore(postgres_url.replace("postgres@", "saga_app@"))) as store:
        store.append(told.start()).result(timeout=60)
        postgres.sql(database, breaks)
        _hang_up(postgres)
        futures = [store.append(told.pause()) for _ in range(3)]
        eventually(lambda: store.trouble)
        assert not any(future.done() for future in futures)
        postgres.sql(database, mends)
        _hang_up(postgres)
        for future in futures:
            assert future.result(timeout=60) is None
        eventually(lambda: not store.trouble)
        assert store.history("r1") == told.recorded


def _hang_up(postgres: Server) -> None:
    """End the application's connections, so that new ones get the new rights."""
    postgres.sql(
        "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'saga_app'"
    )


def test_reads_and_short_writes_work_again_after_a_restart(postgres: Server, store: SqlStore) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    for _ in range(2):
        postgres.restart()
        assert store.count(RunFilter()) == 1
        assert store.claim("r1", "d1", ["d1"])
        store.append(told.pause()).result(timeout=60)
    assert store.history("r1") == told.recorded
    assert store.trouble == ""


def test_a_server_that_is_down_is_told_at_once_and_waited_for(postgres: Server, store: SqlStore) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    postgres.stop()
    try:
        with pytest.raises(Unavailable, match="the database says: "):
            store.count(RunFilter())
        with pytest.raises(Unavailable):
            store.leave("d1")
        futures = [store.append(told.pause()) for _ in range(10)]
        eventually(lambda: store.trouble)
    finally:
        postgres.start()
    for future in futures:
        assert future.result(timeout=60) is None
    assert store.history("r1") == told.recorded
    store.leave("d1")
    assert store.trouble == ""


def test_a_row_that_is_too_large_for_the_database_fails_alone_and_the_log_goes_on(store: SqlStore) -> None:
    begun, ended = completes("big", random.Random(1).randbytes(5_000).hex(), n=1)
    other = Told("other")
    store.append(begun).result(timeout=60)
    with store.database.turn:  # all in one commit
        refused, first, second = store.append(ended), store.append(other.start()), store.append(other.pause())
    assert second.result(timeout=60) is first.result(timeout=20) is None
    with pytest.raises(psycopg.errors.ProgramLimitExceeded):
        refused.result(timeout=60)
    assert store.trouble == ""
    assert store.row("big") == begun.row
