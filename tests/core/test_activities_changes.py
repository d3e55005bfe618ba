"""What a change of a timetable does to what is under way, and which ones can't be (R13, R27, L25)."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.errors import DefinitionInvalid
from engine.core.scope import forward_scope
from tests.core.harness import Play, refuses
from tests.core.test_activities import ride, times, to_the_end


def changed(play, kind, magnitude=0, reason="news", until=None, **scope):
    return c.ChangeTimes(by="ann", kind=kind, scope=scope, magnitude=magnitude, until=until, reason=reason)


@pytest.mark.parametrize(
    ("kind", "magnitude", "until", "scope", "ends"),
    [
        ("activity_delay", 30, None, {"step": "go"}, 790),
        ("activity_delay", 30, None, {"step": "other"}, 760),
        ("machine_down", 0, "12:50", {"machine": "car"}, 790),
        ("machine_down", 0, "12:50", {"machine": "van"}, 760),
        ("arrival_delay", 30, None, {"person": "Pat"}, 760),
        ("travel_time_multiplier", 2, None, {"legs_touching": ["B"]}, 780),
        ("travel_time_multiplier", 0, "12:50", {"legs": ["B-W"]}, 740),
        ("travel_time_multiplier", 2, None, {"legs": ["W-T"]}, 760),
    ],
)
def test_a_way_under_way_ends_as_late_as_any_other_activity(kind, magnitude, until, scope, ends):
    play = ride()
    play.tick(20)
    play.do(changed(play, kind, magnitude, until=until, **scope))
    assert times(play)["go"] == (720, ends)
    to_the_end(play)


def test_places_may_have_a_dash_in_their_names():
    play = Play(
        "clock: {start: 0, speed: 1}\nsteps: {a: {kind: activity, with: {minutes: 9, from: A-Town, to: B}}}"
    )
    play.do(changed(play, "travel_time_multiplier", 2, legs=["B-A-Town"]))
    assert times(play)["a"] == (0, 18)


WRONG = [
    ({"legs": ["AB"]}, "`AB` is no leg; write it as A-B"),
    ({"legs": "A-B"}, "`legs` is a list of A-B each"),
    ({"legs": [5]}, "`5` is no leg"),
    ({"legs": ["-"]}, "`-` is no leg"),
    ({"legs_touching": 5}, "`legs_touching` is a place or a list of places"),
    ({"legs_touching": [{}]}, "`legs_touching` is a place or a list of places"),
]


@pytest.mark.parametrize(("scope", "words"), WRONG)
def test_L25_a_change_for_nobody_is_refused_where_a_person_says_it(scope, words):
    refuses(ride(), changed(None, "travel_time_multiplier", 2, **scope), words)


@pytest.mark.parametrize(("scope", "words"), WRONG)
def test_R12_a_change_for_nobody_is_not_published(scope, words):
    more = f"disruptions: [{{kind: travel_time_multiplier, scope: {scope}, magnitude: 2, known_at: '13:00'}}]"
    with pytest.raises(DefinitionInvalid, match=f"disruptions\\[0\\].scope: {words.split(';')[0]}"):
        ride(more=more)


def test_R13_one_that_was_published_all_the_same_is_a_fault_when_it_happens():
    more = (
        "disruptions: [{kind: travel_time_multiplier, scope: {legs: [AB]}, magnitude: 2, known_at: '12:10'}]"
    )
    play = ride(more=more, publish=False)
    play.advance()
    assert (play.run.fault.source, play.events("times_changed")) == ("expression", [])
    assert "`AB` is no leg" in play.run.fault.reason
    play.check_replay()


@pytest.mark.parametrize("moment", [5e306, float("inf"), float("nan"), -5e306, 1_000_000])
def test_L25_nothing_ends_when_no_clock_can_tell(moment):
    play = ride()
    play.tick(20)
    refuses(play, c.ReviseActivity(by="ann", step="go", until=moment, reason="x"), "moment")
    assert forward_scope(play.run)["run"]["timetable"]["begun"][0]["end"] == "12:40"


@pytest.mark.parametrize("moment", ["5.0e+306", ".inf", ".nan"])
def test_no_moment_of_a_saga_is_one_that_no_clock_can_tell(moment):
    for text in (
        f"clock: {{start: {moment}}}\nsteps: {{a: {{<read>}}}}",
        f"clock: {{start: 0}}\nsteps: {{a: {{kind: activity, with: {{start: {moment}}}}}}}",
        f"clock: {{start: 0}}\ndisruptions: [{{kind: machine_down, known_at: {moment}}}]\nsteps: {{a: {{<read>}}}}",
    ):
        with pytest.raises(DefinitionInvalid):
            Play(text)


@pytest.mark.parametrize("moment", [5e306, 1_000_000, "soon"])
def test_R13_an_end_that_no_clock_can_tell_is_a_fault_of_the_step_that_gave_it(moment):
    play = Play("""
clock: {start: 0, speed: 1}
steps:
  way: {kind: activity, with: {minutes: 60}}
  stop: {kind: activity, with: {minutes: 10}}
  plan: {<read>, needs: stop, schedules: output}
""")
    play.tick(10)
    play.ok("plan", output={"activities": None, "ends": {"way": moment}})
    assert (play.run.fault.source, play.run.fault.step) == ("expression", "plan")
    assert times(play)["way"] == (0, 60)
    play.check_replay()


def test_L25_what_can_not_be_told_yet_refuses_what_a_person_says_of_the_clock():
    play = Play(
        "clock: {start: 0, speed: 1}\ninput: {when: {}}\n"
        "disruptions: [{kind: machine_down, scope: {machine: A}, known_at: '${run.input.when}'}]\n"
        "steps: {b: {<read>}, a: {kind: activity, with: {minutes: 9}}}",
        when="soon",
    )
    assert play.open() == ["b"]
    for command in (
        c.SetClock(by="ann", speed=2),
        c.SetClock(by="ann", jump=True),
        changed(play, "machine_down", machine="A"),
    ):
        refuses(play, command, "a disruption's moment is `soon`")
