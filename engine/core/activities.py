"""Activities as they happen on the virtual clock: beginnings, ends, and what a change does to what is under way.

An activity that has begun stays as it is (R27); only a change of the world moves its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.core import events as e
from engine.core.activities_next import Coming, coming, moment_of, number_of, planned_changes
from engine.core.activities_parts import ActivityCall
from engine.core.activities_told import call_of, told
from engine.core.attempts import fault
from engine.core.commit import commit
from engine.core.errors import ExpressionError
from engine.core.run import SETTLED, Run
from engine.core.scope import forward_scope
from engine.core.slowdown import TOLERANCE, takes
from engine.core.virtual import ENDLESS, VirtualClock

Json = Any


def happen(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    """Return what happens next on the virtual clock as events; a change that can't be told is a fault."""
    clock = run.clock
    assert clock is not None
    try:
        found = coming(run)
        assert found is not None
        if found.what == "end":
            return _end(run, clock, found.name)
        if found.what == "begin":
            return [_begun(run, clock, found)]
        return changed(run, _planned(run, found))
    except ExpressionError as error:
        return fault(run, "expression", None, str(error))


def _begun(run: Run, clock: VirtualClock, found: Coming) -> e.ActivityBegun:
    call = call_of(run, found.name)
    assert call is not None
    until = found.moment + length(clock, found.name, call, found.moment)
    return e.ActivityBegun(step=found.name, at=found.moment, until=until)


def _planned(run: Run, found: Coming) -> e.TimesChanged:
    planned = dict(planned_changes(run))[found.name]
    since = found.moment if planned.effective_from is None else moment_of(run, planned.effective_from)
    return e.TimesChanged(
        name=found.name, kind=planned.kind, text=planned.text, scope=planned.scope, magnitude=number_of(run, planned),
        at=found.moment, since=since, until=None if planned.until is None else moment_of(run, planned.until),
    )  # fmt: skip


def _end(run: Run, clock: VirtualClock, name: str) -> list[e.Event]:
    step, span = run.step(name), clock.spans[name]
    output = {"began": told(run, span.began), "ended": told(run, span.until)}
    return commit(run, step, {**forward_scope(run), "output": output}, output)


def changed(run: Run, change: e.TimesChanged) -> list[e.Event]:
    """Return a change of the world with the new ends of what is under way; what was planned may no longer count."""
    clock = run.clock
    assert clock is not None
    events: list[e.Event] = [replace(change, ends=dict(_new_ends(run, clock, change)))]
    name = run.saga.timekeeping.replan if run.saga.timekeeping is not None else None
    if name is not None and run.steps[name].status in SETTLED:
        reason = change.text or f"{change.kind.replace('_', ' ')}: {change.name}"
        by = change.by or "the timetable"
        events.append(e.StepsStale(steps=(name,), reason=reason, by=by))
        events += fault(run, "disruption", name, reason, by)
    return events


def _new_ends(run: Run, clock: VirtualClock, change: e.TimesChanged) -> Iterator[tuple[str, float]]:
    """Yield the new end of each activity under way that the change touches, by the part that is still to do."""
    before, after = clock.slowdowns, _with(clock, change).slowdowns
    for name in run.active:
        call = call_of(run, name)
        if call is None or name not in clock.spans:
            continue
        span, more = clock.spans[name], 0.0
        if change.kind == "travel_time_multiplier":
            if call.from_ and call.to:
                way = (call.from_, call.to, call.minutes, span.began)
                more = takes(after, *way) - takes(before, *way)
        elif change.kind == "activity_delay" and _concerns(change, name, call):
            more = change.magnitude
        elif change.kind == "machine_down" and change.scope.get("machine") in call.uses:
            stands_from = max(change.since, span.began)
            over = ENDLESS if change.until is None else change.until
            more = max(0.0, over - stands_from) if span.until > stands_from else 0.0
        if abs(more) > TOLERANCE:
            yield name, max(change.at, min(span.until + more, span.began + ENDLESS))


def _with(clock: VirtualClock, change: e.TimesChanged) -> VirtualClock:
    return VirtualClock(clock.moment, clock.since, clock.speed, changes=[*clock.changes, change])


def length(clock: VirtualClock, name: str, call: ActivityCall, start: float) -> float:
    """Return how long an activity takes that begins at a moment, with all that is known by now."""
    minutes = call.minutes
    if call.from_ and call.to:
        minutes = takes(clock.slowdowns, call.from_, call.to, minutes, start)
    for change in clock.changes:
        if change.kind == "activity_delay" and _concerns(change, name, call):
            minutes += change.magnitude
    return min(minutes, ENDLESS)


def _concerns(change: e.TimesChanged, name: str, call: ActivityCall) -> bool:
    scope = change.scope
    return scope.get("step") == name or (bool(call.what) and scope.get("task") == call.what)
