"""A database in trouble in mid-run: facts wait, nothing is called without one, and all ends right."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

import engine.runtime.engine
import storage.database
import storage.sqlite
from engine.core.commands import Decide
from engine.core.document import parse_saga
from engine.core.evolve import replay
from engine.core.saga import Saga
from engine.memory import utc_now
from engine.ports import Call, Draft, Driver, Outcome, RunFilter, Unavailable
from engine.runtime.engine import Engine
from engine.runtime.living import living
from engine.runtime.mail import Mail
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.steps.http import HttpPerformer
from storage.store import SqlStore
from tests.contract.makers import TRIP
from tests.storage.test_log import locked
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from tests.postgres import Server

STEP = """
  t{n}:
    kind: http
    {needs}
    effect: compensatable
    timeout_s: 2
    settle_s: 0.1
    retry: {{max_attempts: 5, backoff_s: 0.05}}
    with: {{method: POST, url: "${{world}}/{path}", json: {{title: t{n}, severity: low}}, refused_on: [503]}}
    compensate: {{kind: http, timeout_s: 2, with: {{method: DELETE, url: "${{world}}/tickets", params: {{key: "${{key}}"}}}}}}
"""
STEPS, RUNS = 6, 5


def chain(name: str, last: str) -> Saga:
    paths = ["tickets"] * (STEPS - 1) + [last]
    steps = [
        STEP.format(n=n, path=path, needs=f"needs: t{n - 1}" if n else "") for n, path in enumerate(paths)
    ]
    return parse_saga(f"saga: {name}\nsteps:{''.join(steps)}")


HAPPY, SAD = chain("happy", "tickets"), chain("sad", "shipping/unknown")


class Wary:
    """Makes a call only after it has found the intent in the database, through a connection of its own."""

    def __init__(self, inner: HttpPerformer, eyes: SqlStore) -> None:
        self._inner = inner
        self._eyes = eyes
        self.unintended: list[Call] = []

    async def perform(self, call: Call) -> Outcome:
        while True:
            try:
                found = await asyncio.to_thread(self._is_intended, call)
                break
            except Unavailable:
                await asyncio.sleep(0.01)
        if not found:
            self.unintended.append(call)
        return await self._inner.perform(call)

    async def close(self) -> None:
        await self._inner.close()

    def _is_intended(self, call: Call) -> bool:
        wanted = (call.phase, call.attempt, call.key)
        events = [recorded.event for recorded in self._eyes.history(call.run_id)]
        return wanted in {(e.phase, e.attempt, e.key) for e in events if e.type == "attempt_intended"}


class Scene:
    """An engine on a real database with the practice world, and a judge who looks at the ledger."""

    def __init__(self, url: str, folder: Path, stack: ExitStack, **times: float) -> None:
        self.url = url
        self._times = times
        self._stack = stack
        self.world = stack.enter_context(closing(World(folder / "sandbox.db")))
        self._server = stack.enter_context(SandboxServer(self.world))
        self.performers: list[Wary] = []
        self.store, self.engine = self.another()

    def another(self) -> tuple[SqlStore, Engine]:
        """Return one more engine on the same database, with a store of its own."""
        store = self._stack.enter_context(closing(SqlStore(self.url)))
        eyes = self._stack.enter_context(closing(SqlStore(self.url)))
        self.performers.append(Wary(HttpPerformer({"sandbox.internal": self._server.url}), eyes))
        return store, self._stack.enter_context(Engine(store, {"http": self.performers[-1]}, **self._times))

    def begin(self) -> None:
        for saga in (HAPPY, SAD):
            self.engine.start_runs(saga, [{}] * RUNS, "ann")

    def reached(self, effects: int) -> None:
        """Wait until the world has seen that many effects."""
        eventually(lambda: len(self.world.ledger()) >= effects)

    def judge(self) -> None:
        """Wait for the end, and compare what the log says with what the world says."""
        ends = {"completed": RUNS, "compensated": RUNS}
        eventually(lambda: self.store.counts(RunFilter()) == ends)
        assert not any(wary.unintended for wary in self.performers), "a call was made without an intent"
        for row in self.store.rows(RunFilter()):
            history = self.store.history(row.id)
            assert [recorded.seq for recorded in history] == list(range(1, row.last_seq + 1))
            assert replay(HAPPY if row.saga == "happy" else SAD, history).status == row.status
        effects = Counter(str(entry.key) for entry in self.world.ledger())
        assert set(effects.values()) == {1}, "an effect was doubled"
        assert len(effects) == RUNS * (STEPS + 2 * (STEPS - 1))
        happy = {row.id for row in self.store.rows(RunFilter(saga="happy"))}
        standing = Counter(
            str(made["key"]).split(":")[0] for made in self.world.state().collections["tickets"]
        )
        assert standing == dict.fromkeys(happy, STEPS)
        eventually(lambda: not self.store.trouble)


@pytest.fixture
def on_postgres(postgres_url: str, tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(postgres_url, tmp_path, stack)


@pytest.fixture(params=["wal", "delete"])
def on_sqlite(
    request: pytest.FixtureRequest, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    if request.param == "delete":
        monkeypatch.setattr(storage.sqlite, "SAFE_WAL", (99,))
    monkeypatch.setattr(storage.database, "BUSY_S", 0.5)  # chores say sooner that they can't write
    with ExitStack() as stack:
        yield Scene(str(path), tmp_path, stack)


def test_postgres_restarts_in_mid_run(on_postgres: Scene, postgres: Server) -> None:
    on_postgres.begin()
    for effects in (5, 25, 45, 60):
        on_postgres.reached(effects)
        postgres.restart()
    on_postgres.judge()


def test_postgres_is_away_until_everything_waits_for_it(on_postgres: Scene, postgres: Server) -> None:
    on_postgres.begin()
    on_postgres.reached(20)
    postgres.stop()
    try:
        eventually(lambda: on_postgres.store.trouble)
        made = len(on_postgres.world.ledger())
        with pytest.raises(Unavailable):
            on_postgres.store.count(RunFilter())
        assert len(on_postgres.world.ledger()) <= made + 2 * RUNS  # what was under way, and nothing new
    finally:
        postgres.start()
    on_postgres.judge()


def test_sqlite_is_locked_in_mid_run(on_sqlite: Scene, path: Path) -> None:
    on_sqlite.begin()
    for effects in (10, 40):
        on_sqlite.reached(effects)
        with locked(path):
            eventually(lambda: on_sqlite.store.trouble == "the database says: database is locked")
    on_sqlite.judge()


def forget(store: SqlStore) -> None:
    """Close the connections of a store, so that its next ones are new."""
    with store.database.turn:  # the log's writer must not be waiting for the one that goes
        store.database._log.dispose()
        store.database.engine.dispose()


@contextmanager
def told(store: SqlStore, pragma: str) -> Iterator[None]:
    """Tell every connection of a store something, and take it back at the end."""
    database = store.database

    def tell(connection: object, _record: object) -> None:
        connection.execute(pragma)  # type: ignore[attr-defined]

    engines = (database.engine, database._log)
    for each in engines:
        event.listen(each, "connect", tell)
    forget(store)
    try:
        yield
    finally:
        for each in engines:
            event.remove(each, "connect", tell)
        forget(store)


TOLD = {
    "database or disk is full": "PRAGMA max_page_count = 1",
    "attempt to write a readonly database": "PRAGMA query_only = ON",
}


def _says(store: SqlStore, words: str) -> bool:
    """Try to write more than fits, and return whether the store says what is wrong."""
    with pytest.raises(Unavailable, match=words):
        store.save_draft(Draft(saga="big", document={"x": "y" * 100_000}, by="ann", updated_at=utc_now()))
    return store.trouble == f"the database says: {words}"


@pytest.mark.parametrize("words", TOLD)
def test_sqlite_can_not_be_written_in_mid_run(on_sqlite: Scene, words: str) -> None:
    on_sqlite.begin()
    for effects in (10, 40):
        on_sqlite.reached(effects)
        with told(on_sqlite.store, TOLD[words]):
            eventually(lambda: _says(on_sqlite.store, words))
            assert on_sqlite.store.count(RunFilter()) == 2 * RUNS  # it can still be read
    on_sqlite.judge()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_sqlites_file_is_away_in_mid_run(on_sqlite: Scene, path: Path, what: str) -> None:
    place = path.parent if what == "folder" else path
    on_sqlite.begin()
    for effects in (10, 40):
        on_sqlite.reached(effects)
        away = place.rename(place.with_name("away"))
        try:
            forget(on_sqlite.store)  # who holds the file open writes on, and rightly so; others must wait
            eventually(lambda: on_sqlite.store.trouble)
            assert not place.exists(), "a new database was made where the old one should be"
        finally:
            away.rename(place)
    on_sqlite.judge()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    return str(path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def test_R34_a_driver_that_could_not_say_that_it_is_alive_comes_back_and_harms_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        scene = Scene(url, tmp_path, stack, beat_s=0.05, alive_s=0.4)
        mute, beat = True, scene.store.beat

        def unheard(driver: Driver) -> None:
            if mute:
                raise Unavailable("the database says: nothing at all")
            beat(driver)

        monkeypatch.setattr(scene.store, "beat", unheard)
        scene.begin()
        scene.reached(5)
        store, other = scene.another()
        eventually(lambda: other.id in {store.driver_of(row.id) for row in store.rows(RunFilter())})
        mute = False
        scene.judge()
        eventually(lambda: len(living(store.drivers(), utc_now())) == 2)
        eventually(lambda: scene.engine._runs.live == [])
        again = scene.engine.start_run(HAPPY, {}, "ann")
        eventually(lambda: store.row(again).status == "completed")


CHORES = ((Engine, "_beat"), (Mail, "read"), (Engine, "_take_over"))


def test_every_chore_lives_through_a_database_that_is_away(
    postgres: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()
    for owner, name in CHORES:
        _count(monkeypatch, owner, name, done)
    monkeypatch.setattr(engine.runtime.engine, "INBOX_S", 0.02)
    with closing(SqlStore(postgres_url)) as store, Engine(store, {}, beat_s=0.02, alive_s=0.1):
        eventually(lambda: min(done[name] for _, name in CHORES) > 2)
        postgres.stop()
        try:
            eventually(lambda: store.trouble)
            failed = done["failed"]
            eventually(lambda: done["failed"] > failed + 6)
        finally:
            postgres.start()
        before = done.copy()
        eventually(lambda: all(done[name] > before[name] + 2 for _, name in CHORES))
        assert store.trouble == ""


def _count(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, done: Counter[str]) -> None:
    """Count how often a chore of the engine has succeeded, and how often any has failed."""
    chore: Callable[..., object] = getattr(owner, name)

    def sync(self: object) -> None:
        try:
            chore(self)
        except Unavailable:
            done["failed"] += 1
            raise
        done[name] += 1

    async def asynchronous(self: object) -> None:
        try:
            await chore(self)  # type: ignore[misc]
        except Unavailable:
            done["failed"] += 1
            raise
        done[name] += 1

    monkeypatch.setattr(owner, name, asynchronous if asyncio.iscoroutinefunction(chore) else sync)


def test_L29_a_posted_command_whose_answer_could_not_be_stored_is_not_applied_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(SqlStore(url))) for _ in range(2)]
        drives, asks = [stack.enter_context(Engine(store, {})) for store in stores]
        answer, answers, failures = stores[0].answer, stores[1].answers, [1, 2, 3]

        def deaf(given: Mapping[str, str]) -> None:
            if failures:
                raise Unavailable(f"the database says: nothing, {failures.pop()}")
            answer(given)

        def blind(ids: Collection[str]) -> dict[str, str]:
            if failures:
                raise Unavailable("the database says: nothing")
            return answers(ids)

        monkeypatch.setattr(stores[0], "answer", deaf)
        monkeypatch.setattr(stores[1], "answers", blind)
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        yes = Decide(by="eve", groups=("desk",), step="ask", decision="approved")
        assert asks.submit(run_id, yes).result(timeout=60) is None
        given = [r for r in stores[1].history(run_id) if r.event.type == "approval_given"]
        assert len(given) == 1
        assert stores[0].inbox(drives.id) == []


def test_an_engine_stops_though_the_database_is_away(postgres: Server, postgres_url: str) -> None:
    with closing(SqlStore(postgres_url)) as store:
        engine = Engine(store, {}).start()
        run_id = engine.start_run(parse_saga(TRIP), {}, "ann")
        postgres.stop()
        try:
            engine.stop()
        finally:
            postgres.start()
        assert store.driver_of(run_id) == engine.id
