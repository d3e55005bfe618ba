"""Backups while runs go on."""

from __future__ import annotations

import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.ports import RunFilter
from storage.backup import BackupImpossible, backup
from storage.store import SqlStore
from tests.contract.makers import Told

if TYPE_CHECKING:
    from pathlib import Path


def test_a_backup_made_while_runs_go_on_is_a_whole_database(store: SqlStore, tmp_path: Path) -> None:
    stop = threading.Event()
    told = Told("r1")
    store.append(told.start()).result(timeout=60)

    def go_on() -> None:
        while not stop.is_set():
            store.append(told.pause()).result(timeout=60)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        copies = [backup(store, tmp_path / "copies" / f"{number}.db") for number in range(3)]
    finally:
        stop.set()
        thread.join()
    assert sorted(file.name for file in copies[0].parent.iterdir()) == ["0.db", "1.db", "2.db"]
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with closing(SqlStore(copy)) as again:
            row = again.row("r1")
            assert row is not None
            assert again.history("r1") == told.recorded[: row.last_seq]
            with again.database.reading() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


def test_a_backup_takes_the_place_of_an_older_one(store: SqlStore, tmp_path: Path) -> None:
    target = backup(store, tmp_path / "copy.db")
    store.append(Told("r1").start()).result(timeout=60)
    assert backup(store, str(target)) == target
    with closing(SqlStore(target)) as again:
        assert again.count(RunFilter()) == 1


def test_the_database_itself_is_no_place_for_its_backup(store: SqlStore, path: Path) -> None:
    with pytest.raises(BackupImpossible, match="is the database itself"):
        backup(store, path)


def test_a_backup_that_fails_leaves_nothing(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("storage.backup._sync", fail)
    with pytest.raises(OSError, match="disk full"):
        backup(store, tmp_path / "copies" / "copy.db")
    assert list((tmp_path / "copies").iterdir()) == []
