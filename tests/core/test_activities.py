"""Activities on the virtual clock: begun, ended, slowed down, survived, never rewritten (R27, R31, R32)."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from tests.core.harness import Play, refuses

RIDE = """
clock: {start: "12:00", speed: 1, %s}
%s
steps:
  go: {kind: activity, with: {what: go, kind: drive, who: [Pat], uses: [car], from: W, to: B, minutes: 40, start: "12:00"}}
  wait: {kind: activity, needs: go, with: {kind: pickup, who: [Pat], place: B, minutes: 10}}
  on: {kind: activity, needs: wait, with: {kind: drive, who: [Pat], uses: [car], from: B, to: T, minutes: 30}}
  other: {kind: activity, with: {what: fetch, who: [Chris], minutes: 15, start: "13:30"}}
"""
ALERT = """
disruptions:
  - {name: alert, kind: travel_time_multiplier, scope: {legs_touching: B}, magnitude: 3, known_at: "13:00"}
"""


def ride(clock="", more="", **inputs):
    return Play(RIDE % (clock, more), **inputs)


def to_the_end(play):
    while play.run.status == "running":
        play.advance()
    play.check_replay()
    return play


def times(play):
    return {name: (span.began, span.until) for name, span in play.run.clock.spans.items()}


def test_activities_go_by_the_virtual_clock():
    play = to_the_end(ride())
    assert play.run.status == "completed"
    assert times(play) == {"go": (720, 760), "wait": (760, 770), "on": (770, 800), "other": (810, 825)}
    assert play.run.steps["on"].output == {"began": "12:50", "ended": "13:20"}


def test_the_part_still_to_do_takes_the_factor():
    """T_new = T_elapsed + M * max(0, T_total - T_elapsed): 10 + 3 * 20 from 12:50 on."""
    play = to_the_end(ride(more=ALERT))
    assert times(play)["on"] == (770, 840)
    assert times(play)["go"] == (720, 760)
    assert [event.ends for event in play.events("times_changed")] == [{"on": 840}]


def test_the_part_still_to_do_can_take_less_time_too():
    play = to_the_end(ride(more=ALERT.replace("magnitude: 3", "magnitude: 0.5")))
    assert times(play)["on"] == (770, 790), "10 + 0.5 * 20 from 12:50 on"


def test_R32_a_clock_that_jumps_back_neither_refires_nor_unfires():
    play = ride()
    play.tick(41)
    assert play.status("go") == "committed"
    play.now = play.now.replace(hour=0, minute=0)
    play.tick(0)
    assert [event.step for event in play.events("step_committed")] == ["go"]
    to_the_end(play)


def test_a_late_timer_changes_no_moment_and_no_order():
    play = ride(more=ALERT)
    while play.run.status == "running":
        play.tick(100_000)
    assert times(play)["on"] == (770, 840)
    assert times(play)["other"] == (810, 825)


def test_a_pause_takes_no_virtual_time():
    play = ride()
    play.tick(10)
    play.do(c.Pause(by="ann"))
    play.tick(500)
    assert play.status("go") == "waiting"
    play.do(c.Resume(by="ann"))
    play.tick(29)
    assert play.status("go") == "waiting"
    play.tick(1)
    assert play.status("go") == "committed"


def test_what_else_is_under_way_takes_no_virtual_time():
    play = ride(more="").run
    assert play.clock.runs
    play = Play(
        "clock: {start: 0, speed: 1}\nsteps:\n  a: {<read>}\n  b: {kind: activity, with: {minutes: 5}}\n"
    )
    play.tick(100)
    assert play.status("b") == "ready"
    play.ok("a")
    play.tick(0)
    assert play.status("b") == "waiting"
    play.tick(5)
    assert play.run.status == "completed"
    assert play.run.steps["b"].output == {"began": 0, "ended": 5}


def test_the_speed_can_be_set_and_the_clock_can_jump():
    play = ride()
    play.do(c.SetClock(by="ann", speed=0))
    play.tick(1000)
    assert play.status("go") == "waiting"
    play.do(c.SetClock(by="ann", jump=True))
    assert play.status("go") == "committed"
    assert play.run.clock.moment == 760
    play.do(c.SetClock(by="ann", speed=10))
    play.tick(1)
    assert play.status("wait") == "committed"
    refuses(play, c.SetClock(by="ann", speed=10), "already")
    to_the_end(play)


def test_people_say_what_has_changed_and_when_something_ends():
    play = ride()
    play.tick(20)
    play.do(
        c.ChangeTimes(
            by="ann", kind="travel_time_multiplier", scope={"legs": ["W-B"]}, magnitude=2, reason="fog"
        )
    )
    assert times(play)["go"] == (720, 780)
    play.do(c.ReviseActivity(by="ann", step="go", until="12:45", reason="the fog lifted"))
    assert times(play)["go"] == (720, 765)
    refuses(play, c.ReviseActivity(by="ann", step="on", until="12:45", reason="x"), "under way")
    refuses(play, c.ReviseActivity(by="ann", step="go", until="soon", reason="x"), "moment")
    to_the_end(play)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("{kind: arrival_delay, scope: {person: Chris}, magnitude: 180, known_at: '13:00'}", (960, 975)),
        ("{kind: activity_delay, scope: {task: fetch}, magnitude: 5, known_at: '13:00'}", (810, 830)),
        ("{kind: activity_delay, scope: {task: fetch}, magnitude: 5, known_at: '13:40'}", (810, 830)),
        ("{kind: travel_time_multiplier, magnitude: 3, known_at: '13:00'}", (810, 825)),
    ],
)  # fmt: skip
def test_each_change_of_the_world(change, expected):
    assert times(to_the_end(ride(more=f"disruptions: [{change}]")))["other"] == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"), [(4, 6, (6, 9)), (5, 9, (9, 12)), (8, 9, (4, 7)), (0, 3, (4, 7))]
)
def test_a_machine_that_is_down_takes_no_work_that_can_not_end_before(since, until, expected):
    text = f"""
clock: {{start: 0, speed: 1}}
disruptions: [{{kind: machine_down, scope: {{machine: A}}, known_at: 0, effective_from: {since}, until: {until}}}]
steps:
  op: {{kind: activity, with: {{uses: [A], minutes: 3, start: 4}}}}
"""
    assert times(to_the_end(Play(text)))["op"] == expected


def test_what_is_under_way_on_a_machine_that_breaks_goes_on_after_it():
    text = """
clock: {start: 0, speed: 1}
disruptions: [{kind: machine_down, scope: {machine: A}, known_at: 5, until: 8}]
steps:
  op: {kind: activity, with: {uses: [A], minutes: 3, start: 4}}
"""
    assert times(to_the_end(Play(text)))["op"] == (4, 10)


REPLANNED = """
recovery: repair
clock: {start: "12:00", speed: 1, replan: look}
disruptions:
  - {name: alert, kind: travel_time_multiplier, scope: {legs_touching: B}, magnitude: 3, known_at: "12:10"}
steps:
  look: {<read>}
  plan: {kind: python, needs: look, with: {function: plan}, schedules: output}
"""


def activities(*minutes):
    return {
        f"way_{n}": {
            "kind": "activity", **({"needs": [f"way_{n - 1}"]} if n > 1 else {}),
            "with": {"kind": "drive", "from": "A", "to": "B", "minutes": each},
        }
        for n, each in enumerate(minutes, start=1)
    }  # fmt: skip


def test_R27_a_change_plans_the_rest_anew_and_leaves_what_has_begun():
    play = Play(REPLANNED)
    play.ok("look")
    play.ok("plan", output={"activities": activities(30, 20)})
    before = None
    while play.run.status == "running" and not play.events("steps_redone"):
        before = len(play.log)
        play.advance()
    assert play.open() == ["look"]
    assert not play.run.clock.runs
    assert play.run.clock.moment == 730
    play.tick(300)
    play.ok("look")
    ahead = {"way_2": activities(30, 5)["way_2"]}
    play.ok("plan", output={"activities": ahead})
    assert before is not None
    assert play.run.steps["way_1"].status == "waiting"
    assert times(play)["way_1"] == (720, 720 + 10 + 3 * 20)
    to_the_end(play)
    assert times(play)["way_2"] == (790, 805)
    assert play.run.status == "completed"


def test_R27_what_has_begun_can_not_be_scheduled_anew():
    play = Play(REPLANNED)
    play.ok("look")
    play.ok("plan", output={"activities": activities(30, 20)})
    while not play.events("steps_redone"):
        play.advance()
    play.ok("look")
    play.ok("plan", output={"activities": activities(99, 20)})
    assert "has begun" in play.events("faulted")[-1].reason
    play.check_replay()


def test_other_ends_of_what_is_under_way_come_with_a_plan():
    play = Play(REPLANNED)
    play.ok("look")
    play.ok("plan", output={"activities": activities(30, 20)})
    while not play.events("steps_redone"):
        play.advance()
    play.ok("look")
    play.ok("plan", output={"activities": {"way_2": activities(1, 20)["way_2"]}, "ends": {"way_1": "12:30"}})
    assert times(play)["way_1"] == (720, 750)
    to_the_end(play)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("disruptions: [{kind: machine_down, known_at: 0}]\nsteps: {a: {<read>}}", "without a clock"),
        ("clock: {start: 0}\nsteps: {a: {kind: activity, with: {from: A}}}", "one end"),
        ("clock: {start: 0, replan: b}\nrecovery: repair\nsteps: {a: {<read>}}", "no step 'b'"),
        ("clock: {start: 0, replan: a}\nsteps: {a: {<read>}}", "undo the whole run"),
        ("clock: {start: 0}\ndisruptions: [{kind: machine_down}]\nsteps: {a: {<read>}}", "never happens"),
        ("clock: {start: 0}\ndisruptions: [{kind: machine_down, known_at: soon}]\nsteps: {a: {<read>}}", "no moment"),
        ("clock: {start: noon}\nsteps: {a: {<read>}}", "HH:MM"),
        ("clock: {start: 0}\nsteps: {a: {kind: activity, with: {}, locks: [x]}}", "takes no `locks`"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_a_run(text, match):
    with pytest.raises(Exception, match=match):
        Play(text)


def test_activities_inside_a_map_go_by_the_same_clock():
    play = Play("""
clock: {start: "12:00", speed: 1}
input: {names: {type: array}}
steps:
  all:
    kind: map
    with: {over: "${run.input.names}"}
    body:
      steps:
        fetch: {kind: activity, with: {who: ["x"], minutes: 20}}
        bring: {kind: activity, needs: fetch, with: {minutes: 10}}
  done: {kind: activity, needs: all, with: {minutes: 5}}
""", names=["a", "b"])  # fmt: skip
    to_the_end(play)
    assert play.run.status == "completed"
    assert times(play)["done"] == (750, 755)
