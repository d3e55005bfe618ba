"""R29 to R33, R38: invariants, the fold, timers, approvals, the end; and the state machines themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.decide import turn
from engine.core.errors import CommandRejected, IllegalTransition
from engine.core.evolve import evolve, replay
from engine.core.run import RUN_MACHINE, STEP_MACHINE, Run
from engine.core.schedule import due, wake_at
from tests.core.harness import T0, Play, back, refuses, saga_of


def test_R29_invariants_are_checked_at_each_commit():
    play = Play("app: {n: 0}\ninvariants: [{name: low, rule: app.n < 5}]\n"
                "steps: {a: {<book>, writes: {n: output.n}}}")  # fmt: skip
    play.ok("a", output={"n": 5})
    assert play.run.fault.source == "invariant"
    assert "`app.n < 5` with n = 5" in play.run.fault.reason
    assert play.open() == ["undo a"]


def test_R29_also_at_the_commits_of_people_and_of_waits():
    for kind in ("approval, with: {}", "wait, with: {duration_s: 1}"):
        play = Play("app: {n: 0}\ninvariants: [{name: low, rule: app.n < 1}]\n"
                    f"steps: {{a: {{kind: {kind}, writes: {{n: '1'}}}}}}")  # fmt: skip
        if "approval" in kind:
            play.decide("a")
        else:
            play.advance()
        assert play.run.fault.source == "invariant", kind


def test_R29_and_after_every_undo():
    undo = "compensate: {kind: python, with: {function: u, args: {key: '${key}'}}, writes: {n: undo.fee}}"
    play = Play("app: {n: 0}\ninvariants: [{name: low, rule: app.n < 5}]\nsteps: {a: {kind: python, "
                f"with: {{function: f}}, effect: compensatable, {undo}}}, x: {{<read>, <once>, needs: a}}}}")  # fmt: skip
    play.ok("a")
    play.rejected("x")
    play.ok("a", output={"fee": 9})
    assert play.run.status == "compensated"
    assert play.run.app == {"n": 9}
    assert "'low' is broken" in play.events("noted")[0].text


def test_R30_a_run_is_pinned_to_the_hash_of_its_version():
    play = Play("steps: {a: {<read>}}")
    assert play.events("run_started")[0].saga_hash == play.saga.hash
    assert saga_of("steps: {a: {<read>, title: x}}").hash != play.saga.hash


def test_R30_a_log_is_not_folded_over_another_version():
    play = Play("steps: {a: {<read>}}")
    with pytest.raises(IllegalTransition, match="is pinned to version"):
        replay(saga_of("steps: {a: {<read>, title: x}}"), play.log)


def test_R31_every_prefix_folds_and_the_fold_says_what_is_wrong():
    play = back()
    play.ok("a", "b")
    play.check_replay()
    for count in range(len(play.log) + 1):
        assert replay(play.saga, play.log[:count]).seq == count
    with pytest.raises(IllegalTransition, match="after event"):
        replay(play.saga, play.log[:3] + play.log[4:])
    with pytest.raises(IllegalTransition, match="begins with run_started"):
        replay(play.saga, [e.Recorded(seq=1, at=T0, event=e.RunPaused(by="x"))])
    with pytest.raises(IllegalTransition, match="takes no"):
        evolve(play.run, e.Recorded(seq=play.run.seq + 1, at=T0, event=e.RunPaused(by="x")))


def test_R31_an_old_prefix_never_changes():
    play = back()
    before = [e.RECORDED.dump_json(recorded) for recorded in play.log]
    play.ok("a", "b")
    assert [e.RECORDED.dump_json(recorded) for recorded in play.log[: len(before)]] == before


def test_R32_a_clock_that_jumps_back_neither_fires_nor_unfires():
    play = Play("steps: {a: {kind: wait, with: {duration_s: 60}}, b: {<read>, needs: a}}")
    play.now -= timedelta(days=1)
    assert play.do(c.Advance()) == []
    assert wake_at(play.run) == T0 + timedelta(seconds=60)
    play.now = T0 + timedelta(seconds=61)
    play.do(c.Advance())
    play.now = T0
    assert play.do(c.Advance()) == []
    assert play.open() == ["b"]


def test_R32_neither_other_news_nor_a_restart_puts_a_timer_off():
    play = Play("steps: {w: {kind: wait, with: {duration_s: 60}}, a: {<read>}}")
    play.tick(40)
    play.ok("a")
    play.now += timedelta(seconds=15)
    play.do(c.Recover())
    assert wake_at(play.run) == T0 + timedelta(seconds=60)
    play.tick(5)
    assert play.run.status == "completed"


GATED = "steps: {a: {<read>, writes: {n: output.n}}, b: {kind: python, with: {function: f, args: {n: '${app.n}'}}, approval: {MORE}, effect: compensatable, compensate: {kind: python, with: {function: u}}}}"


def test_R33_what_was_approved_is_what_is_sent():
    play = Play("app: {n: 1}\n" + GATED.replace("MORE", ""))
    asked = play.events("approval_requested")[0]
    play.decide("b")
    intent = play.events("attempt_intended")[-1]
    assert intent.request == asked.request
    assert intent.request_hash == asked.request_hash
    assert play.run.steps["b"].approval.status == "consumed"


def test_R33_a_drift_between_the_yes_and_the_call_asks_again():
    play = Play("app: {n: 1}\n" + GATED.replace("MORE", ""))
    play.do(c.Pause())
    play.decide("b")
    play.ok("a", output={"n": 2})
    play.do(c.Resume())
    assert play.open() == []
    assert [x.how for x in play.events("approval_ended")] == ["superseded"]
    assert play.events("approval_requested")[-1].request["args"] == {"n": 2}
    refuses(
        play,
        c.Decide(step="b", decision="approved", by="bob", request_hash="old"),
        "changed since you looked",
    )
    play.decide("b")
    assert play.open() == ["b"]


def test_R33_a_drift_asks_again_though_nobody_would_have_been_asked_about_it_in_the_first_place():
    play = Play("app: {n: 1}\n" + GATED.replace("MORE", "when: app.n < 2"))
    play.do(c.Pause())
    play.decide("b")
    play.ok("a", output={"n": 2})
    play.do(c.Resume())
    assert play.open() == [], "a person said yes to another request than this one"
    assert play.events("approval_requested")[-1].request["args"] == {"n": 2}
    play.decide("b")
    assert play.open() == ["b"]


def test_R33_a_retry_sends_what_was_approved_though_the_state_moved_on():
    play = Play("app: {n: 1}\nsteps: {a: {<read>, writes: {n: output.n}}, b: {kind: python, approval: {},"
                " with: {function: f, args: {n: '${app.n}'}}}}")  # fmt: skip
    play.decide("b")
    play.ok("a", output={"n": 2})
    play.failed("b")
    play.advance()
    assert [i.request["args"] for i in play.events("attempt_intended") if i.step == "b"] == [
        {"n": 1},
        {"n": 1},
    ]


def test_R33_one_decision_per_approval():
    play = Play("steps: {a: {kind: approval}, b: {<read>, needs: a}}")
    play.decide("a")
    refuses(play, c.Decide(step="a", decision="denied", by="cid"), "was approved by bob already")


def test_R33_k_of_n_distinct_people():
    play = Play("steps: {a: {kind: approval, with: {quorum: 2}}}")
    assert play.decide("a") == ["approval_given"]
    refuses(play, c.Decide(step="a", decision="approved", by="bob"), "answered already")
    play.decide("a", by="cid")
    assert play.run.status == "completed"


def test_R33_the_starter_does_not_decide_under_four_eyes_and_strangers_never():
    play = Play("steps: {a: {kind: approval, with: {four_eyes: true, group: desk}}}")
    refuses(play, c.Decide(step="a", decision="approved", by="ann", groups=("desk",)), "four eyes")
    refuses(play, c.Decide(step="a", decision="approved", by="bob", groups=("bar",)), "decided by desk")
    play.decide("a", groups=("desk",))
    assert play.run.status == "completed"


def test_R33_silence_counts_as_what_was_stated_and_late_decisions_are_refused():
    for silence, ending in (("approve", "completed"), ("deny", "compensated")):
        text = (
            f"steps: {{a: {{kind: approval, with: {{expires_s: 60, on_expire: {silence}}}}}, b: {{<book>}}}}"
        )
        play = Play(text)
        play.ok("b")
        play.now += timedelta(seconds=60)
        refuses(play, c.Decide(step="a", decision="approved", by="bob"), "too late")
        play.do(c.Advance())
        if ending == "compensated":
            play.ok("b")
        assert play.run.status == ending


def test_R38_completed_says_every_step_is_committed_or_skipped():
    play = Play("steps: {a: {<read>}, b: {<read>, when: 'false'}}\noutput: {got: '${steps.a.output.x}'}")
    play.ok("a", output={"x": 3})
    assert (play.run.status, play.run.output) == ("completed", {"got": 3})
    refuses(play, c.Pause(), "has ended")


def test_L24_no_event_on_no_status_does_anything_but_fold_or_raise():
    """Every kind of event, at every moment of an eventful run: folded or IllegalTransition, nothing else."""
    play = back("steps: {a: {<book>, <keys>}, b: {<book>, approval: {when: 'false'}}, x: {<read>, <once>}}")
    play.rejected("a")
    play.do(c.TryNow(step="a", by="bob"))
    play.ok("b", "a")
    for count in range(len(play.log) + 1):
        for other in play.log:
            run = replay(play.saga, play.log[:count])
            try:
                evolve(run, e.Recorded(seq=count + 1, at=T0, event=other.event))
            except IllegalTransition:
                continue
            assert run.seq == count + 1


def test_the_machines_name_only_states_there_are():
    for machine in (STEP_MACHINE, RUN_MACHINE):
        assert set().union(*machine.values()) <= set(machine)
        assert "pending" in machine or "running" in machine


def test_nothing_is_due_before_the_start_and_after_the_end():
    saga = saga_of("steps: {a: {<read>}}")
    run = Run(saga)
    assert list(due(run, T0)) == []
    assert wake_at(run) is None
    with pytest.raises(CommandRejected, match="not begun"):
        turn(run, c.Advance(), T0)
    play = Play(saga)
    refuses(play, c.Start(run_id="r2"), "begun already")
    play.ok("a")
    assert list(due(play.run, T0)) == []
    assert play.do(c.Advance()) == []
