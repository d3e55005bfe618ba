"""Heartbeats of long functions: shown while they go on, never in the log; one that falls silent is lost (R3)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from engine.core.document import parse_saga
from engine.ports import Call
from engine.steps.python import Functions, PythonPerformer
from tests.engine.conftest import Bench
from tests.waiting import eventually

LONG = """
saga: long
steps:
  work: {kind: python, timeout_s: 30, heartbeat_s: 0.3, retry: {max_attempts: 1}, with: {function: work}, EFFECT}
"""
READ = LONG.replace(", EFFECT", "")
BOOK = LONG.replace(
    "EFFECT", "effect: compensatable, settle_s: 0, compensate: {kind: python, with: {function: undo}}"
)
Heartbeat = Callable[..., None]


def test_what_a_function_says_is_shown_while_it_goes_on_and_not_kept(bench: Bench) -> None:
    go = threading.Event()

    @bench.functions.register("work")
    def work(heartbeat: Heartbeat) -> dict[str, int]:
        for frame in range(1, 200):
            heartbeat(f"frame {frame}", frame / 200)
            if go.wait(0.02):
                break
        return {"frames": frame}

    run_id = bench.start(READ)
    seen = eventually(lambda: bench.engine.progress(run_id).get("work"))
    assert seen.text.startswith("frame ")
    assert 0 < seen.share < 1
    go.set()
    run = bench.to_end(run_id)
    assert run.status == "completed"
    assert bench.engine.progress(run_id) == {}
    assert bench.events(run_id).count("attempt_ended") == 1
    assert len(bench.events(run_id)) < 8


def test_R03_one_that_falls_silent_is_lost_long_before_its_time(bench: Bench) -> None:
    @bench.functions.register("work")
    async def work(heartbeat: Heartbeat) -> dict[str, Any]:
        heartbeat("begun")
        await asyncio.sleep(60)
        return {}

    run = bench.to_end(bench.start(READ))
    result = run.steps["work"].attempts[0].result
    assert result is not None
    assert (result.outcome, result.code, result.error) == ("failed", "heartbeat", "no heartbeat for 0.3 s")


def test_R03_its_effect_is_unknown_until_it_answers_after_all(bench: Bench) -> None:
    go, undone = threading.Event(), []
    bench.functions.register("undo")(lambda key: undone.append(key) or {})

    @bench.functions.register("work")
    def work(heartbeat: Heartbeat) -> dict[str, Any]:
        heartbeat("begun")
        go.wait(20)
        return {"id": 1}

    run_id = bench.start(BOOK)
    run = bench.until(run_id, lambda run: run.steps["work"].attempts[0].result)
    attempt = run.steps["work"].attempts[0]
    assert (attempt.outcome, attempt.result.code) == ("unknown", "heartbeat")
    go.set()
    run = bench.to_end(run_id)
    assert (run.status, run.steps["work"].attempts[0].resolution.how, undone) == ("completed", "late", [])


def test_a_check_that_beats_is_found_under_the_step_that_it_checks(functions: Functions) -> None:
    step = parse_saga(READ).steps["work"]
    performer = PythonPerformer(functions)
    seen = []

    @functions.register("look")
    async def look(heartbeat: Heartbeat) -> bool:
        heartbeat("half of it", 0.5)
        seen.append(performer.progress("r"))
        return True

    request = {"function": "look", "args": {}}
    call = Call("r", step, "check", "check", 1, "v:r:work:1", request, 5, "work")
    assert asyncio.run(performer.perform(call)).outcome == "ok"
    assert [list(beats) for beats in seen] == [["work"]]


def test_a_function_that_takes_no_heartbeat_can_t_be_asked_for_one(bench: Bench) -> None:
    bench.functions.register("work")(lambda: {})
    run = bench.to_end(bench.start(READ))
    assert "takes no `heartbeat`" in run.faults[0].reason


def test_a_timeout_branch_is_taken_by_a_silence_too(bench: Bench) -> None:
    bench.functions.register("other")(lambda: {})

    @bench.functions.register("work")
    async def work(heartbeat: Heartbeat) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    run = bench.to_end(
        bench.start(READ + "  other: {kind: python, needs: work.timed_out, with: {function: other}}\n")
    )
    assert (run.status, run.steps["other"].status) == ("completed", "committed")
