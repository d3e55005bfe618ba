"""R14 to R24: draining, the direction, the plan, and undoing in order, with people where it gets stuck."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core.recovery import preview
from engine.core.schedule import wake_at
from tests.core.harness import Play, back, refuses


def test_R14_after_a_fault_nothing_starts_and_running_calls_are_drained():
    play = Play("parallel: 2\nsteps: {a: {<read>, <once>}, b: {<book>}, c: {<book>}, d: {<read>, needs: b}}")
    play.rejected("a")
    assert (play.run.status, play.open()) == ("draining", ["b"])
    play.ok("b")
    assert play.order() == ["a", "b"]
    assert play.open() == ["undo b"]


def test_R14_open_approvals_are_withdrawn_and_can_no_longer_be_decided():
    play = Play("steps: {a: {<read>, <once>}, b: {kind: approval}, c: {<book>, approval: {}}, d: {<book>}}")
    play.rejected("a")
    assert [x.how for x in play.events("approval_ended")] == ["withdrawn", "withdrawn"]
    refuses(play, c.Decide(step="b", decision="approved", by="bob"), "was withdrawn already")
    refuses(play, c.Decide(step="d", decision="approved", by="bob"), "asks nobody")


def test_R15_past_the_pivot_there_is_only_forward():
    play = Play(
        "steps: {a: {<book>}, p: {<pay>, needs: a}, s: {<send>, <once>, needs: p}, t: {<send>, needs: p}}"
    )
    play.ok("a")
    play.ok("p")
    play.rejected("s")
    play.ok("t")
    assert play.events("direction_chosen")[0].direction == "forward"
    assert (play.run.status, play.run.attention["s"].kind) == ("needs_attention", "stuck_after_pivot")
    play.do(c.TryNow(step="s", by="bob"))
    play.ok("s")
    assert play.run.status == "completed"


def test_R15_a_pivot_in_doubt_is_cleared_up_first():
    play = Play("steps: {p: {<pay>, <probe>, key_ttl_s: 0}, b: {<read>, <once>}, c: {<book>}}")
    play.ok("c")
    play.unknown("p")
    play.rejected("b")
    assert play.run.status == "draining"
    play.advance()
    assert play.open() == ["probe p"]
    play.ok("p", empty=True)
    assert play.open() == ["undo c"]


def test_R15_a_person_chooses_where_the_policy_says_ask():
    for direction, ending in (("undo", "compensated"), ("forward", "completed")):
        play = Play("recovery: ask\nsteps: {a: {<book>}, b: {<read>, needs: a}}")
        refuses(play, c.ChooseDirection(direction="undo", by="bob"), "nobody asked")
        play.ok("a")
        play.do(c.Cancel(by="bob"))
        play.ok("b")
        assert (play.run.status, play.run.direction_asked) == ("needs_attention", True)
        assert [line.step for line in preview(play.run)] == ["a"]
        play.do(c.ChooseDirection(direction=direction, by="bob"))
        if direction == "undo":
            play.ok("a")
        assert play.run.status == ending


def test_R16_the_plan_holds_every_step_that_may_have_landed():
    play = Play("steps: {ok: {<book>}, no: {<book>, <once>}, maybe: {<book>, <once>},"
                " bad: {<book>, validate: [{name: x, rule: 'false'}]}, r: {<read>}}")  # fmt: skip
    play.ok("ok", "r")
    play.unknown("maybe")
    play.ok("bad")
    play.rejected("no")
    assert set(play.run.plan) == {"ok", "maybe", "bad"}


@pytest.mark.parametrize("then", ["again", "skipped"])
def test_R16_also_what_a_person_sent_on_its_way_is_in_the_plan(then):
    """A step whose effect landed and whose output was rejected, then made ready or skipped by a person."""
    play = Play(
        "recovery: ask\nsteps: {a: {<book>, <keys>, validate: [{name: x, rule: output.ok}]}, b: {<read>}}"
    )
    play.ok("a", output={"ok": False})
    play.ok("b")
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    play.do(c.Pause())
    command = c.TryNow(step="a", by="bob") if then == "again" else c.Skip(step="a", by="bob", reason="fine")
    if then == "skipped":
        play.do(command)
        assert play.run.status == "completed"
        return
    play.do(command)
    assert play.status("a") == "ready"
    play.do(c.Cancel(by="bob"))
    play.do(c.ChooseDirection(direction="undo", by="bob"))
    assert set(play.run.plan) == {"a"}
    play.do(c.Resume())
    play.ok("a")
    assert play.run.status == "compensated"


def test_R16_what_was_done_by_hand_is_undone_by_hand():
    play = Play("recovery: ask\nsteps: {a: {<book>, <once>}, b: {<read>, <once>, needs: a}}")
    play.failed("a")
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    play.do(c.MarkDone(step="a", by="bob", reason="booked by phone", output={"id": 1}))
    play.rejected("b")
    play.do(c.ChooseDirection(direction="undo", by="bob"))
    assert play.status("a") == "comp_failed"
    assert "by hand" in play.run.attention["a"].reason


def test_R17_undo_runs_against_the_dependencies_and_side_by_side():
    play = Play("steps: {a: {<book>}, b: {<book>, needs: a}, c: {<book>, needs: a}, r: {<read>, needs: b},"
                " d: {<book>, needs: [r, c]}, x: {<read>, <once>, needs: d}}")  # fmt: skip
    for name in ("a", "b", "c", "r", "d"):
        play.ok(name)
    play.rejected("x")
    assert play.open() == ["undo d"]
    play.ok("d")
    assert play.open() == ["undo c", "undo b"], "independent ones at once, the later start first"
    play.ok("c")
    assert play.open() == ["undo b"]
    play.ok("b")
    assert play.open() == ["undo a"]


def test_R17_at_most_so_many_undos_at_once():
    steps = ", ".join(f"s{i}: {{<book>}}" for i in range(7))
    play = Play(f"steps: {{{steps}, x: {{<read>, <once>}}}}")
    play.ok(*[f"s{i}" for i in range(7)])
    play.rejected("x")
    assert len(play.open()) == 4


def test_R17_what_turns_out_never_to_have_landed_still_waits_for_its_turn():
    play = Play(
        "steps: {a: {<book>}, b: {<book>, <once>, needs: a, key_ttl_s: 0}, c: {<book>, <once>, needs: b || a}}"
    )
    play.ok("a")
    play.unknown("b")
    play.ok("c")
    play.do(c.Cancel(by="bob"))
    play.failed("c", retryable=False)
    play.now += timedelta(seconds=60)
    play.do(c.Resolve(step="b", landed=False, reason="looked", by="bob"))
    assert play.open() == [], "b has nothing to undo, and a still has to wait for c"
    play.do(c.MarkDone(step="c", reason="by phone", by="bob"))
    assert (play.status("b"), play.open()) == ("empty", ["undo a"])


def test_R18_the_undo_sends_what_was_frozen():
    play = Play("steps: {a: {kind: python, with: {function: f}, effect: compensatable, compensate:"
                " {kind: python, with: {function: u, args: {id: '${output.id}', by: '${run.by}'}}}},"
                " b: {<read>, <once>, needs: a}}")  # fmt: skip
    play.ok("a", output={"id": 7})
    play.rejected("b")
    assert play.events("attempt_intended")[-1].request == {"function": "u", "args": {"id": 7, "by": "ann"}}


def test_R19_undos_are_retried_more_patiently():
    play = back()
    for _ in range(7):
        play.failed("a")
        play.advance()
    assert play.status("a") == "compensating"
    play.failed("a")
    assert play.status("a") == "comp_failed"
    assert len({i.key for i in play.events("attempt_intended") if i.phase == "undo" and i.step == "a"}) == 1


def test_R20_a_failed_undo_needs_a_person_and_the_others_go_on():
    play = Play("steps: {z: {<book>}, a: {<book>, needs: z}, b: {<book>}, x: {<read>, <once>}}")
    play.ok("z", "b")
    play.ok("a")
    play.rejected("x")
    play.rejected("a")
    assert (play.run.status, play.status("a"), play.status("z")) == (
        "needs_attention",
        "comp_failed",
        "to_compensate",
    )
    play.ok("b")
    assert play.run.status == "needs_attention"
    assert wake_at(play.run) is None


@pytest.mark.parametrize("how", ["retry", "edit", "done", "skip"])
def test_R21_a_person_settles_a_failed_undo(how):
    play = back()
    play.ok("b")
    play.rejected("a")
    refuses(play, c.Skip(step="a", reason="", by="bob"), "reason")
    if how in {"retry", "edit"}:
        play.do(c.TryNow(step="a", by="bob", reason="again", request={"id": 5} if how == "edit" else None))
        if how == "edit":
            assert play.events("attempt_intended")[-1].request == {"id": 5}
        play.ok("a")
        assert play.run.status == "compensated"
        return
    kind = c.MarkDone if how == "done" else c.Skip
    play.do(kind(step="a", reason="by phone", by="bob"))
    assert (play.run.status, play.run.exceptions) == ("compensated_with_exceptions", ["a"])
    excused = play.events("step_excused")[0]
    assert (excused.by, excused.reason) == ("bob", "by phone")


def test_R22_cancel_while_going_back_is_ignored_and_says_so():
    play = back()
    assert play.do(c.Cancel(by="bob")) == ["noted"]
    assert play.do(c.Cancel(by="bob")) == ["noted"]


def test_R22_cancel_past_the_pivot_is_refused():
    play = Play("steps: {p: {<pay>}, s: {<send>, needs: p}}")
    play.ok("p")
    refuses(play, c.Cancel(by="bob"), "point of no return")


def test_R22_giving_up_lists_what_is_left():
    play = back()
    refuses(play, c.Abandon(reason="enough", by="root"), "needs attention")
    play.rejected("a")
    play.ok("b")
    refuses(play, c.Abandon(reason="", by="root"), "reason")
    play.do(c.Abandon(reason="enough", by="root"))
    assert (play.run.status, play.run.left_behind) == ("abandoned", ("a",))
    refuses(play, c.Cancel(by="bob"), "has ended")


def test_R22_what_needed_a_person_before_the_fault_is_asked_again_so_that_it_can_be_given_up():
    play = Play("steps: {p: {<pay>, key_ttl_s: 0}, x: {<read>, <once>}}")
    play.unknown("p")
    play.tick(60)
    assert play.run.status == "running"
    play.rejected("x")
    assert play.run.status == "needs_attention"
    play.do(c.Abandon(reason="enough", by="root"))
    assert play.run.left_behind == ("p",)


def test_R23_pause_holds_new_attempts_and_records_results():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}, c: {<read>, retry: {backoff_s: 5}}}")
    play.failed("c")
    play.do(c.Pause(by="bob"))
    refuses(play, c.Pause(by="bob"), "paused already")
    play.ok("a")
    assert (play.status("a"), play.open()) == ("committed", [])
    play.tick(60)
    assert play.open() == []
    assert wake_at(play.run) is None, "a paused run has nothing to wake up for"
    play.do(c.Resume(by="bob"))
    assert set(play.open()) == {"b", "c"}
    refuses(play, c.Resume(by="bob"), "not paused")


def test_R23_pause_holds_undos_too():
    play = back()
    play.do(c.Pause(by="bob"))
    play.failed("a")
    play.ok("b")
    play.tick(600)
    assert play.open() == []
    assert wake_at(play.run) is None
    play.do(c.Resume(by="bob"))
    assert play.open() == ["undo a"]


def test_R23_also_those_that_have_not_begun():
    play = back("parallel_undo: 1\nsteps: {a: {<book>}, b: {<book>}, x: {<read>, <once>}}")
    assert play.open() == ["undo b"]
    play.do(c.Pause(by="bob"))
    play.ok("b")
    assert (play.status("b"), play.open()) == ("compensated", [])
    play.do(c.Resume(by="bob"))
    assert play.open() == ["undo a"]


def test_R24_undos_are_never_in_a_plan():
    play = back()
    play.ok("a", "b")
    assert play.run.status == "compensated"
    assert all(i.compensation is None for i in play.events("attempt_intended") if i.phase == "undo")
    assert len(play.events("direction_chosen")) == 1
