"""The shipped examples, one for each type of validation: what must be caught is, and the near miss passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pytest

from engine.core.checks import publish_problems
from engine.core.commands import GiveVerdict
from engine.core.events import VerdictGiven
from engine.core.run import Run
from engine.core.validators import INTER_TYPES, CheckType
from engine.planning.words.problem import examples as problems
from engine.scripts import shipped_scripts
from engine.steps.python import FUNCTIONS, Functions
from engine.templates import Template, examples, template, templates
from tests.engine.conftest import Bench


@dataclass(frozen=True)
class Told:
    """What an example is to show: who looks at what, and what its two cases come to.

    Attributes:
        where: the step, the edge as `a -> b`, or the steps as `a + b`.
        caught: the verdicts of the case that is caught, and how the run ends.
        ledger: what the practice world did, in the case that is caught and in the near miss.
    """

    validator: str
    where: str
    caught: tuple[str, ...]
    ends: str
    evidence: str
    ledger: tuple[list[str], list[str]]


TOLD = {
    "syntactic": Told("quote_form", "quote", ("reject",), "compensated", "2027-02-29", ([], ["send"])),
    "semantic": Told("does_what_was_asked", "reply", ("reject",), "compensated", "goes on", ([], ["send"])),
    "factual": Told("as_booked", "letter", ("reject",), "compensated", "8 June 2027, recorded: 2027-06-07", (["book", "cancel"], ["book"])),
    "constraint": Told("within_the_quarter", "claim", ("reject",), "compensated", "app.spent_usd = 640, output.total = 360.01", ([], ["capture"])),
    "reasoning": Told("reasons_from_the_policy", "decide", ("retry", "accept"), "completed", "whose brother", ([], [])),
    "context": Told("nothing_lost", "note", ("retry", "retry", "accept"), "completed", "'penicillin' is missing", ([], [])),
    "contract": Told("carrier_takes_it", "pack -> ship", ("reject",), "compensated", "31500", ([], ["ship"])),
    "dependency": Told("arrived_first", "invoice -> pay", ("reject",), "compensated", "is false", ([], ["capture"])),
    "consistency": Told("one_time_zone", "carrier + airline", ("reject",), "compensated", "12:00:00Z", ([], [])),
    "temporal": Told("time_to_change", "first_leg + second_leg", ("reject",), "compensated", "360 s after", ([], ["book"])),
    "agreement": Told("same_total", "order + invoice", ("ask",), "compensated", "1840.25, but order = 1480.25", ([], ["capture"])),
    "boundary": Told("room_and_payment", "room + payment", ("reject",), "compensated", "'room' committed, but 'payment' failed", (["book", "cancel"], ["book", "authorise"])),
}  # fmt: skip
EACH = pytest.mark.parametrize("entry", examples(), ids=lambda entry: entry.name)


@pytest.fixture
def functions() -> Functions:
    return FUNCTIONS


def ended(bench: Bench, entry: Template, case: str) -> Run:
    """Return the run of a case at its end; where a person is asked, the answer is no."""
    run_id = bench.start(entry.saga, case=case)
    run = bench.until(run_id, lambda run: run.is_closed or run.attention)
    for step in run.attention:
        no = GiveVerdict(by="boss", step=step, decision="reject", reason="two digits changed places")
        bench.engine.submit(run_id, no).result()
    return bench.to_end(run_id)


def verdicts(run: Run, validator: str) -> list[VerdictGiven]:
    """Return what a validator said, in order, people apart."""
    told = [verdict for step in run.steps.values() for verdict in step.verdicts]
    return [verdict for verdict in told if verdict.validator == validator and not verdict.by]


def actions(bench: Bench) -> list[str]:
    return [entry.action for entry in bench.world.ledger()]


def test_there_is_one_for_each_type_and_the_large_ones_are_apart() -> None:
    assert [entry.check for entry in examples()] == list(get_args(CheckType))
    assert TOLD.keys() == set(get_args(CheckType))
    assert not {entry.name for entry in templates()} & {entry.name for entry in examples()}


@EACH
def test_it_may_be_published_without_a_doubt_and_has_two_cases(entry: Template) -> None:
    assert publish_problems(entry.saga) == []
    assert entry.when
    assert entry.saga.saga == entry.name
    assert entry.saga.input["case"] == {"type": "string", "enum": ["caught", "near_miss"], "default": "caught"}  # fmt: skip


@EACH
def test_its_validator_stands_where_it_says_and_is_of_its_type(bench: Bench, entry: Template) -> None:
    assert entry.check is not None
    told = TOLD[entry.check]
    for verdict in verdicts(ended(bench, entry, "near_miss"), told.validator):
        over = next((v.steps for v in entry.saga.validate_ if v.name == told.validator), ())
        where = " + ".join(over) or (f"{verdict.step} -> {verdict.edge}" if verdict.edge else verdict.step)
        tier = "inter" if entry.check in INTER_TYPES else "intra"
        assert (verdict.check, verdict.tier, where) == (entry.check, tier, told.where)


@EACH
def test_what_must_be_caught_is_and_is_undone_outside(bench: Bench, entry: Template) -> None:
    assert entry.check is not None
    told = TOLD[entry.check]
    run = ended(bench, entry, "caught")
    said = verdicts(run, told.validator)
    assert tuple(verdict.verdict for verdict in said) == told.caught
    assert told.evidence in said[0].evidence
    assert run.status == told.ends
    assert actions(bench) == told.ledger[0]
    assert bench.world.state().clean


@EACH
def test_the_near_miss_passes(bench: Bench, entry: Template) -> None:
    assert entry.check is not None
    told = TOLD[entry.check]
    run = ended(bench, entry, "near_miss")
    assert [verdict.verdict for verdict in verdicts(run, told.validator)] == ["accept"]
    assert run.status == "completed"
    assert run.output
    assert actions(bench) == told.ledger[1]


def test_the_default_case_is_the_one_that_is_caught(bench: Bench) -> None:
    entry = template("check-constraint")
    assert entry is not None
    assert bench.to_end(bench.start(entry.saga)).status == "compensated"


def test_a_note_that_twice_lost_something_is_replaced_by_one_made_by_rule(bench: Bench) -> None:
    entry = template("check-context")
    assert entry is not None
    run = ended(bench, entry, "caught")
    assert run.output == {"note": "P-3307: allergic to penicillin, last meal at 22:00."}
    assert [fallback.kind for fallback in run.steps["note"].fallbacks] == ["value"]


def test_the_finding_about_the_reasons_is_told_to_the_model(bench: Bench) -> None:
    entry = template("check-reasoning")
    assert entry is not None
    decide = ended(bench, entry, "caught").steps["decide"]
    assert [attempt.result.meta["justification"] for attempt in decide.attempts if attempt.result] == [
        "It avoids trouble.", "Both conditions of the policy are met.",
    ]  # fmt: skip


def test_a_person_may_let_the_invoice_pass(bench: Bench) -> None:
    entry = template("check-agreement")
    assert entry is not None
    run_id = bench.start(entry.saga)
    (step,) = bench.until(run_id, lambda run: run.attention).attention
    yes = GiveVerdict(by="boss", step=step, decision="accept", reason="they raised the price, we agreed")
    bench.engine.submit(run_id, yes).result()
    assert bench.to_end(run_id).status == "completed"
    assert actions(bench) == ["capture"]


def test_each_script_that_ships_is_used() -> None:
    used = {
        text
        for entry in (*examples(), *templates())
        for text in shipped_scripts()
        if f"scripted/{text}" in entry.text
    }
    used |= {entry.model.removeprefix("scripted/") for entry in problems()}
    assert used | {"templates"} == shipped_scripts().keys(), "that one answers where a call names none"
