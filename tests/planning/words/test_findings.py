"""What a model can get wrong, one mistake at a time: each has its code, the question to ask again, and an end."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import pytest
import yaml

from engine.core.saga import Saga
from engine.planning.words.drafting import Drafter, Drafting
from engine.planning.words.measures import best, longest_way, measured, slacks
from engine.planning.words.problem import Words, example
from engine.planning.words.schemas import schemas
from engine.planning.words.tools import known_tools
from engine.planning.words.trial import Trial
from engine.rehearsal.trial import tried
from engine.scripted import ScriptedLlm
from engine.scripts import shipped_scripts
from engine.steps.python import FUNCTIONS

TRAVEL = example("travel")
assert TRAVEL is not None
WORDS = TRAVEL.words()


async def trial(saga: Saga) -> Trial:
    return await asyncio.to_thread(tried, saga)


def answers(name: str = "travel") -> list[dict[str, Any]]:
    """Return the script of an example without its first mistake."""
    rules = [rule.model_dump(exclude_none=True) for rule in shipped_scripts()[f"words-{name}"]]
    mended = {rule["when"] for rule in rules if "not accepted" in rule["when"]}
    kinds = {when.partition("Task: ")[2].partition(".*not")[0] for when in mended}
    kept = []
    for rule in deepcopy(rules):
        if rule["when"] in mended:
            kept.append(rule | {"when": rule["when"].replace(".*not accepted", "")})
        elif not any(rule["when"] == f"/Task: {kind}/" for kind in kinds):
            kept.append(rule)
    return kept


def changed(task: str, change: str) -> list[dict[str, Any]]:
    """Return a right script in which the answer to one question is changed, by YAML merged into it."""
    rules = answers()
    for rule in rules:
        if rule["when"] == f"/Task: {task}/" or rule["when"] == f"/(?s)Task: {task}/":
            rule["reply"] = {**rule["reply"], **yaml.safe_load(change)}
            return rules
    raise AssertionError(f"no rule for {task}")


def drafted(rules: list[dict[str, Any]], words: Words = WORDS, *, tries: bool = False) -> Drafting:
    drafter = Drafter(ScriptedLlm(rules), "scripted", known_tools(FUNCTIONS), trial if tries else None)
    return asyncio.run(drafter.draft(words))


def test_without_a_mistake_one_round_is_enough() -> None:
    found = drafted(answers(), tries=True)
    assert (found.state, len(found.rounds)) == ("ready", 1)


HOTEL = "args: [{name: city, value: Berlin}, {name: check_in, value: '${run.input.start}'}, {name: nights, value: NIGHTS}]"
# A question, what is wrong in its answer, and what is found: code, question to ask again, words.
MISTAKES = [
    ("nodes", "nodes: [{id: flight_out, title: F, role: travel_agent, tool: rockets/bookings}]", "unknown_tool", "nodes", "there is no tool 'rockets/bookings'"),
    ("nodes", "nodes: [{id: hotel, title: A, role: writer, tool: noop}, {id: hotel, title: B, role: writer, tool: noop}]", "invalid", "nodes", "two nodes have this id"),
    ("spec hotel", HOTEL.replace("NIGHTS", "four"), "bad_argument", "spec:hotel", "`nights` must be a whole number from 1 to 60, not 'four'"),
    ("spec hotel", HOTEL.replace("NIGHTS", "'90'"), "bad_argument", "spec:hotel", "`nights` must be a whole number from 1 to 60, not 90"),
    ("spec flight_out", "args: [{name: from, value: SFO}]", "bad_argument", "spec:flight_out", "is missing"),
    ("spec hotel", "log: [minibar]", "no_producer", "spec:hotel", "`minibar` is to be on record, and nothing gives it"),
    ("spec itinerary", "args: [{name: a, value: '${steps.hotel.output.pool}'}]", "no_producer", "spec:itinerary", "uses `pool`"),
    ("spec itinerary", "prompt: ' '", "bad_argument", "spec:itinerary", "the model is asked nothing"),
    ("spec itinerary", "checks: [{name: broken, rule: 'output.text ='}]", "invalid", "spec:itinerary", "output.text ="),
    ("spec flight_out", "checks: [{name: early, rule: steps.hotel.output.nights == 4}]", "missing_dependency", "edges", "need not come before"),
    ("edges", "edges: [{first: flight_out, then: moon}]", "missing_dependency", "edges", "'moon' is no node"),
    ("edges", "edges: [{first: flight_out, then: hotel, carries: [pool]}]", "no_producer", "edges", "it hands over 'pool'"),
    ("edges", "edges: [{first: hotel, then: flight_back}, {first: flight_back, then: itinerary}]", "constraint_broken", "edges", "'hotel' does not wait for"),
    ("undo", "action: none", "missing_compensation", "undo:flight_out", "and not why"),
    ("undo", "action: refund", "missing_compensation", "undo:flight_out", "knows no undo 'refund'"),
    ("undo", "inputs: []", "compensation_inputs", "undo:flight_out", "by what the effect is found"),
    ("undo", "inputs: [{name: key, value: '${steps.hotel.output.id}'}]", "compensation_inputs", "undo:flight_out", "nothing that an undo can know"),
    ("undo", "inputs: [{name: id, value: '${output.number}'}]", "no_producer", "undo:flight_out", "nothing that the step gives"),
    ("frame", "constraints: []", "constraint_lost", "frame", "constraint 1 is not stated"),
    ("frame", "constraints: [{of: 1, name: a, kind: at_most, subject: cost_usd, object: cheap}, {of: 2, name: b, kind: words}]", "constraint_lost", "frame", "can't be checked"),
    ("frame", "constraints: [{of: 1, name: a, kind: at_most, subject: minutes, object: '20'}, {of: 2, name: b, kind: words}]", "constraint_broken", "edges", "the longest way takes 22 minutes"),
    ("frame", "constraints: [{of: 1, name: a, kind: asks_person, subject: hotels/bookings}, {of: 2, name: b, kind: words}]", "constraint_broken", "nodes", "nobody is asked before 'hotel'"),
    ("frame", "constraints: [{of: 1, name: a, kind: uses, subject: trains/bookings}, {of: 2, name: b, kind: words}]", "constraint_broken", "nodes", "no node uses trains/bookings"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "change", "code", "stage", "said"), MISTAKES, ids=lambda x: str(x)[:40])
def test_a_mistake_is_found_and_asked_about_until_nothing_gets_better(
    task: str, change: str, code: str, stage: str, said: str
) -> None:
    found = drafted(changed(task, change))
    first = found.rounds[0].findings
    assert (code, stage) in {(finding.code, finding.stage) for finding in first}
    assert any(said in finding.problem for finding in first if finding.code == code)
    assert found.state == "stalled"
    assert len(found.rounds) == 2
    assert stage in found.rounds[1].asked


def test_a_name_that_can_not_be_spoken_is_asked_about_where_it_was_given() -> None:
    rules = changed("nodes", "nodes: [{id: in, title: F, role: writer, tool: noop}]")
    found = drafted([{"when": "/Task: edges/", "reply": {"edges": []}}, *rules])
    (finding,) = found.rounds[0].findings
    assert (finding.code, finding.stage) == ("invalid", "nodes")
    assert "'in' is a word of the expression language" in finding.problem


def test_an_undo_that_is_tried_and_does_not_work_is_a_finding() -> None:
    rules = changed("spec hotel", "log: [id]")
    rules.insert(0, {"when": "/Task: undo hotel/", "reply": {"action": "cancel", "inputs": [{"name": "key", "value": "${request.json}"}]}})  # fmt: skip
    found = drafted(rules, tries=True)
    codes = {(finding.code, finding.stage) for finding in found.rounds[0].findings}
    assert ("compensation_failed", "undo:hotel") in codes
    assert found.state == "stalled"
    assert found.document is not None
    assert "tried" not in found.document["steps"]["hotel"]["drafted"]
    assert found.document["steps"]["flight_back"]["drafted"]["tried"]["fee_usd"] > 0


def test_an_undo_by_nothing_known_is_no_undo_but_a_reason_is_enough() -> None:
    found = drafted(changed("undo", "{action: none, inputs: [], reason: the airline refuses}"), tries=True)
    assert found.state == "ready"
    assert found.saga is not None
    assert found.saga.steps["hotel"].compensate == "none"
    assert found.saga.steps["hotel"].compensate_reason == "the airline refuses"
    assert measured(found).reversible == 0


def test_an_answer_that_is_none_is_a_finding_and_the_next_round_goes_on() -> None:
    rules = [{"when": "Task: roles", "reply": "no JSON", "times": 1}, *answers()]
    found = drafted(rules)
    assert [f.code for f in found.rounds[0].findings] == ["no_answer"]
    assert found.rounds[0].asked == ("frame", "roles")
    assert found.state == "ready"


def test_a_model_that_can_not_be_asked_ends_it_at_once() -> None:
    rules = [{"error": {"message": "no key", "code": "auth", "retryable": False}}]
    found = drafted(rules)
    assert (found.state, found.error, found.document) == ("no_model", "no key", None)


def drafter(rules: list[dict[str, Any]]) -> Drafter:
    return Drafter(ScriptedLlm(rules), "scripted", known_tools(FUNCTIONS), trial)


DOWN: list[dict[str, Any]] = [{"error": {"message": "no key", "code": "auth", "retryable": False}}]


def test_a_proposal_that_no_model_could_be_asked_for_is_ready_once_one_is_there() -> None:
    down = asyncio.run(drafter(DOWN).draft(WORDS))
    found = asyncio.run(drafter(answers()).revise(down, "Try again"))
    assert (found.state, found.error, len(found.rounds)) == ("ready", "", 1)


def test_a_proposal_stays_as_it_was_where_the_model_is_away_when_it_is_to_be_revised() -> None:
    first = asyncio.run(drafter(answers()).draft(WORDS))
    kept = asyncio.run(drafter(DOWN).revise(first, "Rather four stars"))
    assert (kept.state, kept.error) == ("ready", "no key")
    assert (kept.document, kept.rounds) == (first.document, first.rounds)
    revised = asyncio.run(drafter(answers()).revise(kept, "Rather four stars"))
    assert (revised.state, revised.error) == ("ready", "")


def test_the_rounds_are_bounded_where_something_else_is_wrong_each_time() -> None:
    rules = answers()
    for index in range(9):
        reply = {"nodes": [{"id": f"a{index}", "title": "A", "role": f"nobody_{index}", "tool": "noop"}]}
        rules.insert(index, {"when": "Task: nodes", "reply": reply, "times": 1})
    drafter = Drafter(ScriptedLlm(rules), "scripted", known_tools(FUNCTIONS))
    found = asyncio.run(drafter.draft(WORDS, rounds=3))
    assert (found.state, len(found.rounds)) == ("out_of_rounds", 3)


def test_a_comment_is_a_finding_about_all_that_follows_the_roles() -> None:
    drafter = Drafter(ScriptedLlm(answers()), "scripted", known_tools(FUNCTIONS), trial)
    first = asyncio.run(drafter.draft(WORDS))
    second = asyncio.run(drafter.revise(first, "Rather four stars"))
    assert second.rounds[-1].comment == "Rather four stars"
    assert {"nodes", "edges", "spec:hotel", "undo:hotel"} <= set(second.rounds[-1].asked)
    assert not {"frame", "roles"} & set(second.rounds[-1].asked)
    assert second.state == "ready"
    assert second.document is not None
    assert second.document["drafted"]["rounds"][-1]["comment"] == "Rather four stars"


def test_an_undo_is_asked_for_by_the_findings_and_the_earlier_answer() -> None:
    llm = ScriptedLlm(changed("undo", "inputs: []"))
    asyncio.run(Drafter(llm, "scripted", known_tools(FUNCTIONS)).draft(WORDS))
    last = llm.calls[-1].messages[-1].content
    assert "It was not accepted:" in last
    assert '"action":"cancel"' in last
    assert "give one of key, id" in last


def test_the_numbers_of_a_proposal() -> None:
    found = drafted(changed("nodes", yaml.safe_dump(slow_flight())))
    assert slacks(found.outline) == {"flight_out": 0, "hotel": 30, "flight_back": 0, "itinerary": 0}
    assert longest_way(found.outline) == ("flight_out", "flight_back", "itinerary")
    numbers = measured(found)
    assert (numbers.steps, numbers.minutes, numbers.effects, numbers.reversible) == (4, 52, 3, 3)
    assert numbers.cost_usd == pytest.approx(2025.79)
    assert not numbers.is_measured
    assert best([found]) == 0


def slow_flight() -> dict[str, Any]:
    (nodes,) = [rule["reply"] for rule in answers() if rule["when"] == "/Task: nodes/"]
    changed_nodes = [
        {**node, "minutes": 40} if node["id"] == "flight_back" else node for node in nodes["nodes"]
    ]
    return {"nodes": changed_nodes}


def test_the_schemas_of_a_node_follow_from_where_its_values_come_from() -> None:
    outline = drafted(answers()).outline
    hotel = outline.node("hotel")
    itinerary = outline.node("itinerary")
    assert hotel is not None
    assert itinerary is not None
    found = schemas(outline, hotel)
    assert found.input["properties"]["nights"] == {"type": "integer", "const": 4}
    assert found.input["properties"]["guest"] == {"type": "string", "description": "who travels"}
    assert found.log["properties"] == {"confirmation": {"type": "string"}, "cost_usd": {"type": "number"}}
    assert schemas(outline, itinerary).input["properties"]["home"] == {"type": "string"}


def test_a_draft_that_would_call_a_real_service_is_not_tried() -> None:
    saga = drafted(answers()).saga
    assert saga is not None
    document = saga.document()
    document["steps"]["hotel"]["with"]["url"] = "https://hotels.example/bookings"
    assert "'hotel' calls a service" in tried(Saga.model_validate(document)).why_not
