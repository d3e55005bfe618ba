"""Signals through the real engine: to one run, to all that wait for a key, across a crash, and with a world to look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import engine.runtime.signals
from engine.core.commands import Amend, Cancel, Decide, Signal
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.core.evolve import replay
from engine.core.run import Run
from engine.memory import MemoryStore
from engine.ports import Performer, RunFilter, RunRow, Unavailable
from engine.runtime.engine import Engine
from engine.runtime.signals import listeners
from tests.contract.makers import T0, Told
from tests.engine.conftest import Bench
from tests.waiting import eventually

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


PAID = {"kind": "wait", "with": {"event": "paid", "key": "o1"}}
INSIDE = {
    "a map": {"kind": "map", "with": {"over": [1]}, "body": {"steps": {"paid": PAID}}},
    "a saga": {
        "kind": "saga",
        "with": {"saga": "inner"},
        "definition": {"saga": "inner", "steps": {"paid": PAID}},
    },
    "the plan itself": PAID,
}


@pytest.mark.parametrize("where", INSIDE)
def test_R27_a_signal_by_key_reaches_a_run_that_was_amended_to_wait_for_it(bench: Bench, where: str) -> None:
    first = "saga: plain\nsteps: {rest: {kind: wait, with: {event: morning}}}"
    run_id, other = bench.start(first), bench.start(first)
    changed = parse_saga(first).document()
    changed["steps"]["more"] = INSIDE[where]
    amend = Amend(document=changed, reason="it is to be paid first", by="ann")
    bench.engine.submit(run_id, amend).result(timeout=60)
    assert bench.engine.signal(signal("o1")) == {run_id: ""}
    assert bench.engine.signal(Signal(id="2", name="morning", by="sun")) == {run_id: "", other: ""}
    assert bench.to_end(run_id).status == "completed"


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


LISTENS = "saga: listens\nsteps: {paid: {kind: wait, with: {event: paid, key: o1}}}"


class Crowd(MemoryStore):
    """A store of runs that wait for a payment; `between` happens after each page of a list."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self.between: Callable[[], None] = lambda: None
        self.told = [Told(f"r{n}", text=LISTENS, at=T0 + timedelta(seconds=n)) for n in range(runs)]
        for told in self.told:
            self.append(told.start())

    def rows(self, where: RunFilter, limit: int = 50, offset: int = 0) -> list[RunRow]:
        found = super().rows(where, limit, offset)
        self.between()
        return found

    def load(self, run_id: str) -> Run:
        return replay(parse_saga(LISTENS), self.history(run_id))

    def heard(self) -> list[str]:
        return listeners(self, lambda _: parse_saga(LISTENS), self.load, "paid", "o1")


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(engine.runtime.signals, "PAGE", 2)
    return Crowd(7)


def test_runs_that_end_while_listeners_are_looked_for_hide_no_other(crowd: Crowd) -> None:
    ending = crowd.told[:4:-1]  # the newest two, which are on the first page

    def end_them() -> None:
        while ending:
            crowd.append(ending.pop().do(Cancel(by="ann")))

    crowd.between = end_them
    assert crowd.heard() == ["r0", "r1", "r2", "r3", "r4"]


def test_a_database_that_goes_away_while_listeners_are_looked_for_is_told(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = crowd.load

    def away(run_id: str) -> Run:
        if run_id == "r3":
            raise Unavailable("the database says: nothing")
        return load(run_id)

    monkeypatch.setattr(crowd, "load", away)
    with pytest.raises(Unavailable):
        crowd.heard()


def test_a_run_that_can_not_be_read_hides_no_other(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    load = crowd.load

    def torn(run_id: str) -> Run:
        if run_id == "r3":
            raise CommandRejected("its version is not there")
        return load(run_id)

    monkeypatch.setattr(crowd, "load", torn)
    assert crowd.heard() == ["r0", "r1", "r2", "r4", "r5", "r6"]
