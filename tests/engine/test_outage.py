"""A store that is taken away and comes back: what waited is stored in order, whatever follows from it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from engine.core.errors import SagaError
from engine.memory import MemoryStore
from engine.ports import Change
from engine.runtime.outage import Interruptible
from tests.contract.makers import Told

SOON_S = 10


def within(work: Callable[[], Any]) -> None:
    """Do work that would hang if a lock was taken twice."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SOON_S)
    assert not thread.is_alive(), "it hangs"


class Closable(MemoryStore):
    """A store that, like one on a database, takes nothing once it is closed, and notes the order of what it took."""

    def __init__(self) -> None:
        super().__init__()
        self.took: list[int] = []
        self.closed = False

    def append(self, change: Change) -> Future[None]:
        if self.closed:
            raise SagaError("the store is closed")
        self.took.append(change.row.last_seq)
        return super().append(change)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def inner() -> Closable:
    return Closable()


@pytest.fixture
def store(inner: Closable) -> Interruptible:
    return Interruptible(inner)  # type: ignore[arg-type]


def returned(store: Interruptible) -> None:
    """Let the store come back now, as its timer would."""
    assert store._timer is not None
    store._timer.cancel()
    store._until = 0.0
    within(store._return)


def test_a_second_outage_that_follows_from_what_waited_through_the_first_hangs_nobody(
    store: Interruptible, inner: Closable
) -> None:
    told = Told("r")
    store.away(60)
    first, second = store.append(told.start()), store.append(told.pause())
    first.add_done_callback(lambda _: store.away(60))
    returned(store)
    assert (first.done(), second.done()) == (True, False), (
        "the second outage is on: the rest waits for its end"
    )
    returned(store)
    assert second.result(timeout=SOON_S) is None
    assert inner.took == sorted(inner.took)


def test_what_follows_from_a_stored_change_comes_after_what_waited_before_it(
    store: Interruptible, inner: Closable
) -> None:
    told, later = Told("r"), list[Future[None]]()
    store.away(60)
    first, second = store.append(told.start()), store.append(told.pause())
    third = told.pause()
    first.add_done_callback(lambda _: later.append(store.append(third)))
    returned(store)
    assert [each.result(timeout=SOON_S) for each in (first, second, *later)] == [None, None, None]
    assert len(inner.took) == 3
    assert inner.took == sorted(inner.took)


def test_one_change_that_the_store_does_not_take_loses_no_other(
    store: Interruptible, inner: Closable, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.away(60)
    bad, good = store.append(Told("bad").start()), store.append(Told("good").start())
    append = inner.append

    def refusing(change: Change) -> Future[None]:
        if change.run_id == "bad":
            raise ValueError("it contradicts itself")
        return append(change)

    monkeypatch.setattr(inner, "append", refusing)
    returned(store)
    assert good.result(timeout=SOON_S) is None
    with pytest.raises(ValueError, match="contradicts itself"):
        bad.result(timeout=SOON_S)


def test_a_fact_that_waits_can_not_be_cancelled(store: Interruptible) -> None:
    store.away(60)
    stored = store.append(Told("r").start())
    assert not stored.cancel()
    returned(store)
    assert stored.result(timeout=SOON_S) is None


def test_closing_stores_what_waits_and_refuses_what_comes_later(store: Interruptible) -> None:
    told = Told("r")
    store.away(60)
    stored = store.append(told.start())
    within(store.close)
    assert stored.result(timeout=SOON_S) is None
    with pytest.raises(SagaError, match="closed"):
        store.append(told.pause())
    store.away(60)
    with pytest.raises(SagaError, match="closed"):
        store.append(told.pause())
