"""R1 to R9: intents, outcomes, keys, retries, and attempts of which nobody knows whether they landed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core.saga import request_hash
from engine.core.schedule import wake_at
from engine.memory import event_json
from tests.core.harness import T0, Play, refuses


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
    frozen = event_json(play.events("attempt_intended")[0])
    play.ok("a", output={"id": 7})
    play.ok("b")
    play.rejected("c")
    assert play.run.app == {"n": 42}
    assert event_json(play.events("attempt_intended")[0]) == frozen
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
    refuses(play, c.Report(step="a", phase="forward", attempt=1, outcome="failed"), "has its result already")
    refuses(play, c.Report(step="b", phase="forward", attempt=1, outcome="ok"), "has its result already")


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


def test_R03_a_readonly_call_without_an_answer_had_no_effect_and_is_over():
    play = Play("steps: {a: {<read>, <once>}}")
    play.unknown("a", error="the line went dead")
    assert play.statuses() == {"run": "compensated", "a": "failed"}
    assert "the line went dead" in play.run.fault.reason


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


def test_R04_a_retry_sends_the_same_again_though_the_state_moved_on():
    book = "kind: python, effect: compensatable, with: {function: f, args: {n: '${app.n}'}}"
    undo = "compensate: {kind: python, with: {function: u}}"
    play = Play(f"app: {{n: 1}}\nsteps: {{b: {{<read>, writes: {{n: '2'}}}}, a: {{{book}, {undo}}}}}")
    play.ok("b")
    play.failed("a")
    play.advance()
    assert [i.request["args"] for i in play.events("attempt_intended") if i.step == "a"] == [{"n": 1}] * 2


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


def test_R05_a_key_lasts_from_the_first_attempt_on():
    play = Play("steps: {a: {<book>, key_ttl_s: 75, retry: {backoff_s: 20, jitter: 0}}}")
    play.unknown("a")
    play.advance()
    play.failed("a")
    assert play.open() == ["undo a"], "the next try, 72 s after the first, could reach the target after 75 s"


def test_R05_nor_can_a_person_send_it_again_once_the_key_is_forgotten():
    play = Play("steps: {a: {<pay>, key_ttl_s: 100}}")
    play.unknown("a")
    play.do(c.Pause())
    play.now += timedelta(seconds=90)
    refuses(play, c.TryNow(step="a", by="bob"), "its target keeps no key")


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


def test_R07_nor_does_the_engine_undo_again_before_that():
    play = Play("steps: {a: {<book>, settle_s: 5}, b: {<read>, <once>, needs: a}}")
    play.ok("a")
    play.rejected("b")
    play.unknown("a")
    assert wake_at(play.run) == T0 + timedelta(seconds=35)
    assert play.tick(34) == []
    assert play.tick(1) == ["attempt_intended"]


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
