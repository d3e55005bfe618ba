"""Random timetables under random changes, people and crashes: what holds for every one of them (L5, L8, R27, R32)."""

from __future__ import annotations

import random

import pytest

from engine.core import commands as c
from engine.core.errors import CommandRejected
from engine.core.evolve import replay
from tests.core.harness import Play

PLACES, PEOPLE, MACHINES = "ABC", ["Ann", "Bob", "Cat"], ["m1", "m2"]


def timetable(chance: random.Random) -> str:
    """Return a saga of random activities: each needs some of the ones before it."""
    lines = [f"clock: {{start: 0, speed: {chance.choice([0.5, 1, 7, 1000])}}}", "steps:"]
    for n in range(chance.randint(2, 9)):
        needs = [f"a{m}" for m in range(n) if chance.random() < 0.35]
        here, there = chance.sample(PLACES, 2)
        way = f", from: {here}, to: {there}" if chance.random() < 0.6 else ""
        call = f"{{minutes: {chance.choice([0, 1, 5, 30])}, start: {chance.randint(0, 40)}, who: [{chance.choice(PEOPLE)}], uses: [{chance.choice(MACHINES)}]{way}}}"
        lines.append(f"  a{n}: {{kind: activity, needs: [{', '.join(needs)}], with: {call}}}")
    return "\n".join(lines)


def change(chance: random.Random) -> c.ChangeTimes:
    kind, scope = chance.choice([
        ("travel_time_multiplier", {"legs_touching": chance.choice(PLACES)}),
        ("arrival_delay", {"person": chance.choice(PEOPLE)}),
        ("activity_delay", {"step": f"a{chance.randint(0, 9)}"}),
        ("machine_down", {"machine": chance.choice(MACHINES)}),
    ])  # fmt: skip
    until = chance.randint(60, 120) if kind == "machine_down" else None
    return c.ChangeTimes(
        by="ann", kind=kind, scope=scope, magnitude=chance.choice([1, 2, 3]), until=until, reason="so it is"
    )


def meddle(play: Play, chance: random.Random) -> None:
    """Let somebody do something at any moment; what can't be is refused and changes nothing."""
    under_way = [name for name in play.run.active if play.status(name) == "waiting"]
    commands = [
        change(chance), c.SetClock(by="ann", speed=chance.choice([0.25, 2, 50])), c.SetClock(by="ann", jump=True),
        c.Pause(by="ann"), c.Resume(by="ann"), c.Recover(),
    ]  # fmt: skip
    if under_way:
        until = play.run.clock.at(play.now) + chance.randint(0, 20)
        commands.append(c.ReviseActivity(by="ann", step=chance.choice(under_way), until=until, reason="seen"))
    before = len(play.log)
    try:
        play.do(chance.choice(commands))
    except CommandRejected:
        assert len(play.log) == before


@pytest.mark.parametrize("seed", range(60))
def test_L08_L05_random_timetables_end_and_fold_to_the_same(seed):
    chance = random.Random(seed)
    play = Play(timetable(chance))
    for _ in range(400):
        if play.run.is_closed:
            break
        if chance.random() < 0.3:
            meddle(play, chance)
        elif play.run.paused:
            play.do(c.Resume(by="ann"))
        else:
            play.advance()
            if chance.random() < 0.2 and not play.run.is_closed:
                play.tick(chance.random() * 3)
    assert play.run.status == "completed"
    play.check_replay()
    ended = {name: span.until for name, span in play.run.clock.spans.items()}
    for name, span in play.run.clock.spans.items():
        assert span.until >= span.began
        assert all(span.began >= ended[other] for other in play.saga.graph.needs[name])
    begun = [event.step for event in play.events("activity_begun")]
    assert sorted(begun) == sorted(play.run.steps)


@pytest.mark.parametrize("seed", range(12))
def test_L08_every_prefix_folds_to_a_clock_that_never_goes_back_past_what_has_happened(seed):
    chance = random.Random(seed)
    play = Play(timetable(chance))
    while not play.run.is_closed:
        if chance.random() < 0.2:
            meddle(play, chance)
        if play.run.paused:
            play.do(c.Resume(by="ann"))
        elif not play.run.is_closed:
            play.advance()
    happened = 0.0
    for length in range(1, len(play.log) + 1):
        run = replay(play.saga, play.log[:length])
        event = play.log[length - 1].event
        if event.type in {"activity_begun", "times_changed", "clock_set"}:
            assert event.at >= happened
            happened = event.at
        for name, span in run.clock.spans.items():
            assert span.began == play.run.clock.spans[name].began
