"""R25 and R27 for what stands inside composite steps: what a new plan may forget of it, and what it must not."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.affected import affected, amendment
from engine.core.dimensions import dimensions
from engine.core.errors import CommandRejected
from engine.core.evolve import evolve
from tests.core.harness import Play, refuses, saga_of
from tests.core.test_rules_replan import BY, propose

MAP = "{kind: map, with: {over: [1]}, body: {steps: {x: {<book>, <once>, <probe>}}}}"
LOOP = f"{{kind: loop, with: {{until: 'true', max_rounds: 2}}, body: {{steps: {{deep: {MAP}}}}}}}"
SAGA = f"{{kind: saga, with: {{saga: child}}, definition: {{saga: child, steps: {{deep: {MAP}}}}}}}"
BODIES = [(MAP, "m.1.x"), (LOOP, "m.1.deep.1.x"), (SAGA, "m.deep.1.x")]
WITHOUT = "steps: {y: {<read>}, z: {<read>, needs: y}}"


def lost(body=MAP, inner="m.1.x", policy="recovery: ask"):
    """A run that a person, or a planner, plans anew: a call inside `m` was lost, and a look found nothing."""
    play = Play(
        f"{policy}\nsteps: {{m: {body}, y: {{<read>, needs: m || m.skipped}}, z: {{<read>, needs: y}}}}"
    )
    play.unknown(inner)
    play.advance()
    play.ok(inner, empty=True)
    if play.run.direction_asked:
        play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    return play


def without(play, text=WITHOUT):
    return c.Amend(document=saga_of(f"recovery: ask\n{text}").document(), reason="without it", by="zoe")


def rejected(body=MAP, inner="m.1.x"):
    """A run that a person plans anew: a call inside `m` failed for sure."""
    play = Play(f"recovery: ask\nsteps: {{m: {body}, y: {{<read>, needs: m}}, z: {{<read>, needs: y}}}}")
    play.rejected(inner)
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    return play


def lands(play, inner):
    """Let the first try of a step answer after all."""
    return play.do(c.Report(step=inner, phase="forward", attempt=1, outcome="ok", output={"id": 1}))


@pytest.mark.parametrize(("body", "inner"), BODIES)
def test_R27_a_composite_inside_which_an_earlier_try_may_still_land_is_kept(body, inner):
    play = lost(body, inner)
    said = f"'m' is missing, and an earlier try of '{inner}' may still land; keep it, with `when: 'false'`"
    refuses(play, without(play), said)
    document = play.run.saga.document()
    document["steps"]["m"]["when"] = "false"
    play.do(c.Amend(document=document, reason="without it", by="zoe"))
    play.do(c.Resume(by="bob"))
    assert (play.status("m"), play.open()) == ("skipped", ["y"])
    assert lands(play, inner)[0] == "late_landed"
    assert play.open() == ["y", f"late {inner}"]
    play.ok(inner, "y", "z")
    assert play.run.status == "completed"
    play.check_replay()


def test_R27_a_planner_is_told_to_keep_a_composite_inside_which_a_try_may_still_land():
    play = lost(policy=f"recovery: repair\nreplan: {{{BY}}}")
    propose(play, {"m": None, "y": {"needs": []}})
    (refused,) = play.events("plan_refused")
    assert any(said.startswith("'m' is missing, and an earlier try of 'm.1.x'") for said in refused.findings)
    propose(play, {"m": {"when": "false"}})
    lands(play, "m.1.x")
    play.ok("m.1.x", "y", "z")
    assert play.run.status == "completed"
    play.check_replay()


def test_R27_a_composite_stays_where_what_landed_late_inside_is_noted():
    play = lost()
    lands(play, "m.1.x")
    refuses(play, without(play), "'m' is missing, and an earlier try of 'm.1.x' landed late; keep it")
    assert play.run.late


@pytest.mark.parametrize(("body", "inner"), BODIES)
def test_R27_a_composite_that_a_new_plan_leaves_out_goes_with_all_that_is_inside(body, inner):
    play = rejected(body, inner)
    assert inner in play.run.steps
    play.do(without(play))
    assert [*play.run.steps] == ["y", "z"]
    assert (play.run.frames, play.run.composites) == ({}, {})
    assert [old.status for old in play.run.past[inner]] == ["failed"]
    play.do(c.Resume(by="bob"))
    play.ok("y", "z")
    assert play.run.status == "completed"
    play.check_replay()


def test_R04_what_is_inside_a_composite_that_comes_back_goes_on_with_keys_of_its_own():
    play = rejected()
    whole = play.run.saga.document()
    play.do(without(play))
    play.do(c.Amend(document=whole, reason="with it after all", by="zoe"))
    play.do(c.Resume(by="bob"))
    play.ok("m.1.x", "y", "z")
    intents = [i for i in play.events("attempt_intended") if i.step == "m.1.x"]
    assert [(i.key, i.attempt) for i in intents] == [("r1:m.1.x:1", 1), ("r1:m.1.x:2", 2)]
    assert play.run.status == "completed"
    play.check_replay()


def old_amendment(play):
    """Take a plan without `m` as the engine did that asked for no more than the plan's own steps."""
    plan = without(play).document
    what = amendment(play.run, saga_of(f"recovery: ask\n{WITHOUT}"))
    amended = e.PlanAmended(document=plan, reason="without it", by="zoe", **what)
    play.log.append(e.Recorded(play.run.seq + 1, play.now, amended))
    evolve(play.run, play.log[-1])


@pytest.mark.parametrize(("body", "inner"), BODIES)
def test_R31_a_log_in_which_such_a_composite_was_left_out_still_folds_and_can_be_asked(body, inner):
    play = lost(body, inner)
    old_amendment(play)
    with pytest.raises(CommandRejected, match=f"'{inner}' is gone"):
        affected(play.run, [inner])
    assert not dimensions(play.run, play.log)["dependency"]["steps"][inner]["terms"]
    play.do(c.Resume(by="bob"))
    lands(play, inner)
    play.ok(inner, "y", "z")
    assert play.run.status == "completed"
    play.check_replay()


def again(play):
    """Repair what `l` touches, once `y` has failed."""
    play.rejected("y")
    play.do(c.ChooseDirection(direction="repair", culprits=("l",), by="bob"))


def talk(play, tool):
    """Let the agent call a tool and say its answer."""
    play.ok("m.1.think", output={"tool": tool, "arguments": {}})
    play.ok(f"m.2.{tool}")
    play.ok("m.3.think", output={"tool": "answer", "answer": "done"})


def test_R26_an_agent_that_calls_another_tool_when_it_begins_anew_can_begin_anew_once_more():
    tools = "{a: {description: a, step: {<read>}}, b: {description: b, step: {<read>}}}"
    agent = f"{{kind: agent, needs: l, with: {{prompt: Go.}}, tools: {tools}}}"
    play = Play(f"recovery: ask\nsteps: {{l: {{<read>}}, m: {agent}, y: {{<read>, <once>, needs: m}}}}")
    for tool in ("a", "b"):
        play.ok("l")
        talk(play, tool)
        dimensions(play.run, play.log)
        again(play)
    play.ok("l")
    talk(play, "a")
    play.ok("y")
    assert play.run.status == "completed"
    play.check_replay()


@pytest.mark.parametrize("body", ["w: {<read>}", "w: {<read>}, x: {<read>, needs: w}"])
def test_R26_a_body_that_a_new_plan_changes_can_be_planned_anew_once_more(body):
    text = "recovery: ask\nsteps: {{l: {{<read>}}, m: {{kind: map, needs: l, with: {{over: [1, 2], concurrency: 1}}, body: {{steps: {{{}}}}}}}, y: {{<read>, <once>, needs: m}}}}"
    play = Play(text.format("x: {<read>}"))
    play.ok("l", "m.1.x", "m.2.x")
    play.rejected("y")
    play.do(c.ChooseDirection(direction="repair", culprits=("l",), replan=True, by="bob"))
    play.do(c.Amend(document=saga_of(text.format(body)).document(), reason="another", by="zoe"))
    play.do(c.Resume(by="bob"))
    play.ok("l")
    document = play.run.saga.document()
    document["steps"]["z"] = {"kind": "python", "with": {"function": "read"}, "needs": ["y"]}
    play.do(c.Amend(document=document, reason="more", by="zoe"))  # while m.2 waits for m.1
    while play.open():
        play.ok(play.open()[0])
    assert play.run.status == "completed"
    play.check_replay()
