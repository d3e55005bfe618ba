"""Calls that answer at once: made in a row, recorded together, and never ahead of what R1 asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from engine.core.document import parse_saga
from engine.core.events import spelled_out
from engine.memory import MemoryStore
from engine.ports import Change, Conflict, RunFilter
from engine.runtime.engine import Engine
from engine.steps.python import Functions, PythonPerformer, Rejected
from tests.waiting import eventually

UNDO = "effect: compensatable, compensate: {kind: python, with: {function: undo}}"
Fact = tuple[str, str]


def chain(*steps: str) -> str:
    """Return a saga of steps in a row that call functions of their names; one that ends in `!` has an effect."""
    text = "saga: chain\nsteps:\n"
    for index, step in enumerate(steps):
        needs = f"needs: {steps[index - 1].strip('!')}, " if index else ""
        effect = f"{UNDO}, " if step.endswith("!") else ""
        name = step.strip("!")
        text += f"  {name}: {{kind: python, {needs}{effect}with: {{function: {name}}}}}\n"
    return text


class CountingStore(MemoryStore):
    """Counts the changes, and can refuse the one that holds an intent of some step."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0
        self.refused: str | None = None

    def append(self, change: Change) -> Future[None]:
        self.changes += 1
        if any(getattr(entry.event, "step", "") == self.refused for entry in change.events):
            lost: Future[None] = Future()
            lost.set_exception(Conflict("somebody else has it"))
            return lost
        return super().append(change)

    def facts(self) -> list[Fact]:
        """Return the type and step of everything that is stored of the only run, each commit as a fact of its own."""
        (row,) = self.rows(RunFilter())
        told = spelled_out(self.history(row.id))
        return [(entry.event.type, getattr(entry.event, "step", "")) for entry in told]


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def perform(
    store: CountingStore, text: str, functions: dict[str, Callable[[], Any]], *, until: Callable[[], Any]
) -> None:
    """Run a saga until something is true; a function without a body here does nothing, at once."""
    known = Functions()

    async def nothing() -> dict[str, Any]:
        return {}

    saga = parse_saga(text)
    for name in {"undo", *saga.steps}:
        known.register(name)(functions.get(name, nothing))
    with Engine(store, {"python": PythonPerformer(known)}, adopt=False) as engine:
        engine.start_run(saga, {}, "me")
        eventually(until)


def ended(store: MemoryStore) -> bool:
    return store.count(RunFilter(statuses=("completed",))) == 1


def test_what_answers_at_once_is_recorded_together(store: CountingStore) -> None:
    perform(store, chain(*(f"s{n}" for n in range(10))), {}, until=lambda: ended(store))
    assert [fact for fact, _ in store.facts()].count("step_committed") == 10
    assert store.changes == 2


def test_R01_the_intent_of_an_effect_is_stored_before_the_call_and_so_is_what_came_before(
    store: CountingStore,
) -> None:
    seen: list[Fact] = []

    async def pay() -> None:
        seen.extend(store.facts())

    perform(store, chain("a", "b", "pay!", "c"), {"pay": pay}, until=lambda: ended(store))
    assert seen[-1] == ("attempt_intended", "pay")
    assert ("step_committed", "b") in seen


def test_R02_the_result_of_an_effect_is_stored_at_once(store: CountingStore) -> None:
    seen: list[Fact] = []

    async def look() -> None:
        seen.extend(store.facts())

    perform(store, chain("pay!", "look", "c"), {"look": look}, until=lambda: ended(store))
    assert ("attempt_ended", "pay") in seen


def test_nothing_is_held_back_while_something_is_waited_for(store: CountingStore) -> None:
    async def wait() -> None:
        await asyncio.sleep(60)

    perform(
        store,
        chain("a", "b", "wait"),
        {"wait": wait},
        until=lambda: store.facts()[-1] == ("attempt_intended", "wait"),
    )


def test_R34_an_effect_whose_intent_is_refused_at_once_is_not_called(store: CountingStore) -> None:
    called: list[str] = []
    store.refused = "pay"

    async def pay() -> None:
        called.append("pay")

    perform(
        store,
        chain("a", "pay!"),
        {"pay": pay},
        until=lambda: store.changes >= 2 and store.facts()[-1] == ("attempt_intended", "a"),
    )
    assert called == []


def test_a_long_chain_lets_others_have_their_turn(store: CountingStore) -> None:
    turns: list[str] = []

    async def first() -> None:
        asyncio.get_running_loop().call_soon(turns.append, "another")

    async def last() -> None:
        turns.append("last")

    names = [f"s{n}" for n in range(100)]
    perform(store, chain("first", *names, "last"), {"first": first, "last": last}, until=lambda: ended(store))
    assert turns == ["another", "last"]


def test_what_a_waiting_call_is_told_reaches_it(store: CountingStore) -> None:
    """A function that waits more than once sees its time limit as a cancellation, and may clean up."""
    told: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            told.append("cleaned up")
            raise

    text = chain("slow").replace("with:", "timeout_s: 0.05, retry: {max_attempts: 1}, with:")
    perform(store, text, {"slow": slow}, until=lambda: ("step_failed", "slow") in store.facts())
    assert told == ["cleaned up"]


def test_R14_a_stop_that_comes_too_late_for_a_call_does_not_strike_the_undo_behind_it(
    store: CountingStore,
) -> None:
    """The call ends in the moment in which a fault stops it, and its task goes on with the undo."""
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    async def fail() -> None:
        release.set()
        raise Rejected("no")

    async def undo() -> None:
        await asyncio.sleep(0.01)

    text = chain("pay!", "wait") + "  fail: {kind: python, needs: pay, with: {function: fail}}\n"
    perform(
        store,
        text,
        {"wait": wait, "fail": fail, "undo": undo},
        until=lambda: store.count(RunFilter(statuses=("compensated",))) == 1,
    )
    assert store.facts().count(("attempt_intended", "pay")) == 2


def test_R15_a_fault_behind_the_pivot_stops_no_call_that_the_way_forward_begins(store: CountingStore) -> None:
    async def fail() -> None:
        raise Rejected("no")

    async def wait() -> None:
        await asyncio.sleep(0.01)

    text = (
        "saga: chain\nparallel: 1\nsteps:\n"
        "  pay: {kind: python, effect: pivot, with: {function: pay}}\n"
        "  fail: {kind: python, needs: pay, with: {function: fail}}\n"
        "  wait: {kind: python, needs: pay, with: {function: wait}}\n"
    )
    perform(
        store,
        text,
        {"fail": fail, "wait": wait},
        until=lambda: {("step_committed", "wait"), ("step_failed", "wait")} & {*store.facts()},
    )
    assert ("step_committed", "wait") in store.facts()
