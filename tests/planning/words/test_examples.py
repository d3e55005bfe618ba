"""Each problem that ships: its flawed first draft gets the right finding, and what it ends in runs and is undone."""

from __future__ import annotations

from functools import cache

import pytest

from engine.core.checks import publish_problems
from engine.core.document import parse_saga, to_yaml
from engine.core.saga import Saga, undo_of
from engine.planning.words.drafting import Drafting
from engine.planning.words.problem import APPROACHES, examples
from engine.sandbox.world import Fault
from tests.engine.conftest import Bench
from tests.planning.words.conftest import drafted

NAMES = [entry.name for entry in examples()]
# The flaw of each first draft: its code, the question whose answer must change, the place, and the words.
FLAWS = {
    "travel": ("constraint_broken", "spec:hotel", "constraints.within_budget", "2792.15 USD of 2500: flight_out 725.47 + hotel 1334.00 + flight_back 732.68"),
    "order": ("missing_compensation", "undo:hold_money", "steps.hold_money.compensate", "its effect has no undo"),
    "incident": ("unknown_role", "nodes", "steps.apply.role", "'database_administrator' is no role"),
    "wedding": ("cycle", "edges", "steps.rooms.needs", "a cycle: rooms -> train -> invite -> rooms"),
    "product-page": ("no_producer", "spec:publish", "steps.publish.with.json.action", "`steps.headline.output.slogan` uses `slogan`, which 'headline' does not give"),
}  # fmt: skip
# A fault in the middle of each, and what was done by then.
FAULTS = {
    "travel": (Fault(kind="sold_out", resource="flights/bookings", match={"from": "BER"}, times=-1), 1),
    "order": (Fault(kind="refuse", resource="shipping/orders", times=-1), 2),
    "incident": (Fault(kind="refuse", resource="notices", times=-1), 2),
    "wedding": (Fault(kind="refuse", resource="notices", times=-1), 3),
    "product-page": (Fault(kind="refuse", resource="notices", times=-1), 1),
}


@cache
def draft_of(name: str) -> Drafting:
    return drafted(name)


def saga_of(name: str) -> Saga:
    """Return the saga as it comes out of the file that a draft is written to."""
    document = draft_of(name).document
    assert document is not None
    return parse_saga(to_yaml(document))


def test_there_are_five_problems() -> None:
    assert NAMES == list(FLAWS) == list(FAULTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_draft_is_refused_with_exactly_the_right_finding(name: str) -> None:
    (finding,) = draft_of(name).rounds[0].findings
    assert (finding.code, finding.stage, finding.where) == FLAWS[name][:3]
    assert finding.problem == FLAWS[name][3]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_was_wrong_is_asked_again(name: str) -> None:
    found = draft_of(name)
    assert found.state == "ready"
    assert [done.asked for done in found.rounds[1:]] == [(FLAWS[name][1],)]
    assert found.rounds[-1].findings == ()


@pytest.mark.parametrize("name", NAMES)
def test_it_may_be_published(name: str) -> None:
    assert publish_problems(saga_of(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_record_of_the_rounds_is_kept_in_the_draft(name: str) -> None:
    kept = saga_of(name).drafted
    assert kept is not None
    assert FLAWS[name][3] in kept.rounds[0].findings[0]
    assert kept.rounds[-1].findings == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_marked_as_written_by_a_model(name: str) -> None:
    saga = saga_of(name)
    assert saga.drafted is not None
    assert saga.drafted.by == f"scripted/words-{name}"
    for step in saga.steps.values():
        assert step.drafted is not None
        assert "call" in step.drafted.parts
        assert ("undo" in step.drafted.parts) == (undo_of(step) is not None)


@pytest.mark.parametrize("name", NAMES)
def test_every_undo_was_tried(name: str) -> None:
    with_undo = [step for step in saga_of(name).steps.values() if undo_of(step) is not None]
    assert with_undo
    for step in with_undo:
        assert step.drafted is not None
        assert step.drafted.tried is not None
        assert step.drafted.tried.where == "practice world"


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_to_its_end(bench: Bench, name: str) -> None:
    run = bench.to_end(bench.start(saga_of(name)))
    assert run.status == "completed"
    assert run.output
    assert not bench.world.state().clean
    trial = draft_of(name).trial
    assert trial is not None
    assert trial.cost_usd == pytest.approx(sum(entry.amount_usd for entry in bench.world.ledger()))


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_in_the_middle_leaves_nothing_behind(bench: Bench, name: str) -> None:
    fault, least = FAULTS[name]
    bench.world.add_fault(fault)
    run = bench.to_end(bench.start(saga_of(name)))
    assert run.status == "compensated"
    undone = [entry for entry in bench.world.ledger() if (entry.key or "").startswith("c:")]
    assert len(undone) >= least
    assert bench.world.state().clean


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("approach", APPROACHES)
def test_both_approaches_come_to_an_end(name: str, approach: str) -> None:
    assert drafted(name, approach).state == "ready"  # type: ignore[arg-type]


def test_a_chain_of_narrow_prompts(bench: Bench) -> None:
    found = drafted("product-page", style="chain")
    assert [(f.code, f.where) for f in found.rounds[0].findings] == [
        ("missing_dependency", "edges.description>call_to_action")
    ]
    assert found.state == "ready"
    saga = parse_saga(to_yaml(found.document or {}))
    assert {step.kind for step in saga.steps.values()} == {"llm"}
    for name, step in saga.steps.items():
        assert step.output is not None
        assert [validator.name for validator in step.validate_] == [f"{name}_holds"]
    assert saga.steps["call_to_action"].condition.steps == ("headline", "description")
    assert bench.to_end(bench.start(saga)).status == "completed"
