"""Commands that go to another engine through the store: few writes for many, in order, and no one left waiting."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from engine.core.commands import Decide, Pause, Resume
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.memory import MemoryStore
from engine.ports import Posted
from engine.runtime.engine import Engine
from tests.contract.makers import TRIP
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 100


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def engines(store: MemoryStore) -> Iterator[tuple[Engine, Engine]]:
    with Engine(store, {}) as drives, Engine(store, {}) as asks:
        yield drives, asks


def counted(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        inner = getattr(store, name)

        def call(*args: Any) -> Any:
            calls[name] += 1
            return inner(*args)

        monkeypatch.setattr(store, name, call)

    for name in ("post", "answer", "claim"):
        count(name)
    return calls


def test_many_requests_at_once_go_in_few_writes(
    store: MemoryStore, engines: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    drives, asks = engines
    runs = drives.start_runs(parse_saga(TRIP), [{}] * RUNS, "ann")
    calls = counted(store, monkeypatch)
    yes = Decide(by="eve", groups=("desk",), step="ask", decision="approved")
    asked = [asks.submit(run_id, yes) for run_id in runs]
    assert [each.result(timeout=60) for each in asked] == [None] * RUNS
    assert all(count < RUNS / 4 for count in calls.values()), calls
    assert calls["claim"] == 0  # who has the runs is alive
    again = [asks.submit(run_id, yes) for run_id in runs]
    assert all(isinstance(each.exception(timeout=60), CommandRejected) for each in again)


def test_what_is_posted_to_one_run_is_applied_in_its_order(
    store: MemoryStore, engines: tuple[Engine, Engine]
) -> None:
    drives, _ = engines
    run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
    commands = [kind(by=str(number)) for number in range(10) for kind in (Pause, Resume)]
    posted = [Posted(id=str(number), run_id=run_id, command=each) for number, each in enumerate(commands)]
    store.post(posted)
    eventually(lambda: len(store.answers([each.id for each in posted])) == len(posted))
    assert set(store.answers([each.id for each in posted]).values()) == {""}
    done = [r.event for r in store.history(run_id) if r.event.type in {"run_paused", "run_resumed"}]
    assert [(event.type, event.by) for event in done] == [
        (kind, str(number)) for number in range(10) for kind in ("run_paused", "run_resumed")
    ]


def test_who_waits_for_an_answer_is_told_when_the_engine_stops(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runtime.engine.INBOX_S", 60)
    with Engine(store, {}) as drives:
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        asks = Engine(store, {}).start()
        asked = asks.submit(run_id, Pause(by="eve"))
        eventually(lambda: store.inbox(drives.id))
        asks.stop()
        with pytest.raises(CommandRejected, match="this engine is stopping"):
            asked.result(timeout=5)
        assert [posted.command for posted in store.inbox(drives.id)] == [Pause(by="eve")]
