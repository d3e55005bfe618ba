"""Each template on the practice world: its happy end, and every way the Gallery offers to break it."""

from __future__ import annotations

import pytest

from engine.core.checks import publish_problems
from engine.sandbox.world import Fault
from engine.templates import Break, Template, template, templates
from tests.engine.conftest import Bench

BREAKS = [pytest.param(t, b, id=f"{t.name}: {b.label}") for t in templates() for b in t.breaks]


@pytest.mark.parametrize("entry", templates(), ids=lambda t: t.name)
def test_it_may_be_published_without_a_doubt(entry: Template) -> None:
    assert publish_problems(entry.saga) == []
    assert entry.when
    assert entry.saga.description


@pytest.mark.parametrize("entry", templates(), ids=lambda t: t.name)
def test_it_completes_with_its_default_inputs(bench: Bench, entry: Template) -> None:
    run = bench.to_end(bench.start(entry.saga))
    assert run.status == "completed"
    assert run.output
    assert not bench.world.state().clean


def test_the_trip_books_five_things_once(bench: Bench) -> None:
    run = bench.to_end(bench.start(template("trip-to-germany").saga))  # type: ignore[union-attr]
    booked = [entry for entry in bench.world.ledger() if entry.action == "book"]
    assert [entry.resource for entry in booked].count("flights/bookings") == 2
    assert [entry.resource for entry in booked].count("hotels/bookings") == 2
    assert [entry.resource for entry in booked].count("trains/bookings") == 1
    assert run.app["spent_usd"] == pytest.approx(sum(entry.amount_usd for entry in booked))
    assert run.app["spent_usd"] <= 5000


def test_a_sold_out_flight_home_cancels_four_bookings_in_reverse_dependency_order(bench: Bench) -> None:
    saga = template("trip-to-germany").saga  # type: ignore[union-attr]
    bench.world.add_fault(
        Fault(kind="sold_out", resource="flights/bookings", match={"from": "CGN"}, times=-1)
    )
    run = bench.to_end(bench.start(saga))
    assert run.status == "compensated"
    assert bench.world.state().clean
    undone = [entry.key for entry in bench.world.ledger() if entry.action == "cancel"]
    steps = [key.split(":")[2 if key.startswith("c:") else 1] for key in undone if key]
    assert steps[0] == "hotel_cologne"
    assert set(steps[1:3]) == {"train", "hotel_berlin"}
    assert steps[3] == "flight_out"


def test_a_budget_that_breaks_undoes_what_was_booked(bench: Bench) -> None:
    run = bench.to_end(bench.start(template("trip-to-germany").saga, budget_usd=1500))  # type: ignore[union-attr]
    assert run.status == "compensated"
    assert run.faults[0].source == "invariant"
    assert bench.world.state().clean


@pytest.mark.parametrize(("entry", "broken"), BREAKS)
def test_every_way_to_break_it_ends_well(bench: Bench, entry: Template, broken: Break) -> None:
    for fault in broken.faults:
        bench.world.add_fault(Fault.model_validate(fault))
    run = bench.to_end(bench.start(entry.saga), limit_s=40)
    assert run.status in {"completed", "compensated"}
    assert bench.world.state().clean == (run.status == "compensated")
    keys = [entry.key for entry in bench.world.ledger() if not entry.key.startswith("c:")]
    assert len(keys) == len(set(keys)), "an effect was doubled"


def test_a_low_error_rate_is_only_logged(bench: Bench) -> None:
    run = bench.to_end(bench.start(template("incident-response").saga, error_rate=0.001))  # type: ignore[union-attr]
    assert run.steps["apply"].status == "skipped"
    assert run.steps["log"].status == "committed"
