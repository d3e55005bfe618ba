"""A run whose task changes, and disruptions on a schedule: constraints, budgets, approvals, what ends and what is cut."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.checks import publish_problems
from engine.core.evolve import evolve
from tests.core.harness import T0, Play, saga_of
from tests.core.test_rules_disrupt import command, disrupt, injected, pair, undone_and_redone

# The task


def test_R29_a_new_constraint_is_checked_from_then_on_and_told_to_models():
    play = Play(
        "app: {n: 0}\nsteps: {a: {<read>, writes: {n: output.n}}, m: {kind: llm, needs: a, with: {prompt: Hi.}}, b: {<read>, needs: m, writes: {n: output.n}}}"
    )
    disrupt(play, "constraint", name="small", rule="app.n < 5", text="Keep it small.")
    play.ok("a", output={"n": 3})
    assert "Keep it small." in play.events("attempt_intended")[-1].request["context"]["text"]
    play.ok("m", output={"text": "hi"})
    play.ok("b", output={"n": 7})
    assert play.run.faults[0].source == "invariant"
    assert "small" in play.run.faults[0].reason


def test_a_constraint_over_a_step_waits_for_its_output():
    play = Play("recovery: ask\nsteps: {a: {<read>}, b: {<read>, needs: a}}")
    disrupt(play, "constraint", name="good", rule="steps.b.output.stars >= 4")
    play.ok("a")
    assert play.run.fault is None
    play.ok("b", output={"stars": 3})
    assert "good" in play.run.faults[0].reason


def test_a_new_constraint_that_is_broken_already_blames_those_it_speaks_of():
    play = pair()
    disrupt(play, "constraint", name="cheap", rule="steps.a.output.cost < 2")
    assert play.run.repair.culprits == ("a",)


def test_what_is_relaxed_is_not_checked_any_more():
    play = Play(
        "app: {n: 0}\ninvariants: [{name: few, rule: app.n < 2}]\nsteps: {a: {<read>, writes: {n: output.n}}}"
    )
    disrupt(play, "relax", name="few")
    play.ok("a", output={"n": 7})
    assert play.run.status == "completed"


def test_R39_a_cut_budget_holds_from_the_next_call_on():
    play = Play(
        "budget: {calls: 9, on_limit: ask}\nsteps: {a: {<read>}, b: {<read>, needs: a}, c: {<read>, needs: b}}"
    )
    disrupt(play, "budget", limit="calls", allowed=2)
    play.ok("a")
    play.ok("b")
    assert (play.run.limit.allowed, play.open()) == (2, [])
    play.do(c.GrantLimit(by="bob"))
    assert play.run.allowed["calls"] == 4
    assert play.open() == ["c"]


def test_R39_a_cut_that_ends_while_the_run_waits_at_it_lets_it_go_on():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}}")
    disrupt(play, "budget", limit="calls", allowed=1)
    play.ok("a")
    assert play.run.limit.limit == "calls"
    play.do(c.Lift(disruption=play.events("disruption_struck")[0].disruption, by="bob"))
    assert (play.run.limit, play.open()) == (None, ["b"])


def test_R39_of_two_cuts_the_first_to_end_does_not_end_the_other():
    play = Play("budget: {calls: 9, on_limit: ask}\nsteps: {a: {<read>}}")
    disrupt(play, "budget", limit="calls", allowed=4)
    disrupt(play, "budget", limit="calls", allowed=3)
    first, second = [event.disruption for event in play.events("disruption_struck")]
    play.do(c.Lift(disruption=first, by="bob"))
    assert play.run.cuts == {"calls": 3}
    play.do(c.Lift(disruption=second, by="bob"))
    assert play.run.cuts == {}
    play.check_replay()


def test_R39_a_run_without_a_budget_gets_one():
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}}")
    disrupt(play, "budget", limit="tokens", allowed=5)
    play.ok("a", meta={"tokens": 7})
    assert (play.run.limit.limit, play.run.limit.response) == ("tokens", "ask")


def test_R33_an_approval_is_withdrawn_before_it_is_used_and_asked_again():
    play = Play("steps: {a: {<book>, approval: {}, locks: [seat]}}")
    play.decide("a")
    assert play.status("a") == "awaiting_locks"
    disrupt(play, "withdraw_approval", step="a")
    assert play.run.steps["a"].approval.status == "withdrawn"
    play.do(c.GrantLocks(step="a"))
    assert (play.status("a"), play.open()) == ("awaiting_approval", [])
    play.decide("a", by="cid")
    assert play.open() == ["a"]
    play.check_replay()


def test_R33_an_approval_that_was_used_no_longer_counts():
    play = Play("recovery: repair\nsteps: {a: {<book>, approval: {}}, q: {kind: approval, needs: a}}")
    play.decide("a")
    play.ok("a")
    disrupt(play, "withdraw_approval", step="a")
    assert undone_and_redone(play) == ["a"]
    assert play.status("a") == "awaiting_approval"


# The schedule


def test_a_schedule_strikes_at_its_second_and_after_its_step():
    play = Play(
        "recovery: ask\ndisruptions: [{when: {at_s: 5}, what: {kind: fail, step: b}}, {when: {after: a}, what: {kind: refuse, step: c}, for_s: 60}]\n"
        "steps: {a: {<read>}, w: {kind: wait, needs: a, with: {duration_s: 9}}, b: {<read>, needs: w}, c: {<read>, needs: a}}"
    )
    assert play.events("disrupted") == []
    play.ok("a")
    assert [d.what.kind for d in play.events("disrupted")] == ["refuse"]
    assert (injected(play, "c"), play.events("disrupted")[0].until) == (
        ["refuse"],
        T0 + timedelta(seconds=60),
    )
    play.ok("c")
    play.advance()
    assert play.now == T0 + timedelta(seconds=5)
    play.advance()
    assert injected(play, "b") == ["fail"]
    assert [d.item for d in play.events("disrupted")] == [2, 1]
    play.check_replay()


def test_a_scheduled_change_that_can_not_be_is_over_with_the_reason():
    play = Play(
        "disruptions: [{when: {at_s: 0}, what: {kind: cancelled_booking, step: a}}]\nsteps: {a: {<book>}}"
    )
    assert "it can't be" in play.events("disruption_ended")[0].reason
    play.ok("a")
    assert play.run.status == "completed"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ("disruptions: [{when: {after: z}, what: {kind: crash}}]", "disruptions[0].when.after"),
        ("disruptions: [{when: {at_s: 1}, what: {kind: fail, step: z}}]", "disruptions[0].what.step"),
        (
            "disruptions: [{when: {at_s: 1}, what: {kind: fact, path: assume.z, value: 1}}]",
            "disruptions[0].what.path",
        ),
        (
            "disruptions: [{when: {at_s: 1}, what: {kind: constraint, name: x, rule: output.x}}]",
            "disruptions[0].what.rule",
        ),
        ("assumptions: [{name: x, value: 1}, {name: x, value: 2}]", "assumptions"),
    ],
)
def test_R12_a_schedule_that_names_nothing_is_found_when_it_is_published(more, where):
    problems = publish_problems(saga_of(f"{more}\nsteps: {{a: {{<read>}}}}", publish=False))
    assert [p.path for p in problems if p.severity == "error"] == [where]


def test_the_first_form_of_a_planted_fault_is_still_read():
    old = '{"seq":1,"at":"2026-01-01T00:00:00Z","event":{"type":"disrupted","step":"a","injection":"fail","delay_s":3.0,"by":"bob"}}'
    event = e.RECORDED.validate_json(old).event
    assert (event.what.kind, event.what.step, event.by) == ("refuse", "a", "bob")


def test_a_turn_that_was_cut_between_the_change_and_its_fault_is_completed():
    play = pair()
    before = len(play.log)
    disrupt(play, "fact", path="steps.a.output.day", value="tuesday")
    cut = next(i for i, r in enumerate(play.log) if r.event.type == "disruption_struck") + 1
    assert cut > before
    again = Play(play.saga, start=False)
    again.log, again.now = list(play.log[:cut]), play.now
    for recorded in again.log:
        evolve(again.run, recorded)
    assert again.do(c.Recover())[0] == "faulted"
    assert again.run.fault is None or again.run.fault.source == "disruption"


def test_R32_what_nobody_saw_in_its_time_is_over():
    play = Play("recovery: ask\nsteps: {a: {<book>}, x: {<read>, <once>}, q: {kind: approval, needs: a}}")
    play.ok("a")
    play.do(
        command("constraint", name="few", rule="run.by == 'zoe'").model_copy(
            update={"effective_from": T0 + timedelta(seconds=2), "until": T0 + timedelta(seconds=4)}
        )
    )
    play.rejected("x")
    play.tick(9)
    play.do(c.ChooseDirection(direction="forward", by="bob"))
    assert play.run.constraints == {}
    assert [x.reason for x in play.events("disruption_ended")] == ["its time is up"]


def test_what_is_ended_holds_no_more():
    play = Play(
        "app: {n: 0}\nsteps: {a: {<read>, writes: {n: output.n}}, b: {<book>, needs: a, locks: [seat]}}"
    )
    disrupt(play, "constraint", name="small", rule="app.n < 5", until=3)
    disrupt(play, "lost_resource", resource="seat")
    play.tick(3)
    play.do(c.Lift(disruption=play.events("disruption_struck")[1].disruption, by="bob"))
    assert (play.run.constraints, play.run.lost) == ({}, {})
    play.ok("a", output={"n": 7})
    assert play.run.fault is None
    assert play.status("b") == "awaiting_locks"
