"""The contract of lists: rows, filters, search, counts, asked of every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.core.commands import Advance, Amend
from engine.ports import Change, RunFilter, Store
from tests.contract.makers import T0, TRIP, WORDS, Told

if TYPE_CHECKING:
    from concurrent.futures import Future

ALL = RunFilter()


def ok(future: Future[None]) -> None:
    assert future.result(timeout=60) is None


def begin(store: Store, run_id: str, **how: object) -> Told:
    told = Told(run_id, **how)  # type: ignore[arg-type]
    ok(store.append(told.start()))
    return told


class TestLists:
    def test_every_part_of_a_row_comes_back(self, store: Store) -> None:
        begin(store, "r1")
        change = Told("r2", text=TRIP).start(note=WORDS)
        row = change.row.model_copy(
            update={
                "paused": True, "ended_at": T0 + timedelta(microseconds=1), "done": 1, "planned": 2, "undone": 3,
                "attention": 4, "direction_asked": True, "fault": WORDS, "cost_usd": 0.1 + 0.2, "tokens": 2**40,
                "attempts": 5, "disruptions": 6, "wake_at": None, "title": WORDS, "amended": True,
            }
        )  # fmt: skip
        ok(store.append(replace(change, row=row)))
        found = store.row("r2")
        assert found == row
        assert found.approvals[0].group == "desk"
        assert found.approvals[0].expires_at == T0 + timedelta(seconds=3600)

    def test_a_row_says_from_then_on_that_the_plan_was_amended(self, store: Store) -> None:
        told = begin(store, "r1", text=TRIP)
        begin(store, "r2")
        changed = told.run.saga.document()
        changed["steps"]["rest"]["with"]["duration_s"] = 120
        assert not store.row("r1").amended
        ok(store.append(told.do(Amend(document=changed, reason="more rest", by="ada"))))
        ok(store.append(told.say()))
        assert {row.id: row.amended for row in store.rows(ALL)} == {"r1": True, "r2": False}
        assert store.row("r1").saga_hash == told.run.first_plan.hash

    def test_the_newest_start_comes_first_and_pages_do_not_overlap(self, store: Store) -> None:
        for number in (3, 1, 4, 0, 2):
            begin(store, f"r{number}", at=T0 + timedelta(microseconds=number))
        begin(store, "r2b", at=T0 + timedelta(microseconds=2))
        order = ["r4", "r3", "r2b", "r2", "r1", "r0"]
        assert [row.id for row in store.rows(ALL)] == order
        assert [row.id for start in (0, 2, 4, 6) for row in store.rows(ALL, limit=2, offset=start)] == order

    def test_what_comes_behind_a_run_does_not_depend_on_what_comes_before_it(self, store: Store) -> None:
        runs = {n: begin(store, f"r{n}", at=T0 + timedelta(microseconds=n // 2)) for n in range(6)}
        first = store.rows(RunFilter(statuses=("running",)), limit=2)
        assert [row.id for row in first] == ["r5", "r4"]
        _wake(store, runs[5])
        rest = store.rows(RunFilter(statuses=("running",), behind=(first[-1].started_at, first[-1].id)))
        assert [row.id for row in rest] == ["r3", "r2", "r1", "r0"]
        among = RunFilter(behind=(rest[1].started_at, rest[1].id))
        assert [row.id for row in store.rows(among)] == ["r1", "r0"]
        assert store.count(among) == 2

    def test_filters_narrow(self, store: Store) -> None:
        trip, sleepy = begin(store, "t", text=TRIP), begin(store, "n", at=T0 + timedelta(hours=1))
        _wake(store, sleepy)

        def found(**where: object) -> list[str]:
            filter_ = RunFilter.model_validate(where)
            rows = store.rows(filter_)
            assert store.count(filter_) == len(rows)
            assert sum(store.counts(filter_).values()) >= len(rows)
            return [row.id for row in rows]

        assert found() == ["n", "t"]
        assert found(statuses=("running",)) == ["t"]
        assert found(statuses=("running", "completed")) == ["n", "t"]
        assert found(saga="trip") == ["t"]
        assert found(saga_hash=trip.run.saga.hash) == ["t"]
        assert found(since=T0 + timedelta(hours=1)) == ["n"]
        assert found(since=(T0 + timedelta(hours=1, microseconds=1)).astimezone(UTC)) == []
        assert found(waiting_for_people=True) == ["t"]
        assert found(saga="trip", statuses=("completed",)) == []

    def test_who_lists_what_needs_help_sees_running_runs_too(self, store: Store) -> None:
        begin(store, "t", text=TRIP)
        change = Told("s", text=TRIP).start()
        stuck = change.row.model_copy(update={"attention": 1})
        ok(store.append(replace(change, row=stuck)))
        wanted = RunFilter(statuses=("needs_attention",), needs_help=True)
        assert stuck.status == "running"
        assert [row.id for row in store.rows(wanted)] == ["s"]
        assert store.count(wanted) == 1
        assert store.count(RunFilter(statuses=("completed",), needs_help=True)) == 1
        assert store.counts(wanted) == {"running": 2}

    def test_a_run_stops_waiting_for_people_when_they_have_answered(self, store: Store) -> None:
        told = begin(store, "r1", text=TRIP)
        assert store.count(RunFilter(waiting_for_people=True)) == 1
        ok(store.append(told.say()))
        assert store.count(RunFilter(waiting_for_people=True)) == 0
        row = store.row("r1")
        assert row is not None
        assert row.approvals == ()

    @pytest.mark.parametrize("asked", ["ZÜRICH", "zürich", "100%", "50_50", "a\\b", "O'Hara", "東京", "🚆"])
    def test_search_is_by_letters_in_any_case_and_knows_no_wildcards(self, store: Store, asked: str) -> None:
        ok(store.append(_with_text("r1", "Zürich 100% 50_50 a\\b O'Hara 東京 🚆")))
        ok(store.append(_with_text("r2", "Zurich 100x 50x50 a/b OxHara")))
        assert [row.id for row in store.rows(RunFilter(text=asked))] == ["r1"]
        assert store.counts(RunFilter(text=asked)) == {"running": 1}

    def test_a_search_for_a_whole_page_finds_nothing_and_breaks_nothing(self, store: Store) -> None:
        begin(store, "r1")
        assert store.rows(RunFilter(text="%" * 100_000)) == []

    def test_counts_are_by_status_and_ignore_the_asked_one(self, store: Store) -> None:
        begin(store, "r1")
        begin(store, "r2")
        _wake(store, begin(store, "r3"))
        assert store.counts(ALL) == {"running": 2, "completed": 1}
        assert store.counts(RunFilter(statuses=("running",))) == {"running": 2, "completed": 1}
        assert store.count(RunFilter(statuses=("running",))) == 2
        assert store.counts(RunFilter(saga="nobody")) == {}


def _wake(store: Store, told: Told) -> None:
    told.at += timedelta(hours=1)
    ok(store.append(told.do(Advance())))
    assert told.run.is_closed


def _with_text(run_id: str, text: str) -> Change:
    change = Told(run_id).start()
    return replace(change, row=change.row.model_copy(update={"text": text}))
