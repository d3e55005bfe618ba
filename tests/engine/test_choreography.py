"""The choreographed order and the deployment feedback in the practice world: reactions, crashes, memory, signals."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.commands import Cancel, Signal
from engine.core.saga import Saga
from engine.memory import MemoryStore
from engine.ports import Performer
from engine.runtime.engine import Engine
from engine.sandbox.faults import Fault
from engine.sandbox.world import World
from engine.templates import template
from tests.engine.conftest import Bench
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("shipped")


def saga(name: str) -> Saga:
    entry = template(name)
    assert entry is not None
    return entry.saga


def deeds(world: World) -> list[tuple[str, str]]:
    return [(entry.action, entry.resource) for entry in world.ledger()]


def refuse(bench: Bench, resource: str) -> None:
    bench.world.add_fault(Fault.model_validate({"kind": "refuse", "resource": resource, "times": -1}))


def facts(bench: Bench, about: str) -> dict[str, Any]:
    return {fact.name: fact.value for fact in bench.store.remembered(key=about)}


def test_an_order_goes_out_with_nobody_in_the_middle_and_is_remembered(bench: Bench) -> None:
    run = bench.to_end(bench.start(saga("choreographed-order"), email="ann@example.com"))
    assert run.status == "completed"
    assert {*deeds(bench.world)} == {
        ("authorise", "payments/authorisations"), ("reserve", "inventory/reservations"),
        ("ship", "shipping/orders"), ("capture", "payments/captures"), ("send", "notices"),
    }  # fmt: skip
    again = bench.to_end(bench.start(saga("choreographed-order"), email="ann@example.com", order="A-7"))
    assert again.steps["place"].output["earlier_orders"] == 1
    assert facts(bench, "ann@example.com")["orders"] == 2
    assert facts(bench, "bob@example.com") == {}


def test_a_refused_payment_gives_the_goods_back_and_says_sorry(bench: Bench) -> None:
    refuse(bench, "payments/authorisations")
    run = bench.to_end(bench.start(saga("choreographed-order")))
    assert (run.status, run.faults) == ("completed", [])
    done = deeds(bench.world)
    assert (
        done.count(("reserve", "inventory/reservations"))
        == done.count(("release", "inventory/reservations"))
        == 1
    )
    assert {action for action, _ in done} == {"reserve", "release", "send"}
    assert run.output == {"shipped": False, "tracking": None}


def test_missing_goods_let_go_of_the_payment(bench: Bench) -> None:
    refuse(bench, "inventory/reservations")
    run = bench.to_end(bench.start(saga("choreographed-order")))
    assert run.status == "completed"
    assert {action for action, _ in deeds(bench.world)} == {"authorise", "void", "send"}
    assert "it is out of stock" in str(bench.world.ledger()[-1].summary)


def test_a_carrier_that_refuses_is_heard_by_nobody_so_all_is_undone_and_nothing_remembered(
    bench: Bench,
) -> None:
    refuse(bench, "shipping/orders")
    run = bench.to_end(bench.start(saga("choreographed-order")))
    assert run.status == "compensated"
    assert bench.world.state().clean
    assert bench.store.remembered() == []


def test_a_cancel_in_the_middle_of_the_reactions_undoes_what_they_did(bench: Bench) -> None:
    refuse(bench, "payments/authorisations")
    bench.world.add_fault(
        Fault.model_validate({"kind": "slow", "resource": "notices", "delay_s": 1, "times": 1})
    )
    run_id = bench.start(saga("choreographed-order"))
    bench.until(run_id, lambda run: run.steps["release"].status == "committed")
    bench.engine.submit(run_id, Cancel(by="me")).result()
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    assert bench.world.state().clean


def test_a_crash_between_event_and_reaction_neither_loses_nor_doubles_one(
    made: dict[str, Performer], sandbox: tuple[World, str]
) -> None:
    world, store = sandbox[0], MemoryStore()
    world.add_fault(
        Fault.model_validate(
            {"kind": "slow", "resource": "payments/authorisations", "delay_s": 2, "times": 1}
        )
    )
    first = Engine(store, made).start()
    run_id = first.start_run(saga("choreographed-order"), {}, "me")
    eventually(
        lambda: any(
            r.event.type == "step_committed" and r.event.step == "reserve" for r in store.history(run_id)
        )
    )
    first.stop()
    with Engine(store, made):
        eventually(lambda: (row := store.row(run_id)) is not None and row.ended_at is not None)
    row = store.row(run_id)
    assert row is not None
    assert row.status == "completed"
    assert sorted(action for action, _ in deeds(world)) == ["authorise", "capture", "reserve", "send", "ship"]


# What the signal says, and what becomes of the version.
BUILDS = {
    "good": ({"status": "passed", "error_rate": 0.001}, "promote", ["apply", "apply", "send"]),
    "failed": ({"status": "failed", "error_rate": 0.0}, "roll_back", ["apply", "revert", "send"]),
    "far too many errors": ({"status": "passed", "error_rate": 0.5}, "roll_back", ["apply", "revert", "send"]),
    "in between, and the model is not sure": (
        {"status": "passed", "error_rate": 0.02}, "roll_back", ["apply", "revert", "send"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BUILDS)
def test_a_build_decides_what_becomes_of_its_version(bench: Bench, what: str) -> None:
    payload, verdict, done = BUILDS[what]
    run_id = bench.start(saga("deployment-feedback"), service="shop", wait_s=60)
    bench.until(run_id, lambda run: run.steps["build"].status == "waiting")
    news = Signal(id="1", name="build_finished", key="shop", payload=payload, by="ci")
    assert bench.engine.signal(news) == {run_id: ""}
    run = bench.to_end(run_id)
    assert (run.status, run.output["verdict"]) == ("completed", verdict)  # type: ignore[index]
    assert [action for action, _ in deeds(bench.world)] == done
    assert facts(bench, "shop") == (
        {"last_good": "2.4.0"} if verdict == "promote" else {"rolled_back": "2.4.0"}
    )


def test_a_team_that_can_t_be_told_takes_a_rolled_back_version_s_run_back_without_a_doubt(
    bench: Bench,
) -> None:
    refuse(bench, "notices")
    run = bench.to_end(bench.start(saga("deployment-feedback"), wait_s=0.2, measured=0.9))
    assert (run.status, run.steps["deploy"].status) == ("compensated", "empty")
    assert bench.world.state().clean


def test_without_a_signal_the_last_measurement_decides(bench: Bench) -> None:
    run = bench.to_end(bench.start(saga("deployment-feedback"), wait_s=0.2, measured=0.9))
    assert (run.steps["build"].status, run.steps["measure"].status) == ("handled", "committed")
    assert run.output is not None
    assert run.output["verdict"] == "roll_back"
    assert [fact.name for fact in bench.store.remembered(key="shop-api")] == ["rolled_back"]
