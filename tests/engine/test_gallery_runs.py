"""Each template of the Gallery on the scripted model and the practice world: its end, and failures in its middle.

The judge is the world's ledger: after a failure nothing may be left, and nothing may have been done twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.core.run import Run
from engine.memory import event_json
from engine.sandbox.faults import Fault
from engine.templates import Template, template
from tests.engine.conftest import Bench

pytestmark = pytest.mark.usefixtures("shipped")


def entry(name: str) -> Template:
    found = template(name)
    assert found is not None
    return found


def actions(bench: Bench) -> list[str]:
    return [line.action for line in bench.world.ledger()]


def statuses(run: Run) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


# How each ends with its default inputs: what the world did, and what some of its outputs are.
ENDS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "product-page": (["apply"], {"tone": "friendly", "button": "Pack it for your next tour"}),
    "industry-report": (["send"], {}),
    "briefing-of-reports": ([], {"not_read": []}),
    "contract-question": (["send"], {"specialist": "employment", "chosen_by": "model", "clause": "7.1"}),
    "policy-summary": (["send"], {"rounds": 2, "stopped": "until", "score": 9}),
    "infrastructure-review": (["send", "open"], {"decision": "approved", "worst": "high", "monthly_usd": 677.4}),
    "rfp-response": (["send"], {"yearly_usd": 54600}),
    "claims-handling": (["open", "authorise", "capture", "send"], {"decision": "pay", "paid_usd": 2400}),
    "project-brief": (["send"], {"competitors": ["Urbo", "Dray", "Kiste", "Lastwerk", "Moove"]}),
    "trip-with-tools": (["book", "book", "send"], {"calls": ["search_flights", "search_hotels", "book_flight", "book_hotel"]}),
    "group-trip": (["book"] * 8 + ["reserve", "authorise", "ship", "capture", "send", "send"], {"not_booked": []}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_it_comes_to_its_end_and_the_ledger_says_so(bench: Bench, name: str) -> None:
    run = bench.to_end(bench.start(entry(name).saga))
    done, told = ENDS[name]
    assert run.status == "completed"
    assert sorted(actions(bench)) == sorted(done)
    assert {key: run.output[key] for key in told} == told
    assert all(run.output.values()) or set(told) & {"not_read", "not_booked"}
    fallbacks = [step.id for step in run.steps.values() if step.fallbacks]
    assert fallbacks == [], "the scripted answers pass the validators"


@dataclass(frozen=True)
class Middle:
    """A failure in the middle: what fails, and what was there by then and is undone."""

    name: str
    resource: str
    undone: list[str]
    kind: str = "refuse"
    match: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


MIDDLES = [
    Middle("product-page", "changes", []),
    Middle("industry-report", "notices", []),
    Middle("contract-question", "notices", []),
    Middle("policy-summary", "notices", []),
    Middle("infrastructure-review", "tickets", ["correct"]),
    Middle("rfp-response", "notices", []),
    Middle("claims-handling", "payments/authorisations", ["close"]),
    Middle("claims-handling", "payments/captures", ["void", "close"]),
    Middle("claims-handling", "notices", ["close"], inputs={"days_since": 90}),
    Middle("project-brief", "notices", []),
    Middle("trip-with-tools", "notices", ["cancel", "cancel"]),
    Middle("trip-with-tools", "hotels/bookings", ["cancel"], "sold_out"),
    Middle("group-trip", "shipping/orders", ["void", "release"] + ["cancel"] * 8),
    Middle("group-trip", "hotels/bookings", ["cancel"] * 4, "sold_out"),
]


@pytest.mark.parametrize("middle", MIDDLES, ids=lambda middle: f"{middle.name}: {middle.resource}")
def test_a_failure_in_the_middle_leaves_nothing_behind(bench: Bench, middle: Middle) -> None:
    fault = {"kind": middle.kind, "resource": middle.resource, "match": middle.match, "times": -1}
    bench.world.add_fault(Fault.model_validate(fault))
    run = bench.to_end(bench.start(entry(middle.name).saga, **middle.inputs))
    assert run.status == "compensated"
    assert bench.world.state().clean
    undo = {"correct", "close", "void", "cancel", "release", "refund", "revert"}
    assert sorted(action for action in actions(bench) if action in undo) == sorted(middle.undone)


LANDS = [
    ("product-page", "changes"), ("claims-handling", "payments/captures"), ("trip-with-tools", "flights/bookings"),
    ("group-trip", "hotels/bookings"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "resource"), LANDS)
def test_an_answer_that_is_lost_is_found_and_nothing_is_done_twice(
    bench: Bench, name: str, resource: str
) -> None:
    bench.world.add_fault(Fault(kind="error_after", resource=resource, times=1))
    text = entry(name).text.replace(
        "timeout_s: 8", "timeout_s: 1"
    )  # nothing is looked at before the deadline
    run = bench.to_end(bench.start(text))
    assert run.status == "completed"
    assert sorted(actions(bench)) == sorted(ENDS[name][0])


def test_the_specialists_that_were_not_chosen_are_skipped_with_the_reason(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("contract-question").saga))
    skipped = {name: step.reason for name, step in run.steps.items() if step.status == "skipped"}
    assert skipped.keys() == {"privacy", "purchase", "general"}
    assert skipped["privacy"] == "'dispatch' chose 'employment', not 'privacy': It is about ending a job."


@pytest.mark.parametrize(
    ("question", "specialist", "by", "clause"),
    [
        ("Which personal data of mine do you keep?", "privacy", "rule", "14.2"),
        ("The goods that you sent are broken, what now?", "purchase", "model", "3.2"),
        ("May I bring my dog to the office?", "general", "default", "none"),
    ],
)
def test_a_question_goes_to_its_specialist(
    bench: Bench, question: str, specialist: str, by: str, clause: str
) -> None:
    run = bench.to_end(bench.start(entry("contract-question").saga, question=question))
    assert (run.output["specialist"], run.output["chosen_by"], run.output["clause"]) == (
        specialist,
        by,
        clause,
    )


def test_a_page_that_sounds_pushy_is_asked_about_and_a_no_keeps_it_offline(bench: Bench) -> None:
    text = entry("product-page").text.replace("enum: [friendly, matter-of-fact, pushy]", "enum: [pushy]")
    text = text.replace(
        "Which tone has this page?", "What is its tone?"
    )  # so that the script does not answer
    run = bench.to_end(bench.start(text), approve=False)
    assert run.status == "compensated"
    assert actions(bench) == []


def test_a_report_whose_figures_are_invented_takes_the_notes_instead(bench: Bench) -> None:
    text = entry("industry-report").text
    parts = [{"title": "Market", "notes": "Sales: 3 million."}, {"title": "Prices", "notes": "They fall."}]
    run = bench.to_end(bench.start(text, parts=parts))
    assert run.output["report"].startswith("Market: Sales: 3 million.\n"), "14.7 million is not in the notes"
    assert [fallback.kind for fallback in run.steps["parts.1.write"].fallbacks] == ["value"]


def test_reports_that_contradict_each_other_are_named_with_both_sides(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("briefing-of-reports").saga))
    found = {one["theme"]: (one["up"], one["down"]) for one in run.output["contradictions"]}
    assert found == {
        "prices": (["Berlin", "Lodz"], ["Lyon"]), "demand": (["Oslo", "Basel"], ["Graz"]), "supply": (["Aarhus"], ["Turin"]),
    }  # fmt: skip
    assert all(theme in run.output["briefing"] for theme in found)


def test_a_summary_that_never_gets_better_stalls_and_a_person_may_keep_it_in(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("policy-summary").saga, good_enough=10), approve=False)
    loop = run.steps["refine"].output
    assert (loop["stopped"], loop["rounds"], loop["round"]) == ("stall", 4, 2)
    assert run.status == "compensated"
    assert bench.world.state().clean


def test_changes_that_are_not_approved_are_commented_on_all_the_same(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("infrastructure-review").saga), approve=False)
    assert (run.status, run.output["decision"]) == ("completed", "denied")
    assert "Changes wanted by boss" in bench.world.ledger()[0].summary


def test_a_small_change_has_no_finding_and_no_ticket(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("infrastructure-review").saga, sample="small-change"))
    assert (run.output["findings"], run.output["monthly_usd"]) == ([], 15.2)
    assert statuses(run)["track"] == "skipped"
    assert actions(bench) == ["send"]


def test_a_secret_of_a_plan_that_ships_reaches_no_event(bench: Bench) -> None:
    run_id = bench.start(entry("infrastructure-review").saga)
    bench.to_end(run_id)
    assert "not-a-real-password" not in "".join(event_json(r.event) for r in bench.store.history(run_id))


@pytest.mark.parametrize(
    ("inputs", "asked", "paid"),
    [({"amount_usd": 200}, 0, 200), ({"amount_usd": 1000}, 1, 1000), ({"amount_usd": 20000}, 0, 0), ({"days_since": 31}, 0, 0)],
)  # fmt: skip
def test_a_person_decides_on_large_claims_and_rules_on_cover(bench: Bench, inputs: dict[str, Any], asked: int, paid: int) -> None:  # fmt: skip
    run_id = bench.start(entry("claims-handling").saga, **inputs)
    run = bench.to_end(run_id)
    assert run.status == "completed"
    assert bench.events(run_id).count("approval_requested") == asked
    assert run.output["paid_usd"] == paid
    assert actions(bench).count("capture") == (1 if paid else 0)


def test_a_claim_that_a_person_does_not_want_paid_is_undone(bench: Bench) -> None:
    run = bench.to_end(bench.start(entry("claims-handling").saga), approve=False)
    assert run.status == "compensated"
    assert actions(bench) == ["open", "authorise", "void", "close"]
    assert bench.world.state().clean


def test_a_plan_that_nobody_can_carry_out_is_replaced_by_a_plain_one(bench: Bench) -> None:
    text = entry("project-brief").text.replace(
        "Plan two to four tasks", "Which tasks"
    )  # the least answer is made up
    run = bench.to_end(bench.start(text))
    said = [(v.validator, v.verdict) for v in run.steps["plan"].verdicts if v.verdict != "accept"]
    assert said == [("can_be_carried_out", "retry")] * 2, "two tasks of one name"
    assert [fallback.kind for fallback in run.steps["plan"].fallbacks] == ["value"]
    assert run.status == "completed"


def test_what_a_model_books_twice_is_skipped_and_what_it_forgot_is_booked_by_rule(bench: Bench) -> None:
    text = entry("trip-with-tools").text.replace("Book a trip for", "Do it for")
    first, second = "      book_flight:", "      search_flights:"
    start, end = text.index(second), text.index(first)
    ends = text.index("      book_hotel:")
    text = (
        text[:start] + text[end:ends] + text[start:end] + text[ends:]
    )  # unscripted, it calls the first tool each time
    run = bench.to_end(bench.start(text))
    booked = {name: step.status for name, step in run.steps.items() if name.endswith("book_flight")}
    assert list(booked.values()) == ["committed", *["skipped"] * 5]
    assert (statuses(run)["flight"], statuses(run)["hotel"]) == ("skipped", "committed")
    assert actions(bench) == ["book", "book", "send"]


def test_a_person_who_can_not_go_is_left_out_and_only_their_trip_is_undone(bench: Bench) -> None:
    bench.world.add_fault(
        Fault(kind="sold_out", resource="hotels/bookings", match={"guest": "Katherine"}, times=-1)
    )
    run = bench.to_end(bench.start(entry("group-trip").saga))
    assert (run.status, run.output["not_booked"]) == ("completed", ["Katherine"])
    assert [trip["name"] for trip in run.output["trips"]] == ["Ada", "Grace", "Edsger"]
    cancelled = [line.summary for line in bench.world.ledger() if line.action == "cancel"]
    assert len(cancelled) == 1
    assert "BOS" in cancelled[0]


def test_two_who_can_not_go_are_too_many(bench: Bench) -> None:
    for person in ("BOS", "JFK"):
        bench.world.add_fault(
            Fault(kind="sold_out", resource="flights/bookings", match={"from": person}, times=-1)
        )
    run = bench.to_end(bench.start(entry("group-trip").saga))
    assert run.status == "compensated"
    assert bench.world.state().clean
