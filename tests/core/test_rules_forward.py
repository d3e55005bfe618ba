"""R10 to R13: what lets a step start, what lets its output count, and what stops the run."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from tests.core.harness import Play, saga_of


def test_R10_a_step_starts_when_its_dependencies_committed():
    play = Play("steps: {a: {<read>}, b: {<read>}, c: {<read>, needs: [a, b]}}")
    play.ok("a")
    assert play.open() == ["b"]
    play.ok("b")
    assert play.open() == ["c"]
    assert play.run.steps["c"].evidence == {"needs": {"a": True, "b": True}}


def test_R10_a_step_that_nothing_holds_back_begins_with_one_fact_that_says_why():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a, when: steps.a.output.fine}}")
    play.ok("a", output={"fine": True})
    assert [recorded.event.type for recorded in play.log].count("step_ready") == 0
    begun = play.events("attempt_intended")[-1]
    assert begun.evidence == {"needs": {"a": True}, "when": "steps.a.output.fine"}
    assert play.run.steps["b"].ready_at == play.log[-1].at
    play.failed("b")
    play.advance()
    assert play.events("attempt_intended")[-1].evidence is None  # it was ready before
    play.check_replay()


@pytest.mark.parametrize(
    "held",
    [
        "approval: {question: sure?}",
        "locks: [car]",
        "approval: {question: sure?, when: 'false'}",
    ],
)
def test_R10_a_step_that_something_may_hold_back_is_ready_first(held):
    play = Play(f"steps: {{a: {{<read>}}, b: {{<read>, needs: a, {held}}}}}")
    play.ok("a")
    assert [ready.step for ready in play.events("step_ready")] == ["b"]


def test_R10_nothing_begins_before_all_that_could_have_been_opened():
    play = Play("steps: {a: {<read>}, b: {<book>, needs: a}, c: {<read>, needs: a, when: app.nothing == 1}}")
    play.ok("a")
    assert play.run.fault is not None
    assert [intent.step for intent in play.events("attempt_intended")] == ["a"]


def test_R10_a_step_for_which_there_is_no_room_is_ready_until_there_is():
    play = Play("parallel: 1\nsteps: {a: {<read>}, b: {<read>}, c: {<read>, needs: a}}")
    assert play.open() == ["a"]
    assert [ready.step for ready in play.events("step_ready")] == ["a", "b"]
    play.ok("a")
    assert play.open() == ["b"], "who waits longest comes first"
    assert [ready.step for ready in play.events("step_ready")] == ["a", "b", "c"]


def test_R10_a_step_whose_request_cannot_be_made_was_ready_and_failed():
    play = Play(
        "steps: {a: {<read>}, b: {kind: python, needs: a, with: {function: f, args: {x: '${steps.a.output.gone}'}}}}"
    )
    play.ok("a", output={})
    assert [ready.step for ready in play.events("step_ready")] == ["b"]
    assert "gone" in play.events("faulted")[-1].reason


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
    "a rejecting schema": "steps: {a: {<pay>}, b: {<send>, needs: a, output: {type: object}}}",
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


def test_R28_what_a_rule_in_code_rejects_counts_for_nobody_and_what_it_notes_reaches_the_next_prompt():
    rules = "[{name: brief, rule: 'size(output.text) < 5', on_fail: feedback}, {name: polite, rule: output.kind, on_fail: retry}]"
    play = Play(
        f"steps: {{a: {{kind: llm, with: {{prompt: Say}}, validate: {rules}}}, b: {{<read>, needs: a}}}}"
    )
    play.ok("a", output={"text": "too long", "kind": False})
    assert [(v.validator, v.verdict) for v in play.events("verdict_given")] == [
        ("brief", "feedback"),
        ("polite", "retry"),
    ]
    assert (play.status("a"), play.status("b")) == ("retry_wait", "pending")
    play.advance()
    said = play.events("attempt_intended")[-1].request["feedback"]
    assert said == [
        "brief: `size(output.text) < 5` is false: output.text = 'too long'",
        "polite: `output.kind` is false: output.kind = false",
    ]
    play.ok("a", output={"text": "hello there", "kind": True})
    assert (play.status("a"), play.open()) == ("committed", ["b"]), "what is only noted stops nothing"
