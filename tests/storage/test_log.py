"""The writer: groups, order, a database that is away for a while, and what closing means."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import storage.log
from engine.core.commands import Advance
from engine.core.events import Noted
from engine.ports import Conflict, Posted
from storage.database import Database
from storage.log import StoreClosed
from storage.sqlite import sqlite_module
from storage.store import SqlStore
from tests.contract.makers import Told, changed
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine.interfaces import DBAPICursor as Cursor


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the writer committed."""
    found: list[float] = []
    logging = Database.logging

    @contextmanager
    def counted(self: Database) -> Iterator[Cursor]:
        with logging(self) as cursor:
            yield cursor
        found.append(time.monotonic())

    monkeypatch.setattr(Database, "logging", counted)
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock as another program would."""
    with closing(sqlite_module().connect(str(path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def test_what_waits_together_is_committed_together(store: SqlStore, commits: list[float]) -> None:
    with store.database.turn:
        futures = [store.append(Told(f"r{number}").start()) for number in range(400)]
    for future in futures:
        future.result(timeout=60)
    assert len(commits) <= 2


def test_what_was_posted_is_answered_in_the_same_commit(store: SqlStore, commits: list[float]) -> None:
    told = [Told(f"r{number}") for number in range(400)]
    for future in [store.append(each.start()) for each in told]:
        future.result(timeout=60)
    store.post(Posted(id=f"p:{each.run_id}", run_id=each.run_id, command=Advance()) for each in told)
    commits.clear()
    with store.database.turn:
        futures = [store.append(replace(each.pause(), posted=f"p:{each.run_id}")) for each in told]
    for future in futures:
        future.result(timeout=60)
    assert len(commits) <= 2
    assert store.inbox("d1") == []


def test_a_batch_is_bounded(store: SqlStore, commits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.log, "BATCH", 10)
    with store.database.turn:
        futures = [store.append(Told(f"r{number}").start()) for number in range(100)]
    for future in futures:
        future.result(timeout=60)
    assert 10 <= len(commits) <= 11


def test_a_lone_change_waits_for_nobody(store: SqlStore, commits: list[float]) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    for _ in range(5):
        store.append(told.pause()).result(timeout=60)
    assert len(commits) == 6


def test_in_one_batch_each_run_has_its_own_fate(store: SqlStore, commits: list[float]) -> None:
    good, stale, foreign = Told("good"), Told("stale"), Told("foreign")
    for told in (good, stale, foreign):
        store.append(told.start()).result(timeout=60)
    commits.clear()
    stale.pause()
    with store.database.turn:
        fate = {
            "good 1": store.append(good.pause()),
            "stale 1": store.append(stale.pause()),
            "foreign 1": store.append(changed(Told("foreign").start(), Noted(text="again"))),
            "good 2": store.append(good.pause()),
            "foreign 2": store.append(foreign.pause()),
            "new 1": store.append((new := Told("new")).start()),
            "new 2": store.append(new.pause()),
        }
    conflicts = {name for name, future in fate.items() if isinstance(future.exception(timeout=60), Conflict)}
    assert conflicts == {"stale 1", "foreign 1", "foreign 2"}
    assert len(commits) <= 2
    assert store.history("new") == new.recorded
    assert store.history("good") == good.recorded
    for name, seq in (("good", good.run.seq), ("new", new.run.seq)):
        row = store.row(name)
        assert row is not None
        assert row.last_seq == seq


def test_a_change_that_can_not_be_written_takes_nobody_with_it(store: SqlStore) -> None:
    bad = Told("bad").start()
    bad = replace(bad, row=bad.row.model_copy(update={"tokens": 2**70}))
    odd = Told("odd").start()
    odd = replace(odd, row=odd.row.model_copy(update={"cost_usd": object()}))
    with store.database.turn:
        futures = [store.append(change) for change in (Told("r1").start(), bad, odd, Told("r2").start())]
    assert futures[0].exception(timeout=60) is None
    assert isinstance(futures[1].exception(timeout=60), OverflowError)
    assert futures[2].exception(timeout=60) is not None
    assert futures[3].exception(timeout=60) is None
    assert store.history("bad") == []
    assert store.trouble == ""


def test_the_primary_key_is_the_last_fence(store: SqlStore) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    with store.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO event SELECT run_id, ?, at, type, body FROM event WHERE seq = 1", (told.run.seq + 1,)
        )
    with pytest.raises(Conflict, match="written by somebody else"):
        store.append(told.pause()).result(timeout=60)


def test_a_locked_database_is_waited_for_and_said_so(store: SqlStore, path: Path) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    with locked(path):
        begun = time.monotonic()
        futures = [store.append(told.pause()) for _ in range(3)]
        eventually(lambda: store.trouble)
        assert store.trouble == "the database says: database is locked"
        assert [recorded.seq for recorded in store.history("r1")] == list(range(1, told.run.seq - 2))
        time.sleep(max(0.0, begun + 1.5 - time.monotonic()))
        assert not any(future.done() for future in futures)
    for future in futures:
        assert future.result(timeout=60) is None
    assert store.trouble == ""
    assert store.history("r1") == told.recorded


def test_a_database_that_can_not_be_written_is_waited_for(store: SqlStore) -> None:
    told = Told("r1")
    store.append(told.start()).result(timeout=60)
    with store.database.logging() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    future = store.append(told.pause())
    future.result(timeout=60)  # a fresh connection after the error makes it well again
    assert store.history("r1") == told.recorded


def test_a_full_disk_is_waited_for(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    full = threading.Event()
    full.set()
    logging = Database.logging

    @contextmanager
    def limited(self: Database) -> Iterator[Cursor]:
        with logging(self) as cursor:
            yield cursor
            if full.is_set():
                raise sqlite_module().OperationalError("database or disk is full")

    monkeypatch.setattr(Database, "logging", limited)
    told = Told("r1")
    future = store.append(told.start())
    eventually(lambda: store.trouble)
    assert store.trouble == "the database says: database or disk is full"
    assert not future.done()
    full.clear()
    assert future.result(timeout=60) is None
    assert store.history("r1") == told.recorded


def test_a_commit_whose_answer_was_lost_is_not_a_conflict(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging, failures = Database.logging, [1]

    @contextmanager
    def deaf(self: Database) -> Iterator[Cursor]:
        with logging(self) as cursor:
            yield cursor
        if failures:
            failures.pop()
            raise sqlite_module().OperationalError("connection lost")

    monkeypatch.setattr(Database, "logging", deaf)
    told = Told("r1")
    store.post([Posted(id="p1", run_id="r1", command=Advance())])
    with store.database.turn:
        futures = [
            store.append(told.start()),
            store.append(replace(told.pause(), posted="p1")),
            store.append(told.pause()),
        ]
        thief = store.append(changed(Told("r1").start(), Noted(text="thief")))
    for future in futures:
        assert future.result(timeout=60) is None
    assert isinstance(thief.exception(timeout=60), Conflict)
    assert store.history("r1") == told.recorded
    assert store.answers(["p1"]) == {"p1": ""}


def test_closing_stores_what_was_appended(path: Path) -> None:
    store = SqlStore(path)
    with store.database.turn:
        futures = [store.append(Told(f"r{number}").start()) for number in range(50)]
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(StoreClosed, match="run 'r1' can't be stored any more"):
        store.append(Told("r1").start())
    with closing(SqlStore(path)) as again:
        assert len(again.orphans([])) == 50


def test_closing_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.log, "GRACE_S", 0.1)
    store = SqlStore(path)
    with locked(path):
        futures = [store.append(Told(f"r{number}").start()) for number in range(3)]
        eventually(lambda: store.trouble)
        begun = time.monotonic()
        store.close()
        assert time.monotonic() - begun < 2
    for future in futures:
        with pytest.raises(StoreClosed, match="database is locked"):
            future.result(timeout=0)


def test_short_writes_get_their_turn_while_the_log_is_busy(store: SqlStore) -> None:
    stop = threading.Event()

    def flood() -> None:
        told = Told("flood")
        store.append(told.start())
        while not stop.is_set():
            store.append(told.pause()).result(timeout=60)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        waits = []
        for _ in range(30):
            begun = time.monotonic()
            store.leave("nobody")
            waits.append(time.monotonic() - begun)
        assert sorted(waits)[15] < 0.25
    finally:
        stop.set()
        thread.join()
