"""R27, R30, R31 and R33: the rest of a run planned anew, and the past that no plan changes (L20)."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.evolve import replay
from tests.core.harness import Play, refuses, saga_of

TRIP = "recovery: {how}\nsteps: {{flight: {{<book>}}, hotel: {{<book>, needs: flight, <once>}}, note: {{<read>, needs: hotel}}}}"


def plan(text):
    return saga_of(text).document()


def amend(text, reason="the hotel closed", by="zoe"):
    return c.Amend(document=plan(text), reason=reason, by=by)


def started(how="compensate"):
    play = Play(TRIP.format(how=how))
    play.ok("flight")
    return play


NEW = (
    "recovery: compensate\nsteps: {flight: {<book>}, hotel: {<book>, needs: flight, <once>}, taxi: {<book>, needs: hotel},"
    " note: {<read>, needs: taxi}}"
)


def test_R27_what_has_not_begun_may_be_added_changed_and_removed():
    play = started()
    play.do(amend(NEW))
    amended = play.events("plan_amended")[0]
    assert (amended.added, amended.changed, amended.removed) == (("taxi",), ("note",), ())
    assert play.open() == ["hotel"]
    play.ok("hotel")
    assert play.open() == ["taxi"]
    play.ok("taxi")
    play.ok("note")
    assert play.run.status == "completed"
    play.check_replay()


def test_R31_any_past_moment_shows_the_plan_of_that_moment():
    play = started()
    play.do(amend(NEW))
    amended = next(recorded.seq for recorded in play.log if recorded.event.type == "plan_amended")
    before = replay(play.saga, play.log[: amended - 1])
    assert list(before.steps) == ["flight", "hotel", "note"]
    assert list(replay(play.saga, play.log).steps) == ["flight", "hotel", "taxi", "note"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: {hotel: {<book>}}", "'flight' has begun and is missing"),
        (
            "steps: {flight: {<book>, settle_s: 9}, hotel: {<book>, needs: flight, <once>}}",
            "'flight' has begun and its `settle_s` differs",
        ),
        (
            "steps: {flight: {<book>}, hotel: {<book>, needs: flight}}",
            "'hotel' has begun and its `retry` differs",
        ),
        (
            "app: {n: 1}\nsteps: {flight: {<book>}, hotel: {<book>, needs: flight, <once>}}",
            "the saga's `app` differs",
        ),
    ],
)
def test_R27_a_plan_that_changes_what_has_begun_is_refused_with_the_differences(text, words):
    refuses(started(), amend(text), words)


def test_R12_an_amended_plan_is_checked_like_any_version():
    play = started()
    document = plan(NEW)
    document["steps"]["taxi"]["needs"] = ["nowhere"]
    refuses(play, c.Amend(document=document, reason="so", by="zoe"), "can't be run: steps.taxi.needs")
    refuses(play, c.Amend(document={"saga": "t"}, reason="so", by="zoe"), "the plan is no saga")
    refuses(play, amend(NEW, reason=" "), "say why")
    refuses(play, c.Amend(document=play.saga.document(), reason="so", by="zoe"), "nothing would change")


def test_R33_who_amends_the_plan_is_one_of_its_authors():
    play = started()
    gated = NEW.replace("taxi: {<book>,", "taxi: {<book>, approval: {four_eyes: true},")
    play.do(amend(gated))
    play.ok("hotel")
    refuses(play, c.Decide(step="taxi", decision="approved", by="zoe"), "zoe wrote this plan")
    play.decide("taxi")
    assert play.open() == ["taxi"]


def test_R26_a_repair_may_wait_for_a_new_plan_before_anything_is_done_anew():
    play = started("ask")
    play.rejected("hotel", error="closed")
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    assert (play.run.paused, play.run.status, play.open()) == (True, "running", [])
    new = (
        NEW.replace("recovery: compensate", "recovery: ask")
        .replace("hotel:", "hostel:")
        .replace("needs: hotel", "needs: hostel")
    )
    play.do(amend(new))
    play.do(c.Resume(by="bob"))
    for name in ("hostel", "taxi", "note"):
        assert play.open() == [name]
        play.ok(name)
    assert play.run.status == "completed"
    assert [old.status for old in play.run.past["hotel"]] == ["failed"]
    play.check_replay()


def test_R17_what_an_amendment_added_is_undone_in_its_place():
    play = started()
    play.do(amend(NEW))
    play.ok("hotel", "taxi")
    for _ in range(3):
        play.failed("note")
        play.advance() if not play.open() else None
    for name in ("taxi", "hotel", "flight"):
        assert play.open() == [f"undo {name}"]
        play.ok(name)
    assert play.run.status == "compensated"


def test_R22_a_run_that_goes_back_is_not_amended():
    play = started()
    play.do(c.Cancel(by="bob"))
    refuses(play, amend(NEW), "is going back")


def test_R27_a_step_that_was_ready_is_looked_at_anew_and_a_question_is_not_taken_back():
    play = Play("parallel: 1\nsteps: {a: {<read>}, b: {<read>}, q: {<read>, approval: {}}}")
    assert (play.status("b"), play.status("q")) == ("ready", "ready")
    play.do(amend("parallel: 1\nsteps: {a: {<read>}, b: {<read>, needs: a}, q: {<read>, needs: b}}"))
    assert (play.status("b"), play.status("q")) == ("pending", "pending")
    play.ok("a", "b", "q")
    assert play.run.status == "completed"
    play.check_replay()


def test_R27_a_step_of_a_new_epoch_may_change_because_its_past_is_kept_apart():
    play = Play("recovery: ask\nsteps: {a: {<book>}, x: {<read>, <once>, needs: a}}")
    play.ok("a")
    play.rejected("x")
    play.do(c.ChooseDirection(direction="repair", culprits=("a",), replan=True, by="bob"))
    play.ok("a")
    play.do(amend("recovery: ask\nsteps: {a: {<book>, settle_s: 9}, x: {<read>, needs: a}}"))
    play.do(c.Resume(by="bob"))
    play.ok("a", "x")
    assert play.run.status == "completed"
    assert [i.key for i in play.events("attempt_intended") if i.step == "a" and i.phase == "forward"] == [
        "r1:a:1",
        "r1:a:2",
    ]
    play.check_replay()


def test_R27_a_step_that_was_called_and_is_ready_for_another_try_has_begun():
    play = Play("steps: {p: {<pay>}, s: {<send>, <once>, needs: p}}")
    play.ok("p")
    play.rejected("s")
    play.do(c.Pause(by="bob"))
    play.do(c.TryNow(step="s", by="bob"))
    assert play.status("s") == "ready"
    refuses(
        play, amend("steps: {p: {<pay>}, s: {<send>, needs: p}}"), "'s' has begun and its `retry` differs"
    )


def test_R27_a_composite_that_failed_when_all_inside_had_ended_has_begun_though_it_is_ready():
    text = "steps: {p: {<pay>}, m: {kind: map, needs: p, with: {over: [1], gather: merge}, body: {steps: {x: {<send>}}}}}"
    play = Play(text)
    play.ok("p")
    play.ok("m.1.x", output=3)
    play.do(c.Pause(by="bob"))
    play.do(c.TryNow(step="m", by="bob"))
    assert play.status("m") == "ready"
    refuses(play, amend(text.replace("merge", "concat")), "'m' has begun and its `with` differs")
    refuses(play, amend("steps: {p: {<pay>}}"), "'m' has begun and is missing")


def test_R25_an_amendment_keeps_a_step_with_an_effect_that_landed_late():
    play = Play(
        "recovery: ask\nsteps: {a: {<book>, <once>, timeout_s: 5, settle_s: 1}, b: {<read>, needs: a}}"
    )
    play.unknown("a")
    while not play.run.direction_asked:
        play.advance()
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    while play.run.repairs == 0:
        play.ok("a", empty=True) if play.run.open_calls else play.advance()
    play.do(c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert list(play.run.late) == ["a"]
    document = play.run.saga.document()
    document["steps"] = {"b": {**document["steps"]["b"], "needs": []}}
    refuses(play, c.Amend(document=document, reason="without it", by="bob"), "'a' has begun and is missing")
