"""What is told of a timetable: to expressions as `run.timetable`, and in outputs, in the clock's own words."""

from __future__ import annotations

from typing import Any

from engine.core.activities_parts import ActivityCall
from engine.core.events_time import TimesChanged
from engine.core.moments import write_time
from engine.core.run import Run
from engine.core.saga import ActivityStep

Json = Any


def call_of(run: Run, name: str) -> ActivityCall | None:
    """Return what an activity is, or None for a step of another kind."""
    definition = run.steps[name].definition
    return definition.with_ if isinstance(definition, ActivityStep) else None


def told(run: Run, moment: float) -> str | int | float:
    """Return a moment as the saga's clock writes it."""
    policy = run.saga.timekeeping
    return write_time(moment, clock=policy is None or isinstance(policy.start, str))


def timetable(run: Run) -> Json:
    """Return what expressions see as `run.timetable`: what the clock shows, what began when, and what changed."""
    clock = run.clock
    assert clock is not None
    began = sorted(clock.spans.items(), key=lambda item: item[1].began)
    return {
        "now": told(run, clock.moment),
        "begun": [_row(run, name) for name, _ in began],
        "ahead": [_row(run, name) for name in run.steps if name not in clock.spans and is_ahead(run, name)],
        "changes": [_change(run, change) for change in clock.changes],
    }


def is_ahead(run: Run, name: str) -> bool:
    """Return whether a step is an activity that has not begun, and may."""
    return run.steps[name].status in {"pending", "ready", "withdrawn"} and call_of(run, name) is not None


def _row(run: Run, name: str) -> Json:
    call, clock = call_of(run, name), run.clock
    assert call is not None
    assert clock is not None
    row = call.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    span = clock.spans.get(name)
    if span is not None:
        row |= {"start": told(run, span.began), "end": told(run, span.until)}
        row["under_way"] = run.steps[name].status == "waiting"
    return {"step": name, **row}


def _change(run: Run, change: TimesChanged) -> Json:
    found: dict[str, Json] = {
        "id": change.name, "kind": change.kind, "scope": change.scope, "magnitude": change.magnitude,
        "known_at": told(run, change.at), "effective_from": told(run, change.since), "text": change.text,
    }  # fmt: skip
    return found if change.until is None else {**found, "until": told(run, change.until)}
