"""R11 and R31: the end of a call tells of its step's commit where nobody looks at the output, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.evolve import replay
from engine.runtime.after import late_reports
from tests.core.harness import Play

RULE = "[{name: good, rule: output.cost < 9}]"
LOOKED_AT = {
    "its schema": "steps: {a: {<read>, output: {type: object}}, b: {<read>, needs: a}}",
    "a validator": f"steps: {{a: {{<read>, validate: {RULE}}}, b: {{<read>, needs: a}}}}",
    "one on an edge": f"steps: {{a: {{<read>}}, b: {{<read>, needs: a}}}}\nedges: [{{from: a, to: b, validate: {RULE}}}]",
    "one of the saga": "steps: {a: {<read>}, b: {<read>, needs: a}}\nvalidate: [{name: both, rule: steps.a.output.cost < 9, steps: [a]}]",
    "an invariant": "app: {n: 1}\ninvariants: [{name: few, rule: app.n < 9}]\nsteps: {a: {<read>}, b: {<read>, needs: a}}",
    "what it writes": "app: {n: 1}\nsteps: {a: {<read>, writes: {n: output.cost}}, b: {<read>, needs: a}}",
    "what it causes": "steps: {a: {<read>, emits: told}, b: {<read>, on: told}}",
    "a constraint": "steps: {a: {<read>, states: {constraints: output.told}}, b: {<read>, needs: a}}",
}


def kinds(play, step):
    """Return the types of what was recorded of a step, in order."""
    return [recorded.event.type for recorded in play.log if getattr(recorded.event, "step", "") == step]


@pytest.mark.parametrize("step", ["<read>", "<book>"])
def test_R11_the_end_of_a_call_that_nobody_looks_at_is_the_commit_of_its_step(step):
    args = "{kind: python, needs: a, with: {function: read, args: {n: '${steps.a.output.n}'}}}"
    play = Play(f"steps: {{a: {{{step}}}, b: {args}}}")
    play.ok("a", output={"n": 3})
    assert kinds(play, "a") == ["attempt_intended", "attempt_ended"]
    assert play.status("a") == "committed"
    assert play.run.steps["a"].committed_seq == play.run.steps["a"].attempts[0].ended_seq == 3
    assert play.run.steps["b"].attempts[0].intent.request["args"] == {"n": 3}
    play.ok("b")
    assert play.run.status == "completed"
    play.check_replay()


@pytest.mark.parametrize("looks", LOOKED_AT)
def test_R11_what_somebody_looks_at_or_what_changes_more_is_committed_by_a_fact_of_its_own(looks):
    play = Play(LOOKED_AT[looks])
    play.ok("a", output={"cost": 4, "told": []})
    assert kinds(play, "a")[-1] == "step_committed"
    assert not any(ended.commits for ended in play.events("attempt_ended"))
    assert play.open() == ["b"]


def test_R14_what_answers_while_the_run_is_failing_is_looked_at_as_ever():
    play = Play("steps: {a: {<book>}, x: {<read>, <once>}}")
    play.rejected("x")
    play.ok("a")
    assert "step_committed" in kinds(play, "a")
    play.check_replay()


def test_R06_a_retry_that_settles_an_unknown_try_tells_both():
    play = Play("steps: {a: {<book>, <keys>}}")
    play.report("a", "unknown", error="timed out")
    play.advance()
    play.ok("a")
    assert kinds(play, "a")[-3:] == ["attempt_ended", "attempt_resolved", "step_committed"]
    assert play.run.status == "completed"


def test_R27_a_run_in_which_a_disruption_stands_commits_by_a_fact_of_its_own():
    play = Play("steps: {a: {<book>}, b: {<book>, needs: a}}")
    play.do(c.Disrupt(by="bob", what={"kind": "delay", "step": "b", "delay_s": 1}))
    play.ok("a")
    assert kinds(play, "a")[-1] == "step_committed"


def test_R31_a_log_that_tells_each_commit_by_itself_folds_to_the_same():
    play = Play("steps: {a: {<read>}, b: {<book>, needs: a}}")
    play.ok("a", output={"n": 1})
    play.ok("b", output={"n": 2})
    told = [
        replace(r.event, commits=False) if r.event.type == "attempt_ended" else r.event
        for r in e.spelled_out(play.log)
    ]
    old = replay(play.saga, [e.Recorded(seq, play.now, event) for seq, event in enumerate(told, 1)])
    assert [event.type for event in told].count("step_committed") == 2
    assert old.status == play.run.status == "completed"
    assert {name: (step.status, step.output) for name, step in old.steps.items()} == {
        name: (step.status, step.output) for name, step in play.run.steps.items()
    }


def test_R34_a_commit_that_came_too_late_is_told_as_the_answer_that_it_was():
    play = Play("steps: {a: {<book>}, b: {<read>, needs: a}}")
    play.ok("a", output={"n": 1})
    (report,) = late_reports(play.run, play.log)
    assert (report.step, report.outcome, report.output) == ("a", "ok", {"n": 1})
