"""R10, R12: conditions over how other steps ended: `k of n`, on failure, on time-out, on a skip."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.condition import parse_condition
from engine.core.errors import DefinitionInvalid, ExpressionError
from tests.core.harness import Play, saga_of


@pytest.mark.parametrize(
    ("source", "known", "truth"),
    [
        ("2 of (a, b, c)", {"a": True}, None),
        ("2 of (a, b, c)", {"a": True, "c": True}, True),
        ("2 of (a, b, c)", {"a": False, "c": False}, False),
        ("2 of (a && b, !c, d)", {"a": True, "b": True, "c": False}, True),
        ("x && 1 of (a, b)", {"x": True, "a": False, "b": None}, None),
    ],
)
def test_R10_k_of_n_is_decided_as_early_as_it_is_certain(source, known, truth):
    assert parse_condition(source).truth(lambda name, _: known.get(name)) is truth


@pytest.mark.parametrize(
    ("source", "words"),
    [("3 of (a, b)", "can't be"), ("0 of (a)", "can't be"), ("2 (a, b)", r"write `2 of \(a, b, c\)`")],
)
def test_a_count_that_can_never_hold_is_refused(source, words):
    with pytest.raises(ExpressionError, match=words):
        parse_condition(source)


def test_a_condition_without_a_step_still_asks_for_what_is_left():
    assert parse_condition("2 of (a, b, c) && d").without(lambda term: term.step == "a") == "2 of (b, c) && d"
    assert parse_condition("2 of (a, b)").without(lambda term: term.step == "a") == "1 of (b)"


def test_R10_two_of_three_start_the_next_while_the_third_runs():
    play = Play("steps: {a: {<read>}, b: {<read>}, c: {<read>}, d: {<read>, needs: '2 of (a, b, c)'}}")
    play.ok("a")
    assert play.status("d") == "pending"
    play.ok("c")
    assert play.open() == ["b", "d"]
    assert play.run.steps["d"].evidence == {"needs": {"a": True, "b": None, "c": True}}
    play.ok("b", "d")
    assert play.run.status == "completed"
    play.check_replay()


ALTERNATIVE = "steps: {a: {<book>, <once>}, b: {<book>, needs: a.failed}, z: {<read>, needs: a || b}}"


def test_R10_a_step_that_waits_for_a_failure_takes_over_and_nothing_is_undone():
    play = Play(ALTERNATIVE)
    play.failed("a", error="sold out")
    assert play.statuses() == {"run": "running", "a": "handled", "b": "running", "z": "pending"}
    assert play.events("faulted") == []
    assert play.run.steps["b"].evidence == {"needs": {"a.failed": True}}
    play.ok("b", "z")
    assert play.run.status == "completed"
    play.check_replay()


def test_R10_the_alternative_is_skipped_where_the_first_way_worked():
    play = Play(ALTERNATIVE)
    play.ok("a")
    assert (play.status("b"), play.status("z")) == ("skipped", "running")
    assert play.events("step_skipped")[0].reason == "'a' was committed, not failed"


def test_R13_a_failure_whose_effect_may_be_out_there_is_a_fault_all_the_same():
    play = Play(ALTERNATIVE.replace("<once>", "<once>, validate: [{name: good, rule: output.good}]"))
    play.ok("a", output={"good": False})
    assert play.run.fault.source == "validator"
    assert play.open() == ["undo a"]


def test_R10_a_time_out_opens_its_own_way_and_another_failure_does_not():
    text = "steps: {a: {<read>, <once>}, b: {<read>, needs: a.timed_out}}"
    play = Play(text)
    play.failed("a", code="timeout")
    assert play.statuses() == {"run": "running", "a": "handled", "b": "running"}
    other = Play(text)
    other.failed("a", code="connect")
    assert other.run.fault.source == "exhausted"


def test_R10_a_denied_approval_can_open_another_way():
    play = Play("steps: {ask: {kind: approval}, yes: {<read>, needs: ask}, no: {<read>, needs: ask.failed}}")
    play.decide("ask", "denied")
    assert play.statuses() == {"run": "running", "ask": "handled", "yes": "skipped", "no": "running"}


def test_R10_a_step_can_wait_for_a_skip():
    play = Play("steps: {a: {<read>, when: 'false'}, b: {<read>, needs: a.skipped}}")
    assert play.open() == ["b"]


def test_a_later_fault_does_not_undo_what_was_handled():
    play = Play(ALTERNATIVE)
    play.rejected("a")
    play.do(c.Cancel(by="bob"))
    play.ok("b")
    assert play.open() == ["undo b"]
    play.ok("b")
    assert (play.run.status, play.status("a")) == ("compensated", "handled")


def test_R12_a_second_way_to_pay_is_not_behind_the_first():
    saga_of("steps: {a: {<pay>, <once>}, b: {<pay>, needs: a.failed}, z: {<send>, needs: a || b}}")
    with pytest.raises(DefinitionInvalid, match="a pivot step after the pivot 'a'"):
        saga_of("steps: {a: {<pay>}, b: {<pay>, needs: a}}")


def test_R12_no_branch_may_be_called_like_an_outcome():
    with pytest.raises(DefinitionInvalid, match="'failed' asks how a step ended"):
        saga_of("steps: {r: {kind: route, with: {branches: [failed, y], default: y}}, a: {<read>, needs: r}}")
