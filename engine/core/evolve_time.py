"""The fold of a timetable: the virtual clock, and what began, changed and ended on it (R31, R32)."""

from __future__ import annotations

from datetime import datetime

from engine.core import events as e
from engine.core.activities_next import may_move
from engine.core.errors import IllegalTransition
from engine.core.evolve_calls import Handlers
from engine.core.moments import read_time
from engine.core.queues import activate
from engine.core.run import Run
from engine.core.virtual import Span, VirtualClock


def set_up_clock(run: Run, at: datetime) -> VirtualClock | None:
    """Return the clock of a run that begins, standing at its start; None for a saga without one."""
    policy = run.saga.timekeeping
    return None if policy is None else VirtualClock(float(read_time(policy.start)), at, policy.speed)


def keep_time(run: Run, clock: VirtualClock, recorded: e.Recorded) -> None:
    """Take down what the clock shows at an event, and whether it moves from there on.

    What happens on the clock happens at its own moment, however late it is recorded.
    """
    moment = _own_moment(clock, recorded.event)
    clock.moment = clock.at(recorded.at) if moment is None else moment
    clock.since, clock.runs = recorded.at, may_move(run)
    if e.makes_ready(recorded.event):
        clock.known_from[recorded.event.step] = clock.moment


def _own_moment(clock: VirtualClock, event: e.Event) -> float | None:
    if isinstance(event, e.ClockSet | e.ActivityBegun | e.TimesChanged):
        return event.at
    if isinstance(event, e.StepCommitted) and event.step in clock.spans:
        return clock.spans[event.step].until
    return None


def _clock_of(run: Run) -> VirtualClock:
    if run.clock is None:
        raise IllegalTransition(f"saga '{run.saga.saga}' has no clock")
    return run.clock


def _clock_set(run: Run, _recorded: e.Recorded, event: e.ClockSet) -> None:
    _clock_of(run).speed = event.speed


def _activity_begun(run: Run, _recorded: e.Recorded, event: e.ActivityBegun) -> None:
    activate(run, run.step(event.step), "waiting")
    _clock_of(run).spans[event.step] = Span(event.at, event.until, event.until)


def _times_changed(run: Run, _recorded: e.Recorded, event: e.TimesChanged) -> None:
    clock = _clock_of(run)
    clock.changes.append(event)
    for name, until in event.ends.items():
        clock.spans[name].until = until
    run.disruptions += 1


def _activity_revised(run: Run, _recorded: e.Recorded, event: e.ActivityRevised) -> None:
    _clock_of(run).spans[event.step].until = event.until


HANDLERS: Handlers = {
    e.ClockSet: _clock_set,
    e.ActivityBegun: _activity_begun,
    e.TimesChanged: _times_changed,
    e.ActivityRevised: _activity_revised,
}
