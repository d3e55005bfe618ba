"""The contract of drivers, versions, drafts and posted commands, asked of every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from engine.core.commands import COMMAND, Abandon, Advance, Decide, Disrupt, TryNow
from engine.core.document import parse_saga, saga_from_document
from engine.ports import Conflict, Draft, Driver, Posted, Store
from tests.contract.makers import T0, TRIP, VALUE, WORDS, Told, nap

if TYPE_CHECKING:
    from engine.core.commands import AnyCommand


def begin(store: Store, run_id: str, driver: str = "d1", after_s: int = 0) -> Told:
    told = Told(run_id, driver=driver, at=T0 + timedelta(seconds=after_s))
    store.append(told.start()).result(timeout=60)
    return told


def end(store: Store, told: Told) -> None:
    told.at += timedelta(hours=1)
    store.append(told.do(Advance())).result(timeout=60)
    assert told.run.is_closed


class TestDriving:
    def test_orphans_are_open_runs_without_a_living_driver_oldest_first(self, store: Store) -> None:
        begin(store, "young", "gone", after_s=5)
        begin(store, "old", "gone too")
        begin(store, "driven", "d1")
        end(store, begin(store, "ended", "gone"))
        assert store.orphans(["d1", "d2"]) == ["old", "young"]
        assert store.orphans([]) == ["driven", "old", "young"]
        assert store.orphans(["d1", "gone", "gone too"]) == []

    def test_a_claim_takes_an_open_run_from_the_dead_only(self, store: Store) -> None:
        begin(store, "r1", "d1")
        assert not store.claim("r1", "d2", ["d1", "d2"])
        assert store.driver_of("r1") == "d1"
        assert store.claim("r1", "d1", ["d1", "d2"])
        assert store.claim("r1", "d2", ["d2"])
        assert store.driver_of("r1") == "d2"
        assert store.claim("r1", "d3", [])

    def test_nobody_claims_an_ended_or_unknown_run(self, store: Store) -> None:
        end(store, begin(store, "r1", "gone"))
        assert not store.claim("r1", "d2", ["d2"])
        assert not store.claim("nobody", "d2", ["d2"])
        assert store.driver_of("r1") == "gone"

    def test_of_eight_drivers_that_claim_at_once_one_gets_the_run(self, store: Store) -> None:
        drivers = [f"d{number}" for number in range(8)]
        for number in range(10):
            begin(store, f"r{number}", "gone")
        barrier = Barrier(8)

        def claim_all(driver: str) -> set[str]:
            barrier.wait()
            return {f"r{number}" for number in range(10) if store.claim(f"r{number}", driver, drivers)}

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(claim_all, drivers))
        assert sorted(run for runs in won for run in runs) == sorted(f"r{number}" for number in range(10))
        assert all(
            store.driver_of(run) == driver for driver, runs in zip(drivers, won, strict=True) for run in runs
        )

    def test_a_claim_and_the_old_drivers_append_can_not_both_win(self, store: Store) -> None:
        for number in range(20):
            told = begin(store, f"r{number}", "d1")
            with ThreadPoolExecutor(2) as pool:
                change = told.pause()
                appended = pool.submit(lambda change=change: store.append(change).exception(timeout=60))
                claimed = pool.submit(store.claim, f"r{number}", "d2", ["d2"])
            assert claimed.result()
            told.driver = "d2"
            seq = len(store.history(f"r{number}"))
            assert seq == (change.expected_seq if appended.result() else change.row.last_seq)

    def test_drivers_beat_until_they_leave(self, store: Store) -> None:
        one = Driver(id="d1", host="höst", pid=2**33, beat_at=T0)
        two = Driver(id="d2", host="h", pid=2, beat_at=T0)
        store.beat(two)
        store.beat(one)
        later = one.model_copy(update={"beat_at": T0 + timedelta(microseconds=1)})
        store.beat(later)
        assert store.drivers() == [later, two]
        store.leave("d1")
        store.leave("nobody")
        assert store.drivers() == [two]


class TestVersions:
    def test_versions_count_up_within_a_name_and_the_newest_comes_first(self, store: Store) -> None:
        first, second = store.publish(nap(1), "ada"), store.publish(nap(2), "bob")
        other = store.publish(nap(1, "rest"), "ada")
        assert [(v.saga, v.version, v.by) for v in (first, second, other)] == [
            ("nap", 1, "ada"), ("nap", 2, "bob"), ("rest", 1, "ada"),
        ]  # fmt: skip
        assert store.versions("nap") == [second, first]
        assert store.versions() == [second, other]
        assert store.versions("nobody") == []

    def test_the_same_definition_again_gives_the_version_there_is(self, store: Store) -> None:
        first = store.publish(nap(1), "ada")
        store.publish(nap(2), "ada")
        assert store.publish(nap(1), "bob") == first
        assert len(store.versions("nap")) == 2

    def test_a_version_is_found_by_its_hash_and_its_document_gives_the_same_saga(self, store: Store) -> None:
        saga = parse_saga(
            TRIP.replace("A trip", WORDS.replace('"', "").replace("\\", "").replace("\x00", ""))
        )
        kept = store.publish(saga, WORDS)
        found = store.version(saga.hash)
        assert found == kept
        assert found.created_at.utcoffset() == timedelta(0)
        assert found.title == saga.name
        again = saga_from_document(found.document)
        assert again.hash == saga.hash
        assert list(again.steps) == list(saga.steps)
        assert store.version("nobody") is None

    def test_eight_threads_publish_and_every_number_is_given_once(self, store: Store) -> None:
        barrier = Barrier(8)

        def publish(number: int) -> list[int]:
            barrier.wait()
            return [store.publish(nap(1000 * number + each + 1), "ada").version for each in range(5)]

        with ThreadPoolExecutor(8) as pool:
            given = [version for versions in pool.map(publish, range(8)) for version in versions]
        assert sorted(given) == list(range(1, 41))

    def test_eight_threads_publish_the_same_and_there_is_one_version(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            versions = list(pool.map(lambda _: store.publish(nap(), "ada"), range(16)))
        assert all(version == versions[0] for version in versions)
        assert len(store.versions("nap")) == 1


class TestDrafts:
    def test_a_draft_takes_the_place_of_the_one_of_that_name(self, store: Store) -> None:
        old = Draft(saga="nap", document={"steps": None}, by="ada", updated_at=T0)
        new = Draft(
            saga="nap", document={"v": VALUE, WORDS: 1}, by="bob", updated_at=T0 + timedelta(seconds=2)
        )
        other = Draft(saga="rest", document={}, by="ada", updated_at=T0 + timedelta(seconds=1))
        for draft in (old, other, new):
            store.save_draft(draft)
        assert store.draft("nap") == new
        assert store.drafts() == [new, other]

    def test_forgetting_a_draft(self, store: Store) -> None:
        store.save_draft(Draft(saga="nap", document={}, by="ada", updated_at=T0))
        store.delete_draft("nap")
        store.delete_draft("nap")
        assert store.draft("nap") is None
        assert store.drafts() == []


class TestPosted:
    def test_commands_wait_for_the_driver_of_their_run_oldest_first(self, store: Store) -> None:
        begin(store, "r1", "d1")
        begin(store, "r2", "d2")
        begin(store, "r3", "d1")
        left = [
            Posted(id=f"p{9 - n}", run_id=f"r{run}", command=Advance())
            for n, run in enumerate((1, 2, 3, 1, 4))
        ]
        store.post(left[:3])
        store.post(left[3:])
        assert store.inbox("d1") == [left[0], left[2], left[3]]
        assert store.inbox("d2") == [left[1]]
        assert store.inbox("nobody") == []
        store.claim("r2", "d1", ["d1"])
        assert store.inbox("d1") == left[:4]

    def test_an_answer_takes_it_out_of_the_inbox(self, store: Store) -> None:
        begin(store, "r1", "d1")
        posted = [Posted(id=f"p{n}", run_id="r1", command=Advance()) for n in range(3)]
        store.post(posted)
        assert store.answers(["p0", "p1", "nobody"]) == {}
        store.answer({"p0": "", "p1": WORDS})
        store.answer({"p1": "too late", "nobody": ""})
        assert store.inbox("d1") == [posted[2]]
        assert store.answers(["p0", "p1", "p2", "nobody"]) == {"p0": "", "p1": WORDS}
        assert store.answers(["p1"]) == {"p1": WORDS}

    def test_a_nul_in_an_answer_does_not_keep_it(self, store: Store) -> None:
        begin(store, "r1", "d1")
        store.post([Posted(id="p1", run_id="r1", command=Advance())])
        store.answer({"p1": "no\x00!"})
        assert store.inbox("d1") == []
        assert store.answers(["\x00"]) == {}

    def test_posting_the_same_id_again_changes_nothing(self, store: Store) -> None:
        begin(store, "r1", "d1")
        posted = Posted(id="p1", run_id="r1", command=Advance())
        other = Posted(id="p2", run_id="r1", command=Advance())
        store.post([posted])
        store.answer({"p1": "no"})
        store.post([posted, other])
        store.post([posted, other])
        assert store.inbox("d1") == [other]

    def test_L29_facts_answer_the_command_that_they_carry_out(self, store: Store) -> None:
        told = Told("r1")
        store.append(told.start()).result()
        posted = [Posted(id=f"p{n}", run_id="r1", command=Advance()) for n in range(2)]
        store.post(posted)
        store.append(replace(told.pause(), posted="p0")).result()
        assert store.answers(["p0", "p1"]) == {"p0": ""}
        assert store.inbox("d1") == [posted[1]]
        store.answer({"p0": "too late"})
        assert store.answers(["p0"]) == {"p0": ""}

    def test_L29_facts_that_are_not_stored_answer_nothing(self, store: Store) -> None:
        told = Told("r1")
        store.append(told.start()).result()
        posted = Posted(id="p1", run_id="r1", command=Advance())
        store.post([posted])
        store.claim("r1", "d2", ["d2"])
        with pytest.raises(Conflict, match="driven by 'd2'"):
            store.append(replace(told.pause(), posted="p1")).result()
        assert store.inbox("d2") == [posted]

    def test_L29_a_command_that_was_answered_is_carried_out_no_more(self, store: Store) -> None:
        done, refused, twice = Told("r1"), Told("r2"), Told("r3")
        for told in (done, refused, twice):
            store.append(told.start()).result()
        store.post([Posted(id=f"p{n}", run_id=f"r{n}", command=Advance()) for n in (1, 2, 3)])
        store.append(replace(done.pause(), posted="p1")).result()
        store.answer({"p2": "no"})
        futures = [
            store.append(change)
            for change in (
                replace(done.pause(), posted="p1"),
                replace(refused.pause(), posted="p2"),
                replace(twice.pause(), posted="p3"),
                replace(twice.pause(), posted="p3"),
                Told("r4").start(),
            )
        ]
        errors = [future.exception(timeout=60) for future in futures]
        assert [isinstance(error, Conflict) for error in errors] == [True, True, False, True, False]
        assert "'p2' has been answered" in str(errors[1])
        assert [len(store.history(f"r{n}")) for n in (1, 2, 3)] == [
            len(told.recorded) - 1 for told in (done, refused, twice)
        ]
        assert store.answers(["p1", "p2", "p3"]) == {"p1": "", "p2": "no", "p3": ""}

    def test_commands_come_back_as_they_were(self, store: Store, subtests: pytest.Subtests) -> None:
        begin(store, "r1", "d1")
        commands: list[AnyCommand] = [
            Decide(by="ada", step="a", decision="denied", groups=("desk", "bank"), request_hash="h"),
            TryNow(step="a", request=VALUE),
            Disrupt(what={"kind": "delay", "step": "a", "delay_s": 0.25}),
            Abandon(by=WORDS, reason=WORDS),
        ]
        for number, command in enumerate(commands):
            with subtests.test(command=command.type):
                store.post([Posted(id=str(number), run_id="r1", command=command)])
                found = store.inbox("d1")[number]
                assert COMMAND.validate_python(found.command) == command
