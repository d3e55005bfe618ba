"""Choreography: who hears what, events that can't happen any more, failures that somebody hears, and what is refused."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.checks import publish_problems
from engine.core.errors import CommandRejected, DefinitionInvalid
from tests.core.harness import Play, refuses, saga_of

ORDER = """steps:
  order: {<read>, emits: [placed]}
  pay: {<book>, <once>, on: placed, emits: [{event: taken, data: {sum: "${output.sum}"}}], emits_on_failure: pay_failed}
  stock: {<book>, on: placed, emits: [{event: reserved, when: output.ok}, {event: missing, when: "!output.ok"}]}
  ship: {kind: python, with: {function: ship, args: {sum: "${events.taken.sum}"}}, on: taken && reserved}
  release: {<read>, on: pay_failed && reserved, when: "events.pay_failed.step == 'pay'"}
  refund: {<read>, on: taken && missing}
"""


def ordered():
    play = Play(ORDER)
    play.ok("order")
    return play


def test_who_hears_an_event_starts_when_it_happens_and_sees_what_it_tells():
    play = ordered()
    assert play.open() == ["pay", "stock"]
    play.ok("pay", output={"sum": 12})
    assert play.status("ship") == "pending"
    play.ok("stock", output={"ok": True})
    assert play.open() == ["ship"]
    assert play.run.steps["ship"].attempts[0].intent.request["args"] == {"sum": 12}
    assert play.run.steps["ship"].evidence == {"needs": {"taken from pay": True, "reserved from stock": True}}
    play.ok("ship")
    assert play.run.status == "completed"
    assert play.events("step_committed")[1].emits == {"taken": {"sum": 12}}
    play.check_replay()


def test_an_event_whose_condition_is_false_does_not_happen_and_who_waits_for_it_is_skipped():
    play = ordered()
    play.ok("stock", output={"ok": False})
    assert play.status("ship") == "skipped"
    assert play.run.steps["ship"].reason == "'reserved' can't happen any more: 'stock' ended without it"
    play.ok("pay", output={"sum": 1})
    assert play.open() == ["refund"]
    play.check_replay()


def test_R13_a_failure_that_somebody_hears_is_no_fault_and_its_reactions_begin():
    play = ordered()
    play.ok("stock", output={"ok": True})
    play.failed("pay", error="no money")
    assert play.run.fault is None
    assert play.statuses() == {
        "run": "running", "order": "committed", "pay": "handled", "stock": "committed", "ship": "skipped",
        "release": "running", "refund": "skipped",
    }  # fmt: skip
    assert play.run.heard["pay_failed"] == {
        "step": "pay",
        "reason": "gave up after 1 attempts: no money",
        "timed_out": False,
    }
    play.ok("release")
    assert play.run.status == "completed"
    play.check_replay()


def test_R13_a_failure_whose_effect_may_be_out_there_is_a_fault_all_the_same():
    play = ordered()
    play.ok("stock", output={"ok": True})
    play.unknown("pay")
    play.advance()
    assert play.run.fault.source == "exhausted"
    assert "release" not in play.order()


def test_R13_a_failure_that_nobody_hears_is_a_fault_as_ever():
    play = Play("steps: {a: {<book>}, b: {<read>, <once>, needs: a, emits_on_failure: lost}}")
    play.ok("a")
    play.rejected("b")
    assert play.run.fault.step == "b"
    assert play.open() == ["undo a"]


def test_R17_who_heard_an_event_is_undone_before_who_caused_it():
    play = Play(
        "steps: {a: {<book>, emits: [x]}, b: {<book>, on: x, emits: [y]}, c: {<read>, <once>, on: y}}"
    )
    play.ok("a", "b")
    play.rejected("c")
    assert play.open() == ["undo b"]
    play.ok("b")
    assert play.open() == ["undo a"]
    play.ok("a")
    assert play.run.status == "compensated"


def test_R10_either_cause_of_an_event_is_enough_and_the_first_is_heard():
    text = (
        "steps: {a: {<read>, emits: [{event: x, data: 1}]}, b: {<read>, emits: [{event: x, data: 2}]},"
        " z: {kind: python, with: {function: f, args: {n: '${events.x}'}}, on: x}}"
    )
    play = Play(text)
    play.ok("b")
    assert play.run.steps["z"].attempts[0].intent.request["args"] == {"n": 2}
    play.ok("a", "z")
    assert play.run.heard == {"x": 2}
    play.check_replay()


def test_R10_events_and_needs_must_both_hold():
    play = Play("steps: {a: {<read>, emits: [x]}, b: {<read>}, z: {<read>, on: x, needs: b}}")
    play.ok("a")
    assert play.open() == ["b"]
    play.ok("b")
    assert play.open() == ["z"]


def test_what_did_not_happen_and_how_many_did_can_be_asked():
    text = "steps: {a: {<read>, emits: [{event: x, when: output.x}]}, b: {<read>, emits: [y]}, n: {<read>, on: '!x'}, k: {<read>, on: '1 of (x, y)'}}"
    play = Play(text)
    play.ok("a", output={"x": False})
    assert play.open() == ["b", "n"]
    play.ok("b")
    assert play.open() == ["n", "k"]


def test_R11_an_event_that_can_t_be_told_keeps_its_step_from_counting():
    play = Play("steps: {a: {<book>, emits: [{event: x, when: output.nothing}]}, z: {<read>, on: x}}")
    play.ok("a", output={})
    assert play.run.fault.source == "expression"
    assert play.open() == ["undo a"]


def test_R26_a_step_that_is_done_anew_takes_its_event_back():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>, emits: [{event: x, data: '${output.n}'}]},"
        " b: {kind: python, with: {function: f, args: {n: '${events.x}'}}, on: x}}"
    )
    play.ok("a", output={"n": 1})
    play.do(c.MarkStale(steps=("a",), reason="it changed", by="bob"))
    play.failed("b")
    play.ok("a")
    assert play.run.steps["a"].epoch == 2
    assert play.run.heard == {}
    play.ok("a", output={"n": 2})
    assert play.run.steps["b"].attempts[0].intent.request["args"] == {"n": 2}
    play.check_replay()


def test_R21_what_a_person_did_by_hand_causes_the_events_that_can_be_told():
    play = Play(
        "steps: {p: {<pay>}, s: {<send>, <once>, needs: p, emits: [sent, {event: cheap, when: output.sum < 5}]},"
        " t: {<read>, on: sent}, u: {<read>, on: cheap}}"
    )
    play.ok("p")
    play.rejected("s")
    play.do(c.MarkDone(step="s", reason="by hand", by="bob"))
    assert play.open() == ["t"]
    assert play.status("u") == "skipped"
    assert "'cheap' did not happen" in play.events("noted")[-1].text


def test_R12_what_hears_a_pivot_comes_after_it_and_what_hears_its_failure_does_not():
    pay = "pay: {<pay>, emits: [taken], emits_on_failure: pay_failed}"
    with pytest.raises(DefinitionInvalid, match="a compensatable step after the pivot 'pay'"):
        saga_of(f"steps: {{{pay}, b: {{<book>, on: taken}}}}")
    saga_of(f"steps: {{{pay}, b: {{<book>, on: pay_failed}}, s: {{<send>, on: taken}}}}")
    with pytest.raises(DefinitionInvalid, match="can run before any pivot"):
        saga_of(f"steps: {{{pay}, s: {{<send>, on: taken || pay_failed}}}}")


def test_R27_an_amendment_may_let_a_step_hear_more():
    play = ordered()
    document = play.saga.document()
    document["steps"]["ship"]["on"] = "taken && missing"
    document["steps"]["refund"]["on"] = "taken && reserved"
    play.do(c.Amend(document=document, reason="the other way round", by="bob"))
    play.ok("stock", output={"ok": True})
    play.ok("pay", output={"sum": 1})
    assert play.open() == ["refund"]
    document["steps"]["pay"]["emits"] = []
    with pytest.raises(CommandRejected):
        play.do(c.Amend(document=document, reason="never mind", by="bob"))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("a: {<read>, emits: [x]}, b: {<read>, on: xx}", r"steps.b.on: nobody emits 'xx' - perhaps 'x' is meant"),
        ("b: {<read>, on: x.failed}", "'x.failed' is no event"),
        ("b: {<read>, on: 'x &'}", "is not a dependency condition"),
        ("a: {<read>, on: y, emits: [x]}, b: {<read>, on: x, emits: [y]}", r"a cycle: a -\(x\)-> b -\(y\)-> a"),
        ("a: {<read>, on: x, emits: [x]}", r"a cycle: a -\(x\)-> a"),
        ("a: {<read>, emits: [x]}, b: {<read>, when: events.x.y == 1}, c: {<read>, on: x}", "'x', which need not have happened"),
        ("a: {<read>, when: events.x.y == 1}", "names no event 'x'"),
        ("a: {<read>, emits: [{event: x, when: run.input.n}]}, b: {<read>, on: x}", "names no input 'n'"),
        ("a: {<read>, emits: [{event: x, when: 1 +}]}, b: {<read>, on: x}", "is not an expression"),
        ("a: {<read>, emits: [x, x]}, b: {<read>, on: x}", "'x' is there twice"),
    ],
)  # fmt: skip
def test_what_can_t_be_heard_can_t_be_published(steps, words):
    with pytest.raises(DefinitionInvalid, match=words):
        saga_of(f"steps: {{{steps}}}")


def test_an_event_that_nobody_hears_is_doubtful():
    saga = saga_of("steps: {a: {<read>, emits: [x], emits_on_failure: lost}}")
    assert [problem.problem for problem in publish_problems(saga)] == [
        "nobody hears 'x'", "nobody hears 'lost', so this failure is a fault"
    ]  # fmt: skip


def test_a_skipped_step_causes_nothing():
    play = Play(
        "steps: {a: {<read>, when: 'false', emits: [x]}, b: {<read>, on: x}, z: {<read>, needs: b.skipped}}"
    )
    assert play.run.steps["b"].reason == "'x' can't happen any more: 'a' was skipped"
    assert play.open() == ["z"]


def test_L25_a_refusal_leaves_the_events_alone():
    play = ordered()
    refuses(play, c.MarkDone(step="pay", reason="r", by="bob"), "only what failed")
