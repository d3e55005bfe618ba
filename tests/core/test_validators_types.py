"""The twelve types of validation in whole runs: each with a case it must catch and a near miss it must let pass."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.core.validators import CheckType
from tests.core.harness import Play

LLM = "kind: llm, with: {prompt: Plan the trip}"
HOTEL = "hotel: {<read>}"
TRAIN = "train: {<read>, needs: hotel"
SAYS_NO = {"accept": False, "evidence": "it says five stars, the fact is three"}
SAYS_YES = {"accept": True, "evidence": "fair"}


def on_step(validator, step="<read>"):
    return (
        f"steps: {{plan: {{{step}, validate: [{{name: v, {validator}}}]}}, after: {{<read>, needs: plan}}}}"
    )


def on_saga(validator):
    return f"steps: {{{HOTEL}, {TRAIN}}}, after: {{<read>, needs: train}}}}\nvalidate: [{{name: v, steps: [hotel, train], {validator}}}]"


def on_edge(validator):
    return f"steps: {{{HOTEL}, after: {{<read>, needs: hotel}}}}\nedges: [{{from: hotel, to: after, validate: [{{name: v, {validator}}}]}}]"


def stay(checkout, leaves):
    return {"hotel": {"to": checkout}, "train": {"leaves": leaves}}


# type: the saga, the outputs that are caught, words of the evidence, the outputs of the near miss
CASES = {
    "syntactic": (
        on_step("kind: schema, schema: {required: [day], properties: {day: {format: date}}}"),
        {"plan": {"day": "7 June"}}, "'7 June' is not a 'date'", {"plan": {"day": "2027-06-07"}},
    ),
    "semantic": (
        on_step("kind: judge, rubric: Does the text praise only what the facts say?", LLM),
        {"plan": {"text": "Five stars!"}, "check plan": SAYS_NO}, "it says five stars, the fact is three",
        {"plan": {"text": "Three stars!"}, "check plan": SAYS_YES},
    ),
    "factual": (
        on_step("kind: facts, facts: {city: run.input.city}, claims: {city: output.city}, text: output.text"),
        {"plan": {"city": "Köln", "text": ""}}, "output says city = 'Köln', recorded: 'Cologne'",
        {"plan": {"city": "cologne ", "text": "no money is named"}},
    ),
    "constraint": (
        on_step("kind: budget, items: output.items, limits: {hotel: '800'}"),
        {"plan": {"items": [{"category": "hotel", "amount": 812}]}}, "hotel: 812 of 800",
        {"plan": {"items": [{"category": "hotel", "amount": 800}]}},
    ),
    "reasoning": (
        on_step("kind: judge, rubric: Does the reasoning lead to the answer?, type: reasoning", f"{LLM}, explain: true"),
        {"plan": {"text": "Go"}, "check plan": SAYS_NO}, "five stars", {"plan": {"text": "Go"}, "check plan": SAYS_YES},
    ),
    "context": (
        on_step("kind: keeps, keep: [run.input.city, \"'BER-4711'\"]"),
        {"plan": "To Cologne, booked as BER-4712"}, "'BER-4711' is missing", {"plan": "to COLOGNE, booked as ber-4711."},
    ),
    "contract": (
        on_edge("kind: schema, schema: {type: object, required: [price], properties: {price: {type: number}}}"),
        {"hotel": {"price": "480"}}, "'480' is not of type 'number'", {"hotel": {"price": 480, "more": 1}},
    ),
    "dependency": (
        on_edge("rule: size(output.rooms) >= run.input.guests, type: dependency"),
        {"hotel": {"rooms": [1]}}, "output.rooms = [1], run.input.guests = 2", {"hotel": {"rooms": [1, 2]}},
    ),
    "consistency": (
        on_saga("kind: formats, as: currency, values: {hotel: steps.hotel.output.currency, train: steps.train.output.currency}"),
        {"hotel": {"currency": "EUR"}, "train": {"currency": "USD"}}, "train = 'USD', but hotel = 'EUR'",
        {"hotel": {"currency": "EUR"}, "train": {"currency": "EUR"}},
    ),
    "temporal": (
        on_saga("kind: order, sequence: [steps.hotel.output.to, steps.train.output.leaves]"),
        stay("2027-06-11", "2027-06-10T23:00"), "comes before `steps.hotel.output.to` = '2027-06-11'",
        stay("2027-06-11", "2027-06-11T07:00"),
    ),
    "agreement": (
        on_saga("kind: agree, values: {hotel: steps.hotel.output.guests, train: steps.train.output.guests}"),
        {"hotel": {"guests": 2}, "train": {"guests": 3}}, "train = 3, but hotel = 2",
        {"hotel": {"guests": 2}, "train": {"guests": 2.0}},
    ),
    "boundary": (
        ("steps: {hotel: {<book>}, train: {<book>, needs: hotel, when: steps.hotel.output.far}}\n"
        "validate: [{name: v, kind: together, steps: [hotel, train]}]"),
        {"hotel": {"far": False}}, "'hotel' committed, but 'train' was skipped", {"hotel": {"far": True}, "train": {}},
    ),
}  # fmt: skip
SPECIAL = {
    "dates": (
        on_step("kind: dates, cover: {start: \"'2027-06-07'\", end: \"'2027-06-11'\"}, list: output"),
        {"plan": [{"start": "2027-06-07", "end": "2027-06-10"}]}, "2027-06-10 to 2027-06-11 is covered by nothing",
        {"plan": [{"start": "2027-06-07", "end": "2027-06-10"}, {"start": "2027-06-10", "end": "2027-06-11"}]},
    ),
}  # fmt: skip


def played(text, answers):
    """Return a run of which each open call was answered, until there is none."""
    play = Play(
        f"input: {{city: {{type: string}}, guests: {{type: integer}}}}\n{text}", city="Cologne", guests=2
    )
    while play.open():
        call = play.open()[0]
        play.ok(call.split()[-1], output=answers.get(call, {}))
    play.check_replay()
    return play


def verdict(play):
    (said,) = [v for v in play.events("verdict_given") if v.validator == "v"]
    return said


def test_there_is_a_case_for_each_type():
    assert set(CASES) == set(get_args(CheckType))


@pytest.mark.parametrize("what", [*CASES, *SPECIAL])
def test_R28_what_a_validator_must_catch_reaches_no_other_step(what):
    text, answers, evidence, _ = {**CASES, **SPECIAL}[what]
    play = played(text, answers)
    said = verdict(play)
    assert (said.verdict, said.check) == ("reject", "temporal" if what == "dates" else what)
    assert said.tier == ("inter" if said.edge or said.whole or what == "dates" else "intra")
    assert evidence in said.evidence
    assert play.run.fault.source == "validator"
    assert play.run.status == "compensated"
    assert "after" not in play.order()


@pytest.mark.parametrize("what", [*CASES, *SPECIAL])
def test_R28_a_near_miss_passes(what):
    text, _, _, answers = {**CASES, **SPECIAL}[what]
    play = played(text, answers)
    assert verdict(play).verdict == "accept"
    assert play.run.status == "completed"
