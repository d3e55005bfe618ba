"""The file: who may read it, which journal it has, and what is said when it can't be opened."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import storage.database
import storage.sqlite
from engine.memory import MemoryStore
from engine.ports import RunFilter, Unavailable
from storage.database import Database
from storage.sqlite import UnknownDatabase, journal_mode, sqlite_module
from storage.store import SqlStore, open_store
from tests.contract.makers import Told

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_only_the_owner_can_read_the_files(path: Path, store: SqlStore) -> None:
    store.append(Told("r1").start()).result(timeout=60)
    files = sorted(path.parent.iterdir())
    assert {file.name for file in files} >= {"saga.db"}
    assert {mode(file) for file in files} == {"0o600"}
    assert mode(path.parent) == "0o700"


def test_a_file_that_others_could_read_is_closed_to_them_and_its_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    file = folder / "saga.db"
    file.touch(0o644)
    SqlStore(file).close()
    assert mode(file) == "0o600"
    assert mode(folder) == "0o755"


@pytest.mark.parametrize(
    ("version", "journal"),
    [
        ((3, 40, 1), "delete"),
        ((3, 51, 2), "delete"),
        ((3, 51, 3), "wal"),
        ((3, 53, 4), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_is_for_sqlites_that_keep_it_whole(version: tuple[int, ...], journal: str) -> None:
    assert journal_mode(version) == journal


def test_the_newest_sqlite_there_is_decides(store: SqlStore) -> None:
    about = store.describe()
    assert about["sqlite"] == sqlite_module().sqlite_version
    assert about["journal_mode"] == journal_mode(sqlite_module().sqlite_version_info)
    assert about["synchronous"] == "full"
    assert about["size"].endswith("KiB")


def test_every_connection_commits_in_full(store: SqlStore, tmp_path: Path) -> None:
    other = store.connect(tmp_path / "raw.db")
    for engine in (store.database.engine, store.database._log, other):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert (
                connection.exec_driver_sql("PRAGMA journal_mode").scalar() == store.describe()["journal_mode"]
            )
    other.dispose()


def test_an_older_sqlite_keeps_a_rollback_journal_even_on_a_file_that_had_wal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told("r1")
    first = SqlStore(path)
    first.append(told.start()).result(timeout=60)
    first.close()
    monkeypatch.setattr(storage.sqlite, "SAFE_WAL", (99,))
    second = SqlStore(path)
    assert second.describe()["journal_mode"] == "delete"
    second.append(told.pause()).result(timeout=60)
    assert second.history("r1") == told.recorded
    second.close()


def test_without_the_wheel_pythons_own_sqlite_serves(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    monkeypatch.setattr(storage.sqlite, "sqlite_module", lambda: sqlite3)
    monkeypatch.setattr(storage.sqlite, "SAFE_WAL", (99,))
    store = SqlStore(path)
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    assert store.history("r1") == told.recorded
    assert store.count(RunFilter(text="NAP")) == 1
    assert store.database.engine.dialect.dbapi is not None
    store.close()


def test_a_file_that_is_no_database_is_said_to_be_none(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is a text, and long enough not to look like an empty file" * 20)
    with pytest.raises(Unavailable, match=r"saga\.db' can't be opened: file is not a database"):
        SqlStore(path)


def test_urls_and_paths_open_the_same(path: Path) -> None:
    for url in (f"sqlite:///{path}", str(path)):
        opened = open_store(url)
        assert isinstance(opened, SqlStore)
        assert opened.describe()["database"] == str(path)
        opened.close()
    assert isinstance(open_store("memory:"), MemoryStore)
    with pytest.raises(UnknownDatabase, match="open `memory:`"):
        open_store("sqlite://")


def test_a_short_write_says_that_the_database_is_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.database, "BUSY_S", 0.05)
    store, other = SqlStore(path), Database(path)
    with other.writing(), pytest.raises(Unavailable, match="database is locked"):
        store.leave("d1")
    store.leave("d1")
    other.close()
    store.close()


def test_many_threads_read_and_write_at_once(store: SqlStore) -> None:
    def live(number: int) -> int:
        told = Told(f"r{number}")
        store.append(told.start()).result(timeout=60)
        for _ in range(10):
            store.append(told.pause()).result(timeout=60)
            store.claim(told.run_id, "d1", ["d1"])
            assert store.history(told.run_id) == told.recorded
        return len(store.rows(RunFilter()))

    with ThreadPoolExecutor(12) as pool:
        assert max(pool.map(live, range(12))) <= 12
