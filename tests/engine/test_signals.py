"""Signals through the real engine: to one run, to all that wait for a key, across a crash, and with a world to look at."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.commands import Decide, Signal
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.memory import MemoryStore
from engine.ports import Performer
from engine.runtime.engine import Engine
from tests.engine.conftest import Bench, eventually

HELD = """
saga: held
input: {order: {type: string}}
steps:
  hold:
    kind: http
    effect: compensatable
    with: {method: POST, url: "${world}/inventory/reservations", json: {sku: tent, quantity: 1}}
    compensate: {kind: http, with: {method: DELETE, url: "${world}/inventory/reservations/${output.id}"}}
    probe: {with: {url: "${world}/inventory/reservations", params: {key: "${key}"}}}
  paid:
    kind: wait
    needs: hold
    with: {event: paid, key: "${run.input.order}", timeout_s: TIMEOUT}
    output: {type: object, required: [sum], properties: {sum: {type: number}}}
  thanks: {kind: python, needs: paid, with: {function: thanks, args: {sum: "${steps.paid.output.sum}"}}}
"""


def held(bench: Bench, order: str, timeout_s: float = 60) -> str:
    run_id = bench.start(HELD.replace("TIMEOUT", str(timeout_s)), order=order)
    bench.until(run_id, lambda run: run.steps["paid"].status == "waiting")
    return run_id


@pytest.fixture
def thanked(bench: Bench) -> list[float]:
    said: list[float] = []
    bench.functions.register("thanks")(lambda **told: said.append(told["sum"]) or {})
    return said


def signal(order: str = "", number: str = "1", **payload: Any) -> Signal:
    return Signal(id=number, name="paid", key=order, payload=payload or {"sum": 5}, by="shop")


def test_a_signal_by_key_reaches_the_runs_that_wait_for_it_and_no_other(
    bench: Bench, thanked: list[float]
) -> None:
    first, other, same = held(bench, "o1"), held(bench, "o2"), held(bench, "o1")
    assert bench.engine.signal(signal("o1")) == {first: "", same: ""}
    assert bench.to_end(first).status == bench.to_end(same).status == "completed"
    assert bench.run(other).steps["paid"].status == "waiting"
    assert thanked == [5, 5]
    assert bench.engine.signal(signal("o9")) == {}


def test_a_payload_that_does_not_fit_is_refused_to_the_sender(bench: Bench, thanked: list[float]) -> None:
    run_id = held(bench, "o1")
    with pytest.raises(CommandRejected, match="does not fit"):
        bench.engine.submit(run_id, signal("o1", sum="five")).result()
    assert "'five' is not of type 'number'" in bench.engine.signal(signal("o1", sum="five"))[run_id]
    assert "signal_received" not in bench.events(run_id)


def test_a_payment_that_never_comes_gives_the_reservation_back(bench: Bench, thanked: list[float]) -> None:
    run = bench.to_end(held(bench, "o1", timeout_s=0.2))
    assert (run.status, run.faults[0].source) == ("compensated", "expired")
    assert [entry.action for entry in bench.world.ledger()] == ["reserve", "release"]
    assert bench.world.state().clean


def test_a_crash_loses_neither_the_wait_nor_a_signal_that_came_early(
    made: dict[str, Performer], functions: Any
) -> None:
    text = """
saga: early
steps:
  first: {kind: python, with: {function: noop}}
  ask: {kind: approval, needs: first}
  paid: {kind: wait, needs: ask, with: {event: paid}}
"""
    functions.register("noop")(lambda: {})
    store = MemoryStore()
    first = Engine(store, made).start()
    run_id = first.start_run(parse_saga(text), {}, "me")
    eventually(lambda: (row := store.row(run_id)) is not None and row.approvals)
    first.submit(run_id, signal()).result()
    first.stop()
    with Engine(store, made) as second:
        second.submit(run_id, signal()).result()
        second.submit(run_id, Decide(step="ask", decision="approved", by="boss")).result()
        eventually(lambda: (row := store.row(run_id)) is not None and row.ended_at is not None)
    row = store.row(run_id)
    assert row is not None
    assert row.status == "completed"
    received = [r for r in store.history(run_id) if r.event.type == "signal_received"]
    assert len(received) == 1
