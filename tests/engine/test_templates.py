"""Each template on the practice world: its happy end, and every way the Gallery offers to break it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.checks import publish_problems
from engine.core.embed import embed
from engine.core.saga import Saga, inner_effects
from engine.core.validation import examine
from engine.sandbox.world import Fault
from engine.templates import Break, Template, template, templates
from engine.templates import shipped as shipped_saga
from tests.engine.conftest import Bench

pytestmark = pytest.mark.usefixtures("shipped")


def trip() -> Saga:
    entry = template("trip-to-germany")
    assert entry is not None
    return entry.saga


def trip_scope(text: str) -> dict[str, Any]:
    """Return what the validators of the summary see, with a text as its output."""
    berlin = {"confirmation": "H1", "check_in": "2027-06-08", "check_out": "2027-06-12", "cost_usd": 100}
    cologne = {"confirmation": "H2", "check_in": "2027-06-12", "check_out": "2027-06-14", "cost_usd": 100}
    outputs = {
        "flight_out": {"confirmation": "F1", "departs": "2027-06-07T14:45+02:00", "cost_usd": 725.47},
        "hotel_berlin": berlin,
        "train": {"confirmation": "T1", "departs": "2027-06-12T14:45+02:00", "cost_usd": 725.47},
        "hotel_cologne": cologne,
    }
    return {
        "run": {"input": {"start": "2027-06-07", "budget_usd": 5000}},
        "steps": {name: {"output": output} for name, output in outputs.items()},
        "app": {"spent_usd": 1619.71},
        "output": {"text": text},
    }


BREAKS = [pytest.param(t, b, id=f"{t.name}: {b.label}") for t in templates() for b in t.breaks]


@pytest.mark.parametrize("entry", templates(), ids=lambda t: t.name)
def test_it_may_be_published_without_a_doubt(entry: Template) -> None:
    assert publish_problems(embed(entry.saga, shipped_saga)) == []
    assert entry.when
    assert entry.saga.description


@pytest.mark.parametrize("entry", [t for t in templates() if t.saga.clock is None], ids=lambda t: t.name)
def test_it_completes_with_its_default_inputs(bench: Bench, entry: Template) -> None:
    run = bench.to_end(bench.start(entry.saga))
    assert run.status == "completed"
    assert run.output
    acts = any(inner_effects(step) - {"readonly"} for step in entry.saga.steps.values())
    assert bench.world.state().clean != acts


def test_the_trip_books_five_things_once(bench: Bench) -> None:
    run = bench.to_end(bench.start(trip()))
    booked = [entry for entry in bench.world.ledger() if entry.action == "book"]
    assert [entry.resource for entry in booked].count("flights/bookings") == 2
    assert [entry.resource for entry in booked].count("hotels/bookings") == 2
    assert [entry.resource for entry in booked].count("trains/bookings") == 1
    assert run.app["spent_usd"] == pytest.approx(sum(entry.amount_usd for entry in booked))
    assert run.app["spent_usd"] <= 5000


def test_a_sold_out_flight_home_cancels_four_bookings_in_reverse_dependency_order(bench: Bench) -> None:
    saga = trip()
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
    run = bench.to_end(bench.start(trip(), budget_usd=1500))
    assert run.status == "compensated"
    assert run.faults[0].source == "invariant"
    assert bench.world.state().clean


def test_the_trip_is_looked_at_as_a_whole(bench: Bench) -> None:
    run = bench.to_end(bench.start(trip()))
    told = {v.validator: v for step in run.steps.values() for v in step.verdicts if v.verdict == "accept"}
    assert (
        "Berlin: 2027-06-08 to 2027-06-12, Cologne: 2027-06-12 to 2027-06-14"
        in told["a_bed_every_night"].evidence
    )
    assert {"train_between_the_hotels", "after_check_out", "dates_alike", "one_currency"} <= told.keys()
    assert f"total: {run.app['spent_usd']:g}" in told["within_each_budget"].evidence


# What the trip must not let pass: the change to its text, who finds it, and what is said.
WRONG_TRIPS = {
    "a night without a bed": ("nights: 2", "nights: 1", "a_bed_every_night", "2027-06-13 to 2027-06-14 is covered by nothing"),
    "two beds in one night": ('check_in: "${add_days(run.input.start, 5)}"', 'check_in: "${add_days(run.input.start, 4)}"', "a_bed_every_night", "2027-06-11 to 2027-06-12 is covered twice"),
    "a train before the check-out": ('to: Cologne, date: "${add_days(run.input.start, 5)}"', 'to: Cologne, date: "${add_days(run.input.start, 4)}"', "train_between_the_hotels", "comes before `steps.hotel_berlin.output.check_out`"),
    "a flight home before the check-out": ('to: SFO, date: "${add_days(run.input.start, 7)}"', 'to: SFO, date: "${add_days(run.input.start, 6)}"', "after_check_out", "comes before `steps.hotel_cologne.output.check_out`"),
    "hotels over their part": ("run.input.budget_usd * 0.4", "run.input.budget_usd * 0.1", "within_each_budget", "hotels: 839.18 of 500"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_TRIPS)
def test_a_trip_that_does_not_fit_together_is_caught_and_undone(bench: Bench, what: str) -> None:
    right, wrong, validator, said = WRONG_TRIPS[what]
    text = template("trip-to-germany").text  # type: ignore[union-attr]
    assert text.count(right) == 1
    run = bench.to_end(bench.start(text.replace(right, wrong)))
    assert run.status == "compensated"
    assert (run.faults[0].source, run.faults[0].reason.split(": ")[0]) == ("validator", validator)
    assert said in run.faults[0].reason
    assert bench.world.state().clean


@pytest.mark.parametrize(("broken", "notes"), [(False, 0), (True, 4)])
def test_R29_the_budget_is_looked_at_again_after_each_compensation(
    bench: Bench, *, broken: bool, notes: int
) -> None:
    text = template("trip-to-germany").text  # type: ignore[union-attr]
    if broken:  # refunds are booked the wrong way round
        text = text.replace("app.spent_usd - undo.refund_usd", "app.spent_usd + undo.refund_usd")
    run_id = bench.start(text, budget_usd=1500)
    run = bench.to_end(run_id)
    said = [r.event.text for r in bench.store.history(run_id) if r.event.type == "noted"]
    again = [text for text in said if "after the undo of" in text and "'within_budget' is broken" in text]
    assert len(again) == notes
    assert run.status == "compensated"
    paid = sum(entry.amount_usd for entry in bench.world.ledger())
    assert broken or run.app["spent_usd"] == pytest.approx(paid), "what is left are the fees"


def test_a_summary_that_drops_bookings_is_replaced_by_one_made_by_rule(bench: Bench) -> None:
    run = bench.to_end(bench.start(trip()))
    said = [v.verdict for v in run.steps["summary"].verdicts if v.validator == "nothing_left_out"]
    assert said == ["retry", "retry", "accept"], "the scripted model knows no booking"
    assert [fallback.kind for fallback in run.steps["summary"].fallbacks] == ["value"]
    assert all(code in run.output["note"] for code in run.output["confirmations"][:4])


def test_a_summary_with_a_date_that_nobody_booked_is_not_believed() -> None:
    (validator,) = [v for v in trip().steps["summary"].validate_ if v.name == "as_booked"]
    finding = examine(validator, trip_scope("Flight on 2027-06-09, 900.00 USD."))  # type: ignore[arg-type]
    assert not finding.held
    assert "text says 2027-06-09" in finding.evidence
    assert "text says 900.00 USD" in finding.evidence
    assert examine(validator, trip_scope("Flight on 7 June 2027, USD 725.47.")).held  # type: ignore[arg-type]


def test_a_summary_with_the_date_of_another_booking_is_not_believed() -> None:
    (validator,) = [v for v in trip().steps["summary"].validate_ if v.name == "each_on_its_day"]
    booked = {"F1": "2027-06-07", "H1": "2027-06-08", "T1": "2027-06-12", "H2": "2027-06-12"}
    right = "\n".join(f"{code}: booked, {day}" for code, day in booked.items())
    assert examine(validator, trip_scope(right)).held  # type: ignore[arg-type]
    wrong = right.replace("H1: booked, 2027-06-08", "H1: booked, 2027-06-12")
    assert not examine(validator, trip_scope(wrong)).held  # type: ignore[arg-type]


@pytest.mark.parametrize(("entry", "broken"), BREAKS)
def test_every_way_to_break_it_ends_well(bench: Bench, entry: Template, broken: Break) -> None:
    for fault in broken.faults:
        bench.world.add_fault(Fault.model_validate(fault))
    run = bench.to_end(bench.start(entry.saga))
    assert run.status in {"completed", "compensated"}
    assert bench.world.state().clean == (run.status == "compensated")
    keys = [entry.key for entry in bench.world.ledger() if not entry.key.startswith("c:")]
    assert len(keys) == len(set(keys)), "an effect was doubled"


def test_a_low_error_rate_is_only_logged(bench: Bench) -> None:
    run = bench.to_end(bench.start(template("incident-response").saga, error_rate=0.001))  # type: ignore[union-attr]
    assert run.steps["apply"].status == "skipped"
    assert run.steps["log"].status == "committed"


def test_what_is_shipped_is_what_was_reserved_and_is_paid_for(bench: Bench) -> None:
    entry = template("order-fulfilment")
    assert entry is not None
    run = bench.to_end(bench.start(entry.saga))
    told = [(v.validator, v.edge, v.check) for step in run.steps.values() for v in step.verdicts]
    assert told == [("as_ordered", "", "factual"), ("as_agreed", "", "factual"), ("payment_is_held", "ship", "contract")]  # fmt: skip
    broken = entry.text.replace('amount_usd: "${run.input.amount_usd}", order: "${run.input.order}"', 'amount_usd: 1, order: "${run.input.order}"', 1)  # fmt: skip
    run = bench.to_end(bench.start(broken))
    assert run.status == "compensated"
    assert "as_agreed: output says amount_usd = 1, recorded: 24" in run.faults[0].reason


@pytest.mark.parametrize(
    ("text", "found"),
    [("Roll the release back.", "names_the_service"), ("Restart checkout on HOST-7 at 90 %.", "nothing_invented"), ("Roll the release of 14:00 of Checkout back: 35 % fail.", None)],
)  # fmt: skip
def test_a_draft_speaks_of_the_service_and_invents_nothing(text: str, found: str | None) -> None:
    entry = template("incident-response")
    assert entry is not None
    given = {name: schema["default"] for name, schema in entry.saga.input.items()}
    scope = {"run": {"input": given}, "output": {"text": text}}
    validators = entry.saga.steps["draft"].validate_
    wrong = [v.name for v in validators if not examine(v, scope).held]  # type: ignore[arg-type]
    assert wrong == ([found] if found else [])
