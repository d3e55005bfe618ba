"""Planning anew through the real engine, looked at in the practice world: less is undone, and the new plan is booked."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.commands import Cancel, MarkStale
from engine.core.document import saga_from_document
from engine.core.events import PlanAmended, PlanProposed, PlanRefused, StepsStale
from engine.core.run import Run
from engine.core.saga import Saga
from engine.sandbox.faults import Fault
from engine.steps.python import Functions
from engine.templates import template
from tests.engine.conftest import Bench
from tests.engine.test_repair_world import spent


def saga(name: str, **changes: Any) -> Saga:
    entry = template(name)
    assert entry is not None
    return saga_from_document({**entry.saga.document(), **changes})


def fault(bench: Bench, kind: str, resource: str, times: int = -1, **match: Any) -> None:
    said = {"kind": kind, "resource": resource, "match": match, "times": times}
    bench.world.add_fault(Fault.model_validate(said))


def told(bench: Bench, run_id: str, kind: type[Any]) -> list[Any]:
    return [r.event for r in bench.store.history(run_id) if isinstance(r.event, kind)]


UNDONE = {"cancel", "void", "release", "close", "revert", "correct"}


def standing(bench: Bench, run_id: str) -> set[str]:
    """Return the keys of a run's effects that stand."""
    ledger = [entry for entry in bench.world.ledger() if f"{run_id}:" in str(entry.key)]
    gone = {entry.id for entry in bench.world.ledger() if entry.action in UNDONE}
    return {str(entry.key).removeprefix(f"{run_id}:") for entry in ledger if entry.id not in gone}


def waits(run: Run, step: str) -> bool:
    return run.steps[step].status == "awaiting_approval"


def cancelled(bench: Bench, run_id: str) -> list[str]:
    """Return the steps that the world's ledger has as undone, in order, by the keys of a run."""
    keys = [str(entry.key) for entry in bench.world.ledger() if str(entry.key).startswith(f"c:{run_id}:")]
    return [key.split(":")[2] for key in keys]


def test_a_hotel_that_is_sold_out_is_replaced_by_one_that_the_budget_allows(bench: Bench) -> None:
    fault(bench, "sold_out", "hotels/bookings", stars=3)
    run = bench.to_end(bench.start(saga("replanned-trip")))
    assert run.status == "completed"
    first, second = told(bench, run.id, PlanProposed)
    assert [p.patch["hotel"]["with"]["json"]["stars"] for p in (first, second)] == [5, 4]
    (refused,) = told(bench, run.id, PlanRefused)
    assert refused.then == "local"
    assert refused.findings[0].startswith("affordable: ")
    assert "of 1600" in refused.findings[0]
    (amended,) = told(bench, run.id, PlanAmended)
    assert (amended.changed, amended.by) == (("hotel",), "the planner (scripted/replanned-trip)")
    assert cancelled(bench, run.id) == [], "nothing that was booked is touched"
    assert standing(bench, run.id) == {"flight:1", "train:1", "hotel:2", "day_out:2"}
    assert run.steps["hotel"].output["stars"] == 4
    assert run.app["spent_usd"] == spent(bench) <= 1600


def test_where_every_plan_is_too_dear_a_person_is_asked_and_may_undo_everything(bench: Bench) -> None:
    fault(bench, "sold_out", "hotels/bookings", stars=3)
    run_id = bench.start(saga("replanned-trip"), budget_usd=1300)
    run = bench.until(run_id, lambda run: run.attention)
    assert run.attention["hotel"].kind == "replan"
    assert told(bench, run_id, PlanRefused)[-1].then == "person"
    assert told(bench, run_id, PlanAmended) == []
    bench.engine.submit(run_id, Cancel(by="bob")).result()
    assert bench.to_end(run_id).status == "compensated"
    assert bench.world.state().clean


def test_what_is_gone_from_the_world_is_booked_anew_too(bench: Bench) -> None:
    run_id = bench.start(saga("replanned-trip"), budget_usd=5000)
    bench.until(run_id, lambda run: waits(run, "ready"))
    bench.world.cancel("flights/bookings", made_under=f"{run_id}:flight:1", key="the airline")
    stale = MarkStale(steps=("hotel",), reason="the hotel closed", by="bob")
    bench.engine.submit(run_id, stale).result()
    run = bench.until(run_id, lambda run: run.repairs == 2 and waits(run, "ready"))
    said = told(bench, run_id, StepsStale)[-1]
    assert (said.steps, said.by) == (("flight",), "a look at the world")
    assert standing(bench, run_id) == {"flight:2", "train:2", "hotel:3", "day_out:3"}
    assert run.status == "running"


def test_a_function_may_plan_as_well(bench: Bench, functions: Functions) -> None:
    heard: list[dict[str, Any]] = []

    @functions.register("cheaper")
    def cheaper(situation: dict[str, Any], findings: list[str], least: int) -> dict[str, Any]:
        heard.append(
            {"scope": situation["scope"], "findings": findings, "outputs": sorted(situation["outputs"])}
        )
        return {"reason": "another category", "steps": {"hotel": {"with": {"json": {"stars": least}}}}}

    by = {"by": {"kind": "python", "with": {"function": "cheaper", "args": {"least": 4}}}}
    fault(bench, "sold_out", "hotels/bookings", stars=3)
    run = bench.to_end(bench.start(saga("replanned-trip", replan=by)))
    assert run.status == "completed"
    assert run.steps["hotel"].output["stars"] == 4
    assert heard[0]["scope"] == "local"
    assert {"flight", "rooms", "suites"} <= {*heard[0]["outputs"]}


# Repair undoes less than full rollback: by template, where it is held, what changes, and what that undoes.
LESS = {
    "trip-to-germany": (
        {}, "flight_back", "hotel_berlin", ["hotel_cologne", "hotel_berlin"],
        {"flight_out:1", "train:1", "hotel_berlin:2", "hotel_cologne:2", "flight_back:2"}, 4,
    ),
    "order-fulfilment": (
        {"amount_usd": 2000}, "ship", "authorise", ["authorise"],
        {"reserve:1", "authorise:2"}, 2,
    ),
    "replanned-trip": (
        {}, "ready", "hotel", ["day_out", "hotel"],
        {"flight:1", "train:1", "hotel:2", "day_out:2"}, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LESS)
def test_a_repair_undoes_less_than_full_rollback(bench: Bench, name: str) -> None:
    inputs, held_at, culprit, undone, there, everything = LESS[name]
    run_id = bench.start(saga(name, recovery="repair", replan=None), **inputs)
    bench.until(run_id, lambda run: waits(run, held_at))
    stale = MarkStale(steps=(culprit,), reason="it has changed", by="bob")
    bench.engine.submit(run_id, stale).result()
    bench.until(run_id, lambda run: run.repairs == 1 and waits(run, held_at))
    assert cancelled(bench, run_id) == undone
    run = bench.until(run_id, lambda run: waits(run, held_at))
    assert standing(bench, run_id) == there - {f"{held_at}:2"}
    assert len(standing(bench, run_id)) == everything
    assert run.status == "running"
    other = bench.start(saga(name), **inputs)
    bench.until(other, lambda run: waits(run, held_at))
    bench.engine.submit(other, Cancel(by="bob")).result()
    assert bench.to_end(other).status == "compensated"
    assert len(cancelled(bench, other)) == everything > len(undone)


def test_a_repaired_incident_keeps_the_change_and_the_notice(bench: Bench) -> None:
    fault(bench, "refuse", "tickets", times=1)
    run = bench.to_end(bench.start(saga("incident-response", recovery="repair")))
    assert run.status == "completed"
    assert cancelled(bench, run.id) == []
    assert standing(bench, run.id) == {"apply:1", "notify:1", "log:2"}
    fault(bench, "refuse", "tickets", times=1)
    other = bench.to_end(bench.start(saga("incident-response")))
    assert other.status == "compensated"
    assert cancelled(bench, other.id) == ["notify", "apply"]
