"""The contract of locks, incidents and audits, asked of every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

from engine.ports import Incident
from tests.contract.makers import T0, VALUE, WORDS
from tests.contract.test_store_others import begin, end

if TYPE_CHECKING:
    from engine.ports import Store


class TestLocks:
    def test_what_an_open_run_holds_no_other_gets(self, store: Store) -> None:
        begin(store, "r1")
        begin(store, "r2")
        assert store.acquire("r1", ["car", "seat"])
        assert store.acquire("r1", ["car"]), "the same again is fine"
        assert not store.acquire("r2", ["bus", "car"])
        assert store.holders(["bus", "car", "seat"]) == {"car": "r1", "seat": "r1"}
        assert store.acquire("r2", ["bus"])

    def test_the_end_of_a_run_frees_what_it_held(self, store: Store) -> None:
        told = begin(store, "r1")
        begin(store, "r2")
        assert store.acquire("r1", ["car"])
        end(store, told)
        assert store.holders(["car"]) == {}
        assert store.acquire("r2", ["car"])
        assert store.holders(["car"]) == {"car": "r2"}

    def test_of_eight_runs_that_ask_at_once_one_gets_it(self, store: Store) -> None:
        names = [f"r{number}" for number in range(8)]
        for name in names:
            begin(store, name)
        for number in range(10):
            start = Barrier(8)
            keys = [f"a{number}", f"b{number}"]

            def ask(name: str, start: Barrier = start, keys: list[str] = keys) -> bool:
                start.wait()
                return store.acquire(name, keys)

            with ThreadPoolExecutor(8) as pool:
                won = [name for name, got in zip(names, pool.map(ask, names), strict=True) if got]
            assert len(won) == 1
            assert store.holders(keys) == dict.fromkeys(keys, won[0])


def incident(number: int, run_id: str = "r1") -> Incident:
    return Incident(
        id=f"i{number}", run_id=run_id, step="a", at=T0 + timedelta(seconds=number), what=f"{WORDS}", evidence={"v": VALUE["list"]}
    )  # fmt: skip


class TestIncidents:
    def test_an_incident_is_kept_once_and_closed_once(self, store: Store) -> None:
        for each in (incident(1), incident(2, "r2"), incident(3), incident(1, "another")):
            store.open_incident(each)
        assert [found.id for found in store.incidents()] == ["i3", "i2", "i1"]
        assert [found.id for found in store.incidents("r1")] == ["i3", "i1"]
        later = T0 + timedelta(hours=1)
        assert store.close_incident("i1", "ann", "booked anew", later)
        assert not store.close_incident("i1", "bob", "again", later)
        assert not store.close_incident("nobody", "bob", "again", later)
        assert [found.id for found in store.incidents("r1")] == ["i3"]
        closed = store.incidents("r1", open_only=False)[-1]
        assert (closed.by, closed.reason, closed.closed_at) == ("ann", "booked anew", later)
        assert (closed.at, closed.evidence) == (incident(1).at, incident(1).evidence)


class TestAudits:
    def test_ended_runs_are_looked_at_once_when_it_is_time(self, store: Store) -> None:
        told = begin(store, "r1")
        begin(store, "open")
        end(store, told)
        assert store.audits(T0 + timedelta(days=9)) == [], "it has nothing that could be looked at"
        store.audited("r1")
        store.audited("nobody")
