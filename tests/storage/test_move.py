"""A history moves whole or not at all, to whichever database, and goes on there and only there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import storage.move
from engine.core.commands import Advance, Cancel, Decide
from engine.core.document import parse_saga
from engine.core.evolve import replay
from engine.memory import utc_now
from engine.ports import DatabaseMoved, Draft, Driver, Incident, Posted, RunFilter
from engine.runtime.engine import Engine
from engine.steps.python import Functions, PythonPerformer
from storage.move import Moved, MoveRefused, move
from storage.store import SqlStore
from storage.transition import Transition, entry_of
from tests.contract.makers import EVERY_EVENT, T0, TRIP, VALUE, WORDS, Told, changed, nap
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres import Server

NOW = T0 + timedelta(days=1)
PAIRS = [
    pytest.param("sqlite", "postgres", id="sqlite-postgres"),
    pytest.param("postgres", "sqlite", id="postgres-sqlite"),
    pytest.param("sqlite", "sqlite", id="sqlite-sqlite"),
    pytest.param("postgres", "postgres", id="postgres-postgres"),
]
EFFECTS = """
saga: three-effects
steps:
  one: {kind: python, effect: compensatable, with: {function: do, args: {n: 1}}, compensate: {kind: python, with: {function: undo}}}
  ask: {kind: approval, needs: one, with: {question: "Go on?"}}
  two: {kind: python, needs: ask, effect: compensatable, with: {function: do, args: {n: 2}}, compensate: {kind: python, with: {function: undo}}}
"""


@pytest.fixture
def new(postgres: Server, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Names of databases that nobody has opened yet."""
    made: list[str] = []

    def name(kind: str) -> str:
        made.append(postgres.new() if kind == "postgres" else str(tmp_path / f"{len(made)}" / "saga.db"))
        return postgres.url(made[-1]) if kind == "postgres" else made[-1]

    yield name
    for database in made:
        if "/" not in database:
            postgres.drop(database)


def fill(url: str) -> dict[str, Told]:
    """Write a history with something of everything, and return its runs."""
    runs = {name: Told(name, text=TRIP, at=T0 + timedelta(seconds=n)) for n, name in enumerate(("r1", "r2"))}
    with closing(SqlStore(url, now=lambda: T0)) as store:
        store.publish(runs["r1"].run.saga, WORDS)
        store.publish(nap(), "ada")
        for told in runs.values():
            store.append(told.start(note=WORDS)).result(timeout=60)
        for _ in range(30):
            store.append(runs["r1"].pause()).result(timeout=60)
        store.append(changed(Told("odd").start(), *EVERY_EVENT)).result(timeout=60)
        store.save_draft(Draft(saga="nap", document={"v": VALUE}, by=WORDS, updated_at=T0))
        store.post(Posted(id=f"p{number}", run_id="r1", command=Advance()) for number in range(3))
        store.answer({"p0": WORDS})
        assert store.acquire("r1", ["car"])
        store.open_incident(Incident(id="i1", run_id="odd", step="a", at=T0, what=WORDS, evidence={"n": [1]}))
        store.beat(Driver(id="dead", host=socket.gethostname(), pid=2**22 + 1, beat_at=NOW))
    return runs


def seen(store: SqlStore) -> dict[str, object]:
    rows = store.rows(RunFilter())
    return {
        "rows": rows,
        "histories": [store.history(row.id) for row in rows],
        "drivers": [store.driver_of(row.id) for row in rows],
        "versions": [store.versions(), store.versions("nap"), store.versions("trip")],
        "drafts": store.drafts(),
        "inbox": store.inbox("d1"),
        "answered": store.answers(["p0", "p1"]),
        "held": store.holders(["car"]),
        "incidents": store.incidents(),
        "validators": store.validators(),
        "memory": store.remembered(),
    }


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_everything_comes_along(source: str, target: str, new: Callable[[str], str]) -> None:
    here, there = new(source), new(target)
    runs = fill(here)
    with closing(SqlStore(here)) as store:
        before = seen(store)
    moved = move(here, there, NOW)
    events = sum(len(told.recorded) for told in runs.values()) + len(EVERY_EVENT)
    counts = {"event": events, "run": 3, "saga_version": 2, "draft": 1}
    assert moved.counts == {
        **counts,
        "posted": 3,
        "lock": 1,
        "incident": 1,
        "verdict": 1,
        "verdict_day": 1,
        "memory": 1,
    }
    assert moved.open_runs == 3
    with closing(SqlStore(there)) as store:
        assert seen(store) == before
        assert store.drivers() == []
        assert replay(runs["r1"].run.saga, store.history("r1")) == runs["r1"].run
        store.post([Posted(id="later", run_id="r1", command=Advance())])
        assert [posted.id for posted in store.inbox("d1")] == ["p1", "p2", "later"]
        store.append(runs["r2"].say()).result(timeout=60)
        assert store.history("r2") == runs["r2"].recorded


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_what_was_moved_is_closed_behind_it(source: str, new: Callable[[str], str]) -> None:
    here, there = new(source), new("postgres")
    fill(here)
    move(here, there, NOW)
    with pytest.raises(DatabaseMoved, match="goes on in another database"):
        SqlStore(here)
    with pytest.raises(DatabaseMoved):
        move(here, new("sqlite"), NOW)


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_a_history_in_use_stays_where_it_is(source: str, new: Callable[[str], str]) -> None:
    here, there = new(source), new("postgres")
    fill(here)
    with closing(SqlStore(here)) as store:
        store.beat(Driver(id="d1", host="elsewhere", pid=7, beat_at=NOW - timedelta(seconds=5)))
    with pytest.raises(MoveRefused, match="in use by the engine of process 7 on elsewhere; stop it"):
        move(here, there, NOW)
    with closing(SqlStore(there)) as empty, closing(SqlStore(here)) as store:
        assert empty.count(RunFilter()) == 0
        assert store.count(RunFilter()) == 3
    assert move(here, there, NOW + timedelta(seconds=15)).counts["run"] == 3


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_destination_that_holds_something_is_left_alone(target: str, new: Callable[[str], str]) -> None:
    here, there = new("sqlite"), new(target)
    fill(here)
    with closing(SqlStore(there)) as store:
        store.save_draft(Draft(saga="nap", document={}, by="ada", updated_at=T0))
        before = seen(store)
    with pytest.raises(MoveRefused, match=r"is not empty \(it has draft\)"):
        move(here, there, NOW)
    for url in (here, there):
        with closing(SqlStore(url)) as store:
            assert (seen(store) == before) == (url == there)


def test_there_must_be_two_places_and_a_history(new: Callable[[str], str], tmp_path: Path) -> None:
    here, there = new("sqlite"), new("postgres")
    with pytest.raises(MoveRefused, match="there is no database at"):
        move(here, there, NOW)
    assert list(tmp_path.iterdir()) == []
    SqlStore(here).close()
    with pytest.raises(MoveRefused, match="holds no history"):
        move(here, there, NOW)
    fill(here)
    with pytest.raises(MoveRefused, match="are the same database"):
        move(here, f"sqlite:///{here}", NOW)
    with pytest.raises(MoveRefused, match="keeps nothing"):
        move(here, "memory:", NOW)


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_copy_that_is_cut_off_or_differs_leaves_nothing_and_can_be_made_again(
    target: str, new: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = new("sqlite"), new(target)
    fill(here)

    def cut(*_: object) -> Moved:
        raise RuntimeError("the lights went out")

    for part in ("_compared", "leave"):
        with monkeypatch.context() as broken:
            broken.setattr(storage.move, part, cut)
            with pytest.raises(RuntimeError, match="lights"):
                move(here, there, NOW)
    with monkeypatch.context() as broken:
        copy = storage.move._copy

        def wrong(table, source, target):
            copy(table, source, target)
            if table.name == "event":
                target.exec_driver_sql("UPDATE event SET type = 'forged' WHERE run_id = 'r2' AND seq = 2")

        broken.setattr(storage.move, "_copy", wrong)
        with pytest.raises(MoveRefused, match=r"'event' \('r2', 2\) came out differently"):
            move(here, there, NOW)
    with closing(SqlStore(there)) as store:
        assert store.count(RunFilter()) == 0
        assert store.versions() == []
    assert move(here, there, NOW).counts["run"] == 3


def test_a_text_with_a_nul_from_before_moves_too(new: Callable[[str], str]) -> None:
    here, there = new("sqlite"), new("postgres")
    fill(here)
    with closing(SqlStore(here)) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET fault = 'a' || char(0) || 'b'")
    move(here, there, NOW)
    with closing(SqlStore(there)) as store:
        assert {row.fault for row in store.rows(RunFilter())} == {"a\N{SYMBOL FOR NULL}b"}


@pytest.mark.parametrize(("source", "target"), PAIRS[:2])
def test_open_runs_go_on_at_the_destination(source: str, target: str, new: Callable[[str], str]) -> None:
    functions, done = Functions(), []
    functions.register("do")(lambda n: done.append(n) or {"n": n})
    functions.register("undo")(lambda: done.append(-1) or {})
    made = {"python": PythonPerformer(functions)}
    here, there = new(source), new(target)
    with closing(SqlStore(here)) as store, Engine(store, made) as engine:
        ids = engine.start_runs(parse_saga(EFFECTS), [{}] * 5, "ada")
        eventually(lambda: store.count(RunFilter(waiting_for_people=True)) == 5)
    assert move(here, there, utc_now()).open_runs == 5
    assert done == [1] * 5
    with closing(SqlStore(there)) as store, Engine(store, made) as engine:
        for number, run_id in enumerate(ids):
            decision = "denied" if number == 4 else "approved"
            engine.submit(run_id, Decide(by="eve", step="ask", decision=decision)).result(timeout=60)
        eventually(lambda: store.counts(RunFilter()) == {"completed": 4, "compensated": 1})
    assert sorted(done) == [-1] + [1] * 5 + [2] * 4


NIGHT = """
saga: night
steps:
  sleep: {kind: wait, with: {duration_s: 1}}
  pay: {kind: python, needs: sleep, effect: compensatable, with: {function: pay}, compensate: {kind: python, with: {function: pay}}}
"""
ASLEEP_S = 60.0


def asleep(store: SqlStore, engine: Engine) -> None:
    """Let an engine look as one of another machine does that is suspended: nothing was heard of it for a while."""
    heard = utc_now() - timedelta(seconds=ASLEEP_S)
    store.beat(Driver(id=engine.id, host="a laptop", pid=7, beat_at=heard))


@pytest.mark.parametrize(("source", "target"), PAIRS[:2])
def test_R34_an_engine_that_slept_through_the_move_makes_no_call_any_more(
    source: str, target: str, new: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    functions, paid = Functions(), []
    functions.register("pay")(lambda: paid.append(1) or {})
    made = {"python": PythonPerformer(functions)}
    here, there = new(source), new(target)
    with closing(SqlStore(here)) as old, Engine(old, made, beat_s=1000) as first:
        run_id = first.start_run(parse_saga(NIGHT), {}, "ada")
        asleep(old, first)
        assert move(here, there, utc_now()).open_runs == 1
        with closing(SqlStore(there)) as store, Engine(store, made):
            eventually(lambda: store.row(run_id).status == "completed")
            eventually(lambda: old.moved)
            with pytest.raises(DatabaseMoved, match="goes on in another database"):
                first.submit(run_id, Cancel(by="ada")).result(timeout=60)
            with pytest.raises(DatabaseMoved):
                first.start_run(parse_saga(NIGHT), {}, "ada")
        assert "goes on in another database; open that one" in old.trouble
    assert paid == [1]
    told = [record.getMessage() for record in caplog.records if record.name.startswith("storage")]
    assert sum("goes on in another database" in line for line in told) == 1
    assert not any("could not sign off" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_R34_its_heartbeat_tells_an_engine_of_the_move_and_it_lets_go_of_every_run(
    source: str, new: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.move, "lingering", lambda _: [])
    here = new(source)
    with closing(SqlStore(here)) as old, Engine(old, {}, beat_s=0.05) as first:
        run_id = first.start_run(nap(3600), {}, "ada")
        assert first._runs.live == [run_id]
        move(here, new("sqlite"), utc_now() + timedelta(seconds=ASLEEP_S))
        eventually(lambda: old.moved and first._runs.live == [])


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_a_store_that_was_open_before_the_move_can_write_nothing_any_more(
    source: str, new: Callable[[str], str]
) -> None:
    here, there = new(source), new("sqlite")
    runs = fill(here)
    incident = Incident(id="i2", run_id="r1", step="a", at=T0, what=WORDS)
    writes: list[Callable[[SqlStore], object]] = [
        lambda store: store.append(Told("later").start()).result(timeout=60),
        lambda store: store.append(runs["r2"].say()).result(timeout=60),
        lambda store: store.claim("r1", "d2", []),
        lambda store: store.beat(Driver(id="dead", host="h", pid=7, beat_at=NOW)),
        lambda store: store.beat(Driver(id="d2", host="h", pid=7, beat_at=NOW)),
        lambda store: store.post([Posted(id="p9", run_id="r1", command=Advance())]),
        lambda store: store.answer({"p1": "no"}),
        lambda store: store.acquire("r2", ["boat"]),
        lambda store: store.open_incident(incident),
        lambda store: store.close_incident("i1", "ada", "seen", NOW),
        lambda store: store.publish(nap(7), "ada"),
        lambda store: store.save_draft(Draft(saga="new", document={}, by="ada", updated_at=T0)),
        lambda store: store.delete_draft("nap"),
        lambda store: store.forget("nap"),
    ]
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(SqlStore(here))) for _ in writes]
        leaving = stack.enter_context(closing(SqlStore(here)))
        move(here, there, NOW)
        for write, store in zip(writes, stores, strict=True):
            assert not store.moved
            with pytest.raises(DatabaseMoved, match="open that one"):
                write(store)
            assert store.moved
            assert "goes on in another database" in store.trouble
            with pytest.raises(DatabaseMoved):
                store.row("r1")
        leaving.leave("dead")
        assert leaving.drivers() == []


def test_a_commit_under_way_is_waited_for_and_comes_along(new: Callable[[str], str]) -> None:
    here, there = new("postgres"), new("sqlite")
    runs = fill(here)
    with closing(SqlStore(here)) as store, ThreadPoolExecutor(1) as pool:
        change = runs["r2"].say()
        with store.database.logging() as cursor:
            verdicts = Transition(store.database.engine.dialect).settle(
                cursor, [entry_of(change)], again=False
            )
            moved = pool.submit(move, here, there, NOW)
            with pytest.raises(TimeoutError):
                moved.result(timeout=1)
        assert verdicts == [None]
        assert moved.result(timeout=60).counts["run"] == 3
    with closing(SqlStore(there)) as store:
        assert store.history("r2") == runs["r2"].recorded


def test_an_engine_of_this_machine_that_is_only_suspended_keeps_its_history(
    new: Callable[[str], str],
) -> None:
    here, there = new("sqlite"), new("sqlite")
    fill(here)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        sleeper.send_signal(signal.SIGSTOP)
        heard = utc_now()
        with closing(SqlStore(here)) as store:
            store.beat(Driver(id="d1", host=socket.gethostname(), pid=sleeper.pid, beat_at=heard))
        with pytest.raises(MoveRefused, match=rf"process {sleeper.pid} .* `kill -9 {sleeper.pid}`"):
            move(here, there, heard + timedelta(hours=1))
    finally:
        sleeper.kill()
        sleeper.wait()
    assert move(here, there, heard + timedelta(hours=1)).counts["run"] == 3


def test_a_process_that_only_has_the_number_of_an_engine_that_died_is_in_nobodys_way(
    new: Callable[[str], str],
) -> None:
    here = new("sqlite")
    fill(here)
    with closing(SqlStore(here)) as store:
        store.beat(
            Driver(
                id="d1", host=socket.gethostname(), pid=os.getpid(), beat_at=utc_now() - timedelta(days=30)
            )
        )
    assert move(here, new("sqlite"), utc_now()).counts["run"] == 3
