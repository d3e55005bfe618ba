"""R17 and R25 for effects that do not count: in which order they are undone, how many at once, and that none is left."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.schedule import wake_at
from tests.core.harness import Play

AROUND = (
    "steps: {a: {<book>}, m: {kind: map, needs: a, with: {over: [1, 2], tolerate: 1},"
    " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, z: {<read>, <once>, needs: m}}"
)


def dropped_first_item():
    play = Play(AROUND)
    play.ok("a", "m.1.x", "m.2.x", "m.2.y")
    play.rejected("m.1.y")
    return play


def test_L06_what_a_dropped_item_was_built_on_stays_until_it_is_undone():
    play = dropped_first_item()
    play.rejected("z")
    play.failed("m.1.x")  # its late undo has to be tried again
    play.ok("m.2.x")
    assert play.open() == []
    play.advance()
    assert play.open() == ["late m.1.x"]
    play.ok("m.1.x")
    assert play.open() == ["undo a"]
    play.ok("a")
    assert play.run.status == "compensated"
    play.check_replay()


def test_L06_a_late_undo_that_a_person_has_to_settle_holds_back_what_it_was_built_on():
    play = dropped_first_item()
    play.rejected("z")
    play.rejected("m.1.x")  # before the direction is chosen; then it is tried once more
    play.ok("m.2.x")
    play.rejected("m.1.x")
    assert (play.open(), play.run.status) == ([], "needs_attention")
    play.do(c.MarkDone(step="m.1.x", reason="cancelled by phone", by="bob"))
    assert play.open() == ["undo a"]
    play.check_replay()


FORTY = (
    "input: {items: {type: array}}\nsteps: {m: {kind: map, with: {over: '${run.input.items}', tolerate: 40, concurrency: 40},"
    " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, z: {<read>, needs: m}}\nparallel: 40"
)


def test_R17_dropped_effects_are_undone_a_few_at_a_time_beside_the_work_that_goes_on():
    play = Play(FORTY.replace("parallel: 40", "parallel: 40\nparallel_undo: 3"), items=list(range(40)))
    numbers = range(1, 41)
    play.ok(*(f"m.{n}.x" for n in numbers))
    for n in numbers:
        play.rejected(f"m.{n}.y")
    open_ = play.open()
    assert sum(name.startswith("late ") for name in open_) == 3
    assert "z" in open_
    assert wake_at(play.run) is None
    most = 0
    while late := [name.removeprefix("late ") for name in play.open() if name.startswith("late ")]:
        most = max(most, len(late))
        play.ok(late[0])
    assert most == 3
    play.ok("z")
    assert play.run.status == "completed"
    play.check_replay()


def test_R17_open_late_undos_leave_the_forward_work_its_places():
    play = Play(FORTY.replace("parallel: 40", "parallel: 2"), items=[1, 2, 3])
    for n in (1, 2, 3):
        play.ok(f"m.{n}.x")
    for n in (1, 2, 3):
        play.rejected(f"m.{n}.y")
    assert play.open() == ["late m.1.x", "late m.2.x", "late m.3.x", "z"]


LOOP = (
    "steps: {l: {kind: loop, with: {until: 'false', max_rounds: 2, on_end: <end>},"
    " body: {steps: {x: {<book>}, y: {<book>, needs: x}}}<more>}, n: {<read>, needs: l.<watched>}}"
)


def loop(end="fault", more="", watched="failed"):
    return Play(LOOP.replace("<end>", end).replace("<more>", more).replace("<watched>", watched))


def test_R36_a_loop_that_fails_with_somebody_to_go_on_leaves_nothing_behind():
    play = loop()
    for name in ("l.1.x", "l.1.y", "l.2.x", "l.2.y"):
        play.ok(name, output={"v": 1})
    assert play.status("l") == "handled"
    play.check_replay()
    for name in ("l.2.y", "l.2.x", "l.1.y", "l.1.x"):  # the last round was built on the first
        assert f"late {name}" in play.open()
        assert sum(each.startswith("late") for each in play.open()) == 1
        play.ok(name)
    play.ok("n")
    assert play.run.status == "completed"
    assert not any(step.maybe_landed for step in play.run.steps.values())
    play.check_replay()


def test_R36_a_round_that_fails_takes_the_rounds_before_it_along():
    play = loop(end="accept_best")
    play.ok("l.1.x", "l.1.y", "l.2.x")
    play.rejected("l.2.y")
    assert play.status("l") == "handled"
    assert [e.frame for e in play.events("frame_dropped")] == ["l.2", "l.1"]
    for name in ("l.2.x", "l.1.y", "l.1.x"):
        play.ok(name)
    play.ok("n")
    assert play.run.status == "completed"
    play.check_replay()


MAP = (
    "steps: {m: {kind: map, with: {over: [1, 2]<with>}, validate: [{kind: rule, name: v, rule: '<rule>'}],"
    " body: {steps: {x: {<book>}}}}, n: {<read>, needs: m.failed}}"
)


@pytest.mark.parametrize(
    ("more", "rule"), [("", "output.count > 5"), (", gather: weighted, value: output.no", "true")]
)
def test_R36_a_map_whose_output_is_rejected_or_can_not_be_made_leaves_nothing_behind(more, rule):
    play = Play(MAP.replace("<with>", more).replace("<rule>", rule))
    play.ok("m.1.x", "m.2.x", output={"v": 1})
    assert play.status("m") == "handled"
    assert sorted(play.open()) == ["late m.1.x", "late m.2.x", "n"]
    play.ok("m.1.x", "m.2.x", "n")
    assert play.run.status == "completed"
    play.check_replay()


def test_R36_frames_that_did_nothing_are_not_dropped():
    play = Play(MAP.replace("<with>", "").replace("<rule>", "output.count > 5").replace("<book>", "<read>"))
    play.ok("m.1.x", "m.2.x", "n", output={"v": 1})
    assert (play.run.status, play.events("frame_dropped")) == ("completed", [])


def test_R12_a_composite_that_fails_past_its_point_of_no_return_is_a_fault_whoever_listens():
    inner = "{saga: s, steps: {x: {<pay>}}, output: {v: '${steps.x.output.no}'}}"
    text = f"steps: {{s: {{kind: saga, with: {{saga: s}}, definition: {inner}}}, n: {{<send>, needs: s.failed}}}}"
    play = Play(text, publish=False)
    play.ok("s.x", output={"v": 1})
    assert play.run.fault is None  # forward is the only way
    assert play.run.attention["s"].kind == "stuck_after_pivot"
    assert play.status("s") == "failed"
    assert play.events("frame_dropped") == []
