"""R15, R16, R26 and R4: repair - only what is affected is undone and done anew, in a new epoch; the rest stays."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.mend import missing
from tests.core.harness import Play, refuses

JUDGE = "name: judge, kind: judge, rubric: Is it good?"
TRIP = (
    "recovery: repair\nsteps: {flight: {<book>}, hotel: {<book>, needs: flight}, car: {<book>, needs: hotel, <once>},"
    " train: {<book>, needs: flight}, note: {<read>, needs: [car, train]}}"
)


def until_the_car(**more):
    """A trip whose car fails, while flight, hotel and train are booked."""
    play = Play(TRIP)
    play.ok("flight")
    play.ok("hotel", "train", output={"n": 1})
    return play


def test_R26_only_the_failed_step_is_done_anew_and_the_rest_stays():
    play = until_the_car()
    play.failed("car", error="no car")
    chosen = play.events("direction_chosen")[0]
    assert (chosen.direction, chosen.culprits, chosen.affected) == ("repair", ("car",), ("car", "note"))
    assert [entry.step for entry in chosen.plan] == []
    assert play.events("steps_redone")[0].steps == ("car", "note")
    assert (play.run.status, play.open()) == ("running", ["car"])
    play.check_replay()
    play.ok("car")
    play.ok("note")
    assert play.run.status == "completed"
    assert play.order("undo") == []
    play.check_replay()


def test_R26_what_may_have_landed_of_the_affected_is_undone_first_in_reverse():
    play = until_the_car()
    play.do(c.MarkStale(steps=("hotel",), reason="the hotel closed", by="bob"))
    assert play.open() == ["car"]  # drained first
    play.ok("car")
    assert play.run.status == "repairing"
    assert [entry.step for entry in play.events("direction_chosen")[0].plan] == ["car", "hotel"]
    play.ok("car")
    play.ok("hotel")
    assert (play.status("flight"), play.status("train")) == ("committed", "committed")
    assert play.open() == ["hotel"]
    play.check_replay()
    for name in ("hotel", "car", "note"):
        play.ok(name)
    assert play.run.status == "completed"
    assert play.order("undo") == ["car", "hotel"]
    play.check_replay()


def test_R04_a_new_epoch_has_new_keys_and_numbers_go_on():
    play = until_the_car()
    play.do(c.MarkStale(steps=("hotel",), reason="closed", by="bob"))
    play.failed("car")
    play.ok("hotel")
    intents = [i for i in play.events("attempt_intended") if i.step == "hotel" and i.phase == "forward"]
    assert [(i.key, i.epoch, i.attempt) for i in intents] == [("r1:hotel:1", 1, 1), ("r1:hotel:2", 2, 2)]
    assert [i.compensation.key for i in intents] == ["c:r1:hotel:1", "c:r1:hotel:2"]
    assert [old.epoch for old in play.run.past["hotel"]] == [1]


def test_R26_after_so_many_repairs_a_person_chooses():
    play = Play("recovery: repair\nmax_repairs: 2\nsteps: {a: {<book>}, x: {<read>, <once>, needs: a}}")
    play.ok("a")
    for _ in range(3):
        play.rejected("x", error="no")
    assert (play.run.status, play.run.direction_asked) == ("needs_attention", True)
    assert len(play.events("steps_redone")) == 2
    play.do(c.ChooseDirection(direction="undo", by="bob"))
    play.ok("a")
    assert play.run.status == "compensated"
    play.check_replay()


@pytest.mark.parametrize("source", ["cancel", "deadline"])
def test_R15_a_fault_that_no_step_is_to_blame_for_undoes_everything(source):
    play = Play(
        ("deadline_s: 5\n" if source == "deadline" else "")
        + "recovery: repair\nsteps: {a: {<book>}, w: {kind: wait, needs: a, with: {duration_s: 60}}}"
    )
    play.ok("a")
    play.do(c.Cancel(by="bob")) if source == "cancel" else play.tick(6)
    assert (play.run.fault.source, play.open()) == (source, ["undo a"])


def test_R26_a_landed_pivot_is_never_in_an_affected_set():
    play = Play("recovery: repair\nsteps: {a: {<book>}, p: {<pay>, needs: a}, s: {<send>, needs: p}}")
    play.ok("a", "p")
    refuses(play, c.MarkStale(steps=("a",), reason="changed", by="bob"), "point of no return")


def test_R15_past_the_pivot_the_run_goes_forward_only():
    play = Play("recovery: repair\nsteps: {p: {<pay>}, s: {<send>, <once>, needs: p}}")
    play.ok("p")
    play.failed("s")
    assert (play.run.status, play.events("steps_redone")) == ("needs_attention", [])


def test_R26_what_could_not_be_undone_is_not_done_twice():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, b: {kind: python, with: {function: book}, effect: compensatable, compensate: none,"
        " compensate_reason: it can't be, needs: a}, x: {<read>, needs: b}}"
    )
    play.ok("a", "b")
    play.do(c.MarkStale(steps=("b",), reason="changed", by="bob"))
    play.failed("x", code="stopped", retryable=False)
    assert [d.direction for d in play.events("direction_chosen")] == ["repair", "undo"]
    play.ok("a")
    assert play.run.status == "compensated_with_exceptions"
    play.check_replay()


def test_R26_with_ask_a_person_may_choose_a_repair_and_name_the_culprits():
    play = Play("recovery: ask\nsteps: {a: {<book>}, b: {<book>, needs: a}, x: {<read>, <once>, needs: b}}")
    play.ok("a", "b")
    play.rejected("x")
    refuses(play, c.ChooseDirection(direction="repair", culprits=("z",), by="bob"), "no step 'z'")
    play.do(c.ChooseDirection(direction="repair", culprits=("b",), by="bob"))
    assert play.open() == ["undo b"]
    play.ok("b")
    assert (play.status("a"), play.open()) == ("committed", ["b"])
    play.check_replay()


def test_R26_a_repair_that_leaves_a_failed_step_as_it_is_is_refused():
    play = Play("recovery: ask\nsteps: {a: {<book>}, b: {<book>}, x: {<read>, <once>, needs: b}}")
    play.ok("a", "b")
    play.rejected("x")
    refuses(
        play, c.ChooseDirection(direction="repair", culprits=("a",), by="bob"), "x failed and would stay so"
    )


def test_R26_what_was_chosen_by_a_branch_is_chosen_anew():
    play = Play(
        "recovery: repair\nsteps: {r: {kind: route, with: {branches: [x, y], default: x}}, a: {<book>, needs: r.x}, b: {<read>, needs: r.y}}"
    )
    play.ok("r", output={"branch": "x"})
    assert (play.status("b"), play.open()) == ("skipped", ["a"])
    play.do(c.MarkStale(steps=("r",), reason="changed", by="bob"))
    play.ok("a")
    play.ok("a")
    play.ok("r", output={"branch": "y"})
    assert (play.status("a"), play.open()) == ("skipped", ["b"])
    play.ok("b")
    assert play.run.status == "completed"
    play.check_replay()


def test_R26_a_question_withdrawn_on_the_way_is_asked_again():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, ask: {kind: approval, needs: a}, x: {<read>, <once>, needs: a}}"
    )
    play.ok("a")
    play.rejected("x")
    assert play.open() == ["x"]
    assert (play.status("ask"), play.run.steps["ask"].approval.status) == ("awaiting_approval", "open")
    play.check_replay()


def test_R26_a_wait_that_is_not_affected_ends_when_it_was_to_end():
    play = Play(
        "recovery: repair\nsteps: {a: {<read>}, w: {kind: wait, with: {duration_s: 9}}, x: {<read>, <once>, needs: a}}"
    )
    play.ok("a")
    play.rejected("x")
    play.ok("x")
    play.advance()
    assert ((play.now - play.log[0].at).total_seconds(), play.run.status) == (9, "completed")


def test_R13_nothing_has_changed_for_what_has_not_begun():
    play = Play(TRIP)
    refuses(play, c.MarkStale(steps=("hotel",), reason="closed", by="bob"), "has not begun")
    refuses(play, c.MarkStale(steps=("flight",), reason=" ", by="bob"), "say what has changed")


def test_R22_a_repair_is_not_cancelled_half_way():
    play = until_the_car()
    play.do(c.MarkStale(steps=("hotel",), reason="closed", by="bob"))
    play.failed("car")
    refuses(play, c.Cancel(by="bob"), "is being repaired")


def test_R20_an_undo_that_fails_in_a_repair_needs_a_person_and_the_repair_goes_on():
    play = until_the_car()
    play.do(c.MarkStale(steps=("hotel",), reason="closed", by="bob"))
    play.failed("car")
    play.rejected("hotel", error="no")
    assert (play.run.status, play.status("hotel")) == ("needs_attention", "comp_failed")
    play.do(c.MarkDone(step="hotel", reason="cancelled by phone", by="bob"))
    assert (play.run.status, play.open()) == ("running", ["hotel"])
    play.check_replay()


def test_R25_what_lands_after_its_epoch_was_undone_is_undone_by_itself():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>, <once>, key_ttl_s: 0, timeout_s: 5, settle_s: 1}, x: {<read>, <once>, needs: a}}"
    )
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    assert play.open() == ["a"]
    refuses(play, c.Report(step="a", phase="undo", attempt=1, outcome="ok"), "has its result already")
    play.do(c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert play.open() == ["a", "late a"]
    undo = play.events("attempt_intended")[-1]
    assert (undo.request["args"], undo.key) == ({"key": "r1:a:1"}, "c:r1:a:2:late1")
    play.ok("a", output={"id": 2})
    play.ok("a")
    play.ok("x")
    assert play.run.status == "completed"
    play.check_replay()


def test_R07_nothing_begins_anew_while_an_old_undo_may_still_take_effect():
    play = Play("recovery: repair\nsteps: {a: {<book>, settle_s: 5}, x: {<read>, needs: a}}")
    play.ok("a")
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.failed("x", code="stopped", retryable=False)
    while play.status("a") != "comp_failed":
        play.unknown("a")
        if play.status("a") != "comp_failed":
            play.advance()
    play.do(c.MarkDone(step="a", reason="by phone", by="bob"))
    assert (play.run.status, play.open()) == ("repairing", [])
    settles = play.run.steps["a"].undo_settles_at
    play.advance()
    assert (play.now, play.open()) == (settles, ["a"])


def test_R33_a_decision_about_an_earlier_question_is_refused():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, b: {<book>, needs: a, approval: {}}, x: {<read>, <once>, needs: a}}"
    )
    play.ok("a")
    seen = play.run.steps["b"].approval.seq
    play.rejected("x")
    refuses(
        play, c.Decide(step="b", decision="approved", by="bob", question=seen), "asked anew since you looked"
    )
    play.do(c.Decide(step="b", decision="approved", by="bob", question=play.run.steps["b"].approval.seq))
    assert play.open() == ["x", "b"]


def test_R05_what_is_done_anew_waits_for_what_it_needs_again():
    play = Play("recovery: ask\nsteps: {a: {<read>}, b: {<read>, needs: a}, x: {<read>, <once>, needs: b}}")
    play.ok("a", "b")
    play.rejected("x")
    play.do(c.ChooseDirection(direction="repair", culprits=("a",), by="bob"))
    assert play.open() == ["a"]


def test_R37_locks_that_come_in_the_middle_of_a_repair_are_asked_for_anew():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, b: {<book>, needs: a, locks: [seat]}, x: {<read>, <once>, needs: a}}"
    )
    play.ok("a")
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.failed("x", code="stopped", retryable=False)
    refuses(play, c.GrantLocks(step="b"), "waits for no locks")
    play.ok("a")
    play.ok("a")
    assert play.status("b") == "awaiting_locks"
    play.do(c.GrantLocks(step="b"))
    assert "b" in play.open()


def test_R26_steps_that_belong_together_are_not_left_apart_by_a_repair_elsewhere():
    play = Play(
        "recovery: ask\nvalidate: [{name: both, kind: together, steps: [a, b]}]\napp: {n: 0}\n"
        "steps: {a: {<book>}, b: {<book>, needs: a, when: app.n > 0}, z: {<read>}}"
    )
    play.ok("z")
    play.ok("a")
    assert play.run.direction_asked
    refuses(
        play, c.ChooseDirection(direction="repair", culprits=("z",), by="bob"), "a failed and would stay so"
    )


def test_R29_an_invariant_that_is_broken_after_a_repair_turns_the_run_around_again():
    play = Play(
        "recovery: repair\napp: {n: 0}\ninvariants: [{name: few, rule: app.n < 1}]\n"
        "steps: {a: {<book>, writes: {n: app.n + 1}}, x: {<read>, <once>}}"
    )
    play.rejected("x")
    play.ok("a")
    assert [f.source for f in play.run.faults] == ["rejected", "invariant"]
    assert play.run.direction_asked
    play.check_replay()


def test_R26_what_is_kept_and_answers_during_a_repair_is_checked_after_it():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>, <once>}, k: {<book>, <keys>, timeout_s: 5, retry: {max_attempts: 3, backoff_s: 60},"
        f" validate: [{{{JUDGE}}}]}}}}"
    )
    play.unknown("k")
    play.unknown("a")
    play.advance()
    assert play.run.status == "repairing"
    play.do(c.Report(step="k", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert play.status("k") == "validating"
    play.ok("a")
    assert play.open() == ["check k", "a"]
    play.check_replay()


def test_R28_a_verdict_names_the_call_of_the_run_that_it_is_about():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>, validate: [{name: fine, rule: 'true'}]}, x: {<read>, needs: a}}"
    )
    play.ok("a", output={})
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.failed("x", code="stopped", retryable=False)
    play.ok("a")
    play.ok("a", output={})
    calls = [i.attempt for i in play.events("attempt_intended") if (i.step, i.phase) == ("a", "forward")]
    assert [v.attempt for v in play.events("verdict_given")] == calls == [1, 2]


def test_R39_who_repairs_a_run_that_was_stopped_at_a_limit_grants_it():
    play = Play(
        "recovery: ask\nbudget: {calls: 1, on_limit: stop}\nsteps: {a: {<book>}, b: {<read>, needs: a}}"
    )
    play.ok("a")
    play.do(c.ChooseDirection(direction="repair", culprits=("b",), by="bob"))
    assert play.open() == ["b"]
    assert missing(play.run, play.now) == []
    play.ok("b")
    assert play.run.status == "completed"
    play.check_replay()


KEPT = (
    "recovery: repair\nsteps: {{a: {{<book>, <once>, settle_s: 1, timeout_s: 9}},"
    " k: {{<book>, timeout_s: 5, settle_s: 30, retry: {{max_attempts: {tries}, backoff_s: 60}}}}{more}}}"
)


def settled_in_a_repair(*, landed, tries=3, more="", **command):
    """A repair of `a`, in the middle of which it becomes known whether `k`, which it keeps, landed."""
    play = Play(KEPT.format(tries=tries, more=more))
    play.unknown("k")
    play.unknown("a")
    play.advance()
    play.tick(40)
    assert (play.run.status, play.status("k"), play.open()) == ("repairing", "unknown", ["undo a"])
    play.do(c.Resolve(step="k", landed=landed, reason="looked", by="bob", **command))
    assert missing(play.run, play.now) == []
    return play


def test_R06_what_a_repair_keeps_and_did_not_land_is_tried_again_behind_it():
    play = settled_in_a_repair(landed=False)
    assert (play.status("k"), play.open()) == ("retry_wait", ["undo a"])
    play.tick(100)
    assert play.open() == ["undo a"]  # nothing goes forward before (R14)
    play.ok("a")
    assert play.open() == ["a", "k"]
    assert {i.key for i in play.events("attempt_intended") if i.step == "k"} == {"r1:k:1"}
    play.ok("a", "k")
    assert play.run.status == "completed"
    play.check_replay()


def test_R13_what_a_repair_keeps_and_did_not_land_fails_behind_it_where_no_try_is_left():
    play = settled_in_a_repair(landed=False, tries=1)
    assert (play.events("step_failed")[1:], play.run.repairs) == ([], 0)
    play.ok("a")
    assert [fault.step for fault in play.run.faults] == ["a", "k"]
    assert play.run.faults[-1].reason == "gave up after 1 attempts; none landed"
    play.ok("a", "k")
    assert (play.run.status, play.run.repairs) == ("completed", 2)
    play.check_replay()


def test_R13_what_a_repair_keeps_and_did_not_land_is_no_fault_where_others_wait_for_its_failure():
    play = settled_in_a_repair(landed=False, tries=1, more=", b: {<read>, needs: k.failed}")
    play.ok("a")
    assert (play.status("k"), play.open()) == ("handled", ["a", "b"])
    play.ok("a", "b")
    assert (play.run.status, play.run.repairs) == ("completed", 1)
    play.check_replay()


@pytest.mark.parametrize(("tries", "status"), [(1, "failed"), (3, "withdrawn")])
def test_R38_what_a_repair_keeps_and_did_not_land_is_not_unknown_once_all_goes_back(tries, status):
    play = settled_in_a_repair(landed=False, tries=tries)
    play.rejected("a", error="no")
    play.do(c.Skip(step="a", reason="let it be", by="bob"))
    assert (play.run.status, play.status("k")) == ("compensated_with_exceptions", status)
    play.check_replay()


def test_R11_what_a_repair_keeps_and_nobody_has_checked_is_undone_once_all_goes_back():
    play = settled_in_a_repair(landed=True, output={"id": 1})
    play.rejected("a", error="no")
    play.do(c.Skip(step="a", reason="let it be", by="bob"))
    assert (play.run.status, play.status("k"), play.open()) == ("compensating", "compensating", ["undo k"])
    play.ok("k")
    assert play.run.status == "compensated_with_exceptions"
    play.check_replay()


def test_R25_what_a_repair_keeps_and_lands_though_somebody_had_looked_is_its_effect():
    play = settled_in_a_repair(landed=False)
    play.do(c.Report(step="k", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert (play.status("k"), play.open()) == ("validating", ["undo a"])
    play.ok("a")
    assert (play.status("k"), play.open()) == ("committed", ["a"])
    play.ok("a")
    assert (play.run.status, play.order("late")) == ("completed", [])
    play.check_replay()


def test_R15_a_pivot_that_lands_in_a_repair_though_a_probe_had_found_nothing_needs_a_person():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, x: {<read>, <once>, needs: a},"
        " p: {<pay>, <probe>, timeout_s: 5, settle_s: 0, retry: {max_attempts: 3, backoff_s: 60}}}"
    )
    play.ok("a")
    play.unknown("p")
    play.advance()
    play.ok("p", empty=True)  # the probe
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.failed("x", code="stopped", retryable=False)
    assert (play.run.status, play.status("p"), play.open()) == ("repairing", "retry_wait", ["undo a"])
    play.do(c.Report(step="p", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert {step: asked.kind for step, asked in play.run.attention.items()} == {"p": "late_success"}
    play.check_replay()
