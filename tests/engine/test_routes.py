"""Routing by rules first, then by a model that must be sure enough, with the default for the rest; and a crash in between."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import DefinitionInvalid
from engine.memory import MemoryStore
from engine.ports import Performer
from engine.runtime.engine import Engine
from engine.scripted import ScriptedLlm
from engine.steps.registry import performers
from tests.core.harness import saga_of
from tests.engine.conftest import Bench
from tests.waiting import eventually

ROUTE = """
saga: desk
input: {text: {type: string}}
steps:
  hold:
    kind: http
    effect: compensatable
    with: {method: POST, url: "${world}/inventory/reservations", json: {sku: tent, quantity: 1}}
    compensate: {kind: http, with: {method: DELETE, url: "${world}/inventory/reservations", params: {key: "${key}"}}}
  desk:
    kind: route
    needs: hold
    with:
      branches: [privacy, liability, other]
      about: {privacy: "Personal data"}
      rules: [{when: "run.input.text.contains('GDPR')", to: privacy}]
      prompt: "Who answers? ${run.input.text}"
      min_confidence: 0.7
      default: other
  privacy: {kind: python, needs: desk.privacy, with: {function: noop}}
  liability: {kind: python, needs: desk.liability, with: {function: noop}}
  other: {kind: python, needs: desk.other, with: {function: noop}}
"""


@pytest.fixture
def asked(bench: Bench, sandbox: tuple[Any, str]) -> Any:
    """Run the saga with a model that answers so; the run at its end, and what the model was sent."""

    def ask(text: str, answer: Any) -> Any:
        llm = ScriptedLlm([] if answer is None else [{"reply": answer}])
        store = MemoryStore()
        with Engine(store, performers(llm, "scripted", {"sandbox.internal": sandbox[1]})) as engine:
            mine = Bench(store, engine, bench.world, bench.functions)
            return mine.to_end(mine.start(ROUTE, text=text)), llm.calls

    return ask


def test_a_rule_that_holds_decides_and_no_model_is_asked(asked: Any) -> None:
    run, calls = asked("a GDPR matter", None)
    assert run.steps["desk"].output == {
        "branch": "privacy", "by": "rule", "reason": "`run.input.text.contains('GDPR')` is true"
    }  # fmt: skip
    assert calls == []


def test_a_model_that_is_sure_decides_where_no_rule_holds(asked: Any) -> None:
    run, calls = asked("who pays?", {"branch": "liability", "reason": "money", "confidence": 0.9})
    assert run.steps["desk"].output == {
        "branch": "liability",
        "by": "model",
        "reason": "money",
        "confidence": 0.9,
    }
    assert "- privacy: Personal data\n- liability" in calls[0].messages[-1].content
    assert run.steps["other"].reason == "'desk' chose 'liability', not 'other': money"
    assert run.status == "completed"


def test_a_model_that_is_not_sure_enough_leaves_it_to_the_default(asked: Any) -> None:
    run, _ = asked("hm", {"branch": "liability", "reason": "a guess", "confidence": 0.4})
    output = run.steps["desk"].output
    assert (output["branch"], output["by"], output["proposed"], output["confidence"]) == (
        "other", "default", "liability", 0.4,
    )  # fmt: skip
    assert "40% sure of 'liability' (a guess); 70% is asked for" in run.steps["liability"].reason
    assert run.steps["other"].status == "committed"


def test_a_model_that_names_no_declared_branch_fails_and_what_was_held_is_given_back(
    asked: Any, bench: Bench
) -> None:
    run, calls = asked("hm", {"branch": "nobody", "reason": "?", "confidence": 1})
    assert run.status == "compensated"
    assert len(calls) == 3
    assert [entry.action for entry in bench.world.ledger()] == ["reserve", "release"]
    assert bench.world.state().clean


def test_a_model_that_does_not_say_how_sure_it_is_gives_no_answer(asked: Any) -> None:
    run, _ = asked("hm", {"branch": "other", "reason": "?"})
    assert run.status == "compensated"
    assert "'confidence' is a required property" in run.faults[0].reason


def test_a_crash_while_the_model_thinks_asks_again_and_holds_once(
    made: dict[str, Performer], sandbox: tuple[Any, str]
) -> None:
    slow = [{"reply": {"branch": "other", "reason": "r", "confidence": 1}, "delay_s": 60, "times": 1}]
    quick = [{"reply": {"branch": "other", "reason": "r", "confidence": 1}}]
    store = MemoryStore()
    service = {"sandbox.internal": sandbox[1]}
    first = Engine(store, performers(ScriptedLlm(slow), "scripted", service)).start()
    run_id = first.start_run(saga_of(ROUTE.lstrip()), {"text": "hm"}, "me")
    eventually(
        lambda: any(
            r.event.type == "attempt_intended" and r.event.step == "desk" for r in store.history(run_id)
        )
    )
    first.stop()
    with Engine(store, performers(ScriptedLlm(quick), "scripted", service)):
        eventually(lambda: (row := store.row(run_id)) is not None and row.ended_at is not None)
    row = store.row(run_id)
    assert row is not None
    assert row.status == "completed"
    assert [entry.action for entry in sandbox[0].ledger()] == ["reserve"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("prompt: '?', min_confidence: 0.5", "no branch where the model is not sure enough"),
        ("default: a, min_confidence: 0.5", "no model is asked"),
        ("default: a, about: {c: x}", "no branch 'c'"),
    ],
)
def test_what_makes_no_sense_can_t_be_published(more: str, words: str) -> None:
    with pytest.raises(DefinitionInvalid, match=words):
        saga_of(f"steps: {{r: {{kind: route, with: {{branches: [a, b], {more}}}}}}}")
