"""R10, R33, R37, R39, R40 and R9: budgets, the event limit, locks, overlapping writes, four eyes, error classes."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.errors import DefinitionInvalid
from tests.core.harness import Play, refuses, saga_of

ASK = "kind: llm, with: {prompt: Say}"


def spending(on_limit, budget="tokens: 100", steps=f"{{a: {{{ASK}}}, b: {{{ASK}, needs: a}}}}"):
    play = Play(f"budget: {{{budget}, on_limit: {on_limit}}}\nsteps: {steps}")
    play.ok("a", output={}, meta={"tokens": 150, "cost_usd": 0.5})
    return play


def test_R39_at_the_limit_nothing_new_starts_and_the_run_goes_back():
    play = spending("stop")
    assert play.run.fault.source == "budget"
    assert "100 tokens is reached (150 spent)" in play.run.fault.reason
    assert (play.run.status, play.status("b")) == ("compensated", "withdrawn")
    play.check_replay()


def test_R39_a_failed_attempt_counts_too():
    play = Play("budget: {calls: 2}\nsteps: {a: {<read>, retry: {max_attempts: 5}}}")
    play.failed("a")
    play.advance()
    play.failed("a")
    play.advance()
    assert play.run.fault.source == "budget"
    assert len(play.events("attempt_intended")) == 2


@pytest.mark.parametrize(
    ("on_limit", "command"), [("pause", c.Resume(by="bob")), ("ask", c.GrantLimit(by="bob"))]
)
def test_R39_a_person_grants_as_much_again(on_limit, command):
    play = spending(on_limit)
    assert (play.open(), play.run.status, play.run.paused) == ([], "running", on_limit == "pause")
    play.do(command)
    assert play.open() == ["b"]
    play.ok("b", output={}, meta={"tokens": 40})
    assert (play.run.status, play.run.allowed) == ("completed", {"tokens": 250})
    play.check_replay()


def test_R39_who_waits_at_a_limit_can_cancel_and_nobody_else_has_anything_to_grant():
    play = spending("ask")
    play.do(c.Cancel(by="bob"))
    assert play.run.status == "compensated"
    refuses(Play("steps: {a: {<read>}}"), c.GrantLimit(by="bob"), "waits at no limit")


def test_R39_minutes_are_counted_from_the_start():
    play = Play("budget: {minutes: 1, on_limit: ask}\nsteps: {a: {<read>}, b: {<read>, needs: a}}")
    play.tick(61)
    play.ok("a")
    assert (play.open(), play.run.limit.limit) == ([], "minutes")


def test_L30_under_a_limit_on_tokens_models_are_asked_one_at_a_time():
    play = Play(f"budget: {{tokens: 100}}\nsteps: {{a: {{{ASK}}}, b: {{{ASK}}}, h: {{<book>}}}}".replace("<book>", "kind: http, with: {url: 'http://x/'}"))  # fmt: skip
    assert play.open() == ["a", "h"]
    play.ok("a", output={}, meta={"tokens": 99})
    assert play.open() == ["h", "b"]
    play.ok("b", output={}, meta={"tokens": 70})
    assert play.run.tokens <= 100 + 70


def test_R39_compensation_is_not_held_back_by_a_budget():
    play = Play("budget: {calls: 1}\nsteps: {a: {<book>}, b: {<read>, needs: a}}")
    play.ok("a")
    assert play.open() == ["undo a"]


def test_R12_past_the_pivot_a_budget_is_only_noted():
    play = Play("budget: {calls: 1}\nsteps: {p: {<pay>}, z: {<send>, needs: p}, y: {<send>, needs: z}}")
    play.ok("p")
    assert play.open() == ["z"]
    play.ok("z")
    play.ok("y")
    assert play.run.status == "completed"
    assert len(play.events("limit_reached")) == 1


def test_R15_who_chooses_to_go_on_past_a_budget_grants_it():
    play = Play("recovery: ask\nbudget: {calls: 1}\nsteps: {a: {<read>}, b: {<read>, needs: a}}")
    play.ok("a")
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    assert play.open() == ["b"]


def test_R40_at_the_event_limit_a_person_must_let_the_run_go_on():
    chain = ", ".join(f"s{n}: {{<read>, needs: {f's{n - 1}' if n else '[]'}}}" for n in range(110))
    play = Play(f"max_events: 100\nsteps: {{{chain}}}")
    while play.open():
        play.ok(*play.open())
    assert (play.run.limit.limit, play.run.limit.response) == ("events", "ask")
    assert 100 <= play.run.seq <= 105
    play.do(c.GrantLimit(by="bob", reason="it is a long one"))
    while play.open():
        play.ok(*play.open())
    assert 200 <= play.run.limit.allowed <= 205
    play.check_replay()


LOCKED = "steps: {a: {<book>, locks: ['seat:${run.input.seat}', car], lock_wait_s: 30}}"
SEAT = "input: {seat: {type: string, default: 7a}}\n"


def test_R37_a_step_with_locks_waits_until_the_run_holds_them():
    play = Play(SEAT + LOCKED)
    assert (play.status("a"), play.open()) == ("awaiting_locks", [])
    assert play.events("locks_wanted")[0].keys == ("car", "seat:7a")
    play.do(c.GrantLocks(step="a"))
    assert (play.open(), play.run.locks) == (["a"], {"car": "a", "seat:7a": "a"})
    refuses(play, c.GrantLocks(step="a"), "waits for no locks")
    play.ok("a")
    assert play.run.status == "completed"
    play.check_replay()


def test_R37_who_does_not_get_its_locks_in_time_fails():
    play = Play(SEAT + LOCKED)
    play.advance()
    assert play.run.fault.source == "locks"
    assert "other runs held car, seat:7a for 30 s" in play.run.fault.reason
    assert play.run.status == "compensated"


def test_R37_a_lock_that_comes_in_a_drain_starts_nothing():
    play = Play(SEAT + LOCKED.replace("}}", "}, b: {<book>}}"))
    play.do(c.Cancel(by="bob"))
    play.do(c.GrantLocks(step="a"))
    play.ok("b")
    assert play.open() == ["undo b"]
    play.ok("b")
    assert play.run.status == "compensated"
    play.check_replay()


def test_R37_a_question_comes_before_the_locks_and_a_retry_keeps_them():
    play = Play(SEAT + LOCKED.replace("{<book>,", "{<book>, <keys>, approval: {},"))
    assert play.status("a") == "awaiting_approval"
    play.decide("a")
    play.do(c.GrantLocks(step="a"))
    play.failed("a")
    play.advance()
    assert play.open() == ["a"]


def test_R12_a_wait_takes_no_locks():
    with pytest.raises(DefinitionInvalid, match="a wait step takes no locks"):
        saga_of("steps: {w: {kind: wait, with: {duration_s: 1}, locks: [x]}}")


WRITERS = "app: {n: 0}\nsteps: {a: {<read>, writes: {n: app.n + 1}}, b: {<read>, writes: {n: app.n * 2}%s}, c: {<read>}}"


def test_R37_steps_that_write_the_same_never_run_at_the_same_time():
    play = Play(WRITERS % "")
    assert play.open() == ["a", "c"]
    play.ok("a")
    assert play.open() == ["c", "b"]
    play.ok("b", "c")
    assert play.run.app == {"n": 2}


def test_R37_a_commutative_write_may_run_beside_others():
    assert Play(WRITERS % ", commutative: true").open() == ["a", "b", "c"]


def test_R37_a_writer_in_doubt_holds_the_others_back():
    play = Play(WRITERS % "")
    play.failed("a")
    assert play.status("a") == "retry_wait"
    assert play.open() == ["c"]


def test_R33_under_four_eyes_neither_starter_nor_author_decides():
    play = Play("steps: {a: {<book>, approval: {four_eyes: true}}}", start=False)
    play.do(c.Start(run_id="r1", by="ann", author="cid"))
    refuses(play, c.Decide(step="a", decision="approved", by="ann"), "ann started this run")
    refuses(play, c.Decide(step="a", decision="denied", by="cid"), "cid wrote this plan")
    play.decide("a", by="bob")
    assert play.open() == ["a"]


def test_R09_each_class_of_errors_has_its_own_patience():
    retry = "retry: {max_attempts: 2, per_code: {busy: {max_attempts: 4}, auth: {max_attempts: 1}}}"
    tries = {}
    for code in ("busy", "auth", "other"):
        play = Play(f"steps: {{a: {{<read>, {retry}}}}}")
        while play.open():
            play.failed("a", code=code)
            if play.status("a") == "retry_wait":
                play.advance()
        tries[code] = len(play.run.steps["a"].attempts)
        assert play.run.fault.source == "exhausted"
    assert tries == {"busy": 4, "auth": 1, "other": 2}


def test_R09_the_patience_for_one_class_is_not_taken_from_the_others():
    retry = "retry: {max_attempts: 2, backoff_s: 1, jitter: 0, per_code: {busy: {max_attempts: 3, backoff_s: 30}}}"
    play = Play(f"steps: {{a: {{<read>, {retry}}}}}")
    for code, pause in (("busy", 30), ("busy", 60), ("other", 4)):
        play.failed("a", code=code)
        assert (play.run.steps["a"].due - play.now).total_seconds() == pause
        play.advance()
    play.failed("a", code="other")
    assert play.run.fault.source == "exhausted"
