"""The imperative shell: what is on disk before a call, what a crash leaves, who drives, who is told."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest

from engine.core.commands import Cancel, Decide, Disrupt, Pause, Resume, TryNow
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.core.saga import request_hash
from engine.memory import MemoryStore
from engine.ports import Change, Performer, RunFilter
from engine.runtime.engine import Engine
from engine.steps.python import Failed, Rejected
from tests.engine.conftest import Bench
from tests.waiting import PATIENCE_S, eventually

TWO = """
saga: two
steps:
  first: {kind: python, effect: compensatable, with: {function: do}, compensate: {kind: python, with: {function: undo}}}
  second: {kind: python, needs: first, effect: compensatable, with: {function: more}, compensate: {kind: python, with: {function: undo}}}
"""


class HeldStore(MemoryStore):
    """Takes appends, but says that they are durable only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def append(self, change: Change) -> Future[None]:
        done: Future[None] = Future()
        inner = super().append(change)

        def finish() -> None:
            self.open.wait(10)
            done.set_result(inner.result())

        threading.Thread(target=finish, daemon=True).start()
        return done


def test_R01_no_effect_before_its_intent_is_on_disk(made: dict[str, Performer], functions: Any) -> None:
    called = threading.Event()
    functions.register("do")(lambda: called.set() or {})
    functions.register("undo")(lambda: {})
    functions.register("more")(lambda: {})
    store = HeldStore()
    with Engine(store, made) as engine:
        store.open.clear()
        threading.Thread(target=lambda: engine.start_run(parse_saga(TWO), {}, "me"), daemon=True).start()
        assert not called.wait(0.3)
        store.open.set()
        assert called.wait(PATIENCE_S)
        eventually(lambda: store.count(RunFilter(statuses=("completed",))) == 1)


def test_R03_a_call_cut_off_by_a_stop_is_unknown_and_found_out_by_the_next_engine(
    made: dict[str, Performer], functions: Any
) -> None:
    runs = [0]
    functions.register("undo")(lambda: {})
    functions.register("more")(lambda: {})

    @functions.register("do")
    async def do() -> dict[str, int]:
        runs[0] += 1
        if runs[0] == 1:
            await asyncio.sleep(60)
        return {"run": runs[0]}

    text = TWO.replace(
        "with: {function: do}", "with: {function: do}, key_ttl_s: 60, timeout_s: 0.5, settle_s: 0.1", 1
    )
    store = MemoryStore()
    first = Engine(store, made).start()
    run_id = first.start_run(parse_saga(text), {}, "me")
    eventually(lambda: runs[0] == 1)
    first.stop()
    with Engine(store, made) as second:
        eventually(lambda: (row := store.row(run_id)) is not None and row.ended_at is not None)
        assert second.id != first.id
    outcomes = [
        r.event.outcome
        for r in store.history(run_id)
        if r.event.type == "attempt_ended" and r.event.step == "first"
    ]
    assert outcomes == ["unknown", "ok"]
    keys = {
        r.event.key
        for r in store.history(run_id)
        if r.event.type == "attempt_intended" and r.event.step == "first"
    }
    assert len(keys) == 1


def test_R14_a_cancel_waits_for_the_call_in_flight_and_then_undoes_it(bench: Bench) -> None:
    release, undone = threading.Event(), []
    bench.functions.register("do")(lambda: release.wait(10) and {})
    bench.functions.register("more")(lambda: {})
    bench.functions.register("undo")(lambda key: undone.append(key) or {})
    run_id = bench.start(TWO)
    bench.engine.submit(run_id, Cancel(by="me")).result()
    assert bench.run(run_id).status == "draining"
    assert undone == []
    release.set()
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    assert undone == [f"c:{run_id}:first:1"]


def test_R14_a_readonly_call_is_stopped_by_a_fault(bench: Bench) -> None:
    stopped = threading.Event()

    @bench.functions.register("slow")
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    run_id = bench.start("saga: s\nsteps: {a: {kind: python, with: {function: slow}}}")
    bench.until(run_id, lambda run: run.steps["a"].status == "running")
    time.sleep(0.05)
    bench.engine.submit(run_id, Cancel(by="me")).result()
    assert stopped.wait(PATIENCE_S)
    assert bench.to_end(run_id).status == "compensated"


def test_R14_a_readonly_call_that_a_fault_of_its_own_turn_stops_is_reported(bench: Bench) -> None:
    """It is intended and stopped before it could begin; a run must not wait for it for ever."""

    @bench.functions.register("slow")
    async def slow(**_: object) -> None:
        await asyncio.sleep(60)

    steps = "a: {kind: python, with: {function: slow}}, b: {kind: python, with: {function: slow, args: {x: '${app.none}'}}}"
    run = bench.to_end(bench.start(f"saga: s\nsteps: {{{steps}}}"))
    assert (run.status, run.steps["a"].reason) == ("compensated", "stopped: the run is going back")


def test_R23_a_pause_lets_results_in_and_starts_nothing(bench: Bench) -> None:
    release = threading.Event()
    bench.functions.register("do")(lambda: release.wait(10) and {})
    bench.functions.register("more")(lambda: {})
    bench.functions.register("undo")(lambda: {})
    run_id = bench.start(TWO)
    bench.engine.submit(run_id, Pause(by="me")).result()
    release.set()
    run = bench.until(run_id, lambda run: run.steps["first"].status == "committed")
    time.sleep(0.1)
    assert bench.run(run_id).steps["second"].status == "ready"
    with pytest.raises(CommandRejected, match="paused already"):
        bench.engine.submit(run_id, Pause(by="me")).result()
    bench.engine.submit(run_id, Resume(by="me")).result()
    run = bench.to_end(run_id)
    assert run.status == "completed"


@pytest.mark.parametrize(
    ("error", "effect", "outcome"),
    [
        (Rejected("no"), "compensatable", "rejected"),
        (Failed("not now"), "compensatable", "failed"),
        (ValueError("bug"), "compensatable", "unknown"),
        (ValueError("bug"), "readonly", "failed"),
    ],
)
def test_R03_what_an_exception_of_a_function_means(
    bench: Bench, error: Exception, effect: str, outcome: str
) -> None:
    def do() -> None:
        raise error

    bench.functions.register("do")(do)
    undo = "compensate: {kind: python, with: {function: do}}," if effect == "compensatable" else ""
    run_id = bench.start(
        f"saga: s\nsteps: {{a: {{kind: python, effect: {effect}, {undo} retry: {{max_attempts: 1}}, with: {{function: do}}}}}}"
    )
    bench.until(run_id, lambda run: run.steps["a"].attempts and run.steps["a"].attempts[0].outcome)
    assert bench.run(run_id).steps["a"].attempts[0].outcome == outcome


def test_a_time_limit_holds_for_functions_and_an_unregistered_one_is_refused(bench: Bench) -> None:
    @bench.functions.register("slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    run_id = bench.start(
        "saga: s\nsteps: {a: {kind: python, timeout_s: 0.1, retry: {max_attempts: 1}, with: {function: slow}}}"
    )
    run = bench.to_end(run_id)
    assert run.steps["a"].attempts[0].result.code == "timeout"  # type: ignore[union-attr]
    run = bench.to_end(bench.start("saga: s2\nsteps: {a: {kind: python, with: {function: nobody}}}"))
    assert "no function 'nobody'" in run.faults[0].reason


def test_R03_a_call_with_an_effect_that_takes_too_long_is_unknown(bench: Bench) -> None:
    @bench.functions.register("slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    bench.functions.register("undo")(lambda: {})
    run_id = bench.start(
        "saga: s\nsteps: {a: {kind: python, effect: compensatable, timeout_s: 0.1, settle_s: 0.1,"
        " retry: {max_attempts: 1}, with: {function: slow}, compensate: {kind: python, with: {function: undo}}}}"
    )
    run = bench.to_end(run_id)
    assert [attempt.outcome for attempt in run.steps["a"].attempts] == ["unknown"]
    assert run.steps["a"].status == "compensated"


def test_a_waiting_retry_can_be_run_now(bench: Bench) -> None:
    tries = []

    def do() -> dict[str, int]:
        tries.append(1)
        if len(tries) == 1:
            raise Failed("not yet")
        return {"tries": len(tries)}

    bench.functions.register("do")(do)
    run_id = bench.start(
        "saga: s\nsteps: {a: {kind: python, retry: {backoff_s: 3000, max_backoff_s: 3600}, with: {function: do}}}"
    )
    bench.until(run_id, lambda run: run.steps["a"].status == "retry_wait")
    bench.engine.submit(run_id, TryNow(by="me", step="a")).result()
    assert bench.to_end(run_id).status == "completed"


@pytest.mark.parametrize(
    ("injection", "end"),
    [
        ("refuse", "compensated"),
        ("fail", "completed"),
        ("delay", "completed"),
        ("timeout_but_land", "completed"),
    ],
)
def test_a_disruption_strikes_the_next_attempt_once(bench: Bench, injection: str, end: str) -> None:
    text = """
saga: disrupted
steps:
  ask: {kind: approval, with: {question: go?}}
  book:
    kind: http
    needs: ask
    effect: compensatable
    settle_s: 0.1
    timeout_s: 2
    with: {method: POST, url: "${world}/tickets", json: {title: t, severity: low}}
    compensate: {kind: http, with: {method: DELETE, url: "${world}/tickets", params: {key: "${key}"}}}
"""
    run_id = bench.start(text)
    what = {"kind": injection, "step": "book", **({"delay_s": 0.2} if injection == "delay" else {})}
    bench.engine.submit(run_id, Disrupt(by="me", what=what)).result()
    run = bench.to_end(run_id)
    assert run.status == end
    booked = bench.world.ledger()
    assert len(booked) == (0 if injection == "refuse" else 1)
    with pytest.raises(CommandRejected, match="has ended"):
        bench.engine.submit(run_id, Disrupt(by="me", what={"kind": "fail", "step": "book"})).result()


def test_a_command_reaches_a_run_that_another_engine_drives(bench: Bench, made: dict[str, Performer]) -> None:
    run_id = bench.start("saga: s\nsteps: {a: {kind: approval, with: {question: go?}}}")
    with Engine(bench.store, made, adopt=False) as other:
        with pytest.raises(CommandRejected, match="no step 'x'"):
            other.submit(run_id, Decide(by="you", step="x", decision="approved")).result()
        other.submit(run_id, Decide(by="you", step="a", decision="approved", reason="fine")).result()
    assert bench.to_end(run_id).steps["a"].output == {"decision": "approved", "by": "you", "comment": "fine"}


def test_R34_an_engine_that_lost_its_run_stops_calling_and_recording(
    bench: Bench, made: dict[str, Performer]
) -> None:
    release = threading.Event()
    bench.functions.register("do")(lambda: release.wait(10) and {})
    bench.functions.register("more")(lambda: {})
    bench.functions.register("undo")(lambda: {})
    run_id = bench.start(
        TWO.replace(
            "with: {function: do}", "with: {function: do}, key_ttl_s: 600, timeout_s: 0.5, settle_s: 0.1", 1
        )
    )
    bench.until(run_id, lambda run: run.steps["first"].status == "running")
    assert bench.store.claim(run_id, "thief", ["thief"])
    before = len(bench.events(run_id))
    release.set()
    time.sleep(1.2)
    assert len(bench.events(run_id)) == before
    assert not bench.engine._on_loop(_drives(bench.engine, run_id)).result()


async def _drives(engine: Engine, run_id: str) -> bool:
    return engine._runs.drives(run_id)


def test_R04_a_function_that_changes_its_arguments_changes_nothing_of_what_is_sent_again(
    bench: Bench,
) -> None:
    heard: list[list[int]] = []

    def book(guests: list[int]) -> dict[str, Any]:
        heard.append(list(guests))
        guests.append(99)
        if len(heard) == 1:
            raise Failed("busy")
        return {"guests": guests}

    bench.functions.register("book")(book)
    bench.functions.register("undo")(lambda: {})
    text = """
saga: one
steps:
  book: {kind: python, effect: compensatable, retry: {backoff_s: 0.01}, with: {function: book, args: {guests: [1, 2]}},
         compensate: {kind: python, with: {function: undo}}}
"""
    run = bench.to_end(bench.start(text))
    assert heard == [[1, 2], [1, 2]]
    assert run.steps["book"].output == {"guests": [1, 2, 99]}
    for attempt in run.steps["book"].attempts:
        assert attempt.intent.request == {"function": "book", "args": {"guests": [1, 2]}}
        assert attempt.intent.request_hash == request_hash(attempt.intent.request)


def test_a_saga_that_may_not_run_starts_nothing(bench: Bench) -> None:
    with pytest.raises(DefinitionInvalid, match="has no undo"):
        bench.start("saga: s\nsteps: {a: {kind: python, effect: compensatable, with: {function: do}}}")
    assert bench.store.versions() == []
    with pytest.raises(CommandRejected, match="input 'x'"):
        bench.start(
            "saga: s\ninput: {x: {type: integer}}\nsteps: {a: {kind: python, with: {function: do}}}", x="no"
        )
    assert bench.store.count(RunFilter()) == 0
    with pytest.raises(CommandRejected, match="no run 'r-nope'"):
        bench.engine.submit("r-nope", Cancel(by="me")).result()


def test_what_is_asked_of_an_engine_that_has_stopped_is_refused(made: dict[str, Performer]) -> None:
    store = MemoryStore()
    with Engine(store, made, adopt=False) as engine:
        run_id = engine.start_run(parse_saga(ONE_WAIT), {}, "me")
    refused = engine.submit(run_id, Cancel(by="me"))
    with pytest.raises(CommandRejected, match="stopping"):
        refused.result(timeout=1)
    with pytest.raises(CommandRejected, match="stopping"):
        engine.start_run(parse_saga(ONE_WAIT.replace("60", "61")), {}, "me")
    assert len(store.versions("one")) == 1, "a start that is refused keeps no version"
    engine.stop()


ONE_WAIT = "{saga: one, steps: {a: {kind: wait, with: {duration_s: 60}}}}"
