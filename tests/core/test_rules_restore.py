"""Every commit is a checkpoint of S_A, and a person may set S_A back to one: when, and what follows."""

import pytest
from pydantic import ValidationError

from engine.core import commands as c
from tests.core.harness import Play, refuses

SUMS = """
app: {n: 0, first: true}
steps:
  a: {<read>, writes: {n: output.n, a: "'done'"}}
  b: {<read>, needs: a, writes: {n: app.n + output.n}}
  z: {<read>, needs: b, writes: {n: app.n * 10}}
output: {n: "${app.n}"}
"""


def restore(seq, reason="it was wrong", by="eve"):
    return c.RestoreApp(seq=seq, reason=reason, by=by)


def paused(text=SUMS):
    """A run that stands before its last step: a and b have written, and nothing is open."""
    play = Play(text)
    play.ok("a", output={"n": 1})
    play.do(c.Pause(by="eve"))
    play.ok("b", output={"n": 2})
    assert (play.run.app["n"], play.open()) == (3, [])
    return play


def commit_of(play, step):
    return next(r.seq for r in play.log if r.event.type == "step_committed" and r.event.step == step)


def test_every_event_is_a_moment_to_which_S_A_can_be_shown():
    play = paused()
    first, second = commit_of(play, "a"), commit_of(play, "b")
    assert play.run.app_at(first - 1) == {"n": 0, "first": True}
    assert play.run.app_at(first) == play.run.app_at(second - 1) == {"n": 1, "first": True, "a": "done"}
    assert play.run.app_at(second) == play.run.app


def test_S_A_is_as_it_was_and_the_run_goes_on_from_there():
    play = paused()
    assert play.do(restore(commit_of(play, "a"))) == ["app_restored"]
    assert play.run.app == {"n": 1, "first": True, "a": "done"}
    (fact,) = play.events("app_restored")
    assert (fact.at_seq, fact.by, fact.reason) == (commit_of(play, "a"), "eve", "it was wrong")
    assert play.status("b") == "committed", "what was done is done; only S_A is set back"
    play.do(c.Resume(by="eve"))
    play.ok("z", output={})
    assert (play.run.status, play.run.output) == ("completed", {"n": 10})


def test_keys_written_later_are_gone_and_a_restore_can_be_restored():
    play = paused()
    play.do(restore(1))
    assert play.run.app == {"n": 0, "first": True}
    play.do(restore(commit_of(play, "b"), "no, it was right"))
    assert play.run.app == {"n": 3, "first": True, "a": "done"}
    assert play.run.app_at(play.log[-2].seq) == {"n": 0, "first": True}


def test_L8_replay_gives_the_live_run_after_a_restore():
    play = paused()
    play.do(restore(commit_of(play, "a")))
    play.check_replay()
    play.do(c.Resume(by="eve"))
    play.ok("z", output={})
    play.check_replay()


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_restore_needs_a_reason(reason):
    refuses(paused(), restore(1, reason), "say why")


def test_a_moment_that_never_was_is_refused():
    play = paused()
    refuses(play, restore(len(play.log) + 1), f"has {len(play.log)} events; there is no {len(play.log) + 1}")
    with pytest.raises(ValidationError):
        restore(0)


def test_a_restore_waits_for_a_pause_and_for_open_calls():
    play = Play(SUMS)
    refuses(play, restore(1), "pause the run first")
    play.do(c.Pause(by="eve"))
    refuses(play, restore(1), "let open calls end")
    play.ok("a", output={"n": 1})
    play.do(restore(1))
    play.do(c.Resume(by="eve"))
    refuses(play, restore(1), "pause the run first")


def test_a_run_that_goes_back_or_has_ended_keeps_its_state():
    play = Play("app: {n: 0}\nsteps: {a: {<book>, writes: {n: output.n}}, x: {<read>, <once>, needs: a}}")
    play.ok("a", output={"n": 1})
    play.rejected("x")
    play.do(c.Pause(by="eve"))
    refuses(play, restore(1), "going back")
    play.do(c.Resume(by="eve"))
    play.ok("a")
    assert play.run.is_closed
    refuses(play, restore(1), "has ended")


def test_R29_a_restore_that_breaks_an_invariant_is_a_fault():
    rule = "invariants: [{name: kept, rule: 'size(steps) < 2 || app.n > 2'}]\n"
    play = paused(rule + SUMS)
    assert "faulted" in play.do(restore(commit_of(play, "a")))
    assert play.run.fault.source == "invariant"
    assert "invariant 'kept' is broken" in play.run.fault.reason
    assert "n = 1" in play.run.fault.reason
    assert play.run.status == "compensated", "nothing had an effect, so there is nothing to undo"
    play.check_replay()
