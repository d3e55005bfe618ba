"""Answers that come late, runs that wait for each other's locks, and the last look after the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.core.commands import Cancel
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.memory import MemoryStore
from engine.ports import Performer, RunFilter
from engine.runtime.after import Aftermath
from engine.runtime.engine import Engine, SystemClock
from tests.engine.conftest import Bench
from tests.waiting import eventually

SOON = timedelta(seconds=0.1)
SLOW = """
saga: slow
steps:
  a:
    kind: python
    effect: compensatable
    timeout_s: 0.1
    settle_s: 0
    retry: {max_attempts: 1}
    with: {function: book}
    compensate: {kind: python, with: {function: undo, args: {id: "${output.id}"}}}
"""


@pytest.fixture
def release(bench: Bench) -> threading.Event:
    """A function `book` that takes its time: it books once it is let."""
    go = threading.Event()
    bench.functions.register("book")(lambda: go.wait(20) and {"id": 7})
    return go


def test_R03_a_function_that_ends_after_its_time_resolves_what_was_unknown(
    bench: Bench, release: threading.Event
) -> None:
    run_id = bench.start(SLOW)
    bench.until(run_id, lambda run: run.steps["a"].status == "unknown")
    release.set()
    run = bench.to_end(run_id)
    assert (run.status, run.steps["a"].output) == ("completed", {"id": 7})
    assert run.steps["a"].attempts[0].resolution.how == "late"


def test_R25_one_that_ends_while_the_run_goes_back_is_undone(bench: Bench, release: threading.Event) -> None:
    undone: list[int] = []
    bench.functions.register("undo")(lambda **told: undone.append(told["id"]) or {})
    run_id = bench.start(SLOW)
    bench.until(run_id, lambda run: run.steps["a"].status == "unknown")
    bench.engine.submit(run_id, Cancel(by="me")).result()
    release.set()
    assert bench.to_end(run_id).status == "compensated"
    assert undone == [7]


def test_R38_one_that_ends_after_the_run_opens_an_incident(bench: Bench, release: threading.Event) -> None:
    bench.functions.register("undo")(lambda: {})
    text = SLOW.replace(', args: {id: "${output.id}"}', "")
    run_id = bench.start(text)
    assert bench.to_end(run_id).status == "compensated", "its outcome stayed unknown, and its key undid it"
    before = bench.events(run_id)
    release.set()
    (incident,) = eventually(lambda: bench.store.incidents(run_id))
    assert incident.what == "attempt 1 of 'a' landed after the run had ended as compensated"
    assert incident.evidence == {"answer": {"id": 7}}
    assert bench.events(run_id) == before, "the log is never rewritten"


def test_R34_a_driver_that_lost_a_run_passes_its_results_on(
    bench: Bench, made: dict[str, Performer], release: threading.Event
) -> None:
    run_id = bench.start(
        SLOW.replace("timeout_s: 0.1", "timeout_s: 20").replace("settle_s: 0", "settle_s: 60")
    )
    bench.until(run_id, lambda run: run.steps["a"].status == "running")
    with Engine(bench.store, made, adopt=False) as other:
        assert bench.store.claim(run_id, other.id, [other.id])
        run = bench.run(run_id)
        other._on_loop(_adopt(other, run)).result()
        assert bench.run(run_id).steps["a"].status == "unknown"
        release.set()
        run = bench.to_end(run_id)
    assert (run.status, run.steps["a"].output) == ("completed", {"id": 7})
    assert len(run.steps["a"].attempts) == 1, "nothing was called again"


async def _adopt(engine: Engine, run: Any) -> None:
    engine._runs.adopt(run)


HOLDS = """
saga: holds
steps:
  a: {kind: python, locks: [car], lock_wait_s: 20, with: {function: drive}}
"""


def test_R37_a_run_gets_its_locks_when_the_one_that_holds_them_has_ended(bench: Bench) -> None:
    go, driving = threading.Event(), []

    @bench.functions.register("drive")
    def drive() -> None:
        driving.append(1)
        go.wait(20)

    first, second = bench.start(HOLDS), bench.start(HOLDS)
    eventually(lambda: driving)
    waits = next(name for name in (first, second) if bench.run(name).steps["a"].status == "awaiting_locks")
    assert len(driving) == 1
    go.set()
    for name in (first, second):
        assert bench.to_end(name).status == "completed"
    assert bench.events(waits).count("locks_taken") == 1
    assert bench.store.holders(["car"]) == {}


def test_R37_a_run_that_waits_for_locks_waits_on_after_a_restart(
    made: dict[str, Performer], functions: Any
) -> None:
    functions.register("drive")(lambda: {})
    store = MemoryStore()
    with Engine(store, made) as engine:
        holder = engine.start_run(
            parse_saga(HOLDS.replace("lock_wait_s", "approval: {}, lock_wait_s")), {}, "me"
        )
        assert store.acquire(holder, ["car"])
        waits = engine.start_run(parse_saga(HOLDS), {}, "me")
        eventually(lambda: store.row(waits).last_seq >= 3)  # type: ignore[union-attr]
    with Engine(store, made) as engine:
        engine.submit(holder, Cancel(by="me")).result()
        eventually(lambda: store.count(RunFilter(statuses=("completed",))) == 1)
    assert store.row(waits).status == "completed"  # type: ignore[union-attr]


PROBED = """
saga: probed
steps:
  a:
    kind: python
    effect: compensatable
    settle_s: 0
    with: {function: book}
    compensate: {kind: python, with: {function: undo}}
    probe: {with: {url: "${world}/state"}, landed: "run.by == 'nobody'"}
"""


@pytest.mark.parametrize(("landed", "found"), [("run.by == 'starter'", 0), ("run.by == 'nobody'", 1)])
def test_R38_after_the_end_a_probe_that_finds_another_world_opens_an_incident(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, landed: str, found: int
) -> None:
    monkeypatch.setattr("engine.core.audit.PAUSE", SOON)
    bench.functions.register("book")(lambda: {"id": 1})
    looked = _count(bench.store.audited, monkeypatch, bench.store)
    run_id = bench.start(PROBED.replace("run.by == 'nobody'", landed))
    bench.to_end(run_id)
    eventually(looked)
    incidents = bench.store.incidents(run_id)
    assert [i.what for i in incidents] == [
        "'a' is committed, and its target does not know it any more"
    ] * found
    assert bench.store.audits(bench.engine._clock.now()) == []


def _count(
    told: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, store: MemoryStore
) -> Callable[[], bool]:
    seen: list[str] = []

    def audited(run_id: str) -> None:
        told(run_id)
        seen.append(run_id)

    monkeypatch.setattr(store, "audited", audited)
    return lambda: bool(seen)


def test_R38_one_run_that_cannot_be_read_does_not_keep_the_others_from_their_look() -> None:
    looked: list[str] = []

    class Two(MemoryStore):
        def audits(self, now: Any, limit: int = 20) -> list[str]:
            return ["broken", "fine"]

        def audited(self, run_id: str) -> None:
            looked.append(run_id)

    def load(run_id: str) -> None:
        if run_id == "broken":
            raise CommandRejected("the store has no saga version 64bba37d3317")

    asyncio.run(Aftermath(Two(), {}, SystemClock(), load).look())
    assert looked == ["broken", "fine"]
