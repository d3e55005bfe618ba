"""The contract of the log and the lists: what `engine.ports.Store` says, asked of every store."""

from __future__ import annotations

import typing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from engine.core.commands import Advance
from engine.core.events import Event, Noted, Recorded
from engine.core.evolve import replay
from engine.ports import Conflict, RunFilter, Store
from tests.contract.makers import EVERY_EVENT, T0, TRIP, VALUE, Told, changed

if TYPE_CHECKING:
    from concurrent.futures import Future

ALL = RunFilter()


def ok(future: Future[None]) -> None:
    assert future.result(timeout=60) is None


def conflicts(future: Future[None]) -> None:
    with pytest.raises(Conflict, match="run '"):
        future.result(timeout=60)


def begin(store: Store, run_id: str, **how: object) -> Told:
    told = Told(run_id, **how)  # type: ignore[arg-type]
    ok(store.append(told.start()))
    return told


class TestAppend:
    def test_a_run_begins_and_goes_on(self, store: Store) -> None:
        told = begin(store, "r1", text=TRIP)
        assert store.row("r1") == told.do(Advance()).row
        ok(store.append(told.say()))
        assert store.history("r1") == told.recorded
        assert store.driver_of("r1") == "d1"

    def test_what_was_stored_folds_to_the_same_run(self, store: Store) -> None:
        told = begin(store, "r1", text=TRIP)
        ok(store.append(told.say()))
        assert replay(told.run.saga, store.history("r1")) == told.run

    def test_an_append_behind_or_ahead_of_the_log_is_a_conflict_and_stores_nothing(
        self, store: Store
    ) -> None:
        told = begin(store, "r1")
        row, history = store.row("r1"), store.history("r1")
        lost = told.pause()
        late, again = told.pause(), Told("r1").start()
        conflicts(store.append(late))
        conflicts(store.append(again))
        assert (store.row("r1"), store.history("r1")) == (row, history)
        ok(store.append(lost))

    def test_a_change_that_was_stored_already_is_a_conflict(self, store: Store) -> None:
        told = Told("r1")
        first = told.start()
        ok(store.append(first))
        conflicts(store.append(first))
        assert store.history("r1") == list(first.events)

    def test_a_run_that_has_not_begun_takes_nothing(self, store: Store) -> None:
        told = Told("r1")
        told.start()
        conflicts(store.append(told.pause()))
        assert store.row("r1") is None
        assert store.history("r1") == []

    def test_a_second_driver_can_append_only_once_it_has_the_run(self, store: Store) -> None:
        told = begin(store, "r1")
        told.driver = "d2"
        change = told.pause()
        conflicts(store.append(change))
        assert store.claim("r1", "d2", ["d2"])
        ok(store.append(change))
        told.driver = "d1"
        conflicts(store.append(told.pause()))

    def test_chained_changes_need_not_wait_for_each_other(self, store: Store) -> None:
        told = Told("r1")
        done: list[int] = []
        futures = []
        for number, change in enumerate([told.start(), *(told.pause() for _ in range(99))]):
            future = store.append(change)
            future.add_done_callback(lambda _, number=number: done.append(number))
            futures.append(future)
        for future in futures:
            ok(future)
        assert done == list(range(100))
        assert store.history("r1") == told.recorded
        assert store.row("r1") == told.do(Advance()).row

    def test_a_refused_change_takes_the_ones_that_follow_it_and_nobody_elses(self, store: Store) -> None:
        told, other = begin(store, "r1"), begin(store, "r2")
        told.pause()
        mine = [store.append(told.pause()), store.append(told.pause())]
        theirs = [store.append(other.pause()), store.append(other.pause())]
        for future in mine:
            conflicts(future)
        for future in theirs:
            ok(future)

    def test_a_fact_that_waits_can_not_be_cancelled(self, store: Store) -> None:
        future = store.append(Told("r1").start())
        assert not future.cancel()
        ok(future)

    @pytest.mark.parametrize("seqs", [(), (3,), (2, 4), (2, 3, 3)])
    def test_a_change_whose_events_do_not_count_on_is_refused_at_once(
        self, store: Store, seqs: tuple[int, ...]
    ) -> None:
        told = begin(store, "r1")
        events = tuple(Recorded(seq=told.run.seq - 1 + seq, at=T0, event=Noted(text="x")) for seq in seqs)
        change = told.pause()
        with pytest.raises(ValueError, match="don't follow"):
            store.append(replace(change, events=events))

    def test_a_change_with_another_runs_row_is_refused_at_once(self, store: Store) -> None:
        one, two = Told("r1").start(), Told("r2").start()
        with pytest.raises(ValueError, match="its row is that of 'r2'"):
            store.append(replace(one, row=two.row))

    def test_what_the_caller_changes_later_is_not_stored(self, store: Store) -> None:
        output: dict[str, object] = {"n": 1}
        event = replace(EVERY_EVENT[7], output=output)
        future = store.append(changed(Told("r1").start(), event))
        output["n"] = 2
        ok(future)
        store.history("r1")[0].event.output["n"] = 3  # type: ignore[union-attr]
        assert store.history("r1")[0].event.output == {"n": 1}  # type: ignore[union-attr]

    def test_sixteen_threads_append_to_runs_of_their_own(self, store: Store) -> None:
        def live(number: int) -> Told:
            told = begin(store, f"r{number}", driver=f"d{number % 3}")
            for _ in range(20):
                ok(store.append(told.pause()))
            return told

        with ThreadPoolExecutor(16) as pool:
            for told in pool.map(live, range(16)):
                assert store.history(told.run_id) == told.recorded
        assert store.count(ALL) == 16

    def test_of_sixteen_threads_at_one_run_one_goes_on(self, store: Store) -> None:
        begin(store, "r1")

        def go_on(number: int) -> bool:
            told = Told("r1")
            told.start()
            future = store.append(changed(told.pause(), Noted(text=str(number))))
            return future.exception(timeout=60) is None

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(go_on, range(16))) == 1
        assert [recorded.seq for recorded in store.history("r1")] == list(
            range(1, len(store.history("r1")) + 1)
        )


class TestHistory:
    def test_there_is_one_example_of_every_event(self) -> None:
        union = typing.get_args(typing.get_args(Event)[0])
        assert {type(event) for event in EVERY_EVENT} == set(union)

    def test_every_event_comes_back_as_it_was(self, store: Store) -> None:
        ok(store.append(changed(Told("r1").start(), *EVERY_EVENT)))
        assert [recorded.event for recorded in store.history("r1")] == EVERY_EVENT

    def test_times_come_back_aware_in_utc_to_the_microsecond(self, store: Store) -> None:
        there = T0.astimezone(timezone(timedelta(hours=9)))
        change = changed(Told("r1").start(), Noted(text="x"))
        recorded = replace(change.events[0], at=there)
        ok(store.append(replace(change, events=(recorded,))))
        (found,) = store.history("r1")
        assert found.at == T0
        row = store.row("r1")
        assert row is not None
        for moment in (row.started_at, row.updated_at, row.wake_at):
            assert moment is not None
            assert moment.utcoffset() == timedelta(0)
            assert moment.microsecond == 123457

    def test_what_json_or_utf8_can_not_hold_strands_no_run(self, store: Store) -> None:
        change = Told("r1").start()
        event = replace(EVERY_EVENT[7], output={"bad": "a\ud800b", "set": frozenset({1}), "x": object})
        row = change.row.model_copy(update={"text": "c\udfffd", "fault": "\ud800"})
        ok(store.append(changed(replace(change, row=row), event)))
        assert store.history("r1")[0].event.output["bad"] == "a?b"  # type: ignore[union-attr]

    def test_a_nul_strands_no_run_and_names_none(self, store: Store) -> None:
        change = Told("r1").start()
        row = change.row.model_copy(update={"text": "a\x00b", "fault": "\x00", "title": "\x00", "by": "\x00"})
        ok(store.append(replace(change, row=row)))
        assert store.history("r1") == list(change.events)
        assert store.row("r1\x00") is None
        assert store.history("r1\x00") == []
        assert store.driver_of("\x00") is None
        assert store.rows(RunFilter(text="\x00c", saga="\x00")) == []

    def test_reading_on_from_a_seq_with_a_limit(self, store: Store) -> None:
        ok(store.append(changed(Told("r1").start(), *EVERY_EVENT)))
        assert [recorded.seq for recorded in store.history("r1", after=5, limit=3)] == [6, 7, 8]
        last = len(EVERY_EVENT)
        assert [recorded.seq for recorded in store.history("r1", after=last - 2)] == [last - 1, last]
        assert store.history("r1", after=last) == []
        assert store.history("r1", limit=0) == []

    def test_an_unknown_run_has_none(self, store: Store) -> None:
        assert store.history("nobody") == []
        assert store.row("nobody") is None
        assert store.driver_of("nobody") is None


def test_values_in_json_survive(store: Store) -> None:
    told = Told("r1")
    event = replace(EVERY_EVENT[7], output={"v": VALUE})
    ok(store.append(changed(told.start(), event)))
    assert store.history("r1")[0].event.output == {"v": VALUE}  # type: ignore[union-attr]


def test_describe_is_words_for_a_page_and_close_may_come_twice(store: Store) -> None:
    about = store.describe()
    assert about["database"]
    assert all(isinstance(value, str) for value in about.values())
    store.close()
