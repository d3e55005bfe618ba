"""Validation and context on the pages: deciding in a validator's place, the Checks view, the inspector, Validators."""

import json

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from engine.core.document import parse_saga
from engine.llm import LiteLlm
from engine.scripted import ScriptedLlm
from tests.ui.run_studio import Tab, open_studio, until
from ui.cli import main
from ui.components.validator_list import CHOSEN

SAGA = """
saga: letter
title: A letter
goals: [Write a kind letter]
constraints: [Promise nothing]
steps:
  facts: {kind: python, title: Collect, with: {function: echo, args: {name: Ada, sum: 7}}}
  draft:
    kind: llm
    title: Draft
    needs: facts
    explain: true
    context: {budget_tokens: 400}
    with: {prompt: Write a letter., model: scripted/writer}
    output: {type: object, required: [text], properties: {text: {type: string}, sum: {type: number}}}
    validate:
      - {name: tone, kind: judge, rubric: Is it kind?, model: scripted/RULE, on_fail: ask, retry: {max_attempts: 1}}
      - {name: whole, kind: judge, rubric: Is it whole?, model: scripted/adder, on_fail: augment, may_add: [sum]}
  send: {kind: python, needs: draft, with: {function: noop}}
edges:
  - {from: facts, to: draft, validate: [{name: has_name, rule: has(output.name)}]}
"""
WROTE = {
    "answer": {"text": "Dear *Ada*, <b>thanks</b>."},
    "reasoning": "short is kind",
    "alternatives": ["a long one"],
    "justification": "asked for",
}
RULES = [
    {"model": "kind", "reply": {"accept": True, "evidence": "kind enough"}},
    {"model": "harsh", "reply": {"accept": False, "evidence": "not *kind*"}},
    {"model": "down", "error": {"message": "503 from the judge", "retryable": False}},
    {"model": "picky", "reply": {"accept": True, "evidence": "fine"}},
    {"model": "writer", "reply": WROTE},
    {"model": "adder", "when": "/\\bsum\\b.*7|thanks/", "reply": {"accept": True, "evidence": "whole"}},
]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    llm = LiteLlm(default_model="scripted", scripted=ScriptedLlm(RULES))
    with open_studio(tmp_path_factory.mktemp("data"), llm) as opened:
        yield opened


def begin(studio, judge, name="letter"):
    text = SAGA.replace("RULE", judge).replace("saga: letter", f"saga: {name}")
    run_id = studio.engine.start_run(parse_saga(text.encode()), {}, "ann")
    until(studio, run_id, lambda row: row.attention or row.ended_at)
    return run_id


def decide(tab, prefix, choice, reason):
    (radio,) = [r for r in tab.app.radio if r.key.startswith(prefix)]
    key = radio.key.removesuffix("-choice")
    if choice:
        radio.set_value(choice)
    tab.app.text_area(key=f"{key}-reason").set_value(reason)
    return tab.press("Send the decision")


def inspected(run_id, step):
    from ui.components.run_inspector import draw_inspector
    from ui.session import run_view

    view = run_view(run_id)
    draw_inspector(view.run, view.history, step)


class Section(Tab):
    """The inspector alone, on one section of a step: in AppTest no card of the graph can be clicked."""

    def __init__(self, run_id, step, name):
        self.app = AppTest.from_function(inspected, args=(run_id, step), default_timeout=90)
        self.app.session_state[f"run-{run_id}-inspect"] = name
        self.run()


def test_a_finding_is_decided_on_the_run_page(studio):
    run_id = begin(studio, "harsh")
    tab = Tab("run", id=run_id)
    words = tab.words()
    assert "Waiting for a decision: tone" in words
    assert "not *kind*" in words, "as it was said, never as Markdown"
    assert "Recommended: **Reject**" in words
    prefix = f"run-{run_id}-ask-verdict-draft"
    decide(tab, prefix, None, "")
    assert "choose one of the decisions first" in tab.words()
    decide(tab, prefix, "accept", " ")
    assert "say why" in tab.words()
    assert studio.store.row(run_id).attention == 1
    decide(tab, prefix, "accept", "it is only a draft")
    until(studio, run_id, lambda row: row.status == "completed")
    words = Section(run_id, "draft", "Validation").words()
    assert "maria accepted it: it is only a draft" in words
    assert "judge · semantic, this output · on the step · try 1" in words


def test_a_judge_that_is_down_is_no_verdict_and_asks_in_the_approvals(studio):
    run_id = begin(studio, "down")
    tab = Tab("approvals")
    words = tab.words()
    assert "1 waiting" in words
    assert "No verdict" in words
    assert "503 from the judge" in words
    assert "nobody has checked it either" in words
    decide(tab, f"approvals-{run_id}-draft", "reject", "I would not send it")
    until(studio, run_id, lambda row: row.ended_at)
    given = [r.event for r in studio.store.history(run_id) if r.event.type == "verdict_given" and r.event.by]
    assert [(g.verdict, g.by, g.evidence) for g in given] == [("reject", "maria", "I would not send it")]
    assert "Nothing waits for you" in tab.run().words()


def test_the_checks_view_filters_verdicts_and_says_what_stands_where(studio):
    run_id = begin(studio, "kind")
    tab = Tab("run", id=run_id)
    tab.app.session_state[f"run-{run_id}-view"] = "Checks"
    tab.run()
    table = next(f for f in tab.app.dataframe if "Stands on" in f.value.columns).value
    assert set(table["Validator"]) == {"has_name", "schema", "tone", "whole"}
    assert set(table["Stands on"]) == {"the step", "edge to Draft"}
    assert set(table["Latency"]) > {"in code"}
    tab.app.multiselect(key=f"run-{run_id}-checks-verdicts").set_value(["accept"])
    tab.run()
    assert "4 verdicts of 4" in tab.words()


def test_a_run_without_validators_teaches_in_the_checks_view(studio):
    saga = parse_saga(b"saga: bare\nsteps: {a: {kind: python, with: {function: noop}}}")
    run_id = studio.engine.start_run(saga, {}, "ann")
    until(studio, run_id, lambda row: row.ended_at)
    tab = Tab("run", id=run_id)
    tab.app.session_state[f"run-{run_id}-view"] = "Checks"
    assert "This saga has no validators" in tab.run().words()


def test_the_context_section_shows_what_each_model_saw_and_keeps_reasoning_apart(studio):
    run_id = begin(studio, "kind", "letter-two")
    tab = Section(run_id, "draft", "Context")
    words = tab.words()
    assert "Write a letter." in words
    assert "Reasoning (kept apart from the output)" in [e.label for e in tab.app.expander]
    assert "short is kind" in words
    assert "Write a kind letter" in words
    labels = [e.label.replace("\\", "") for e in tab.app.expander]
    assert any(label.startswith("**tone, vote 1**") for label in labels)
    follow = [box for box in tab.app.selectbox if box.key.endswith("-follow")]
    follow[0].set_value("facts")
    tab.run()
    shown = [json.loads(j.value) for j in tab.app.json]
    assert {"name": "Ada", "sum": 7} in shown
    data = Section(run_id, "draft", "Data")
    assert "short is kind" not in data.words()
    assert "reasoning" not in " ".join(str(j.value) for j in data.app.json)


def test_the_validators_page_counts_over_runs_and_filters(studio):
    begin(studio, "kind", "letter-three")
    tab = Tab("validators")
    table = tab.app.dataframe[0].value
    assert {"tone", "whole", "has_name"} <= set(table["Validator"])
    tab.app.selectbox(key="validators-saga").set_value("letter-three")
    tab.run()
    mine = tab.app.dataframe[0].value
    assert set(mine["Ran"]) == {1}
    assert "Select a row" in tab.words()
    tab.app.session_state[CHOSEN] = ("letter-three", "draft", "tone")
    words = tab.run().words()
    assert "Caught] 0 of 1" in words
    chart = json.loads(tab.app.get("bidi_component")[0].proto.json)
    assert chart["figure"]["data"][0]["y"] == [1]
    tab.app.multiselect(key="validators-checks").set_value(["temporal"])
    assert "No validator matches" in tab.run().words()


def test_a_verdict_is_given_on_the_command_line(studio, monkeypatch):
    run_id = begin(studio, "harsh", "letter-four")
    monkeypatch.setenv("SAGA_DATA_DIR", str(studio.settings.data_dir))
    monkeypatch.setenv("SAGA_MODEL", "scripted")
    asked = CliRunner().invoke(main, ["verdict", run_id, "draft", "--reason", "x"])
    assert asked.exit_code == 2
    assert "say --accept, --augment or --reject" in asked.output
    both = CliRunner().invoke(main, ["verdict", run_id, "draft", "--accept", "--reject", "--reason", "x"])
    assert "only one of them" in both.output
    refused = CliRunner().invoke(main, ["verdict", run_id, "draft", "--augment", "--reason", "x"])
    assert refused.exit_code == 2
    assert "nothing is proposed" in refused.output
    told = CliRunner().invoke(main, ["verdict", run_id, "draft", "--accept", "--reason", "read it"])
    assert told.exit_code == 0, told.output
    assert "accepted: draft" in told.output
    assert "accepts it in the place of tone: read it" in told.output


def test_nothing_checked_yet_teaches_what_validators_are(tmp_path):
    from ui import session

    kept = session.studio()
    try:
        with open_studio(tmp_path / "fresh"):
            words = Tab("validators").words()
    finally:
        session.hold(kept)
    assert "No validator has run yet" in words
    assert "A validator looks at what a step gives, before it counts" in words
