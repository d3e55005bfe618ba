"""What happens next on the virtual clock, and when that is; decides nothing.

1. The clock moves only while nothing but activities is under way, so a call, a question or a pause takes no time of it.
2. What happens next is found among the ends, the changes and the beginnings, the earliest first; at the same moment
   ends come before changes and changes before beginnings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Literal, NamedTuple

from engine.core.activities_parts import ActivityCall
from engine.core.activities_told import call_of
from engine.core.composites import COMPOSITES
from engine.core.disruptions import TIMETABLE_KINDS, Disruption
from engine.core.errors import ExpressionError
from engine.core.run import Run
from engine.core.scope import forward_scope
from engine.core.slowdown import TOLERANCE, open_moment
from engine.core.templates import render
from engine.core.virtual import ENDLESS, VirtualClock

Json = Any
TIMELESS = {"activity", *COMPOSITES}
"""Kinds of steps that do not keep the clock from moving: what is inside composite ones speaks for itself."""


class Coming(NamedTuple):
    """What happens next on the virtual clock; compared by moment, then by what it is."""

    moment: float
    order: int
    name: str
    what: Literal["end", "change", "begin"]


def coming(run: Run) -> Coming | None:
    """Return what happens next on the virtual clock, or None where nothing does."""
    return min(_coming(run, clock), default=None) if (clock := run.clock) is not None else None


def _coming(run: Run, clock: VirtualClock) -> Iterator[Coming]:
    busy = False
    for name in run.active:
        if run.steps[name].status == "waiting" and name in clock.spans:
            busy = True
            yield Coming(clock.spans[name].until, 0, name, "end")
    for name in run.ready:
        call = call_of(run, name)
        if call is not None:
            busy = True
            yield Coming(earliest(clock, call, clock.known_from.get(name, clock.moment)), 2, name, "begin")
    happened = {change.name for change in clock.changes}
    for name, planned in planned_changes(run) if busy else ():
        if name not in happened:
            yield Coming(max(_known_at(run, planned), clock.moment), 1, name, "change")


def planned_changes(run: Run) -> Iterator[tuple[str, Disruption]]:
    """Yield the changes that the saga brings with it and that happen on the virtual clock, by name."""
    for number, one in enumerate(run.saga.disruptions, start=1):
        if isinstance(one, Disruption) and one.kind in TIMETABLE_KINDS:
            yield one.name or f"{one.kind}_{number}", one


def _known_at(run: Run, one: Disruption) -> float:
    for value in (one.known_at, one.effective_from):
        if value is not None:
            return moment_of(run, value)
    return 0.0


def _filled(run: Run, value: Json) -> Json:
    """Return a value whose placeholders, if any, are filled."""
    return render(value, forward_scope(run)) if isinstance(value, str) and "${" in value else value


def moment_of(run: Run, value: Json) -> float:
    """Return a moment, which an input may give.

    Raises:
        ExpressionError: if it is none.
    """
    filled = _filled(run, value)
    try:
        return float(open_moment(filled) or 0.0)
    except (TypeError, ValueError):
        raise ExpressionError(f"a disruption's moment is `{filled}`; write it as HH:MM") from None


def number_of(run: Run, one: Disruption) -> float:
    """Return the magnitude of a change, which an input may give.

    Raises:
        ExpressionError: if it is none.
    """
    filled = 0 if one.magnitude is None else _filled(run, one.magnitude)
    if isinstance(filled, bool) or not isinstance(filled, int | float) or not 0 <= filled <= ENDLESS:
        raise ExpressionError(f"the magnitude of {one.kind} is `{filled}`; give a number, none below 0")
    return float(filled)


def earliest(clock: VirtualClock, call: ActivityCall, known: float) -> float:
    """Return when an activity that may begin from `known` on does so: at its time, and not before all that it takes is there."""
    start = max(open_moment(call.start) or 0.0, known)
    for change in clock.changes:
        if change.kind == "arrival_delay" and change.scope.get("person") in call.who:
            start = max(start, change.since + change.magnitude)
    down = [c for c in clock.changes if c.kind == "machine_down" and c.scope.get("machine") in call.uses]
    for change in sorted(down, key=lambda one: one.since):
        over = ENDLESS if change.until is None else change.until
        if start < over - TOLERANCE and start + call.minutes > change.since + TOLERANCE:
            start = over
    return start


def may_move(run: Run) -> bool:
    """Return whether the clock moves: the run goes forward, and nothing but activities is under way."""
    if run.status != "running" or run.paused or run.limit is not None or run.open_calls:
        return False
    queues = chain(run.fresh, run.ready, run.active, run.validating, run.judging)
    return all(run.steps[name].definition.kind in TIMELESS for name in queues)


def wakes_at(run: Run) -> datetime | None:
    """Return when the next thing happens on the virtual clock, or None while it stands still."""
    clock = run.clock
    if clock is None or not clock.runs:
        return None
    try:
        found = coming(run)
    except ExpressionError:
        return clock.since
    return clock.when(found.moment) if found is not None else None


def is_due(run: Run, now: datetime) -> bool:
    """Return whether something happens on the virtual clock by now."""
    moment = wakes_at(run)
    return moment is not None and now >= moment
