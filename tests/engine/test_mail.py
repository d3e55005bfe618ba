"""Commands that go to another engine through the store: few writes for many, in order, and no one left waiting."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import engine.runtime.driver
from engine.core.commands import Command, Decide, Pause, Resume
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.core.run import Run
from engine.memory import MemoryStore
from engine.ports import Posted, Unavailable
from engine.runtime.engine import Engine
from engine.runtime.mail import Mail
from tests.contract.makers import TRIP
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def post(store: MemoryStore, run_id: str, *pauses: str) -> None:
    """Post commands to pause a run, by these people and under their names."""
    store.post([Posted(id=name, run_id=run_id, command=Pause(by=name)) for name in pauses])


def pauses(store: MemoryStore, run_id: str) -> list[str]:
    return [each.event.by for each in store.history(run_id) if each.event.type == "run_paused"]


def test_L29_facts_are_stored_with_the_answer_to_what_was_posted(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Mapping[str, str]] = []

    def deaf(given: Mapping[str, str]) -> None:
        heard.append(given)
        raise Unavailable("the database says: nothing")

    monkeypatch.setattr(store, "answer", deaf)
    with Engine(store, {}) as drives:
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        post(store, run_id, "eve")
        eventually(lambda: heard or store.answers(["eve"]))
    assert store.answers(["eve"]) == {"eve": ""}
    assert pauses(store, run_id) == ["eve"]


def test_an_engine_that_stops_says_what_it_refused(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, stop = store.answer, Mail.stop
    heard: list[Mapping[str, str]] = []

    def deaf(given: Mapping[str, str]) -> None:
        heard.append(given)
        raise Unavailable("the database says: nothing")

    async def stopping(mail: Mail) -> None:
        monkeypatch.setattr(store, "answer", answer)
        await stop(mail)

    monkeypatch.setattr(store, "answer", deaf)
    monkeypatch.setattr(Mail, "stop", stopping)
    with Engine(store, {}) as drives:
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        no = Decide(by="eve", step="nothing", decision="approved")
        store.post([Posted(id="no", run_id=run_id, command=no)])
        eventually(lambda: heard)
        assert store.answers(["no"]) == {}
    assert "no step 'nothing'" in store.answers(["no"])["no"]


def test_an_engine_stops_though_nobody_can_be_answered(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Mapping[str, str]] = []

    def deaf(given: Mapping[str, str]) -> None:
        heard.append(given)
        raise Unavailable("the database says: nothing")

    monkeypatch.setattr(store, "answer", deaf)
    with Engine(store, {}) as drives:
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        no = Decide(by="eve", step="nothing", decision="approved")
        store.post([Posted(id="no", run_id=run_id, command=no)])
        eventually(lambda: heard)
    assert store.drivers() == []


def test_a_command_that_fails_is_refused_and_those_behind_it_go_on(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = engine.runtime.driver.turn

    def fails(run: Run, command: Command, now: Any) -> Any:
        if isinstance(command, Pause) and command.by == "bad":
            raise ValueError("a bug")
        return turn(run, command, now)

    monkeypatch.setattr(engine.runtime.driver, "turn", fails)
    with Engine(store, {}) as drives:
        run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
        post(store, run_id, "bad", "good")
        eventually(lambda: len(store.answers(["bad", "good"])) == 2)
        assert store.answers(["bad", "good"]) == {"bad": "the command failed: a bug", "good": ""}
        assert pauses(store, run_id) == ["good"]
        post(store, run_id, "bad")  # nor is it tried again
        assert store.inbox(drives.id) == []


def test_L29_what_was_posted_is_left_to_whoever_took_the_run_over(
    store: MemoryStore, engines: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    drives, takes = engines
    run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
    inbox, left = store.inbox, store.post
    posts: list[str] = []

    def overtaken(driver: str) -> list[Posted]:
        found = inbox(driver)
        if found and driver == drives.id:
            store.claim(run_id, takes.id, [takes.id])
        return found

    def counted(posted: Any) -> None:
        each = list(posted)
        posts.extend(one.id for one in each)
        left(each)

    monkeypatch.setattr(store, "inbox", overtaken)
    monkeypatch.setattr(store, "post", counted)
    post(store, run_id, "eve")
    eventually(lambda: store.answers(["eve"]))
    assert store.answers(["eve"]) == {"eve": ""}
    assert posts == ["eve"], "it was not handed on as another one"
    assert pauses(store, run_id) == ["eve"]
    assert store.driver_of(run_id) == takes.id


def test_L29_what_was_read_before_another_engine_did_it_is_not_done_again(
    store: MemoryStore, engines: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was suspended with what it had read; by now that is done, and the run has come back."""
    drives, _ = engines
    run_id = drives.start_run(parse_saga(TRIP), {}, "ann")
    inbox, stale = store.inbox, [Posted(id="eve", run_id=run_id, command=Pause(by="eve"))]
    reads: list[str] = []

    def old(driver: str) -> list[Posted]:
        reads.append(driver)
        return stale if driver == drives.id else inbox(driver)

    store.post(stale)
    store.answer({"eve": ""})
    monkeypatch.setattr(store, "inbox", old)
    eventually(lambda: reads.count(drives.id) > 2)
    assert pauses(store, run_id) == []
