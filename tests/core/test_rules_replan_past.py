"""R26, R27 and R39 around a planner: what came before its plan, what a plan must not forget, and when nobody asks it again."""

from __future__ import annotations

from datetime import timedelta

from engine.core import commands as c
from tests.core.harness import Play
from tests.core.test_rules_replan import BY, propose


def test_R26_what_is_done_anew_is_judged_together_only_when_it_is_there_again():
    steps = "a: {<book>}, b: {<read>, <once>, needs: a}"
    together = "validate: [{kind: together, name: both, steps: [a, b]}]"
    play = Play(f"recovery: repair\nreplan: {{{BY}}}\n{together}\nsteps: {{{steps}}}")
    play.ok("a")
    play.rejected("b", error="sold out")
    play.do(c.Skip(step="b", reason="no need", by="bob"))  # while the planner is asked
    play.do(c.MarkStale(steps=("a",), reason="it is gone", by="bob"))
    play.report("", "failed")
    play.ok("a")
    assert (play.status("a"), play.status("b"), play.open()) == ("pending", "pending", ["plan "])
    propose(play, {})
    play.ok("a", "b")
    assert play.run.status == "completed"
    assert [given.verdict for given in play.events("verdict_given") if given.validator == "both"] == [
        "accept"
    ]
    play.check_replay()


def test_R39_a_planner_that_would_be_asked_again_past_the_time_meets_the_limit():
    by = "by: {kind: python, with: {function: propose}}, retry: {max_attempts: 3, backoff_s: 1}"
    play = Play(
        f"budget: {{minutes: 10, on_limit: stop}}\nrecovery: repair\nreplan: {{{by}}}\nsteps: {{a: {{<read>, <once>}}}}"
    )
    play.rejected("a", error="sold out")
    play.now += timedelta(minutes=20)
    play.report("", "failed", code="timeout")
    assert play.events("retry_scheduled")[-1].phase == "plan"
    play.advance()
    assert play.events("limit_reached")[0].limit == "minutes"
    assert play.run.is_closed
    play.check_replay()


def test_R27_a_step_of_which_an_earlier_try_may_still_land_is_kept():
    steps = "a: {<book>}, b: {<book>, <once>, <probe>, needs: a}, c: {<read>, needs: b || b.skipped}"
    play = Play(f"recovery: repair\nreplan: {{{BY}}}\nsteps: {{{steps}}}")
    play.ok("a")
    play.report("b", "unknown", error="no answer")
    play.advance()
    play.ok("b", empty=True)  # the probe found nothing
    propose(play, {"b": None, "c": {"needs": "a"}})
    (refused,) = play.events("plan_refused")
    assert any(
        said.startswith("'b' is missing, and an earlier try of it may still") for said in refused.findings
    )
    propose(play, {"b": {"when": "false"}})
    assert (play.status("b"), play.open()) == ("skipped", ["c"])
    play.do(c.Report(step="b", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert play.open() == ["c", "late b"]
    play.ok("b", "c")
    assert play.run.status == "completed"
    play.check_replay()


def test_R27_what_no_longer_belongs_together_is_not_judged_and_what_now_does_waits_for_the_rest():
    together = "validate: [{kind: together, name: both, steps: [a, b]}]"
    steps = "a: {<book>}, b: {<book>}, c: {<book>, <once>}"
    for change in ("apart", "one more"):
        play = Play(f"recovery: repair\nreplan: {{{BY}, rounds: 1}}\n{together}\nsteps: {{{steps}}}")
        play.ok("a")
        play.rejected("c", error="sold out")
        play.ok("b")
        plan = play.run.saga.document()
        if change == "apart":
            del plan["validate"]
        else:
            plan["validate"][0]["steps"].append("z")
            plan["steps"]["z"] = dict(plan["steps"]["a"])
        play.do(c.Amend(document=plan, reason=change, by="bob"))
        assert not play.events("verdict_given")
        play.ok("c", *(["z"] if change == "one more" else []))
        assert play.run.status == "completed"
        verdicts = [given.verdict for given in play.events("verdict_given")]
        assert verdicts == ([] if change == "apart" else ["accept"])
        play.check_replay()
