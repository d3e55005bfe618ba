"""The forecast of a timetable is what then happens, as long as nothing else changes."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.activities_ahead import forecast
from tests.core.harness import Play
from tests.core.test_activities import ride, times

INSIDE = """
clock: {start: 0, speed: 1}
steps:
  go: {kind: activity, with: {minutes: 10}}
  look: {<read>, needs: go}
  all:
    kind: map
    needs: look
    with: {over: [1, 2]}
    body: {steps: {do: {kind: activity, with: {uses: [A], minutes: 5}}, rest: {kind: activity, needs: do, with: {minutes: 5}}}}
  after: {kind: activity, needs: all, with: {minutes: 1, start: 3}}
"""
CHANGES = [
    {"kind": "arrival_delay", "scope": {"person": "Pat"}, "magnitude": 60},
    {"kind": "arrival_delay", "scope": {"person": "Chris"}, "magnitude": 180},
    {"kind": "machine_down", "scope": {"machine": "car"}, "until": "13:40"},
    {"kind": "activity_delay", "scope": {"step": "on"}, "magnitude": 7},
    {"kind": "travel_time_multiplier", "scope": {"legs_touching": "B"}, "magnitude": 3},
]


def play_on(play):
    """Let everything happen as it stands."""
    while play.run.status == "running":
        play.ok(*play.open()) if play.open() else play.advance()
    return times(play)


def test_a_forecast_is_what_happens():
    play = ride()
    said = forecast(play.run)
    assert said == {"go": (720, 760), "wait": (760, 770), "on": (770, 800), "other": (810, 825)}
    assert play_on(play) == said


@pytest.mark.parametrize("number", range(1, 1 << len(CHANGES)))
def test_a_forecast_knows_of_every_change(number):
    play = ride()
    play.tick(20)
    for place, change in enumerate(CHANGES):
        if number >> place & 1:
            play.do(c.ChangeTimes(by="ann", reason="news", **change))
    said = forecast(play.run)
    assert play_on(play) == said


def test_a_forecast_reaches_past_other_steps_and_into_composite_ones():
    play = Play(INSIDE)
    assert forecast(play.run) == {"go": (0, 10), "after": (10, 11)}
    play.tick(10)
    play.ok("look")
    said = forecast(play.run)
    assert said["all.2.rest"] == (15, 20)
    assert said["after"] == (20, 21)
    assert play_on(play) == said


def test_a_forecast_stands_while_the_clock_does():
    play = ride()
    play.tick(45)
    play.do(c.Pause(by="ann"))
    said = forecast(play.run)
    assert said["wait"] == (760, 770)
    play.tick(600)
    assert forecast(play.run) == said
    play.do(c.Resume(by="ann"))
    assert play_on(play) == said
