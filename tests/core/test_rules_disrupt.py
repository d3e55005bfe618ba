"""Disruptions of the pure core: which call is struck, what a changed world does to a run, when it begins and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from engine.core import commands as c
from engine.core.disrupt import words
from engine.core.disruption_kinds import KINDS
from tests.core.harness import Play, refuses

PAIR = (
    "recovery: repair\nsteps: {a: {<book>, output: {type: object}}, b: {<book>, needs: a, with: {function: book, args:"
    " {day: '${steps.a.output.day}'}}}, c: {<book>, needs: a}, q: {kind: approval, needs: [b, c]}}"
)
PAIR = PAIR.replace("<book>, needs: a, with: {function: book, args:", "<dated>")
DATED = (
    "kind: python, effect: compensatable, needs: a,"
    " compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}}, with: {function: book, args:"
)


def disrupt(play, kind, *, begins=None, until=None, by="bob", **what):
    moment = {
        name: play.now + timedelta(seconds=s)
        for name, s in (("effective_from", begins), ("until", until))
        if s
    }
    return play.do(c.Disrupt.model_validate({"what": {"kind": kind, **what}, "by": by, **moment}))


def command(kind, **what):
    return c.Disrupt.model_validate({"what": {"kind": kind, **what}, "by": "bob"})


def pair():
    """A run of four: b used the day that a gave, c did not, q asks at the end."""
    play = Play(PAIR.replace("<dated>", DATED))
    play.ok("a", output={"day": "monday", "cost": 3})
    play.ok("b", output={"id": 2})
    play.ok("c", output={"id": 3})
    return play


def injected(play, step, phase="forward"):
    return [i.injection for i in play.events("attempt_intended") if (i.step, i.phase) == (step, phase)]


def undone_and_redone(play):
    """Let the repair under way go to its end; return what was undone."""
    undone = []
    while any(phase == "undo" for _, phase, _ in play.run.open_calls):
        name = next(n for n, phase, _ in play.run.open_calls if phase == "undo")
        play.ok(name)
        undone.append(name)
    return undone


# Calls


def test_the_next_calls_of_a_step_are_struck_and_no_others():
    play = Play(
        "steps: {w: {kind: wait, with: {duration_s: 1}}, a: {<read>, needs: w}, b: {<read>, needs: w}}"
    )
    disrupt(play, "fail", step="a", times=2)
    play.advance()
    assert (injected(play, "a"), injected(play, "b")) == (["fail"], [None])
    for _ in range(2):
        play.failed("a")
        play.advance()
    assert injected(play, "a") == ["fail", "fail", None]
    assert [i.disruption for i in play.events("attempt_intended") if i.step == "a"] == [4, 4, 0]
    play.check_replay()


def test_an_undo_can_be_struck_while_the_run_goes_back():
    play = Play("steps: {a: {<book>}, b: {<book>}, x: {<read>, <once>}}")
    play.ok("a", "b")
    disrupt(play, "fail", step="a", phase="undo")
    play.rejected("x")
    assert (injected(play, "a", "undo"), injected(play, "b", "undo")) == (["fail"], [None])


def test_a_fault_of_the_forward_call_does_not_strike_the_undo():
    play = Play("steps: {a: {<book>}, x: {<read>, <once>}}")
    disrupt(play, "fail", step="a", times=9)
    play.ok("a")
    play.rejected("x")
    assert (play.open(), injected(play, "a", "undo")) == (["undo a"], [None])


def test_a_service_that_is_down_strikes_every_call_of_it_until_it_is_back():
    play = Play(
        "steps: {a: {<read>}, b: {<book>, needs: a}, x: {kind: http, needs: b, with: {url: 'http://inn.example/rooms/1'}}}"
    )
    disrupt(play, "tool_down", target="book", until=10)
    play.ok("a")
    assert injected(play, "b") == ["down"]
    play.failed("b")
    play.now += timedelta(seconds=10)
    play.do(c.Advance())
    assert injected(play, "b") == ["down", None]
    disrupt(play, "tool_down", target="rooms")
    disrupt(play, "tool_down", target="other.example")
    play.ok("b")
    assert injected(play, "x") == ["down"]


def test_a_model_that_is_down_strikes_prompts_of_that_model_only():
    text = "steps: {a: {kind: llm, with: {prompt: Say hi., model: big}}, b: {kind: llm, needs: a, with: {prompt: Say hi., model: small}}}"
    play = Play(text, start=False)
    play.do(c.Start(run_id="r1", by="ann"))
    disrupt(play, "model_down", model="small")
    assert injected(play, "a") == [None]
    play.ok("a", output={"text": "hi"})
    assert injected(play, "b") == ["down"]


def test_what_begins_later_strikes_later():
    play = Play("steps: {a: {<read>, retry: {max_attempts: 5, backoff_s: 1, jitter: 0}}}")
    disrupt(play, "fail", step="a", begins=5, times=9)
    play.failed("a")
    play.advance()
    assert injected(play, "a") == [None, None]
    play.now += timedelta(seconds=5)
    play.failed("a")
    play.advance()
    assert injected(play, "a")[2] == "fail"


def test_R32_a_clock_that_jumps_back_un_fires_nothing():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}}")
    disrupt(play, "fail", step="b", begins=5)
    play.tick(6)
    play.now -= timedelta(seconds=6)
    disrupt(play, "budget", limit="calls", allowed=99)
    play.ok("a")
    assert injected(play, "b") == [None], "nothing was recorded at the later moment, so the clock is believed"


def test_a_disruption_can_be_ended_before_its_time():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}}")
    disrupt(play, "tool_down", target="read")
    play.do(c.Lift(disruption=play.run.seq, by="bob"))
    play.ok("a")
    assert injected(play, "b") == [None]
    refuses(play, c.Lift(disruption=2, by="bob"), "no disruption 2 is in force")


@pytest.mark.parametrize(
    ("what", "match"),
    [
        (command("fail", step="z"), "no step 'z'"),
        (command("fail", step="q"), "makes no call"),
        (command("fail", step="a"), "committed"),
        (command("fail", step="q", phase="undo"), "makes no call"),
        (command("fact", path="steps.z.output.x", value=1), "no fact"),
        (command("fact", path="steps.a.output.day", value="monday"), "already"),
        (command("fact", path="steps.a.output.day", factor=2), "only a number"),
        (command("relax", name="few"), "no constraint 'few'"),
        (command("constraint", name="odd", rule="app.("), "not an expression"),
        (command("withdraw_approval", step="a"), "nobody's approval"),
        (command("cancelled_booking", step="q"), "no effect"),
    ],
)
def test_what_can_not_be_is_refused_with_the_reason(what, match):
    refuses(pair(), what, match)


def test_what_says_too_little_is_no_disruption():
    for what in (
        {"kind": "delay", "step": "a"},
        {"kind": "constraint", "name": "x"},
        {"kind": "fact", "path": "nowhere"},
    ):
        with pytest.raises(ValidationError):
            c.Disrupt.model_validate({"what": what})


def test_every_kind_has_words_of_its_own():
    least = {"step": "a", "path": "app.n", "value": 1, "target": "inn", "seconds": 1, "resource": "seat", "name": "few",
             "rule": "true", "limit": "calls", "allowed": 2, "delay_s": 1}  # fmt: skip
    said = {
        words(k.model_validate({"kind": n, **{f: least[f] for f in k.model_fields if f in least}}))
        for n, k in KINDS.items()
    }
    assert len(said) == len(KINDS)


# The world


def test_R26_a_changed_fact_makes_exactly_those_stale_that_used_it():
    play = pair()
    disrupt(play, "fact", path="steps.a.output.day", value="tuesday", reason="it moved")
    (struck,) = play.events("disruption_struck")
    assert (struck.stale, struck.before, struck.value) == (("b",), "monday", "tuesday")
    assert play.run.status == "repairing"
    assert undone_and_redone(play) == ["b"]
    assert [i.request["args"] for i in play.events("attempt_intended") if i.step == "b"][-1] == {
        "day": "tuesday"
    }
    assert play.status("c") == "committed"
    play.check_replay()


def test_a_fact_that_nobody_has_used_changes_nothing_but_itself():
    play = pair()
    disrupt(play, "fact", path="steps.a.output.cost", value=9)
    assert play.run.fault is None
    assert play.run.known["a"]["output"]["cost"] == 9
    assert play.run.steps["a"].output["cost"] == 3, "what the target said stays as it was said"


def test_a_fact_counts_for_those_that_come_after():
    play = Play(PAIR.replace("<dated>", DATED), start=False)
    play.do(c.Start(run_id="r1", by="ann"))
    disrupt(play, "fact", path="steps.a.output.day", value="tuesday", begins=1)
    play.ok("a", output={"day": "monday"})
    assert play.run.fault is None
    assert play.open() == ["b", "c"]
    play.tick(1)
    assert play.run.fault.source == "disruption"


def test_a_fact_that_is_over_is_what_it_was():
    play = pair()
    disrupt(play, "fact", path="steps.a.output.cost", value=9, until=5)
    play.advance()
    assert play.run.known["a"]["output"]["cost"] == 3
    assert [x.reason for x in play.events("disruption_ended")] == ["its time is up"]


@pytest.mark.parametrize(("first", "last", "between"), [(5, 9, 12), (9, 5, 9)])
def test_of_two_changes_of_a_fact_the_first_to_end_does_not_end_the_other(first, last, between):
    play = pair()
    disrupt(play, "fact", path="steps.a.output.cost", value=9, until=first)
    disrupt(play, "fact", path="steps.a.output.cost", value=12, until=last)
    play.tick(5)
    assert play.run.known["a"]["output"]["cost"] == between
    play.tick(4)
    assert play.run.known["a"]["output"]["cost"] == 3, "what it was before both"
    play.check_replay()


WRITES = (
    "recovery: repair\napp: {spent: 0}\ninvariants: [{name: few, rule: app.spent < 10}]\n"
    "steps: {a: {<book>, writes: {spent: app.spent + output.cost}}, b: {<book>, needs: a, writes: {spent: app.spent + output.cost}},"
    " q: {kind: approval, needs: b, with: {question: 'Pay ${app.spent}?'}}}"
)


def test_what_was_written_of_a_fact_is_brought_up_to_date_and_asked_anew():
    play = Play(WRITES)
    play.ok("a", output={"cost": 3})
    play.ok("b", output={"cost": 2})
    disrupt(play, "fact", path="steps.a.output.cost", factor=2)
    assert play.run.app == {"spent": 8}
    assert play.run.fault is None, "who added to the sum did not rely on it"
    assert [a.question for a in play.events("approval_requested")] == ["Pay 5?", "Pay 8?"]
    assert [x.how for x in play.events("approval_ended")] == ["superseded"]
    play.check_replay()


def test_R29_a_fact_that_breaks_an_invariant_blames_the_step_that_it_is_of():
    play = Play(WRITES)
    play.ok("a", output={"cost": 3})
    play.ok("b", output={"cost": 2})
    disrupt(play, "fact", path="steps.b.output.cost", value=8)
    assert play.run.repair.culprits == ("b",)
    assert "few" in play.run.stale["b"] or "few" in play.run.fault.reason


def test_R28_a_check_that_fails_now_blames_whom_it_stands_between():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, b: {<book>, needs: a}}\n"
        "validate: [{name: after, rule: steps.a.output.at <= steps.b.output.at, steps: [a, b]}]".replace(
            "b: {<book>, needs: a}", "b: {<book>, needs: a}, q: {kind: approval, needs: b}"
        )
    )
    play.ok("a", output={"at": 1})
    play.ok("b", output={"at": 2})
    disrupt(play, "fact", path="steps.a.output.at", value=3)
    assert play.run.repair.culprits == ("b",)
    assert [(v.validator, v.verdict) for v in play.events("verdict_given")] == [
        ("after", "accept"),
        ("after", "reject"),
    ]


def test_past_the_point_of_no_return_a_change_only_counts_from_there_on():
    play = Play(
        "steps: {a: {<book>}, p: {<pay>, needs: a, with: {function: pay, args: {x: '${steps.a.output.x}'}}}, w: {kind: wait, needs: p, with: {duration_s: 9}}}".replace(
            "<pay>, needs: a, with", "kind: python, effect: pivot, needs: a, with"
        )
    )
    play.ok("a", output={"x": 1})
    play.ok("p")
    disrupt(play, "fact", path="steps.a.output.x", value=2)
    assert play.run.fault is None
    assert "point of no return" in play.run.notes[-1].text


def test_R37_a_lost_resource_is_given_up_by_who_holds_it_and_refused_to_who_wants_it():
    play = Play(
        "recovery: ask\nsteps: {a: {<book>, locks: [seat]}, w: {kind: wait, needs: a, with: {duration_s: 9}}, b: {<book>, needs: w, locks: [aisle]}}"
    )
    play.do(c.GrantLocks(step="a"))
    play.ok("a")
    disrupt(play, "lost_resource", resource="aisle")
    assert play.run.fault is None
    disrupt(play, "lost_resource", resource="seat")
    assert (play.run.fault.source, play.run.fault.step) == ("disruption", "a")
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    play.advance()
    assert "'aisle' can't be had" in play.run.steps["b"].reason


def test_a_booking_that_its_target_cancelled_is_made_anew_after_an_empty_undo():
    play = pair()
    disrupt(play, "cancelled_booking", step="c")
    assert play.run.repair.culprits == ("c",)
    assert "gone already" in play.run.plan["c"].why
    play.ok("c", empty=True)
    assert play.run.past["c"][0].status == "empty"
    assert play.open() == ["c"]
    play.check_replay()


def test_R08_what_is_gone_and_has_no_undo_is_empty():
    play = Play(
        "recovery: repair\nsteps: {a: {kind: python, with: {function: book}, effect: compensatable, compensate: none, compensate_reason: it is for ever}, q: {kind: approval, needs: a}}"
    )
    play.ok("a")
    disrupt(play, "cancelled_booking", step="a")
    assert play.run.past["a"][0].status == "empty"
    assert play.run.exceptions == []
