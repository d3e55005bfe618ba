"""What people say to a timetable: how fast its clock goes, what has changed, when something really ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core import commands as c
from engine.core import events as e
from engine.core.activities import changed
from engine.core.activities_next import coming
from engine.core.attempts import named_step
from engine.core.errors import CommandRejected
from engine.core.run import Run
from engine.core.slowdown import open_moment
from engine.core.virtual import ENDLESS, VirtualClock

Json = Any


def set_clock(run: Run, command: c.SetClock, now: datetime) -> list[e.Event]:
    """Set the speed of the virtual clock, or let the next thing happen now."""
    clock, following = _clock(run), coming(run)
    speed = clock.speed if command.speed is None else command.speed
    moment = clock.at(now)
    if following is not None:
        moment = min(moment, max(following.moment, clock.moment))
    if not command.jump:
        if command.speed is None or command.speed == clock.speed:
            raise CommandRejected(f"the clock goes at {clock.speed:g} minutes a second already")
        return [e.ClockSet(at=moment, speed=speed, by=command.by)]
    if following is None:
        raise CommandRejected("nothing is to happen on the virtual clock")
    if not clock.runs and clock.speed > 0:
        raise CommandRejected("the virtual clock waits for what else is under way, or for a person")
    return [e.ClockSet(at=max(following.moment, clock.moment), speed=speed, by=command.by)]


def change_times(run: Run, command: c.ChangeTimes, now: datetime) -> list[e.Event]:
    """Take the word that the world of a timetable has changed, from now on."""
    clock = _clock(run)
    if not command.reason.strip():
        raise CommandRejected("say what has changed; it is kept with the run")
    if run.fault is not None or run.direction == "undo":
        raise CommandRejected("the run is going back; say it when it goes forward again")
    following = coming(run)
    if following is None:
        raise CommandRejected("nothing is under way or ahead on the virtual clock")
    moment = min(clock.at(now), max(following.moment, clock.moment))
    change = e.TimesChanged(
        name=f"change_{len(clock.changes) + 1}", kind=command.kind, text=command.reason, scope=command.scope,
        magnitude=command.magnitude, at=moment, since=moment, until=_moment(command.until), by=command.by,
    )  # fmt: skip
    return changed(run, change)


def revise(run: Run, command: c.ReviseActivity, now: datetime) -> list[e.Event]:
    """Take the word of when an activity under way really ends."""
    clock, step = _clock(run), named_step(run, command.step)
    if not command.reason.strip():
        raise CommandRejected("this needs a reason in words; it is kept with the run")
    if step.status != "waiting" or step.id not in clock.spans:
        raise CommandRejected(f"'{step.id}' is {step.status}; only what is under way can end at another time")
    until = _moment(command.until)
    if until is None or until < clock.at(now):
        raise CommandRejected("give a moment that is not over yet, as HH:MM")
    if until > clock.spans[step.id].began + ENDLESS:
        raise CommandRejected("give a moment within a year; nothing is under way for longer")
    return [e.ActivityRevised(step=step.id, until=until, reason=command.reason, by=command.by)]


def _clock(run: Run) -> VirtualClock:
    if run.clock is None:
        raise CommandRejected(f"saga '{run.saga.saga}' has no virtual clock; add `clock:` to it")
    return run.clock


def _moment(value: Json) -> float | None:
    try:
        return open_moment(value)
    except (TypeError, ValueError):
        raise CommandRejected(f"'{value}' is no moment; write it as HH:MM") from None
