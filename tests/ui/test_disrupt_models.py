"""Disruptions and facts in words: forms, previews, rows, and the command line's way to say them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from engine.core.commands import Disrupt
from engine.core.disruption_kinds import KINDS
from engine.core.errors import CommandRejected
from engine.core.facts import ledger
from tests.core.test_rules_disrupt import command, disrupt, pair
from ui.cli_disrupt import POSITIONS, disruption, lifting
from ui.models.run_disrupt import GROUPS, foresee, not_yet, standing_rows, steps_of
from ui.models.run_events import deeds, event_lines
from ui.models.run_facts import fact_document, fact_rows, reach
from ui.models.run_timeline import run_timeline
from ui.models.run_words import titles_of


def test_every_kind_has_a_form_and_words_on_the_command_line():
    offered = {name: kind for kinds in GROUPS.values() for name, kind in kinds.items()}
    assert offered.keys() == KINDS.keys() == POSITIONS.keys()
    for name, kind in KINDS.items():
        assert set(offered[name].asks) <= kind.model_fields.keys()
        assert set(POSITIONS[name]) <= kind.model_fields.keys()
        needed = {key for key, field in kind.model_fields.items() if field.is_required()}
        assert needed - {"kind"} <= set(offered[name].asks)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"kind": "fact"}, "Fact is missing"),
        ({"kind": "fact", "path": "price"}, "Fact is not of the right form"),
        ({"kind": "delay", "step": "a"}, 'give "Seconds" or "Times as much"'),
        ({"kind": "constraint", "name": "x"}, 'give a "Rule", a "As models are told", or both'),
        ({"kind": "budget", "limit": "calls", "allowed": -1}, "In all: Input should be"),
    ],
)
def test_what_a_form_lacks_is_called_as_it_is_on_the_screen(what, said):
    with pytest.raises(ValidationError) as found:
        Disrupt.model_validate({"what": what, "by": "bob"})
    assert not_yet(what["kind"], found.value.errors()[0]).startswith(said)


def test_what_would_follow_is_seen_before_and_changes_nothing():
    play = pair()
    seq = play.run.seq
    found = foresee(play.run, command("fact", path="steps.a.output.day", value="tuesday").what)
    assert (found.refusal, found.stale) == ("", ("b",))
    assert "no fact" in foresee(play.run, command("fact", path="steps.a.output.x", value=1).what).refusal
    assert (play.run.seq, play.run.stale) == (seq, {})


def test_by_dependency_and_by_data_stand_side_by_side():
    play = pair()
    rows = {row.title: (row.by_dependency, row.by_data) for row in reach(play.run, ("a",))}
    assert rows["a"] == ("it used what has changed", "it used what has changed")
    assert rows["b"] == ("a → b", "reads steps.a.output.day of a")
    assert rows["c"] == ("a → c", "reads nothing of it")


def test_a_disruption_is_in_every_view_until_it_is_over():
    play = pair()
    disrupt(play, "tool_down", target="read", until=9, reason="the cable is cut")
    (row,) = standing_rows(play.run, play.now)
    assert (row.what, row.by, row.open) == ("the cable is cut", "bob", True)
    assert "in force until" in row.state
    (later,) = standing_rows(play.run, play.now + timedelta(seconds=9))
    assert (later.state, later.open) == ("over, 0 struck", False)
    disrupt(play, "fact", path="steps.a.output.day", value="tuesday")
    marks = [mark for mark in run_timeline(play.run, play.log, play.now).marks if mark.kind == "disruption"]
    assert [mark.row for mark in marks] == ["a", "b"]
    said = [line.what for line in event_lines(play.log, titles_of(play.run))]
    assert any("no longer up to date: b" in text for text in said)
    assert [deed.did for deed in deeds(play.log, titles_of(play.run)) if deed.who == "bob"][-1].startswith(
        "planted"
    )


def test_facts_are_told_as_rows_and_as_json():
    play = pair()
    disrupt(play, "fact", path="steps.a.output.cost", value=9)
    rows = {row.path: row for row in fact_rows(play.run)}
    assert rows["steps.a.output.day"].relied == "b"
    assert rows["steps.a.output.cost"].state == "Changed since it was recorded"
    document = json.loads(json.dumps([fact_document(fact) for fact in ledger(play.run)]))
    assert {fact["path"] for fact in document} == set(rows)


@pytest.mark.parametrize(
    ("kind", "said", "more", "what"),
    [
        ("fact", ("steps.a.output.cost", "3.5"), (), {"path": "steps.a.output.cost", "value": 3.5}),
        ("fact", ("app.n", "two"), (), {"path": "app.n", "value": "two"}),
        ("delay", ("a",), ("factor=3", "times=2"), {"step": "a", "factor": 3, "times": 2}),
        ("tool_down", ("443",), (), {"target": "443"}),
        ("crash", (), (), {}),
    ],
)
def test_the_command_line_says_it_in_a_few_words(kind, said, more, what):
    found = disruption(kind, said, more, None, 5, "so")
    assert isinstance(found, Disrupt)
    assert {key: getattr(found.what, key) for key in what} == what
    assert (found.what.reason, found.until is not None) == ("so", True)


@pytest.mark.parametrize(
    ("kind", "said", "more", "match"),
    [
        ("fail", (), (), "step: field required"),
        ("fail", ("a", "b"), (), "`fail` takes STEP"),
        ("fail", ("a",), ("times",), "write NAME=VALUE"),
        ("fact", ("nowhere", "1"), (), "path: "),
        ("budget", ("love", "1"), (), "limit: "),
    ],
)
def test_what_is_wrong_is_named(kind, said, more, match):
    with pytest.raises(CommandRejected, match=match):
        disruption(kind, said, more, None, None, "")
    with pytest.raises(CommandRejected, match="say which one"):
        lifting(("x",), "")


def test_steps_are_named_where_a_disruption_is_about_some():
    assert steps_of(command("fail", step="a").what) == ("a",)
    assert steps_of(command("fact", path="steps.b.output.x", value=1).what) == ("b",)
    assert steps_of(command("model_down").what) == ()
