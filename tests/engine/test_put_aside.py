"""A run whose log is not what its driver believes: it is put aside, loaded again, and goes on in the same engine."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

import engine.runtime.driver
from engine.core.commands import Advance, Command
from engine.core.document import parse_saga
from engine.core.run import Run
from engine.memory import MemoryStore
from engine.ports import Change
from engine.runtime.engine import Engine
from engine.steps.python import Functions, PythonPerformer
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

SAGA = parse_saga("""
saga: three
steps:
  a: {kind: python, with: {function: count, args: {name: a}}}
  rest: {kind: wait, needs: a, with: {duration_s: 0.1}}
  b: {kind: python, effect: compensatable, needs: rest, with: {function: count, args: {name: b}},
      compensate: {kind: python, with: {function: count, args: {name: undo}}}}
""")


class Fussy(MemoryStore):
    """A store that once, but not at the start, does not take a change with an event of some type."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self.refused = refused
        self.refusals = 0

    def append(self, change: Change) -> Future[None]:
        if (
            self.refusals
            or not change.expected_seq
            or all(each.event.type != self.refused for each in change.events)
        ):
            return super().append(change)
        self.refusals += 1
        future: Future[None] = Future()
        future.set_exception(ValueError("this can't be written"))
        return future


@pytest.fixture
def called() -> list[str]:
    return []


@pytest.fixture
def functions(called: list[str]) -> PythonPerformer:
    known = Functions()

    @known.register("count")
    def count(name: str) -> None:
        called.append(name)

    return PythonPerformer(known)


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize("refused", ["wait_begun", "attempt_intended", "run_completed"])
def test_R34_a_run_whose_change_the_store_gave_up_on_goes_on_in_this_engine(
    functions: PythonPerformer, called: list[str], refused: str, *, adopt: bool
) -> None:
    store = Fussy(refused)
    with Engine(store, {"python": functions}, adopt=adopt, alive_s=1, beat_s=0.2) as engine:
        run_id = engine.start_run(SAGA, {}, "ann")
        eventually(lambda: store.row(run_id).ended_at)  # type: ignore[union-attr]
    assert store.refusals == 1
    assert store.row(run_id).status == "completed"  # type: ignore[union-attr]
    assert called.count("b") == 1


def test_R34_a_run_in_which_a_turn_failed_goes_on_in_this_engine(
    functions: PythonPerformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, turn = [1], engine.runtime.driver.turn

    def fails(run: Run, command: Command, now: Any) -> Any:
        if isinstance(command, Advance) and failures:
            raise ValueError(f"a bug, {failures.pop()}")
        return turn(run, command, now)

    monkeypatch.setattr(engine.runtime.driver, "turn", fails)
    store = MemoryStore()
    with Engine(store, {"python": functions}, alive_s=1, beat_s=0.2) as here:
        run_id = here.start_run(SAGA, {}, "ann")
        eventually(lambda: store.row(run_id).ended_at)  # type: ignore[union-attr]
    assert failures == []
    assert store.row(run_id).status == "completed"  # type: ignore[union-attr]


@pytest.mark.parametrize("when", ["project", "append"])
def test_R34_what_could_not_be_handed_over_is_not_stored_with_what_comes_later(
    functions: PythonPerformer, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    store, failures = MemoryStore(), [1]
    owner: Any = engine.runtime.driver if when == "project" else store
    inner: Callable[..., Any] = getattr(owner, when)

    def fails(*given: Any) -> Any:
        run = given[0]
        if failures and isinstance(run, Run) and run.seq > 1:
            raise ValueError(f"a bug, {failures.pop()}")
        if failures and isinstance(run, Change) and run.expected_seq:
            raise ValueError(f"a bug, {failures.pop()}")
        return inner(*given)

    with Engine(store, {"python": functions}, alive_s=1, beat_s=0.2) as here:
        slow = parse_saga("saga: s\nsteps: {rest: {kind: wait, with: {duration_s: 0.2}}}")
        run_id = here.start_run(slow, {}, "ann")
        before = len(store.history(run_id))
        monkeypatch.setattr(owner, when, fails)
        eventually(lambda: not failures)
        assert len(store.history(run_id)) == before
        eventually(lambda: store.row(run_id).ended_at)  # type: ignore[union-attr]
    assert store.row(run_id).status == "completed"  # type: ignore[union-attr]
