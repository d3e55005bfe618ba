"""What a validator notes in one run is told to the model's steps of the next one."""

from __future__ import annotations

import pytest

from engine.core.events import RunStarted
from engine.memory import MemoryStore
from engine.steps.python import Functions
from tests.engine.conftest import Bench

PLAIN = "prompt: Name a city"
NOTED = """
saga: cities
steps:
  pick:
    kind: llm
    with: {PROMPT, model: scripted}
    validate: [{name: kind_words, rule: 'false', on_fail: feedback}]
  keep:
    kind: python
    needs: pick
    with: {function: echo, args: {x: 1}}
    validate: [{name: sure, rule: 'false', on_fail: feedback}]
"""


@pytest.fixture(autouse=True)
def echo(functions: Functions) -> None:
    functions.register("echo")(lambda x: {"x": x})


def begun(bench: Bench, run_id: str) -> RunStarted:
    first = bench.store.history(run_id)[0].event
    assert isinstance(first, RunStarted)
    return first


def ended(bench: Bench, saga: str) -> str:
    run_id = bench.start(saga)
    assert bench.until(run_id, lambda run: run.is_closed).status == "completed"
    return run_id


def test_R28_what_was_noted_in_a_run_is_in_the_start_of_the_next_and_survives_a_replay(bench: Bench) -> None:
    text = NOTED.replace("PROMPT", PLAIN)
    first, second = ended(bench, text), ended(bench, text)
    assert begun(bench, first).lessons == {}
    (lesson,) = begun(bench, second).lessons["pick"]
    assert lesson.startswith("kind_words: ")
    assert bench.run(second).lessons == {"pick": [lesson]}, "a step without a model learns nothing"
    assert begun(bench, ended(bench, text)).lessons == {"pick": [lesson]}, "each note once"


def test_lessons_go_by_the_name_of_the_saga_and_by_the_steps_it_has_now(bench: Bench) -> None:
    text = NOTED.replace("PROMPT", PLAIN)
    ended(bench, text)
    assert begun(bench, ended(bench, text.replace("cities", "towns"))).lessons == {}
    assert list(begun(bench, ended(bench, text.replace("Name", "Choose"))).lessons) == ["pick"]
    assert begun(bench, ended(bench, text.replace("pick", "select"))).lessons == {}


def test_a_saga_without_a_model_asks_for_no_lessons(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(MemoryStore, "lessons", lambda _self, saga: asked.append(saga) or {})
    ended(bench, "saga: plain\nsteps: {a: {kind: python, with: {function: echo, args: {x: 1}}}}")
    assert asked == []
    ended(bench, NOTED.replace("PROMPT", PLAIN))
    assert asked == ["cities"]
