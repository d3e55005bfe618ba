"""R36 for items and tasks that fail and are tolerated: what they did is undone at once, what needs them does not begin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.evolve import replay
from tests.core.harness import Play

MAP = (
    "steps: {m: {kind: map, with: {over: [1, 2, 3], tolerate: 2, concurrency: 2},"
    " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, last: {<read>, needs: m}}"
)


def test_R36_what_a_tolerated_item_did_is_undone_while_the_others_are_still_at_work():
    play = Play(MAP)
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    assert play.open() == ["m.2.y", "late m.1.x", "m.3.x"]
    play.check_replay()
    play.ok("m.1.x")
    assert not play.run.steps["m.1.x"].maybe_landed
    play.ok("m.3.x", "m.3.y", "m.2.y")
    assert play.run.steps["m"].output["results"] == [None, None, None]
    assert [one["index"] for one in play.run.steps["m"].output["failed"]] == [1]
    play.ok("last")
    assert play.run.status == "completed"
    assert len(play.events("frame_dropped")) == 1
    play.check_replay()


def test_R36_tolerated_items_leave_nothing_behind_where_nothing_can_be_made_of_the_rest():
    text = (
        "steps: {m: {kind: map, with: {over: [1, 2], tolerate: 1, gather: merge},"
        " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, sorry: {<read>, needs: m.failed}}"
    )
    play = Play(text)
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    play.ok("m.2.y", output="no object")
    assert play.status("m") == "handled"
    play.ok("m.1.x", "m.2.x", "sorry")
    assert not any(step.maybe_landed for step in play.run.steps.values())
    assert play.run.status == "completed"
    play.check_replay()


def test_R36_a_fault_elsewhere_leaves_what_was_dropped_to_its_own_undo():
    play = Play(MAP.replace("last: {<read>, needs: m}", "last: {<read>, <once>}"))
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    play.rejected("last")
    play.ok("m.1.x", "m.2.y", "m.3.x")
    assert [entry.step for entry in play.events("direction_chosen")[0].plan] == ["m.3.x", "m.2.x"]
    play.ok("m.2.x", "m.3.x")
    assert play.run.status == "compensated"
    play.check_replay()


TASKS = "[{id: a, role: w}, {id: b, role: w, needs: [a]}, {id: c, role: w, needs: [b]}, {id: d, role: w}]"
TEAM = (
    f"steps: {{t: {{kind: team, with: {{tasks: {TASKS}, tolerate: <n>}}, workers: {{w: {{steps: {{x: {{<book>}},"
    " y: {<read>, <once>, needs: x}}}}}, last: {<read>, needs: t}}"
)


def team(tolerate, more=""):
    return Play(more + TEAM.replace("<n>", str(tolerate)))


def test_R36_a_task_does_not_begin_where_one_that_it_needs_failed():
    play = team(3)
    play.ok("t.a.x", "t.d.x")
    play.rejected("t.a.y", error="sold out")
    assert play.open() == ["t.d.y", "late t.a.x"]
    assert [(one.frame, one.reason) for one in play.events("frame_dropped")] == [
        ("t.a", "'y': sold out"), ("t.b", "needs 'a', which failed"), ("t.c", "needs 'b', which failed"),
    ]  # fmt: skip
    play.check_replay()
    play.ok("t.a.x", "t.d.y")
    output = play.run.steps["t"].output
    assert list(output["results"]) == ["d"]
    assert [one["task"]["id"] for one in output["failed"]] == ["a", "b", "c"]
    play.ok("last")
    assert play.run.status == "completed"
    assert "t.b.x" not in play.run.steps
    play.check_replay()


def test_R36_a_task_that_fails_counts_with_all_that_need_it():
    play = team(2)
    play.ok("t.a.x")
    play.rejected("t.a.y")
    assert play.run.fault.step == "t.a.y"
    play = team(2)
    play.ok("t.a.x", "t.a.y", "t.b.x")
    play.rejected("t.b.y")
    assert play.run.fault is None
    play.ok("t.b.x", "t.d.x")
    play.rejected("t.d.y")
    assert play.run.fault.step == "t.d.y"


def test_R36_a_team_of_which_too_much_can_not_begin_fails_where_others_go_on():
    play = Play(
        TEAM.replace("<n>", "1").replace("last: {<read>, needs: t}", "last: {<read>, needs: t.failed}")
    )
    play.ok("t.a.x", "t.d.x", "t.d.y")
    play.rejected("t.a.y")
    assert play.status("t") == "handled"
    assert play.run.steps["t"].reason.startswith("3 of 4 failed, 1 are tolerated")
    play.ok("t.a.x", "t.d.x", "last")
    assert play.run.status == "completed"
    assert not any(step.maybe_landed for step in play.run.steps.values())
    play.check_replay()


def test_R26_a_task_that_could_not_begin_does_so_where_what_it_needs_is_done_anew():
    play = team(3, "recovery: repair\n")
    play.ok("t.a.x", "t.d.x")
    play.rejected("t.a.y")
    play.ok("t.a.x", "t.d.y")
    play.do(c.MarkStale(steps=("t",), reason="tickets are back", by="bob"))
    play.ok("last")
    play.ok("t.d.x")
    assert play.open() == ["t.a.x", "t.d.x"]
    play.ok("t.a.x", "t.a.y", "t.b.x", "t.b.y", "t.c.x", "t.c.y", "t.d.x", "t.d.y", "last")
    assert (play.run.status, play.run.steps["t"].output["failed"]) == ("completed", [])
    play.check_replay()


def test_R26_a_task_that_could_not_begin_stays_so_where_only_another_one_is_done_anew():
    play = team(3, "recovery: repair\n")
    play.ok("t.a.x", "t.d.x")
    play.rejected("t.a.y")
    play.ok("t.a.x", "t.d.y")
    play.do(c.MarkStale(steps=("t.d.x",), reason="closed", by="bob"))
    play.ok("last")
    play.ok("t.d.x")
    assert play.open() == ["t.d.x"]
    play.ok("t.d.x", "t.d.y", "last")
    assert play.run.status == "completed"
    assert [one["task"]["id"] for one in play.run.steps["t"].output["failed"]] == ["a", "b", "c"]
    play.check_replay()


def test_L08_a_team_that_began_before_its_tasks_waited_for_good_ones_goes_on_as_it_began():
    play = team(3)
    play.ok("t.a.x", "t.d.x")
    opened = next(i for i, recorded in enumerate(play.log) if recorded.event.type == "frames_opened")
    kept = play.log[opened]
    old = e.Recorded(kept.seq, kept.at, replace(kept.event, only_after_good=False))
    play.log[opened] = old
    play.run = replay(play.saga, play.log)
    play.rejected("t.a.y")
    assert "t.b.x" in play.open()
    play.check_replay()


@pytest.mark.parametrize("upto", range(1, 13))
def test_L09_a_log_that_is_cut_between_what_is_dropped_goes_on(upto):
    whole = team(4)
    whole.ok("t.a.x", "t.d.x", "t.d.y")
    whole.rejected("t.a.y")
    whole.ok("t.a.x", "last")
    cut = whole.log[: len(whole.log) - upto]
    play = Play(whole.saga, start=False)
    play.log, play.run, play.now = list(cut), replay(whole.saga, cut), whole.now
    play.do(c.Recover())
    for _ in range(40):
        if play.run.is_closed:
            break
        if play.open():
            play.ok(play.open()[0].removeprefix("late "))
        else:
            play.advance()
    assert play.run.status == "completed"
    assert [one["task"]["id"] for one in play.run.steps["t"].output["failed"]] == ["a", "b", "c"]
    play.check_replay()


def test_R26_what_is_done_anew_and_fails_this_time_bars_what_needs_it():
    play = team(3, "recovery: repair\n")
    play.ok("t.a.x", "t.d.x", "t.a.y", "t.d.y", "t.b.x", "t.b.y", "t.c.x", "t.c.y")
    play.do(c.MarkStale(steps=("t.a.x",), reason="closed", by="bob"))
    play.ok("last")
    play.ok("t.c.x", "t.b.x", "t.a.x")
    assert play.open() == ["t.a.x"]
    play.ok("t.a.x")
    play.rejected("t.a.y")
    play.check_replay()
    play.ok("t.a.x", "last")
    assert play.run.status == "completed"
    assert [one["task"]["id"] for one in play.run.steps["t"].output["failed"]] == ["a", "b", "c"]
    keys = [i.key for i in play.events("attempt_intended") if i.step == "t.b.x" and i.phase == "forward"]
    assert keys == ["r1:t.b.x:1"]
    play.check_replay()
