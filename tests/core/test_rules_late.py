"""R3, R25: an attempt that was given up lands after all, and nothing of it stays in the world unseen."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.late import incident_of
from tests.core.harness import Play, refuses

LOOSE = (
    "{a: {kind: python, with: {function: book}, effect: compensatable, key_ttl_s: 0, timeout_s: 5, settle_s: 1,"
    " probe: {with: {url: 'http://world/look'}}, compensate: {kind: python, with: {function: undo, args: {%s}}}}"
    ", x: {<read>, needs: a}}"
)
BY_OUTPUT, BY_KEY = LOOSE % "id: '${output.id}'", LOOSE % "key: '${key}'"


def late(play, step="a", attempt=1, **more):
    return play.do(c.Report(step=step, phase="forward", attempt=attempt, outcome="ok", **more))


def tried_again(steps=BY_OUTPUT):
    """A step whose first attempt was found not to have landed, and whose second one is under way."""
    play = Play(f"steps: {steps}")
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.advance()
    assert play.open() == ["a"]
    return play


def test_R03_an_answer_that_comes_while_the_outcome_is_open_resolves_it():
    play = Play(f"steps: {BY_OUTPUT}")
    play.unknown("a")
    late(play, output={"id": 7})
    assert play.events("attempt_resolved")[0].how == "late"
    assert play.statuses() == {"run": "running", "a": "committed", "x": "running"}
    assert play.run.steps["a"].output == {"id": 7}
    play.check_replay()


def test_R25_where_the_target_has_no_keys_each_landed_attempt_is_undone_by_its_own_output():
    play = tried_again()
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    assert play.open() == ["x", "late a"]
    intent = play.events("attempt_intended")[-1]
    assert (intent.request["args"], intent.key) == ({"id": 1}, "c:r1:a:1:late1")
    play.ok("x")
    assert play.run.status == "running", "a run does not end while an effect is one too many"
    play.ok("a")
    assert play.run.status == "completed"
    assert play.status("a") == "committed"
    play.check_replay()


def test_R25_both_are_undone_in_a_rollback_one_call_each():
    play = tried_again()
    play.ok("a", output={"id": 2})
    play.do(c.Cancel(by="bob"))
    late(play, output={"id": 1})
    for _ in range(3):
        for name in play.open():
            play.ok(name.removeprefix("undo ").removeprefix("late "))
    undone = [i.request["args"]["id"] for i in play.events("attempt_intended") if i.phase in {"undo", "late"}]
    assert sorted(undone) == [1, 2]
    assert play.run.status == "compensated"


def test_R25_one_that_lands_after_its_undo_found_nothing_is_undone_again_under_another_key():
    play = Play("steps: {a: {<book>, <keys>, <once>, settle_s: 0, timeout_s: 1}, b: {<book>}}")
    play.ok("b")
    play.unknown("a")
    play.do(c.Cancel(by="bob"))
    play.advance()
    assert play.open() == ["undo b", "undo a"]
    play.ok("a", empty=True)
    assert play.status("a") == "empty"
    late(play)
    assert play.open() == ["undo b", "late a"]
    play.ok("b")
    assert play.run.status == "compensating"
    play.ok("a")
    assert play.run.status == "compensated"
    keys = [i.key for i in play.events("attempt_intended") if i.step == "a" and i.phase != "forward"]
    assert keys == ["c:r1:a:1", "c:r1:a:1:late1"]
    play.check_replay()


def test_R25_the_same_key_at_a_target_that_honours_it_is_the_same_effect():
    play = Play("steps: {a: {<book>, <keys>, settle_s: 0, timeout_s: 1, <probe>}, x: {<read>, needs: a}}")
    play.unknown("a")
    play.advance()
    play.ok("a", output={"id": 1})
    refuses(play, c.Report(step="a", phase="forward", attempt=1, outcome="ok"), "has its result already")
    assert play.open() == ["x"]


def test_R25_a_late_effect_that_the_step_still_waits_for_is_its_effect():
    play = Play(
        "recovery: ask\nsteps: " + BY_OUTPUT.replace("key_ttl_s", "retry: {max_attempts: 1}, key_ttl_s")
    )
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    assert (play.status("a"), play.run.status) == ("failed", "needs_attention")
    late(play, output={"id": 1})
    assert (play.status("a"), play.run.steps["a"].output) == ("committed", {"id": 1})
    play.do(c.ChooseDirection(direction="undo", by="bob"))
    assert play.open() == ["undo a"]


def test_R15_a_pivot_that_lands_while_a_person_chooses_leaves_no_choice():
    play = Play("recovery: ask\nsteps: {p: {<pay>, <probe>, <once>, timeout_s: 1, settle_s: 0}}")
    play.unknown("p")
    play.advance()
    play.ok("p", empty=True)
    assert play.run.direction_asked
    late(play, step="p")
    assert (play.run.status, play.status("p")) == ("completed", "committed")


@pytest.mark.parametrize(("command", "ending"), [
    (c.MarkDone(step="a", reason="cancelled by phone", by="bob"), "done"),
    (c.Skip(step="a", reason="we keep both", by="bob"), "skipped"),
])  # fmt: skip
def test_R21_a_late_effect_that_only_goes_by_the_shared_key_needs_a_person(command, ending):
    play = tried_again(BY_KEY)
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    assert play.run.attention["a"].kind == "late_success"
    assert "would undo the effect that counts as well" in play.run.attention["a"].reason
    play.ok("x")
    assert play.run.status == "running"
    play.do(command)
    assert play.events("late_undone")[0].how == ending
    assert (play.run.status, play.run.exceptions) == ("completed", ["a"])
    play.check_replay()


def test_R20_a_failed_undo_of_a_late_effect_is_tried_again_and_then_needs_a_person():
    steps = BY_OUTPUT.replace(
        "compensate: {", "compensate: {retry: {max_attempts: 2, backoff_s: 1, jitter: 0}, "
    )
    play = tried_again(steps)
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    play.failed("a")
    play.advance()
    assert play.open() == ["x", "late a"]
    play.failed("a")
    assert play.run.attention["a"].kind == "late_success"
    play.do(c.TryNow(step="a", by="bob"))
    play.ok("a")
    play.ok("x")
    assert play.run.status == "completed"
    assert [i.attempt for i in play.events("attempt_intended") if i.phase == "late"] == [1, 2, 3]
    play.check_replay()


def test_R19_an_undo_that_answers_late_has_undone_it():
    play = Play("steps: {a: {<book>}, x: {<read>, <once>}}")
    play.ok("a")
    play.rejected("x")
    play.unknown("a")
    assert play.open() == []
    play.do(c.Report(step="a", phase="undo", attempt=1, outcome="ok"))
    assert (play.status("a"), play.run.status) == ("compensated", "compensated")
    play.check_replay()


def test_R38_after_the_end_a_late_effect_is_an_incident_and_the_log_stays_as_it_is():
    play = Play("steps: {a: {<book>, <keys>, <once>, settle_s: 0, timeout_s: 1}}")
    play.unknown("a")
    play.do(c.Cancel(by="bob"))
    play.advance()
    play.ok("a", empty=True)
    assert play.run.status == "compensated"
    report = c.Report(step="a", phase="forward", attempt=1, outcome="ok")
    refuses(play, report, "has ended")
    assert incident_of(play.run, report) == "attempt 1 of 'a' landed after the run had ended as compensated"
    assert incident_of(play.run, report.model_copy(update={"outcome": "failed"})) == ""
    assert incident_of(play.run, report.model_copy(update={"step": "nobody"})) == ""


def test_R25_a_late_answer_to_a_try_that_shares_its_key_with_the_one_that_counts_is_only_noted():
    steps = "{a: {<book>, <keys>, retry: {max_attempts: 2, backoff_s: 60}}, x: {<read>, needs: a}}"
    play = Play(f"steps: {steps}")
    play.unknown("a")
    play.tick(40)
    play.do(c.Resolve(step="a", landed=False, reason="looked", by="bob"))
    play.advance()
    play.ok("a", output={"id": 1})
    assert late(play) == ["noted"]
    assert play.open() == ["x"]


def test_R25_a_late_effect_that_waited_for_a_person_is_undone_once_nothing_else_goes_by_the_key():
    play = tried_again(BY_KEY)
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    play.rejected("x")
    assert play.open() == ["undo a"]
    play.ok("a")
    assert play.open() == ["late a"]
    play.ok("a", empty=True)
    assert play.run.status == "compensated"


def test_R25_where_the_target_may_have_honoured_the_key_a_person_looks_first():
    play = tried_again(BY_OUTPUT.replace("key_ttl_s: 0", "key_ttl_s: 8"))
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    assert "it may be the effect that counts; look first" in play.run.attention["a"].reason


def test_R25_the_same_answer_is_the_same_effect():
    play = tried_again(BY_OUTPUT.replace("key_ttl_s: 0", "key_ttl_s: 8"))
    play.ok("a", output={"id": 2})
    assert late(play, output={"id": 2}) == ["noted"]


def test_R21_a_failed_undo_and_a_late_effect_of_one_step_are_settled_one_after_the_other():
    play = tried_again(BY_OUTPUT.replace("${output.id}", "${output.id + app.nothing}"))
    play.ok("a", output={"id": 2})
    late(play, output={"id": 1})
    assert play.run.attention["a"].kind == "late_success"
    play.rejected("x")
    assert play.run.attention["a"].kind == "comp_failed"
    play.do(c.TryNow(step="a", by="bob"))
    assert play.run.attention["a"].kind == "comp_failed"
    play.do(c.MarkDone(step="a", reason="by phone", by="bob"))
    assert play.run.attention["a"].kind == "late_success"
    play.do(c.MarkDone(step="a", reason="by phone, too", by="bob"))
    assert play.run.status == "compensated_with_exceptions"


def test_R25_a_late_effect_says_nothing_about_the_attempt_that_counts():
    play = Play("steps: {a: {kind: python, with: {function: book}, effect: compensatable, key_ttl_s: 0, timeout_s: 5, settle_s: 1,"
                " probe: {with: {url: 'http://world/look'}}, compensate: {kind: python, with: {function: undo, args: {id: '${output.id}'}}}}, x: {<read>}}")  # fmt: skip
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.advance()
    play.unknown("a")
    play.do(c.Cancel(by="bob"))
    play.failed("x")
    late(play, output={"id": 1})
    assert play.status("a") == "to_compensate", "its own attempt is still in doubt"
    play.advance()
    assert play.open() == ["probe a"]
    play.ok("a", output={"id": 2})
    assert play.events("attempt_intended")[-1].request["args"] == {"id": 2}


def test_R25_what_lands_after_a_person_did_it_by_hand_needs_a_look():
    steps = "{p: {<pay>}, a: {<book>, <probe>, <once>, timeout_s: 1, settle_s: 0, key_ttl_s: 0}"
    play = Play(f"steps: {steps}, w: {{kind: wait, needs: p, with: {{duration_s: 900}}}}}}")
    play.unknown("a")
    play.ok("p")
    play.advance()
    play.ok("a", empty=True)
    assert play.run.attention["a"].kind == "stuck_after_pivot"
    play.do(c.MarkDone(step="a", reason="by phone", output={"id": 9}, by="bob"))
    late(play, output={"id": 1})
    assert "which may be the same; look first" in play.run.attention["a"].reason
    play.do(c.MarkDone(step="a", reason="it is the one from the phone call", by="bob"))
    play.advance()
    assert (play.run.status, play.run.exceptions) == ("completed", ["a"])


def test_R25_a_question_about_a_late_effect_does_not_take_the_place_of_one_about_the_output():
    asks = "settle_s: 1, validate: [{name: v, rule: 'false', on_fail: ask}],"
    play = tried_again(BY_OUTPUT.replace("settle_s: 1,", asks))
    late(play, output={"id": 1})
    assert play.open() == ["a", "late a"]
    play.do(c.Report(step="a", phase="forward", attempt=2, outcome="ok", output={"id": 2}))
    assert play.run.attention["a"].kind == "verdict"
    play.do(c.Report(step="a", phase="late", attempt=1, outcome="rejected", error="no"))
    assert play.run.attention["a"].kind == "late_success"
    play.check_replay()
    play.do(c.MarkDone(step="a", reason="by phone", by="bob"))
    assert play.run.attention["a"].kind == "verdict", "nobody has answered that"
    play.do(c.GiveVerdict(step="a", decision="accept", reason="fine", by="bob"))
    play.ok("x")
    assert (play.run.status, play.status("a")) == ("completed", "committed")
    play.check_replay()


def test_R38_after_the_end_a_late_effect_of_an_epoch_that_a_repair_ended_is_an_incident_too():
    book = "{<book>, <probe>, <once>, timeout_s: 3, settle_s: 1}"
    play = Play(f"recovery: repair\nsteps: {{a: {book}, b: {{<read>, needs: a}}}}")
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.ok("a", output={"id": 2})
    play.ok("b")
    assert (play.run.status, play.run.steps["a"].epoch) == ("completed", 2)
    report = c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1})
    assert incident_of(play.run, report) == "attempt 1 of 'a' landed after the run had ended as completed"
    again = report.model_copy(update={"attempt": 2})
    assert incident_of(play.run, again) == ""
