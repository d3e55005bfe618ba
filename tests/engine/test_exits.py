"""Functions and performers that would end the process: to the engine that is an outcome like any other (R3)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from engine.memory import MemoryStore
from engine.ports import Call, Outcome
from engine.runtime.engine import Engine
from engine.steps.python import Functions
from tests.engine.conftest import Bench

ONE = """
saga: one
steps:
  a: {kind: python, retry: {max_attempts: 1}, timeout_s: 5, HOW, with: {function: work}}
"""
READ = ONE.replace(" HOW,", "")
BEAT = ONE.replace("HOW", "heartbeat_s: 4")
BOOK = ONE.replace(
    "HOW",
    "effect: compensatable, key_ttl_s: 0, settle_s: 0, compensate: {kind: python, with: {function: undo}}",
)


class Worse(BaseException):
    """What no `except Exception` catches."""


def leave(**_: Any) -> None:
    sys.exit(3)


async def leave_later(**_: Any) -> None:
    sys.exit(3)


def leave_in_mid_beat(heartbeat: Callable[..., None]) -> None:
    heartbeat("begun")
    sys.exit(3)


async def leave_in_mid_beat_later(heartbeat: Callable[..., None]) -> None:
    heartbeat("begun")
    sys.exit(3)


def worse(**_: Any) -> None:
    raise Worse("much")


@pytest.mark.parametrize(
    ("text", "work", "said"),
    [
        (READ, leave, "SystemExit: 3"),
        (READ, leave_later, "SystemExit: 3"),
        (BEAT, leave_in_mid_beat, "SystemExit: 3"),
        (BEAT, leave_in_mid_beat_later, "SystemExit: 3"),
        (READ, worse, "Worse: much"),
    ],
)
def test_R03_a_function_that_would_end_the_process_has_failed(
    bench: Bench, text: str, work: Callable[..., Any], said: str
) -> None:
    bench.functions.register("work")(work)
    run = bench.to_end(bench.start(text))
    result = run.steps["a"].attempts[0].result
    assert result is not None
    assert (result.outcome, result.code) == ("failed", "exception")
    assert said in result.error


def test_R03_one_with_an_effect_leaves_it_unknown_and_the_engine_goes_on(bench: Bench) -> None:
    bench.functions.register("work")(leave_later)
    run_id = bench.start(BOOK)
    run = bench.until(run_id, lambda run: run.steps["a"].attempts[0].result)
    assert run.steps["a"].attempts[0].outcome == "unknown"
    other = bench.start("saga: other\nsteps: {w: {kind: wait, with: {duration_s: 0.01}}}")
    assert bench.to_end(other).status == "completed"


class Leaving:
    """A performer of somebody else's that ends the process."""

    async def perform(self, call: Call) -> Outcome:
        sys.exit(call.step_id)


def test_R03_a_performer_that_would_end_the_process_has_failed() -> None:
    store = MemoryStore()
    with Engine(store, {"python": Leaving()}) as engine:
        bench = Bench(store, engine, None, Functions())  # type: ignore[arg-type]
        run = bench.to_end(bench.start(READ))
    assert run.steps["a"].attempts[0].result.error.endswith("SystemExit: a")  # type: ignore[union-attr]
    store.close()
