"""R26, R27 and the rules of calls: a run is planned anew by a planner, whose plans code admits or refuses."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from tests.core.harness import Play, refuses

BY = "by: {kind: python, with: {function: propose}}"
TRIP = (
    "recovery: repair\ninput: {budget: {type: number, default: 500}}\nreplan: {<by>, retry: {max_attempts: 2, backoff_s: 1}<more>}\n"
    "steps: {flight: {<book>}, hotel: {<book>, needs: flight, <once>, with: {function: book, args: {price: 400}}},"
    " note: {<read>, needs: hotel}, tour: {<read>, needs: flight, when: 'true'}, end: {<read>, needs: [note, tour]}}"
)
CHEAP = {"hotel": {"with": {"args": {"price": 90}}}}
DEAR = {"hotel": {"with": {"args": {"price": 900}}}}
BUDGET = ", validate: [{name: within_budget, rule: 'output.steps.hotel.with.args.price <= run.input.budget'}]"


def trip(more="", by=BY):
    return TRIP.replace("<by>", by).replace("<more>", more).replace("hotel: {<book>,", f"hotel: {{{HOTEL},")


HOTEL = "kind: python, effect: compensatable, compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}}"


def sold_out(more="", by=BY):
    """A run whose hotel is sold out: the planner is asked."""
    play = Play(trip(more, by))
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    return play


def propose(play, steps, reason="another one"):
    """Let the planner answer with changes of the steps."""
    return play.ok("", output={"steps": steps, "reason": reason})


def asked(play):
    """Return what the planner was asked last."""
    return next(i.request for i in reversed(play.events("attempt_intended")) if i.phase == "plan")


def test_R26_after_a_repair_the_rest_is_planned_anew_before_anything_begins():
    play = sold_out()
    assert play.open() == ["plan "]
    assert (play.status("hotel"), play.status("note")) == ("pending", "pending")
    begun = play.events("replan_begun")[0]
    assert (begun.culprits, begun.affected, begun.reason) == (
        ("hotel",),
        ("hotel", "note", "end"),
        "sold out",
    )
    said = asked(play)["args"]["situation"]
    assert (said["scope"], said["may_change"], said["reason"]) == (
        "local",
        ["hotel", "note", "end"],
        "sold out",
    )
    propose(play, CHEAP)
    assert [r.type for r in play.events("plan_amended")] == ["plan_amended"]
    amended = play.events("plan_amended")[0]
    assert (amended.changed, amended.added, amended.removed) == (("hotel",), (), ())
    assert amended.by == "the planner (propose)"
    assert play.open() == ["hotel"]
    assert play.events("attempt_intended")[-1].request["args"] == {"price": 90}
    play.ok("hotel")
    play.ok("note")
    play.ok("end")
    assert play.run.status == "completed"
    play.check_replay()


def test_R26_what_is_kept_is_not_tried_again_before_there_is_a_plan():
    play = Play(trip())
    play.ok("flight")
    play.failed("tour")
    play.rejected("hotel", error="sold out")
    play.tick(60)
    assert (play.open(), play.status("tour")) == (["plan "], "retry_wait")
    propose(play, CHEAP)
    assert sorted(play.open()) == ["hotel", "tour"]
    play.check_replay()


def test_R26_a_planner_that_changes_nothing_has_it_done_anew_as_it_was():
    play = sold_out()
    assert propose(play, {})[1:3] == ["plan_proposed", "plan_kept"]
    assert (play.open(), play.run.planning) == (["hotel"], None)
    play.check_replay()


def test_R26_a_plan_that_was_kept_and_failed_in_the_same_way_is_not_kept_again():
    play = sold_out()
    propose(play, {})
    play.rejected("hotel", error="sold out")
    propose(play, {})
    (refused,) = play.events("plan_refused")
    assert refused.findings == ("this plan was done anew as it is, and failed in the same way; change it",)
    propose(play, CHEAP)
    play.rejected("hotel", error="sold out")
    propose(play, {})
    assert [kept.type for kept in play.events("plan_kept")] == ["plan_kept"] * 2, "it is another plan by now"
    play.check_replay()


def test_R28_what_is_wrong_with_a_plan_is_told_in_the_next_round():
    play = sold_out(BUDGET)
    propose(play, DEAR)
    (refused,) = play.events("plan_refused")
    assert (refused.then, refused.stalled, play.open()) == ("local", False, ["plan "])
    (finding,) = refused.findings
    assert finding.startswith(
        "within_budget: `output.steps.hotel.with.args.price <= run.input.budget` is false"
    )
    assert asked(play)["args"]["findings"] == [finding]
    assert asked(play)["args"]["situation"]["refused"] == [{"steps": DEAR, "findings": [finding]}]
    assert play.run.saga.canonical == play.saga.canonical
    propose(play, CHEAP)
    assert play.open() == ["hotel"]
    play.check_replay()


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"flight": {"timeout_s": 9}}, "'flight' has begun and its `timeout_s` differs"),
        ({"flight": None}, "'flight' has begun and is missing"),
        ({"hotel": {"needs": ["nowhere"]}}, "it needs 'nowhere', which is not a step"),
        ({"hotel": {"needs": ["note"]}}, "a cycle"),
        ({"hotel": {"compensate": None}}, "its effect has no undo"),
        ({"hotel": {"effect": "readonly"}}, "a planner can't change its `effect`"),
        ({"hotel": {"validate": [{"name": "x", "rule": "true"}]}}, "a planner can't change its `validate`"),
        ({"hotel": None}, "it needs 'hotel', which is not a step"),
        ({"hotel": "cheap"}, "no mapping from step ids"),
        ("cheap", "no mapping from step ids"),
        (None, "no mapping from step ids"),
        ({"hotel": {"kinds": 1}}, "unknown key"),
        ({"hotel": {"with": {"args": {"x": "y" * 30_000}}}}, "more than 20,000 characters"),
    ],
)
def test_R27_a_plan_that_can_not_be_run_or_changes_the_past_is_refused_with_the_findings(steps, words):
    play = sold_out()
    propose(play, steps)
    (refused,) = play.events("plan_refused")
    assert words in refused.findings[0]
    assert not play.events("plan_amended")
    assert play.open() == ["plan "]
    play.check_replay()


def test_R26_what_changed_may_itself_be_planned_anew():
    play = Play(trip())
    play.ok("flight")
    play.do(c.MarkStale(steps=("flight",), reason="it was moved", by="bob"))
    play.ok("tour", "hotel")
    play.ok("hotel")
    play.ok("flight")
    assert asked(play)["args"]["situation"]["may_change"] == ["flight", "hotel", "note", "tour", "end"]


def test_R26_a_scope_widens_when_its_rounds_are_used_up_and_at_last_a_person_is_asked():
    play = Play(trip(", rounds: 2").replace("recovery: repair", "parallel: 1\nrecovery: repair"))
    play.ok("flight")
    play.rejected("hotel", error="sold out")
    for number in range(4):
        propose(play, {"hotel": {"needs": [f"nowhere{number}"]}})
    refused = play.events("plan_refused")
    assert [r.scope for r in refused] == ["local", "local", "neighbourhood", "neighbourhood"]
    assert [r.then for r in refused] == ["local", "neighbourhood", "neighbourhood", "person"]
    (help_,) = play.events("help_needed")
    assert (help_.step, help_.kind) == ("hotel", "replan")
    assert "no plan was admitted" in help_.reason
    assert play.open() == []
    play.check_replay()


def test_R26_the_neighbourhood_holds_what_needs_the_same():
    play = Play(trip(", rounds: 1").replace("recovery: repair", "parallel: 1\nrecovery: repair"))
    play.ok("flight")
    play.rejected("hotel", error="sold out")
    assert asked(play)["args"]["situation"]["may_change"] == ["hotel", "note", "end"]
    propose(play, {"tour": {"when": "false"}})
    (refused,) = play.events("plan_refused")
    assert refused.findings == ("'tour' can't change in this round; hotel, note, end may, and new steps",)
    assert refused.then == "neighbourhood"
    assert asked(play)["args"]["situation"]["may_change"] == ["hotel", "note", "tour", "end"]
    propose(play, {"tour": {"when": "false"}})
    assert play.run.saga.steps["tour"].when == "false"
    play.check_replay()


def test_R26_a_planner_that_turns_in_a_circle_is_not_asked_the_same_again():
    play = sold_out(", rounds: 9")
    propose(play, {"hotel": {"needs": ["nowhere"]}})
    propose(play, {"hotel": {"needs": ["nowhere"]}})
    first, second = play.events("plan_refused")
    assert (first.then, first.stalled) == ("local", False)
    assert second.stalled
    assert second.then == "person"  # nothing else is left to change
    play.check_replay()


def test_R26_the_same_findings_again_are_a_circle_too():
    play = sold_out(", rounds: 9" + BUDGET.replace(".price <=", ".price + 0 <="))
    propose(play, {"flight": {"timeout_s": 9}})
    propose(play, {"flight": {"timeout_s": 8}})
    assert [refused.stalled for refused in play.events("plan_refused")] == [False, True]


def given_up(more=", rounds: 1"):
    play = sold_out(more)
    propose(play, {"hotel": {"needs": ["nowhere"]}})
    assert play.run.attention["hotel"].kind == "replan"
    return play


def test_R21_a_person_may_plan_in_the_planners_place():
    play = given_up()
    document = play.run.saga.document()
    document["steps"] = {**document["steps"], "hotel": {**document["steps"]["hotel"], "title": "A hostel"}}
    play.do(c.Amend(document=document, reason="a hostel", by="zoe"))
    assert (play.open(), play.run.attention, play.run.planning) == (["hotel"], {}, None)
    play.check_replay()


def test_R21_a_person_may_be_content_with_the_plan_that_there_is():
    play = given_up()
    play.do(c.Amend(document=play.run.saga.document(), reason="once more", by="zoe"))
    assert play.events("plan_kept")[-1].by == "zoe"
    assert (play.open(), play.run.attention) == (["hotel"], {})
    play.check_replay()


def test_R21_a_person_may_ask_the_planner_again():
    play = given_up()
    play.do(c.TryNow(step="hotel", by="bob"))
    assert (play.open(), play.run.attention) == (["plan "], {})
    propose(play, CHEAP)
    assert play.open() == ["hotel"]
    play.check_replay()


def test_R21_a_person_may_skip_what_failed_and_the_rest_goes_on():
    play = given_up()
    play.do(c.Skip(step="hotel", reason="we sleep on the beach", by="bob"))
    assert play.status("note") == "skipped"
    assert play.status("end") == "skipped"
    assert play.run.status == "completed"
    play.check_replay()


def test_R22_a_run_that_is_planned_anew_can_be_cancelled_and_the_answer_changes_nothing():
    play = sold_out()
    play.do(c.Cancel(by="bob"))
    assert (play.run.status, play.open()) == ("draining", ["plan "])
    propose(play, CHEAP)
    assert not play.events("plan_proposed")
    assert play.open() == ["undo flight"]
    play.check_replay()


def test_R23_a_pause_holds_the_planner_back_and_keeps_its_answer():
    play = Play(trip())
    play.ok("flight")
    play.do(c.Pause(by="bob"))
    play.rejected("hotel", error="sold out")
    play.ok("tour")
    assert play.open() == []
    play.do(c.Resume(by="bob"))
    assert play.open() == ["plan "]
    play.do(c.Pause(by="bob"))
    propose(play, CHEAP)
    assert len(play.events("plan_amended")) == 1
    assert play.open() == []
    play.do(c.Resume(by="bob"))
    assert play.open() == ["hotel"]
    play.check_replay()


def test_R3_an_interrupted_call_to_a_planner_is_made_again_with_the_same_key():
    play = sold_out()
    for _ in range(3):
        play.do(c.Recover())
        assert play.open() == []
        play.advance()
        assert play.open() == ["plan "]
    intents = [i for i in play.events("attempt_intended") if i.phase == "plan"]
    assert [i.attempt for i in intents] == [1, 2, 3, 4]
    assert {i.key for i in intents} == {"p:r1:1:1"}
    propose(play, CHEAP)
    refuses(play, c.Report(step="", phase="plan", attempt=1, outcome="ok"), "no call 1 to a planner is open")
    play.check_replay()


def test_R9_a_planner_that_fails_is_asked_again_and_then_a_person():
    play = sold_out()
    play.failed("", error="the model is down")
    assert play.open() == []
    play.advance()
    assert play.open() == ["plan "]
    play.failed("", error="the model is down")
    assert play.run.attention["hotel"].reason == "the planner gave no answer: the model is down"
    play.do(c.TryNow(step="hotel", by="bob"))
    assert play.open() == ["plan "]
    play.check_replay()


def test_R3_a_planner_that_is_refused_is_not_asked_again():
    play = sold_out()
    play.rejected("", error="there is no function `propose`")
    assert play.run.attention["hotel"].reason == "the planner gave no answer: there is no function `propose`"
    assert len(play.run.plans) == 1
    play.check_replay()


def test_R39_what_a_planner_costs_is_counted_and_a_limit_holds_it_back():
    play = Play(
        trip(", rounds: 9" + BUDGET).replace("recovery:", "budget: {tokens: 100, on_limit: ask}\nrecovery:")
    )
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    play.ok("", output={"steps": DEAR, "reason": "x"}, meta={"tokens": 120})
    assert play.run.tokens == 120
    assert (play.open(), play.run.limit is not None) == ([], True)
    play.do(c.GrantLimit(reason="go on", by="bob"))
    assert play.open() == ["plan "]
    play.check_replay()


def test_R13_a_second_change_ends_the_planning_and_begins_another_one():
    play = sold_out()
    play.do(c.MarkStale(steps=("flight",), reason="the flight was moved", by="bob"))
    assert play.run.planning is None
    propose(play, CHEAP)
    assert not play.events("plan_proposed")
    play.ok("flight")
    assert play.open() == ["plan "]
    assert play.run.planning.culprits == ("flight",)
    assert asked(play)["args"]["situation"]["reason"] == "the flight was moved"
    play.check_replay()


def test_R27_a_person_who_changes_the_plan_meanwhile_is_not_overruled():
    play = sold_out()
    document = play.run.saga.document()
    document["steps"]["hotel"] = {**document["steps"]["hotel"], "title": "A hostel"}
    play.do(c.Amend(document=document, reason="a hostel", by="zoe"))
    assert play.open() == ["plan ", "hotel"]
    propose(play, CHEAP)
    assert len(play.events("plan_amended")) == 1
    play.check_replay()


WATCHED = trip().replace("flight: {<book>}", "flight: {<book>, <probe>}")


def test_R26_what_is_kept_is_looked_for_in_the_world_before_it_is_built_upon():
    play = Play(WATCHED)
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    assert play.open() == ["probe flight"]
    play.ok("flight")
    assert play.open() == ["plan "]
    play.check_replay()


def test_R26_what_is_gone_from_the_world_is_no_longer_kept():
    play = Play(WATCHED)
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    play.ok("flight", empty=True)
    (stale,) = play.events("steps_stale")
    assert stale.steps == ("flight",)
    assert play.open() == ["undo flight"]
    play.ok("flight", empty=True)
    assert play.open() == ["plan "]
    assert play.run.planning.culprits == ("flight",)
    play.check_replay()


def test_R26_a_look_that_fails_proves_nothing_and_one_that_was_interrupted_is_taken_again():
    play = Play(WATCHED)
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    play.do(c.Recover())
    assert play.open() == ["probe flight"]
    play.failed("flight", error="the look-up is down")
    assert play.open() == ["plan "]
    play.check_replay()


def test_R26_a_look_that_can_not_be_made_proves_nothing_either():
    gone = WATCHED.replace("<probe>", "probe: {with: {url: 'http://world/${app.other.id}'}}")
    writes = "args: {key: '${key}'}}, writes: {other: 'null'}}"
    play = Play("app: {other: {id: 1}}\n" + gone.replace("args: {key: '${key}'}}}", writes))
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.ok("hotel")
    play.do(c.MarkStale(by="bob", steps=("hotel",), reason="full"))
    play.ok("note")
    play.ok("hotel")
    assert play.run.app == {"other": None}
    assert play.open() == ["plan "]
    (look,) = play.run.steps["flight"].probes
    assert look.result.outcome == "failed"
    assert "can't be looked for: `app.other.id`" in look.result.error
    play.check_replay()


def test_R4_a_step_that_comes_back_after_a_plan_without_it_has_a_new_epoch():
    play = sold_out()
    hotel = play.run.saga.document()["steps"]["hotel"]
    propose(play, {"hotel": None, "hostel": hotel, "note": {"needs": ["hostel"]}})
    assert play.open() == ["hostel"]
    play.rejected("hostel", error="full")
    propose(play, {"hostel": None, "hotel": hotel, "note": {"needs": ["hotel"]}})
    assert play.open() == ["hotel"]
    keys = [i.key for i in play.events("attempt_intended") if i.step == "hotel" and i.phase == "forward"]
    assert keys == ["r1:hotel:1", "r1:hotel:2"]
    assert [i.attempt for i in play.events("attempt_intended") if i.step == "hotel"] == [1, 2]
    play.check_replay()


def test_R15_who_wants_to_plan_themselves_is_not_forestalled_by_the_planner():
    play = Play(trip().replace("recovery: repair", "recovery: ask"))
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    assert (play.run.paused, play.open()) == (True, [])


def test_R15_a_person_who_chooses_a_repair_leaves_the_plan_to_the_planner():
    play = Play(trip().replace("recovery: repair", "recovery: ask"))
    play.ok("flight")
    play.ok("tour") if "tour" in play.open() else None
    play.rejected("hotel", error="sold out")
    play.do(c.ChooseDirection(direction="repair", by="bob"))
    assert play.open() == ["plan "]


def test_R26_what_was_dropped_is_not_looked_for_before_the_rest_is_planned_anew():
    take = "take: {<book>, <probe>, <once>}, check: {<read>, <once>, needs: take}"
    play = Play(
        f"recovery: repair\nreplan: {{{BY}}}\nsteps: {{m: {{kind: map, with: {{over: [1, 2], tolerate: 1}}, body: {{steps: {{{take}}}}}}},"
        f" hotel: {{{HOTEL}, needs: m, <once>, with: {{function: book}}}}}}"
    )
    play.ok("m.1.take", "m.2.take", "m.2.check")
    play.rejected("m.1.check", error="not good")
    play.ok("m.1.take")
    play.rejected("hotel", error="sold out")
    assert play.events("replan_begun")[0].verify == ("m.2.take",)
