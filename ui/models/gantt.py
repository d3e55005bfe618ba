"""A run's timetable as data: for each person, vehicle and machine what is past, under way and ahead (virtual minutes)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.core.activities_ahead import forecast
from engine.core.activities_next import coming
from engine.core.activities_told import call_of, told
from engine.core.run import Run
from engine.core.virtual import VirtualClock
from ui.models.run_words import title_of

BarKind = Literal["past", "under_way", "longer", "ahead", "changed"]
Section = Literal["People", "Vehicles and machines", "Cooking"]


@dataclass(frozen=True)
class Bar:
    """What a lane does from `start` to `end`; `kind` says how it is drawn, `changed` that the last new plan made it so."""

    lane: str
    kind: BarKind
    start: float
    end: float
    title: str
    detail: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Lane:
    """One line of the chart."""

    name: str
    section: Section


@dataclass(frozen=True)
class Gantt:
    """What a timetable looks like; `now` is what the virtual clock shows, `changes` when the world changed and how."""

    lanes: tuple[Lane, ...] = ()
    bars: tuple[Bar, ...] = ()
    now: float | None = None
    moves: bool = False
    speed: float = 0
    changes: tuple[tuple[float, str], ...] = ()
    has_clock: bool = True


def gantt(run: Run, now: datetime) -> Gantt:
    """Return the timetable of a run as it stands; without a virtual clock it is empty."""
    clock = run.clock
    if clock is None:
        return Gantt()
    times = {name: span for name, span in forecast(run).items() if run.steps[name].status != "withdrawn"}
    lanes: dict[str, Lane] = {}
    bars: list[Bar] = []
    for name, (start, end) in sorted(times.items(), key=lambda item: item[1]):
        for lane in _lanes(run, name):
            lanes.setdefault(lane.name, lane)
            bars += _bars(run, clock, name, lane.name, (start, end))
    order: list[Section] = ["People", "Vehicles and machines", "Cooking"]
    return Gantt(
        tuple(sorted(lanes.values(), key=lambda lane: order.index(lane.section))), tuple(bars),
        None if run.is_closed else shown_moment(run, now), clock.runs and clock.speed > 0, clock.speed,
        tuple((change.at, change.text or change.kind.replace("_", " ")) for change in clock.changes),
        isinstance(told(run, 0), str),
    )  # fmt: skip


def shown_moment(run: Run, now: datetime) -> float:
    """Return what the virtual clock shows: never past what happens next."""
    clock, following = run.clock, coming(run)
    assert clock is not None
    moment = clock.at(now)
    return moment if following is None else min(moment, max(following.moment, clock.moment))


def _lanes(run: Run, name: str) -> Iterator[Lane]:
    call = call_of(run, name)
    assert call is not None
    if call.kind == "cook":
        yield Lane(call.what or name, "Cooking")
        return
    yield from (Lane(who, "People") for who in call.who)
    yield from (Lane(thing, "Vehicles and machines") for thing in call.uses)


def _bars(run: Run, clock: VirtualClock, name: str, lane: str, times: tuple[float, float]) -> Iterator[Bar]:
    start, end = times
    step, span, call = run.steps[name], clock.spans.get(name), call_of(run, name)
    assert call is not None
    title, changed = title_of(step), name in changed_by_last(run)
    detail = f"{call.kind}, {told(run, start)} to {told(run, end)}{', by the new plan' if changed else ''}"
    if span is None:
        yield Bar(lane, "changed" if changed else "ahead", start, end, title, detail, changed)
        return
    kind: BarKind = "under_way" if step.status == "waiting" else "past"
    yield Bar(lane, kind, start, min(end, max(span.planned, start)), title, detail, changed)
    if end > span.planned:
        longer = f"{detail}; it was to end at {told(run, span.planned)}"
        yield Bar(lane, "longer", span.planned, end, title, longer, changed)


def changed_by_last(run: Run) -> frozenset[str]:
    """Return the activities that the last new plan added or changed; none where there was only the first one."""
    plans = [one for one in run.amendments if any(name in run.steps for name in one.added + one.changed)]
    first = run.clock is not None and len(plans) > 1
    return frozenset((*plans[-1].added, *plans[-1].changed)) if first else frozenset()
