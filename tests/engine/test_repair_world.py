"""Repairs through the real engine, looked at in the practice world: what is kept stays, only what is affected goes."""

from __future__ import annotations

import pytest

from engine.core.commands import Amend, Cancel, ChooseDirection, MarkStale
from engine.core.errors import CommandRejected
from engine.core.run import Run
from engine.sandbox.faults import Fault
from tests.engine.conftest import Bench
from tests.trips import trip

Deed = tuple[str, str]


def deeds(bench: Bench, run_id: str) -> list[Deed]:
    """Return what the world's ledger has, in order: the action and the key, without the run in it."""
    return [(entry.action, str(entry.key).replace(f"{run_id}:", "")) for entry in bench.world.ledger()]


def standing(bench: Bench, run_id: str) -> set[str]:
    """Return the keys of the bookings that stand."""
    ledger = bench.world.ledger()
    gone = {entry.id for entry in ledger if entry.action == "cancel"}
    return {str(entry.key).removeprefix(f"{run_id}:") for entry in ledger if entry.id not in gone}


def spent(bench: Bench) -> float:
    return round(sum(entry.amount_usd for entry in bench.world.ledger()), 2)


def refused(bench: Bench, city: str, times: int = 1) -> None:
    bench.world.add_fault(
        Fault.model_validate(
            {"kind": "refuse", "resource": "hotels/bookings", "match": {"city": city}, "times": times}
        )
    )


def asked(bench: Bench, saga: str) -> str:
    """Return a run that is booked as a whole and waits for the last word."""
    run_id = bench.start(saga)
    bench.until(run_id, lambda run: run.steps["sure"].status == "awaiting_approval")
    return run_id


def anew(run: Run) -> bool:
    return run.repairs == 1 and run.steps["sure"].status == "awaiting_approval"


def test_what_failed_is_done_anew_and_nothing_else_is_touched(bench: Bench) -> None:
    refused(bench, "Cologne")
    run = bench.to_end(bench.start(trip("repair")))
    assert (run.status, run.repairs) == ("completed", 1)
    done = deeds(bench, run.id)
    assert {*done} == {("book", key) for key in ("flight:1", "hotel:1", "train:1", "dinner:2")}
    assert len(done) == 4
    assert run.app["spent_usd"] == spent(bench)


def test_what_changed_is_undone_with_all_that_depends_on_it_and_booked_anew(bench: Bench) -> None:
    run_id = asked(bench, trip("repair"))
    before = deeds(bench, run_id)
    bench.engine.submit(run_id, MarkStale(steps=("hotel",), reason="the hotel closed", by="bob")).result()
    bench.until(run_id, anew)
    assert deeds(bench, run_id)[len(before) :] == [
        ("cancel", "c:dinner:1"), ("cancel", "c:hotel:1"), ("book", "hotel:2"), ("book", "dinner:2"),
    ]  # fmt: skip
    assert standing(bench, run_id) == {"flight:1", "train:1", "hotel:2", "dinner:2"}
    run = bench.to_end(run_id)
    assert run.status == "completed"
    assert run.app["spent_usd"] == spent(bench)


def test_a_person_who_is_asked_repairs_what_they_name(bench: Bench) -> None:
    refused(bench, "Cologne")
    run_id = bench.start(trip("ask"))
    bench.until(run_id, lambda run: run.direction_asked)
    command = ChooseDirection(direction="repair", culprits=("hotel",), reason="another hotel", by="bob")
    bench.engine.submit(run_id, command).result()
    run = bench.to_end(run_id)
    assert run.status == "completed"
    done = deeds(bench, run_id)
    assert [deed for deed in done if deed[0] == "cancel"] == [("cancel", "c:hotel:1")]
    assert done.index(("cancel", "c:hotel:1")) < done.index(("book", "hotel:2"))
    assert [key for action, key in done if action == "book" and key.startswith(("flight", "train"))] == [
        "flight:1", "train:1",
    ]  # fmt: skip
    assert run.app["spent_usd"] == spent(bench)


def test_when_the_repairs_are_used_up_a_person_may_still_undo_everything(bench: Bench) -> None:
    refused(bench, "Cologne", times=-1)
    run_id = bench.start(trip("repair", "max_repairs: 2\n"))
    bench.until(run_id, lambda run: run.direction_asked)
    assert bench.run(run_id).repairs == 2
    bench.engine.submit(run_id, ChooseDirection(direction="undo", by="bob")).result()
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    assert bench.world.state().clean


def test_what_was_repaired_is_undone_once_when_the_run_is_cancelled(bench: Bench) -> None:
    run_id = asked(bench, trip("repair"))
    bench.engine.submit(run_id, MarkStale(steps=("hotel",), reason="closed", by="bob")).result()
    bench.until(run_id, anew)
    bench.engine.submit(run_id, Cancel(by="bob")).result()
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    cancelled = [key for action, key in deeds(bench, run_id) if action == "cancel"]
    assert len(cancelled) == len(set(cancelled)) == 6
    assert bench.world.state().clean


def test_a_change_that_nobody_says_in_words_changes_nothing(bench: Bench) -> None:
    run_id = asked(bench, trip("repair"))
    before = bench.world.ledger()
    with pytest.raises(CommandRejected, match="say what has changed"):
        bench.engine.submit(run_id, MarkStale(steps=("hotel",), reason=" ", by="bob")).result()
    assert bench.world.ledger() == before


def test_a_run_whose_plan_was_changed_stays_pinned_to_its_version_and_is_found_again(bench: Bench) -> None:
    run_id = asked(bench, trip("compensate"))
    pinned = bench.store.row(run_id)
    document = bench.run(run_id).saga.document()
    document["steps"]["taxi"] = {"kind": "wait", "with": {"duration_s": 0}, "needs": ["sure"]}
    bench.engine.submit(run_id, Amend(document=document, reason="it rains", by="zoe")).result()
    assert bench.store.row(run_id).saga_hash == pinned.saga_hash
    assert bench.run(run_id).steps["taxi"].status == "pending"
    run = bench.to_end(run_id)
    assert (run.status, run.steps["taxi"].status) == ("completed", "committed")


def test_calls_that_a_repair_began_anew_are_not_stopped_for_the_fault_before_it(bench: Bench) -> None:
    steps = (
        "steps: {a: {kind: python, with: {function: nowhere}}, b: {kind: python, with: {function: nowhere}}}"
    )
    run_id = bench.start(f"saga: both-fail\nrecovery: repair\n{steps}")
    run = bench.until(run_id, lambda run: run.direction_asked)
    assert (run.repairs, dict(run.open_calls)) == (3, {})
