"""The fact ledger: what a run went by, who relied on it, what was only assumed."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.facts import ledger, lineage
from engine.core.facts_read import covers, paths_in
from tests.core.harness import Play, refuses
from tests.core.test_rules_disrupt import disrupt, pair

ASSUMED = (
    "recovery: repair\nassumptions: [{name: walk_min, value: 30, otherwise: 0, why: people walk, owner: planner}]\n"
    "steps: {a: {<read>}, b: {<book>, needs: a, validate: [{name: in_time, rule: output.at >= steps.a.output.at + assume.walk_min}]},"
    " c: {<call>}, q: {kind: approval, needs: [b, c]}}"
).replace("<call>", "kind: python, with: {function: read, args: {walk: '${assume.walk_min}'}}")


def facts(play):
    return {fact.path: fact for fact in ledger(play.run)}


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("steps.a.output.x + run.input.n", ("steps.a.output.x", "run.input.n")),
        ("steps.a.output.items.all(i, i.p > app.low)", ("steps.a.output.items", "app.low")),
        ("steps.a.output.items[0].p == 'steps.b.output.x'", ("steps.a.output.items[0].p",)),
        ("has(output.x) && assume.k > 1", ("output.x", "assume.k")),
        ("steps.a.output", ("steps.a.output",)),
        ("size(run.input) > 0", ()),
    ],
)
def test_an_expression_reads_these_facts(source, paths):
    assert paths_in(source) == paths


def test_a_part_of_a_fact_is_that_fact():
    assert covers("steps.a.output", "steps.a.output.x[0]")
    assert covers("steps.a.output.x", "steps.a.output.x")
    assert not covers("steps.a.output.x", "steps.a.output.xy")


def test_the_ledger_names_value_source_and_who_relied_on_it():
    play = Play(
        "input: {n: {type: integer, default: 2}}\nsteps: {a: {<read>}, b: {<book>, needs: a, when: steps.a.output.ok, approval: {question: 'n = ${run.input.n}?'}}}"
    )
    play.ok("a", output={"ok": True, "unused": 1})
    play.decide("b")
    play.ok("b")
    found = facts(play)
    assert found.keys() == {"run.input.n", "steps.a.output.ok", "said.b.bob"}
    assert (found["run.input.n"].source, found["run.input.n"].by) == ("input", "ann")
    fact = found["steps.a.output.ok"]
    assert (fact.value, fact.source, [(u.step, u.how, u.relies) for u in fact.uses]) == (
        True,
        "step",
        [("b", "condition", True)],
    )
    assert (found["said.b.bob"].source, found["said.b.bob"].value) == ("person", "approved")


def test_what_a_model_said_and_was_shown_is_in_the_ledger():
    play = Play(
        "steps: {a: {<read>}, m: {kind: llm, needs: a, with: {prompt: Sum it up.}, context: {inputs: [steps.a.output.text]}}, b: {<read>, needs: m, when: \"steps.m.output.text != ''\"}}"
    )
    play.ok("a", output={"text": "the sea is blue"})
    play.ok("m", output={"text": "blue"}, meta={"model": "small"})
    found = facts(play)
    assert [(u.step, u.how) for u in found["steps.a.output.text"].uses] == [("m", "context")]
    assert (found["steps.m.output.text"].source, found["steps.m.output.text"].by) == ("model", "small")


def test_a_change_shows_who_used_another_value_until_it_is_done_anew():
    play = pair()
    disrupt(play, "fact", path="steps.a.output.day", value="tuesday")
    fact = facts(play)["steps.a.output.day"]
    assert (fact.value, fact.changed, [(u.step, u.stale) for u in fact.uses]) == (
        "tuesday",
        True,
        [("b", True)],
    )
    play.ok("b")
    play.ok("b", output={"id": 4})
    assert [(u.step, u.stale) for u in facts(play)["steps.a.output.day"].uses] == [("b", False)]


def test_R26_data_may_reach_less_far_than_dependencies():
    play = pair()
    by_data = lineage(play.run, ("a",))
    assert by_data.keys() == {"a", "b"}
    assert (by_data["b"].source, by_data["b"].path) == ("a", "steps.a.output.day")


def test_an_assumption_is_seen_and_shown_with_its_owner():
    play = Play(ASSUMED)
    play.ok("a", output={"at": 100})
    assert play.events("attempt_intended")[1].request["args"] == {"walk": 30}
    fact = facts(play)["assume.walk_min"]
    assert (fact.value, fact.source, fact.by, fact.assumed.accepted) == (30, "assumption", "planner", None)


def test_an_assumption_that_is_refused_changes_what_relied_on_it_and_checks_are_made_anew():
    play = Play(ASSUMED)
    play.ok("a", output={"at": 100})
    play.ok("b", output={"at": 140})
    play.ok("c")
    play.do(c.JudgeAssumption(path="assume.walk_min", accepted=False, reason="they drive", by="bob"))
    assert play.run.repair is None or play.run.repair.culprits == ("c",)
    assert [v.evidence for v in play.events("verdict_given")][-1].startswith("`output.at >=")
    assert play.events("assumption_judged")[0].stale == ("c",)
    assert [i.request["args"] for i in play.events("attempt_intended") if i.step == "c"] == [
        {"walk": 30},
        {"walk": 0},
    ]
    play.check_replay()


def test_the_verdict_is_another_one_where_an_assumption_is():
    play = Play(ASSUMED)
    play.ok("a", output={"at": 100})
    play.ok("b", output={"at": 140})
    play.ok("c")
    disrupt(play, "fact", path="assume.walk_min", value=60)
    assert [v.verdict for v in play.events("verdict_given")] == ["accept", "reject"]
    assert set(play.run.repair.culprits) == {"b", "c"}


def test_what_a_validator_added_is_its_assumption_and_can_be_refused():
    play = Play(
        "recovery: repair\nsteps: {a: {<read>, validate: [{name: zone, rule: has(output.zone), on_fail: augment, add: {zone: CET}}]},"
        " b: {<call>}, q: {kind: approval, needs: b}}".replace(
            "<call>", "kind: python, needs: a, with: {function: read, args: {z: '${steps.a.output.zone}'}}"
        )
    )
    play.ok("a", output={"at": 1})
    play.ok("b")
    fact = facts(play)["steps.a.output.zone"]
    assert (fact.source, fact.by, fact.value) == ("validator", "zone", "CET")
    play.do(c.JudgeAssumption(path="steps.a.output.zone", accepted=True, reason="so it is", by="bob"))
    assert facts(play)["steps.a.output.zone"].assumed.accepted is True
    play.do(c.JudgeAssumption(path="steps.a.output.zone", accepted=False, reason="it is not", by="bob"))
    assert "a" in play.run.steps
    assert "b" in play.events("assumption_judged")[-1].stale


def test_an_assumption_is_judged_with_a_reason_and_not_twice():
    play = Play(ASSUMED)
    refuses(play, c.JudgeAssumption(path="assume.walk_min", accepted=True, reason=" ", by="bob"), "say why")
    refuses(
        play, c.JudgeAssumption(path="assume.other", accepted=True, reason="x", by="bob"), "no assumption"
    )
    play.do(c.JudgeAssumption(path="assume.walk_min", accepted=True, reason="yes", by="bob"))
    refuses(
        play,
        c.JudgeAssumption(path="assume.walk_min", accepted=True, reason="x", by="bob"),
        "accepted already",
    )
