"""What a changed fact makes of S_A and of later outputs: neither too much nor too little, and always JSON (R31, L8)."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from tests.core.harness import Play, refuses
from tests.core.test_rules_disrupt import command, disrupt

OPEN = " z: {kind: wait, with: {duration_s: 1000}}"


def test_two_keys_of_the_same_expression_are_brought_up_to_date_each_by_itself():
    play = Play(
        f"app: {{p: 0, q: 0}}\nsteps: {{a: {{<read>, writes: {{p: output.cost, q: output.cost}}}},{OPEN}}}"
    )
    play.ok("a", output={"cost": 10})
    disrupt(play, "fact", path="steps.a.output.cost", value=15)
    assert play.run.app == {"p": 15, "q": 15}
    play.check_replay()


def test_R31_a_fact_that_is_over_leaves_what_its_step_gave_since():
    play = Play(f"recovery: repair\nsteps: {{a: {{<book>}},{OPEN}}}")
    play.ok("a", output={"cost": 10})
    disrupt(play, "fact", path="steps.a.output.cost", value=15, until=50)
    play.do(c.MarkStale(by="bob", steps=("a",), reason="x"))
    play.ok("a")
    play.ok("a", output={"cost": 99})
    play.tick(60)
    assert play.run.known["a"]["output"] == {"cost": 99}
    (end,) = play.events("disruption_ended")
    assert end.reason == "its time is up; it has another value since"
    play.check_replay()


def test_R31_a_fact_of_the_application_that_is_over_leaves_what_a_step_wrote_since():
    play = Play(
        f"app: {{n: 5}}\nsteps: {{g: {{kind: approval}}, a: {{<read>, needs: g, writes: {{n: app.n + 1}}}},{OPEN}}}"
    )
    disrupt(play, "fact", path="app.n", value=7, until=50)
    play.decide("g")
    play.ok("a")
    play.tick(60)
    assert play.run.app == {"n": 8}
    play.check_replay()


@pytest.mark.parametrize(
    ("cost", "factor"), [(1e300, 1e20), (10**400, 1.5), (10, float("inf")), (10, float("nan"))]
)
def test_L8_a_fact_never_becomes_what_json_does_not_know(cost, factor):
    play = Play(f"steps: {{a: {{<read>}},{OPEN}}}")
    play.ok("a", output={"cost": cost})
    what = {"path": "steps.a.output.cost", "factor": factor}
    refuses(play, command("fact", **what), "is no number that can be kept|is no JSON")


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}, {1, 2}, "\ud800"])
def test_L8_what_a_person_says_is_json_or_refused(value):
    play = Play(f"steps: {{a: {{<book>}},{OPEN}}}")
    for what in (
        {"kind": "fact", "path": "steps.a.output.cost", "value": value},
        {"kind": "garbage", "step": "a", "output": value},
        {"kind": "cancelled_booking", "step": "a", "answer": {"x": value}},
    ):
        refuses(play, c.Disrupt.model_validate({"what": what, "by": "bob"}), "is no JSON")


def test_L8_what_was_written_of_a_fact_stays_where_the_sum_is_no_number():
    writers = "a: {<read>, writes: {p: output.cost}}, b: {<read>, needs: a, writes: {p: output.cost}}"
    play = Play(f"app: {{p: 0}}\nsteps: {{{writers},{OPEN}}}")
    play.ok("a", output={"cost": 0})
    play.ok("b", output={"cost": 1.7e308})
    disrupt(play, "fact", path="steps.a.output.cost", value=1.7e308)
    assert play.run.app == {"p": 1.7e308}
    play.check_replay()


SPENT = (
    "recovery: repair\napp: {spent: 0}\nsteps: {a: {kind: python, with: {function: book}, effect: compensatable,"
    " writes: {spent: output.cost}, compensate: {kind: python, with: {function: undo},"
    " writes: {spent: app.spent - undo.back}}}," + OPEN + "}"
)


@pytest.mark.parametrize("app", ["{}", "{spent: many}", "{spent: true}"])
def test_what_a_fact_changed_is_taken_back_only_where_a_number_still_holds_it(app):
    play = Play(SPENT.replace("{spent: 0}", app))
    play.ok("a", output={"cost": 3})
    disrupt(play, "fact", path="steps.a.output.cost", value=5)
    assert play.run.app == {"spent": 5}
    play.do(c.Pause(by="bob"))
    play.do(c.RestoreApp(seq=1, reason="start again", by="bob"))
    play.do(c.Resume(by="bob"))
    said = command("cancelled_booking", step="a", answer={"back": 3})
    refuses(play, said, "the answer does not say enough: `app.spent - undo.back`")
    play.do(c.MarkStale(by="bob", steps=("a",), reason="x"))
    play.ok("a", output={"back": 3})
    assert play.run.steps["a"].epoch == 2
    assert any("`spent` stays as it was" in note.text for note in play.events("noted"))
    play.check_replay()


@pytest.mark.parametrize(
    ("step", "begin"),
    [
        ("m: {kind: map, needs: g, with: {over: [1]}, body: {steps: {x: {<read>}}}}", "m"),
        ("m: {kind: wait, needs: g, with: {duration_s: 9}}", "m"),
        ("m: {kind: approval, needs: g}", "m"),
        ("m: {kind: activity, needs: g, with: {minutes: 9}}", "m"),
        ("m: {<read>, needs: g, approval: {group: x}}", "n"),
        (
            "m: {kind: map, needs: g, approval: {group: x}, with: {over: [1]}, body: {steps: {x: {<read>}}}}",
            "n",
        ),
    ],
)
def test_a_schedule_strikes_when_its_step_starts_whatever_its_kind(step, begin):
    late = "disruptions: [{when: {after: m, moment: start}, what: {kind: constraint, name: k, text: hm}}]"
    play = Play(f"{late}\nsteps: {{g: {{kind: approval}}, {step}}}")
    play.tick(5)
    assert play.events("disrupted") == []
    play.decide("g")
    play.tick(1)
    if begin == "n":  # people are asked first
        assert play.events("disrupted") == []
        play.decide("m")
    assert [event.item for event in play.events("disrupted")] == [1]
    play.check_replay()


def test_R2_an_undo_is_recorded_though_what_its_step_built_on_can_not_be_told_any_more():
    undo = "compensate: {kind: python, with: {function: undo}, writes: {spent: app.spent - undo.back}}"
    play = Play(
        "app: {n: {id: 1}, spent: 3}\nsteps: {t: {kind: team, with: {tasks: [{id: a, role: w}, {id: b, role: v, needs: [a]}]},"
        " workers: {w: {steps: {x: {<read>}}, output: '${app.n.id}'},"
        f" v: {{steps: {{y: {{kind: python, with: {{function: book}}, effect: compensatable, {undo}}}}}}}}}}},"
        " z: {<read>, <once>, needs: t}}"
    )
    play.ok("t.a.x")
    play.ok("t.b.y")
    disrupt(play, "fact", path="app.n", value=5)
    play.rejected("z")
    play.ok("t.b.y", output={"back": 3})
    assert (play.status("t.b.y"), play.run.status) == ("compensated", "compensated")
    assert "`spent` stays as it was" in play.events("noted")[-1].text
    play.check_replay()
