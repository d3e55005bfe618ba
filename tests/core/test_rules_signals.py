"""R32 and waiting on the world: moments, signals by name and key, those that come early, late, twice, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core.errors import DefinitionInvalid
from engine.core.schedule import wake_at
from engine.core.signals import hears
from tests.core.harness import T0, Play, refuses, saga_of

PAID = (
    "w: {kind: wait, with: {event: paid, key: '${run.input.order}'}, output: {type: object, required: [sum]}}"
)
ORDER = f"input: {{order: {{type: string}}}}\nsteps: {{{PAID}, z: {{<read>, needs: w}}}}"


def paid(number="1", key="", **payload):
    return c.Signal(id=number, name="paid", key=key, payload=payload or {"sum": 3}, by="shop")


def test_a_signal_ends_the_wait_and_is_the_output_of_its_step():
    play = Play(ORDER, order="o1")
    assert play.status("w") == "waiting"
    assert wake_at(play.run) is None
    assert play.do(paid(key="o1"))[:2] == ["signal_received", "step_committed"]
    assert play.run.steps["w"].output == {"sum": 3}
    assert play.events("step_committed")[0].signal == "1"
    play.ok("z")
    assert play.run.status == "completed"
    play.check_replay()


def test_one_for_another_key_is_refused_and_one_without_a_key_is_for_the_run():
    play = Play(ORDER, order="o1")
    refuses(play, paid(key="o2"), "no step of run 'r1' waits for 'paid' with the key 'o2'")
    play.do(paid())
    assert play.status("w") == "committed"


def test_what_does_not_fit_the_schema_is_refused_with_the_reason_and_not_stored():
    play = Play(ORDER, order="o1")
    refuses(play, paid(amount=3), "does not fit what 'w' waits for: .*'sum' is a required property")


def test_a_signal_of_a_name_that_nobody_waits_for_is_refused_with_the_names_there_are():
    play = Play(ORDER, order="o1")
    refuses(play, c.Signal(id="1", name="shipped"), "no step of 't' waits for 'shipped'; signals are paid")


def test_one_that_comes_early_is_kept_and_taken_once_its_step_waits():
    play = Play(
        ORDER.replace("steps: {", "steps: {a: {<read>}, ").replace("w: {", "w: {needs: a, "), order="o1"
    )
    assert play.do(paid(key="o1")) == ["signal_received"]
    play.check_replay()
    play.ok("a")
    assert play.status("w") == "committed"
    play.check_replay()


def test_L29_the_same_id_again_changes_nothing_and_is_no_error():
    play = Play(ORDER, order="o1")
    play.do(paid())
    assert play.do(paid()) == []


def test_a_signal_too_many_is_refused():
    play = Play(
        ORDER.replace("steps: {", "steps: {a: {<read>}, ").replace("w: {", "w: {needs: a, "), order="o1"
    )
    play.do(paid("1"))
    refuses(play, paid("2"), "every step that waits for 'paid' has its signal already")
    play.ok("a")
    refuses(play, paid("2"), "waits for 'paid' any more")


def test_each_signal_serves_one_wait():
    play = Play("steps: {v: {kind: wait, with: {event: paid}}, w: {kind: wait, with: {event: paid}}}")
    play.do(paid("1", n=1))
    assert (play.status("v"), play.status("w")) == ("committed", "waiting")
    play.do(paid("2", n=2))
    assert [step.output for step in play.run.steps.values()] == [{"n": 1}, {"n": 2}]


TIMED = "steps: {w: {kind: wait, with: {event: paid, timeout_s: 30}}, z: {<read>, needs: w}, t: {<read>, needs: w.timed_out}}"


def test_where_a_step_waits_for_the_time_out_that_is_the_way_to_go():
    play = Play(TIMED)
    play.advance()
    assert play.now == T0 + timedelta(seconds=30)
    assert play.statuses() == {"run": "running", "w": "handled", "z": "skipped", "t": "running"}
    refuses(play, paid(), "waits for 'paid' any more")
    play.check_replay()


def test_a_signal_in_time_closes_the_way_of_the_time_out():
    play = Play(TIMED)
    play.tick(29)
    play.do(paid())
    assert (play.status("z"), play.status("t")) == ("running", "skipped")


def test_R13_a_signal_that_does_not_come_is_a_fault_where_nobody_waits_for_that():
    play = Play("steps: {a: {<book>}, w: {kind: wait, needs: a, with: {event: paid, timeout_s: 30}}}")
    play.ok("a")
    play.advance()
    assert play.run.fault.source == "expired"
    assert play.run.fault.reason == "no signal 'paid' came in time"
    play.ok("a")
    assert play.run.status == "compensated"


def test_with_continue_the_step_commits_without_it():
    play = Play(
        "steps: {w: {kind: wait, with: {event: paid, timeout_s: 5, on_timeout: continue}}, z: {<read>, needs: w}}"
    )
    play.advance()
    assert play.run.steps["w"].output == {"timed_out": True}
    assert play.open() == ["z"]


def test_R23_a_paused_run_takes_a_signal_and_starts_nothing():
    play = Play(ORDER, order="o1")
    play.do(c.Pause(by="bob"))
    play.do(paid())
    assert (play.status("w"), play.open()) == ("committed", [])
    play.do(c.Resume(by="bob"))
    assert play.open() == ["z"]


def test_a_run_that_is_undone_takes_none():
    play = Play(ORDER.replace("steps: {", "steps: {a: {<book>}, "), order="o1")
    play.ok("a")
    play.do(c.Cancel(by="bob"))
    refuses(play, paid(), "is being undone")


def test_R26_a_wait_that_is_done_anew_needs_a_new_signal():
    play = Play(f"recovery: repair\n{ORDER}", order="o1")
    play.do(paid("1"))
    play.do(c.MarkStale(steps=("w",), reason="it was a mistake", by="bob"))
    play.failed("z")
    assert play.run.steps["w"].epoch == 2
    assert play.status("w") == "waiting"
    play.do(paid("2", sum=4))
    assert play.run.steps["w"].output == {"sum": 4}
    play.check_replay()


def test_R32_a_wait_until_a_moment_ends_then():
    play = Play(
        "input: {at: {type: string}}\nsteps: {w: {kind: wait, with: {until: '${run.input.at}'}}}",
        at="2026-01-01T06:00:00Z",
    )
    play.advance()
    assert play.now == T0 + timedelta(hours=6)
    assert play.run.status == "completed"


def test_an_end_that_is_no_moment_is_a_fault_that_says_so():
    play = Play(
        "input: {at: {type: string}}\nsteps: {w: {kind: wait, with: {until: '${run.input.at}'}}}", at="noon"
    )
    assert "gave 'noon'; write a moment" in play.run.fault.reason


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        ("{}", "nothing ends this wait"),
        ("{duration_s: 3, event: paid}", "`duration_s` and `event` at once"),
        ("{duration_s: 3, key: x}", "only a wait for a signal has this"),
        ("{event: paid, timeout_s: -1}", "a wait of -1"),
        ("{until: noon}", "'noon' is no moment"),
        ("{event: paid, key: '${run.input.nothing}'}", "names no input 'nothing'"),
    ],
)
def test_a_wait_that_makes_no_sense_can_t_be_published(waits, words):
    with pytest.raises(DefinitionInvalid, match=words):
        saga_of(f"steps: {{w: {{kind: wait, with: {waits}}}}}")


def test_R12_after_the_pivot_a_signal_must_not_be_able_to_fail_to_come():
    text = "steps: {p: {<pay>}, w: {kind: wait, needs: p, with: {event: paid, timeout_s: 5}}}"
    with pytest.raises(DefinitionInvalid, match="could fail to come after the pivot 'p'"):
        saga_of(text)
    saga_of(text.replace("timeout_s: 5", "timeout_s: 5, on_timeout: continue"))
    saga_of(text.replace("}}}", "}}, t: {<read>, needs: w.timed_out}}"))


WAIT = "w: {kind: wait, with: {event: paid<key>}, output: {type: object, required: [sum]}}"
INSIDE = {
    "a map that has not begun": "m: {kind: map, needs: a, with: {over: [1]}, body: {steps: {<wait>}}}",
    "a later round": "m: {kind: loop, needs: a, with: {until: 'round == 2'}, body: {steps: {b: {<read>}, <wait2>}}}",
    "a nested saga": "m: {kind: saga, needs: a, with: {saga: n}, definition: {saga: n, steps: {<wait>}}}",
    "a worker": "m: {kind: team, needs: a, with: {tasks: [{id: x, role: r}]}, workers: {r: {steps: {<wait>}}}}",
    "a map in a loop": "m: {kind: loop, needs: a, with: {until: 'true'}, body: {steps: {n: {kind: map, with: {over: [1]}, body: {steps: {<wait>}}}}}}",
}


def inside(where, key=""):
    text = where.replace("<wait>", WAIT).replace("<wait2>", WAIT.replace("w: {", "w: {needs: b, "))
    return Play("steps: {a: {<read>}, " + text.replace("<key>", key) + "}")


@pytest.mark.parametrize("where", INSIDE.values(), ids=INSIDE)
def test_a_signal_for_a_wait_inside_a_step_that_has_not_begun_is_kept(where):
    play = inside(where)
    refuses(play, paid("0", amount=1), "does not fit what 'm.*w' waits for")
    assert play.do(paid("1")) == ["signal_received"]
    play.ok("a")
    if "m.1.b" in play.open():
        play.ok("m.1.b")
    taken = [event for event in play.events("step_committed") if event.signal]
    assert [event.signal for event in taken] == ["1"]
    play.check_replay()


def test_a_signal_for_an_item_that_waits_for_its_turn_is_kept_by_its_key():
    play = inside(
        "m: {kind: map, needs: a, with: {over: [{id: x}, {id: y}], concurrency: 1}, body: {steps: {<wait>}}}",
        ", key: '${item.id}'",
    )
    play.ok("a")
    assert hears(play.run, "paid", "y")
    assert not hears(play.run, "paid", "z")
    refuses(play, paid("1", "z"), "no step of run 'r1' waits for 'paid' with the key 'z'")
    assert play.do(paid("2", "y")) == ["signal_received"]
    refuses(play, paid("3", "y"), "has its signal already")
    play.do(paid("4", "x"))
    assert play.run.status == "completed"
    play.check_replay()


def test_only_so_many_signals_are_kept_as_there_may_be_waits():
    play = inside("m: {kind: map, needs: a, with: {over: [1, 2]}, body: {steps: {<wait>}}}")
    play.do(paid("1"))
    play.do(paid("2"))
    refuses(play, paid("3"), "has its signal already")
    play.ok("a")
    assert play.run.status == "completed"
    refuses_closed = play.run.untaken["paid"][""]
    assert refuses_closed == {}


def test_a_signal_that_comes_when_all_is_over_is_refused_also_for_what_was_inside():
    play = inside(
        "m: {kind: map, needs: a, with: {over: [1]}, body: {steps: {<wait>}}}, z: {<read>, needs: m}"
    )
    play.do(paid("1"))
    play.ok("a")
    assert play.open() == ["z"]
    refuses(play, paid("2"), "no step of run 'r1' waits for 'paid' any more")


REDONE = (
    "recovery: repair\nsteps: {a: {<book>}, w: {kind: wait, needs: a, with: {event: paid}},"
    " z: {kind: wait, needs: w, with: {duration_s: 1000}}}"
)


def redone(*culprits):
    play = Play(REDONE)
    play.ok("a")
    play.do(paid("1"))
    play.do(c.MarkStale(steps=culprits, reason="changed", by="bob"))
    return play


def test_R26_a_wait_that_is_done_anew_takes_its_signal_again():
    play = redone("a")
    refuses(play, paid("2"), "every step that waits for 'paid' has its signal already")
    play.ok("a")
    play.check_replay()
    play.ok("a")
    assert play.status("w") == "committed"
    assert [event.signal for event in play.events("step_committed") if event.signal] == ["1", "1"]
    assert play.do(paid("1")) == []
    play.check_replay()


def test_R26_a_wait_that_was_called_in_doubt_waits_for_another_signal():
    play = redone("w")
    assert (play.status("w"), play.open()) == ("waiting", [])
    play.do(paid("2"))
    assert play.status("w") == "committed"
    play.check_replay()
