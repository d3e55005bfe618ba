"""What a driver does with a call whose time is up, and with answers that come while it stops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from engine.core.commands import Decide, Pause
from engine.core.document import parse_saga
from engine.core.events import Recorded
from engine.memory import MemoryStore
from engine.ports import Call, Change, Outcome, RunFilter
from engine.runtime.engine import Engine
from tests.waiting import PATIENCE_S, eventually

ONE = """
saga: one
steps:
  a:
    kind: http
    effect: compensatable
    timeout_s: 0.3
    settle_s: 0.1
    retry: {max_attempts: 2, backoff_s: 0}
    with: {method: POST, url: "http://nowhere"}
    compensate: {kind: http, with: {method: DELETE, url: "http://nowhere"}}
"""
TWO = (ONE + ONE.partition("steps:\n")[2].replace("a:", "b:\n    needs: a", 1)).replace(
    "timeout_s: 0.3", "timeout_s: 30"
)


class SlowStore(MemoryStore):
    """A store that says of one change only after a while that it is durable."""

    def __init__(self, slow: int, pause_s: float) -> None:
        super().__init__()
        self._slow = slow
        self._pause_s = pause_s

    def append(self, change: Change) -> Future[None]:
        inner = super().append(change)
        self._slow -= 1
        if self._slow:
            return inner
        done: Future[None] = Future()
        threading.Timer(self._pause_s, lambda: done.set_result(inner.result())).start()
        return done


class Recorder:
    """A performer that remembers when it was asked, and answers when it is let."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pause_s = 0.0
        self.asked = threading.Event()

    async def perform(self, call: Call) -> Outcome:
        self.calls.append(call)
        self.asked.set()
        await asyncio.sleep(self.pause_s)
        return Outcome(outcome="ok", output={})


def ended(store: MemoryStore) -> list[Any]:
    history = store.history(store.rows(RunFilter())[0].id)
    return [each.event for each in history if each.event.type == "attempt_ended"]


def test_R07_a_call_whose_deadline_has_passed_is_not_sent() -> None:
    """Whoever took the run over in the meantime may have undone it by now."""
    store, performer = SlowStore(slow=1, pause_s=0.5), Recorder()
    with Engine(store, {"http": performer}) as engine:
        run_id = engine.start_run(parse_saga(ONE), {}, "me")
        eventually(lambda: store.row(run_id).ended_at)  # type: ignore[union-attr]
    assert [(each.outcome, each.code) for each in ended(store)] == [("failed", "too_late"), ("ok", "")]
    assert [call.attempt for call in performer.calls] == [2]


def test_R02_a_result_that_comes_while_the_engine_stops_is_stored_and_nothing_follows_from_it() -> None:
    store, performer = MemoryStore(), Recorder()
    performer.pause_s = 0.3
    engine = Engine(store, {"http": performer}).start()
    run_id = engine.start_run(parse_saga(TWO), {}, "me")
    assert performer.asked.wait(PATIENCE_S)
    engine.stop()
    assert [each.outcome for each in ended(store)] == ["ok"]
    assert [call.key for call in performer.calls] == [f"{run_id}:a:1"]
    with Engine(store, {"http": performer}):
        eventually(lambda: store.row(run_id).ended_at)  # type: ignore[union-attr]
    assert store.row(run_id).status == "completed"  # type: ignore[union-attr]
    assert [call.key for call in performer.calls] == [f"{run_id}:a:1", f"{run_id}:b:1"]


class DamagedStore(MemoryStore):
    """A store that can't give the log of some runs."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: set[str] = set()

    def history(self, run_id: str, after: int = 0, limit: int | None = None) -> list[Recorded]:
        if run_id in self.unreadable:
            raise ValueError("this is no event")
        return super().history(run_id, after, limit)


def test_R34_a_run_that_cannot_be_loaded_holds_no_other_up_and_is_tried_again() -> None:
    store, performer = DamagedStore(), Recorder()
    performer.pause_s = 60
    first = Engine(store, {"http": performer}).start()
    damaged, other = first.start_runs(
        parse_saga(ONE.replace("timeout_s: 0.3", "timeout_s: 5")), [{}, {}], "me"
    )
    first.stop()
    store.unreadable.add(damaged)
    performer.pause_s = 0
    with Engine(store, {"http": performer}, alive_s=0.5):
        eventually(lambda: store.row(other).ended_at)  # type: ignore[union-attr]
        assert store.row(damaged).ended_at is None  # type: ignore[union-attr]
        store.unreadable.clear()
        eventually(lambda: store.row(damaged).ended_at)  # type: ignore[union-attr]


def test_R34_a_command_reaches_a_run_that_was_lost_without_noticing() -> None:
    store = MemoryStore()
    with Engine(store, {}) as first, Engine(store, {}, adopt=False) as second:
        run_id = first.start_run(
            parse_saga("saga: s\nsteps: {a: {kind: approval, with: {question: go?}}}"), {}, "me"
        )
        assert store.claim(run_id, second.id, [second.id])
        second.submit(run_id, Pause(by="you")).result(10)
        first.submit(run_id, Decide(by="me", step="a", decision="approved")).result(10)
    assert store.row(run_id).status == "completed"  # type: ignore[union-attr]
