"""The rules of SEMANTICS.md, one by one, on short sagas; each test carries the number of its rule."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.decide import turn
from engine.core.errors import CommandRejected, IllegalTransition
from engine.core.evolve import evolve, replay
from engine.core.recovery import preview
from engine.core.run import RUN_MACHINE, STEP_MACHINE, Run
from engine.core.saga import request_hash
from engine.core.schedule import due, wake_at
from tests.core.harness import T0, Play, saga_of


def refuses(play, command, match):
    """Assert that a command is refused with these words and changes nothing (L25)."""
    before = list(play.log)
    with pytest.raises(CommandRejected, match=match):
        play.do(command)
    assert play.log == before
    assert replay(play.saga, before) == play.run


# ---------------------------------------------------------------- attempts and unknown outcomes


def test_R01_the_intent_holds_the_undo_with_its_inputs_before_the_call():
    play = Play("app: {n: 1}\nsteps: {a: {<book>, compensate: {kind: python, with: {function: undo, "
                "args: {key: '${key}', n: '${app.n}', what: '${request.function}'}}}}}".replace("<book>,",
                "kind: python, with: {function: book}, effect: compensatable,"))  # fmt: skip
    intent = play.events("attempt_intended")[0]
    assert intent.compensation.request == {
        "function": "undo",
        "args": {"key": "r1:a:1", "n": 1, "what": "book"},
    }
    assert intent.request_hash == request_hash(intent.request)
    assert intent.deadline == T0 + timedelta(seconds=30)
    assert play.open() == ["a"], "an open call without an intent can't be"


def test_R01_a_later_change_of_the_state_does_not_reach_the_frozen_undo():
    undo = "compensate: {kind: python, with: {function: undo, args: {n: '${app.n}', id: '${output.id}'}}}"
    play = Play(f"app: {{n: 1}}\nsteps: {{a: {{kind: python, with: {{function: f}}, effect: compensatable, {undo}}},"
                " b: {<read>, needs: a, writes: {n: app.n + 41}}, c: {<read>, <once>, needs: b}}")  # fmt: skip
    frozen = play.events("attempt_intended")[0].model_dump_json()
    play.ok("a", output={"id": 7})
    play.ok("b")
    play.rejected("c")
    assert play.run.app == {"n": 42}
    assert play.events("attempt_intended")[0].model_dump_json() == frozen
    assert play.events("attempt_intended")[-1].request["args"] == {"n": 1, "id": 7}
    play.check_replay()


def test_R02_each_attempt_has_one_result():
    play = Play("steps: {a: {<book>}, b: {<read>, needs: a}}")
    play.ok("a")
    refuses(play, c.Report(step="a", phase="forward", attempt=1, outcome="failed"), "has its result already")
    refuses(play, c.Report(step="a", phase="forward", attempt=2, outcome="ok"), "no forward attempt 2")
    refuses(play, c.Report(step="zz", phase="forward", attempt=1, outcome="ok"), "no step 'zz'")


def test_R03_a_crash_leaves_unknown_never_failed():
    play = Play("steps: {a: {<book>, <keys>}, b: {<read>}}")
    play.do(c.Recover())
    assert {x.outcome for x in play.events("attempt_ended")} == {"unknown"}
    assert play.status("a") == "retry_wait"
    assert play.open() == []
    refuses(play, c.Report(step="a", phase="forward", attempt=1, outcome="ok"), "has its result already")


def test_R03_rejected_is_not_retried_and_failed_is():
    play = Play("steps: {a: {<book>}, b: {<book>}}")
    play.failed("a")
    assert play.status("a") == "retry_wait"
    play.rejected("b")
    assert play.status("b") == "failed"


def test_R03_unknown_stays_in_the_log_and_is_resolved_by_a_later_event():
    play = Play("steps: {a: {<book>, <keys>}}")
    play.unknown("a")
    play.advance()
    play.ok("a")
    first = play.run.steps["a"].attempts[0]
    assert (first.outcome, first.landed) == ("unknown", True)
    assert [r.how for r in play.events("attempt_resolved")] == ["retry"]


def test_R04_retries_share_the_key_and_the_undo_has_its_own():
    play = Play("steps: {a: {<book>}, b: {<read>, <once>, needs: a}}")
    play.failed("a")
    play.advance()
    play.ok("a")
    play.rejected("b")
    play.failed("a")
    play.advance()
    keys = [(i.phase, i.key) for i in play.events("attempt_intended") if i.step == "a"]
    assert keys == [("forward", "r1:a:1")] * 2 + [("undo", "c:r1:a:1")] * 2


def test_R05_no_second_call_where_the_target_keeps_no_key():
    play = Play("steps: {a: {<book>, <probe>, key_ttl_s: 0}}")
    play.unknown("a")
    assert play.status("a") == "unknown"
    play.advance()
    assert play.open() == ["probe a"]


def test_R05_no_second_call_once_the_key_is_forgotten_also_after_a_pause():
    play = Play("steps: {a: {<book>, <probe>, key_ttl_s: 100}}")
    play.unknown("a")
    assert play.status("a") == "retry_wait"
    play.do(c.Pause())
    play.tick(90)
    play.do(c.Resume())
    assert play.open() == ["probe a"], "a call now could reach the target after 100 s"
    play.ok("a", empty=False, output={"id": 1})
    assert play.run.status == "completed"


def test_R05_a_sure_failure_after_an_unknown_one_does_not_make_the_key_last_longer():
    play = Play("steps: {a: {<book>, key_ttl_s: 70, retry: {backoff_s: 30}}}")
    play.unknown("a")
    play.advance()
    play.failed("a")
    assert play.open() == ["undo a"], "two tries fit into 70 s, a third does not"


def test_R06_a_probe_that_finds_it_commits_the_step():
    play = Play(
        "steps: {a: {<pay>, <probe>, key_ttl_s: 0}, b: {<read>, needs: a, when: steps.a.output.id == 7}}"
    )
    play.unknown("a")
    play.advance()
    play.ok("a", output={"id": 7})
    assert play.status("a") == "committed"
    assert play.open() == ["b"]


def test_R06_a_probe_that_finds_nothing_allows_a_new_try():
    play = Play("steps: {a: {<pay>, <probe>, key_ttl_s: 0}}")
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    assert play.status("a") == "retry_wait"
    play.advance()
    assert play.open() == ["a"]


def test_R06_without_a_probe_a_person_is_asked():
    play = Play("steps: {a: {<pay>, key_ttl_s: 0}}")
    play.unknown("a")
    refuses(play, c.Resolve(step="a", landed=True, reason="seen"), "may still land")
    play.advance()
    assert play.run.attention["a"].kind == "unknown_outcome"
    refuses(play, c.Resolve(step="a", landed=True, reason=" "), "reason")
    play.do(c.Resolve(step="a", landed=True, reason="seen", by="bob", output={"id": 1}))
    assert play.run.status == "completed"


def test_R06_an_answer_that_comes_before_the_probes_is_the_one_that_counts():
    for found in (True, False):
        play = Play("steps: {a: {<book>, <probe>, key_ttl_s: 0}, b: {<read>, needs: a}}")
        play.unknown("a")
        play.advance()
        play.do(c.Resolve(step="a", landed=True, reason="seen", by="bob"))
        assert play.status("a") == "committed"
        assert play.ok("a", empty=not found) == ["attempt_ended"]
        assert play.status("a") == "committed"


@pytest.mark.parametrize("answer", [True, False])
def test_R06_a_pivot_in_doubt_can_be_answered_for_in_every_state(answer):
    """While it waits for a retry, or has failed, and the run goes back because of another step."""
    for trouble in ("waits", "failed"):
        play = Play("steps: {p: {<pay>, <keys>, retry: {max_attempts: 2}}, x: {<read>, <once>}, y: {<book>}}")
        play.ok("y")
        play.unknown("p")
        if trouble == "failed":
            play.advance()
            play.failed("p")
        play.rejected("x")
        while play.run.status == "draining":
            play.advance()
        play.do(c.Resolve(step="p", landed=answer, reason="seen", by="bob"))
        assert play.run.direction == ("forward" if answer else "undo"), trouble
        play.check_replay()


def test_R07_nothing_touches_an_unknown_attempt_before_it_settled():
    play = Play("steps: {a: {<book>, <keys>, timeout_s: 10, settle_s: 5}}")
    play.unknown("a")
    refuses(play, c.TryNow(step="a", by="bob"), "may still land")
    assert wake_at(play.run) == T0 + timedelta(seconds=15)
    play.do(c.Cancel(by="bob"))
    assert play.run.status == "compensating"
    assert play.tick(14) == []
    assert play.tick(1) == ["attempt_intended"]
    assert play.open() == ["undo a"]


def test_R07_an_unknown_undo_settles_too():
    play = Play("steps: {a: {<book>, settle_s: 5}, b: {<read>, <once>, needs: a}}")
    play.ok("a")
    play.rejected("b")
    play.unknown("a")
    refuses(play, c.TryNow(step="a", by="bob"), "may still land")
    play.now += timedelta(seconds=35)
    play.do(c.TryNow(step="a", by="bob"))
    assert play.open() == ["undo a"]


def test_R08_undoing_what_never_landed_is_empty():
    play = Play("steps: {a: {<book>, <once>}}")
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    assert play.statuses() == {"run": "compensated", "a": "empty"}


def test_R09_retries_back_off_and_stop_at_the_limit():
    play = Play("steps: {a: {<read>, retry: {max_attempts: 3, backoff_s: 10, factor: 3, jitter: 0}}}")
    play.failed("a")
    assert wake_at(play.run) == T0 + timedelta(seconds=10)
    play.advance()
    play.failed("a")
    assert wake_at(play.run) == T0 + timedelta(seconds=40)
    play.advance()
    play.failed("a")
    assert play.run.status == "compensated"
    assert len(play.order()) == 3


def test_R09_a_waiting_retry_can_be_run_now_and_takes_no_edited_request():
    play = Play("steps: {a: {<read>, retry: {backoff_s: 100}}}")
    play.failed("a")
    refuses(play, c.TryNow(step="a", by="bob", request={"x": 1}), "only the request of a failed undo")
    play.do(c.TryNow(step="a", by="bob"))
    assert play.open() == ["a"]
    refuses(play, c.TryNow(step="a", by="bob"), "is running")


def test_R09_retries_obey_the_limit_of_calls_at_once():
    play = Play("parallel: 1\nsteps: {a: {<read>}, b: {<read>}}")
    play.failed("a")
    assert play.open() == ["b"]
    play.tick(60)
    assert play.open() == ["b"]
    play.ok("b")
    assert play.open() == ["a"]


# ---------------------------------------------------------------- forward


def test_R10_a_step_starts_when_its_dependencies_committed():
    play = Play("steps: {a: {<read>}, b: {<read>}, c: {<read>, needs: [a, b]}}")
    play.ok("a")
    assert play.open() == ["b"]
    play.ok("b")
    assert play.open() == ["c"]
    assert play.events("step_ready")[-1].evidence == {"needs": {"a": True, "b": True}}


def test_R10_one_of_two_is_enough_where_the_condition_says_so():
    play = Play(
        "steps: {a: {<read>}, b: {<read>}, c: {<read>, needs: a || b}, d: {<read>, needs: '!b && a'}}"
    )
    play.ok("a")
    assert play.open() == ["b", "c"]
    play.ok("b", "c")
    assert play.status("d") == "skipped"
    assert play.run.status == "completed"


def test_R10_a_false_guard_skips_and_what_needs_it_is_skipped_too():
    play = Play("input: {x: {type: integer}}\nsteps: {a: {<read>, when: run.input.x > 1}, b: {<read>, needs: a},"
                " c: {<read>, needs: '!a'}}", x=1)  # fmt: skip
    assert play.statuses() == {"run": "running", "a": "skipped", "b": "skipped", "c": "running"}
    assert "`run.input.x > 1` is false" in play.events("step_skipped")[0].reason


def test_R10_a_route_opens_one_branch():
    play = Play("steps: {r: {kind: route, with: {branches: [x, y], default: y}}, a: {<read>, needs: r.x},"
                " b: {<read>, needs: r.y}}")  # fmt: skip
    play.ok("r", output={"branch": "y"})
    assert play.statuses() == {"run": "running", "r": "committed", "a": "skipped", "b": "running"}
    assert play.events("step_skipped")[0].reason == "'r' chose 'y', not 'x'"


def test_R10_a_step_withdrawn_in_a_drain_is_still_open_for_conditions():
    play = Play("recovery: ask\nsteps: {a: {kind: approval}, b: {<read>}, f: {<read>, <once>},"
                " x: {<read>, needs: a && b}}")  # fmt: skip
    play.rejected("f")
    assert play.status("a") == "withdrawn"
    play.ok("b")
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    assert (play.status("a"), play.status("x")) == ("awaiting_approval", "pending")


def test_R10_a_guard_that_could_not_be_evaluated_has_to_hold_when_it_is_tried_again():
    play = Play("recovery: ask\nsteps: {a: {<read>}, b: {<read>, needs: a, when: steps.a.output.x}}")
    play.ok("a", output={})
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    assert play.run.attention["b"].kind == "stuck_after_pivot"
    play.do(c.TryNow(step="b", by="bob"))
    assert play.order() == ["a"], "the guard still fails"
    assert play.status("b") == "failed"


BROKEN = {
    "when": "steps: {x: {<read>}, a: {<read>, needs: x, when: steps.x.output.no}}",
    "when is no truth": "steps: {x: {<read>}, a: {<read>, needs: x, when: '1'}}",
    "with": "steps: {x: {<read>}, a: {kind: python, with: {function: f, args: {y: '${app.no}'}}, needs: x}}",
    "with NaN": "steps: {x: {<read>}, a: {kind: python, with: {function: f, args: {y: '${0.0 / 0.0}'}}, needs: x}}",
    "overflow": "steps: {x: {<read>}, a: {<read>, needs: x, when: 9223372036854775807 + 1 > 0}}",
    "division": "steps: {x: {<read>}, a: {<read>, needs: x, when: 1 / 0 > 0}}",
    "index": "steps: {x: {<read>}, a: {<read>, needs: x, when: '[1][5] > 0'}}",
    "question": "steps: {x: {<read>}, a: {kind: approval, with: {question: '${app.no}'}, needs: x}}",
    "gate": "steps: {x: {<read>}, a: {<read>, approval: {when: app.no}, needs: x}}",
    "evidence": "steps: {x: {<read>}, a: {kind: approval, with: {evidence: {e: '${app.no}'}}, needs: x}}",
    "duration": "steps: {x: {<read>}, a: {kind: wait, with: {duration_s: '${app.no}'}, needs: x}}",
    "duration is a text": "app: {t: soon}\nsteps: {x: {<read>}, a: {kind: wait, with: {duration_s: '${app.t}'},"
                          " needs: x}}",
    "wait writes": "steps: {x: {<read>}, a: {kind: wait, with: {duration_s: 0}, writes: {n: app.no}, needs: x}}",
    "route": "steps: {x: {<read>}, a: {kind: route, needs: x, with: {branches: [l, r], default: l,"
             " rules: [{when: app.no, to: l}]}}}",
    "undo": "steps: {x: {<read>}, a: {kind: python, needs: x, with: {function: f}, effect: compensatable,"
            " compensate: {kind: python, with: {function: f, args: {y: '${app.no}'}}}}}",
}  # fmt: skip


@pytest.mark.parametrize("where", BROKEN)
def test_R10_an_expression_that_fails_is_a_fault_that_names_it(where):
    play = Play(BROKEN[where])
    play.ok("x", output={})
    assert play.statuses() == {"run": "compensated", "x": "committed", "a": "failed"}
    assert (play.run.fault.source, play.run.fault.step) == ("expression", "a")
    assert "`" in play.run.fault.reason
    play.check_replay()


@pytest.mark.parametrize("how", ["decided", "expired"])
def test_R10_an_approval_whose_writes_fail_is_a_fault_too(how):
    play = Play("steps: {a: {kind: approval, with: {expires_s: 9, on_expire: approve}, writes: {n: app.no}}}")
    if how == "decided":
        play.decide("a")
    else:
        play.advance()
    assert play.statuses() == {"run": "compensated", "a": "failed"}
    assert play.run.fault.source == "expression"


def test_R11_a_rejected_output_never_reaches_a_dependent_and_is_undone():
    play = Play(
        "steps: {a: {<book>, validate: [{name: cheap, rule: output.cost < 10}]}, b: {<read>, needs: a}}"
    )
    play.ok("a", output={"cost": 11})
    assert play.status("a") == "to_compensate" or play.open() == ["undo a"]
    assert "b" not in play.order()
    play.ok("a")
    assert play.statuses() == {"run": "compensated", "a": "compensated", "b": "withdrawn"}
    assert [v.verdict for v in play.events("verdict_given")] == ["reject"]


def test_R11_a_failing_write_undoes_what_landed():
    play = Play("steps: {a: {<book>, writes: {n: output.no}}}")
    play.ok("a", output={})
    assert play.open() == ["undo a"]
    assert play.run.app == {}


R12 = {
    "two pivots on a path": "steps: {a: {<pay>}, b: {<pay>, needs: a}}",
    "to undo after it": "steps: {a: {<pay>}, b: {<read>, needs: a}, c: {<book>, needs: b}}",
    "deniable": "steps: {a: {<pay>}, b: {kind: approval, needs: a}}",
    "a gate": "steps: {a: {<pay>}, b: {<send>, needs: a, approval: {}}}",
    "rejecting": "steps: {a: {<pay>}, b: {<send>, needs: a, validate: [{name: x, rule: 'true'}]}}",
    "aborting deadline": "deadline_s: 9\nsteps: {a: {<pay>}}",
    "retriable before": "steps: {a: {<send>}, b: {<pay>, needs: a}}",
    "retriable beside": "steps: {p: {<pay>}, r: {<read>}, s: {<send>, needs: p || r}}",
    "retriable instead": "steps: {p: {<pay>}, s: {<send>, needs: '!p'}}",
    "no undo": "steps: {a: {kind: python, with: {function: f}, effect: compensatable}}",
    "no reason": "steps: {a: {kind: python, with: {function: f}, effect: compensatable, compensate: none}}",
}


@pytest.mark.parametrize("what", R12)
def test_R12_is_checked_before_a_version_is_published(what):
    with pytest.raises(Exception, match=r"steps|deadline") as caught:
        saga_of(R12[what])
    assert type(caught.value).__name__ == "DefinitionInvalid"


def test_R12_no_undo_needs_a_reason_and_is_an_exception_in_the_end():
    play = Play("steps: {a: {kind: python, with: {function: f}, effect: compensatable, compensate: none,"
                " compensate_reason: a letter is a letter}, b: {<read>, <once>, needs: a}}")  # fmt: skip
    play.ok("a")
    play.rejected("b")
    assert play.statuses() == {"run": "compensated_with_exceptions", "a": "excused", "b": "failed"}


def test_R13_the_first_fault_wins_and_later_ones_are_notes():
    play = Play("steps: {a: {<read>, <once>}, b: {<read>, <once>}, c: {<book>}}")
    play.rejected("a", error="first")
    play.rejected("b", error="second")
    assert [f.reason for f in play.events("faulted")] == ["first"]
    assert "second" in play.events("noted")[0].text
    play.do(c.Cancel(by="bob"))
    assert len(play.events("faulted")) == 1


SOURCES = {
    "rejected": ("steps: {a: {<read>}}", lambda p: p.rejected("a")),
    "exhausted": ("steps: {a: {<read>, <once>}}", lambda p: p.failed("a")),
    "validator": ("steps: {a: {<read>, <once>, validate: [{name: x, rule: 'false'}]}}", lambda p: p.ok("a")),
    "denied": ("steps: {a: {kind: approval}}", lambda p: p.decide("a", "denied")),
    "expired": ("steps: {a: {kind: approval, with: {expires_s: 5}}}", lambda p: p.advance()),
    "invariant": ("app: {n: 0}\ninvariants: [{name: x, rule: app.n < 1}]\nsteps: {a: {<read>, writes: {n: '1'}}}",
                  lambda p: p.ok("a")),
    "cancel": ("steps: {a: {<read>}}", lambda p: p.do(c.Cancel(by="bob"))),
    "deadline": ("deadline_s: 5\nsteps: {a: {<read>}}", lambda p: p.advance()),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_R13_every_source_faults_the_run(source):
    text, strike = SOURCES[source]
    play = Play(text)
    strike(play)
    assert play.run.fault.source == source
    for name in play.open():
        play.ok(name)
    assert play.run.status == "compensated"


# ---------------------------------------------------------------- going back


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
    refuses(play, c.Decide(step="d", decision="approved", by="bob"), "has no approval")


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


def back(text="steps: {a: {<book>}, b: {<book>}, x: {<read>, <once>}}", **more):
    """A run with two landed steps that is being undone."""
    play = Play(text, **more)
    play.ok("a", "b")
    play.rejected("x")
    return play


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


def test_R24_undos_are_never_in_a_plan():
    play = back()
    play.ok("a", "b")
    assert play.run.status == "compensated"
    assert all(i.compensation is None for i in play.events("attempt_intended") if i.phase == "undo")
    assert len(play.events("direction_chosen")) == 1


# ---------------------------------------------------------------- state, invariants, approvals


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
    before = [recorded.model_dump_json() for recorded in play.log]
    play.ok("a", "b")
    assert [recorded.model_dump_json() for recorded in play.log[: len(before)]] == before


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
    refuses(play, c.Decide(step="a", decision="denied", by="cid"), "was approved already")


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


# ---------------------------------------------------------------- the machines themselves


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
