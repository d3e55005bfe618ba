"""The contract of facts across runs, asked of every store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.core import events as e
from engine.core.events import Recorded
from engine.core.memory import Learned
from engine.ports import Change
from tests.contract.makers import NAP, T0, VALUE, WORDS, Told

if TYPE_CHECKING:
    from engine.ports import Store


def completes(
    run: str, key: str = "", saga: str = "nap", *, after_s: float = 0, **facts: Any
) -> tuple[Change, Change]:
    """Return the beginning of a run, and its completion with what it leaves."""
    told = Told(run, text=NAP.replace("nap", saga), at=T0)
    first = told.start()
    seq = first.row.last_seq + 1
    left = {name: Learned(value=value, steps=("rest",), seq=3) for name, value in facts.items()}
    event = e.RunCompleted(output={}, memory_key=key, remembers=left)
    at = T0 + timedelta(seconds=after_s)
    row = first.row.model_copy(update={"last_seq": seq, "status": "completed", "ended_at": at})
    return first, Change(run, "d1", seq - 1, (Recorded(seq, at, event),), row)


def leave(store: Store, run: str, key: str = "", saga: str = "nap", **more: Any) -> None:
    for change in completes(run, key, saga, **more):
        store.append(change).result(timeout=60)


def shown(store: Store, saga: str | None = None, key: str | None = None) -> list[tuple[str, str, str, Any]]:
    return [(fact.saga, fact.key, fact.name, fact.value) for fact in store.remembered(saga, key)]


def test_what_a_run_leaves_is_kept_with_its_source(store: Store) -> None:
    leave(store, "r1", "ann", after_s=9, tier="gold", visits=2)
    assert shown(store) == [("nap", "ann", "tier", "gold"), ("nap", "ann", "visits", 2)]
    (fact,) = (fact for fact in store.remembered("nap", "ann") if fact.name == "tier")
    assert (fact.run_id, fact.steps, fact.seq, fact.at) == ("r1", ("rest",), 3, T0 + timedelta(seconds=9))


def test_it_is_asked_for_by_saga_and_by_what_it_is_about(store: Store) -> None:
    leave(store, "r1", "ann", n=1)
    leave(store, "r2", "bob", n=2)
    leave(store, "r3", "ann", saga="walk", n=3)
    leave(store, "r4", "", n=4)
    assert shown(store, "nap") == [("nap", "", "n", 4), ("nap", "ann", "n", 1), ("nap", "bob", "n", 2)]
    assert shown(store, "nap", "ann") == [("nap", "ann", "n", 1)]
    assert shown(store, "nap", "") == [("nap", "", "n", 4)]
    assert shown(store, "nap", "eve") == []
    assert shown(store, key="ann") == [("nap", "ann", "n", 1), ("walk", "ann", "n", 3)]


def test_the_last_one_to_complete_wins_and_leaves_the_others_alone(store: Store) -> None:
    leave(store, "r1", "ann", n=1, m=1)
    leave(store, "r2", "ann", n=2)
    assert shown(store) == [("nap", "ann", "m", 1), ("nap", "ann", "n", 2)]


def test_several_runs_in_one_commit_leave_what_the_last_of_them_says(store: Store) -> None:
    pairs = [completes(f"r{n}", "ann", n=n) for n in range(20)]
    waits = [store.append(change) for first, last in pairs for change in (first, last)]
    for wait in waits:
        wait.result(timeout=60)
    assert shown(store) == [("nap", "ann", "n", 19)]


def test_any_json_and_any_text_comes_back(store: Store) -> None:
    leave(store, "r1", "o'brien; drop \N{SNOWMAN}", v=VALUE, w=[None, True, 1.5, {"x": []}], t=WORDS)
    found = {fact.name: fact.value for fact in store.remembered("nap")}
    assert found["v"] == VALUE
    assert found["w"] == [None, True, 1.5, {"x": []}]
    assert store.remembered("nap", "o'brien; drop \N{SNOWMAN}")


def test_facts_are_forgotten_by_name_by_what_they_are_about_or_all(store: Store) -> None:
    leave(store, "r1", "ann", n=1, m=1)
    leave(store, "r2", "bob", n=2)
    leave(store, "r3", "ann", saga="walk", n=3)
    assert store.forget("nap", "ann", "n") == 1
    assert shown(store, "nap") == [("nap", "ann", "m", 1), ("nap", "bob", "n", 2)]
    assert store.forget("nap", "eve") == 0
    assert store.forget("nap") == 2
    assert shown(store) == [("walk", "ann", "n", 3)]


def test_a_completion_that_is_refused_leaves_nothing(store: Store) -> None:
    first, last = completes("r1", "ann", n=1)
    store.append(first).result(timeout=60)
    wrong = Change("r1", "somebody else", last.expected_seq, last.events, last.row)
    assert store.append(wrong).exception(timeout=60) is not None
    assert shown(store) == []
