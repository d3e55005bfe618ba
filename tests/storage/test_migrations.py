"""The migrations give the tables of the models, quickly and quietly, on any database there may be."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlmodel import SQLModel

import storage.migrations
from engine.core import events as e
from engine.core.commands import Amend
from engine.ports import RunFilter
from storage.migrations import HEAD, DatabaseTooNew
from storage.store import SqlStore
from storage.tables import verdict, verdict_day
from storage.verdicts import PORTION
from tests.contract.makers import T0, TRIP, Told
from tests.contract.test_store_verdicts import Log, said

OPEN_AGAIN = """
import sys
from storage.store import SqlStore
SqlStore(sys.argv[1]).close()
print(*sorted(name for name in sys.modules if name.split(".")[0] == "alembic"))
"""


def opened(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", OPEN_AGAIN, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])


def test_models_and_migrations_agree(store: SqlStore) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_last_revision_is_the_one_the_program_needs_and_all_have_numbers() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == HEAD
    assert all(len(script.revision) == 4 and script.revision.isdigit() for script in scripts.walk_revisions())


def test_opening_is_quiet_and_without_alembic_once_all_is_current(path: Path) -> None:
    first, second = opened(path), opened(path)
    assert "alembic" in first.stdout
    assert (second.stdout.strip(), first.stderr, second.stderr) == ("", "", "")


def test_a_database_of_a_newer_version_is_left_alone(path: Path) -> None:
    with closing(SqlStore(path)) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match="at revision 0999, this program knows"):
        SqlStore(path)
    assert path.read_bytes() == before


def test_eight_threads_open_a_new_database_at_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqlStore(path), range(8)))
    for number, store in enumerate(stores):
        store.append(Told(f"r{number}").start()).result(timeout=60)
    assert len(stores[0].orphans([])) == 8
    for store in stores:
        store.close()


def test_two_processes_open_a_new_database_at_once(path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(opened, [path, path]):
            assert done.stderr == ""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_verdicts_of_an_older_database_are_taken_from_its_log(
    kind: str, path: Path, request: pytest.FixtureRequest
) -> None:
    url = path if kind == "sqlite" else request.getfixturevalue("postgres_url")
    with closing(SqlStore(url)) as store:
        log = Log(store)
        log.add(said("ask", evidence="nul \x00"), said("feedback", "kind"), run="r2", saga="walk")
        log.add(said("reject"), said("augment", "kind"), said("ask", attempt=2), at=T0 + timedelta(days=1))
        log.add(said("accept", by="eve"), said("accept", by="eve", attempt=2), at=T0 + timedelta(days=2))
        added = e.OutputAugmented(step="rest", attempt=1, validator="kind", before={}, after={}, by="eve")
        log.add(added, said("accept", "kind", by="eve"), at=T0 + timedelta(days=2))
        log.add(*[said("feedback", evidence=str(n)) for n in range(PORTION * 2)], run="r3", saga="many")
        before = kept(store)
        with store.database.writing() as connection:
            for change in ("ALTER TABLE run DROP COLUMN amended", "DROP TABLE memory", "DROP TABLE verdict", "DROP TABLE verdict_day",
                           "UPDATE alembic_version SET version_num = '0002'"):  # fmt: skip
                connection.exec_driver_sql(change)
    with closing(SqlStore(url)) as store:
        assert kept(store) == before
        assert [stats.overruled for stats in store.validators("nap")] == [1, 0]
        assert store.validators("many")[0].fed_back == PORTION * 2


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_older_database_learns_which_open_runs_were_amended(
    kind: str, path: Path, request: pytest.FixtureRequest
) -> None:
    url = path if kind == "sqlite" else request.getfixturevalue("postgres_url")
    with closing(SqlStore(url)) as store:
        runs = [Told(f"r{number}", text=TRIP) for number in range(3)]
        for told in runs:
            store.append(told.start()).result(timeout=60)
        changed = runs[1].run.saga.document()
        changed["steps"]["rest"]["with"]["duration_s"] = 120
        amended = Amend(document=changed, reason="more rest", by="ada")
        store.append(runs[1].do(amended)).result(timeout=60)
        before = store.rows(RunFilter())
        with store.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE run DROP COLUMN amended")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    with closing(SqlStore(url)) as store:
        assert store.rows(RunFilter()) == before
        assert {row.id for row in before if row.amended} == {"r1"}
        store.append(runs[2].pause()).result(timeout=60)


def kept(store: SqlStore) -> list[object]:
    with store.database.reading() as connection:
        rows = [
            connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in (verdict, verdict_day)
        ]
    return [*rows, store.validators(), store.lessons("walk"), store.verdict_days("nap", "rest", "fair")]
