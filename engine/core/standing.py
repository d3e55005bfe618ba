"""Disruptions that a run knows of: which are in force, which call one strikes, when the next one is due.

1. A fault of calls strikes when a call is intended, and the intent says so: what was struck is in the log.
2. Everything else strikes once, when it is known and holds, and only while the run goes forward: what goes back
   counts on the world as its intents froze it.
3. A clock that jumps back un-fires nothing: time is never before the last fact (R32).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.core.composites import COMPOSITES
from engine.core.disruption_kinds import (
    OF_CALLS,
    OF_THE_PROCESS,
    CallFault,
    CancelledBooking,
    ChangedFact,
    CutBudget,
    Delay,
    Disruption,
    Garbage,
    LandLate,
    ModelDown,
    Scheduled,
    ToolDown,
)
from engine.core.events_disrupt import Disrupted

if TYPE_CHECKING:
    from engine.core.run import Run, StepState

Json = Any
CALLS_NOTHING = frozenset({"approval", "wait", "activity", *COMPOSITES})
"""Kinds of steps that make no call themselves."""
NOT_STARTED = frozenset({"pending", "ready", "awaiting_approval", "awaiting_locks", "withdrawn", "skipped"})
"""Where a step stands that has not started; one that was skipped later had started, and was noticed, before."""


@dataclass(slots=True)
class Standing:
    """A disruption that is known, and what has come of it: calls struck, whether it began, whether it is over."""

    known: Disrupted
    at: datetime
    struck: int = 0
    begun: bool = False
    over: bool = False
    before: Json = None

    @property
    def begins_at(self) -> datetime:
        """From when on it holds and is known."""
        moments = (self.at, self.known.known_at, self.known.effective_from)
        return max(moment for moment in moments if moment is not None)

    @property
    def strikes_calls(self) -> bool:
        """Whether it strikes calls, rather than once."""
        return isinstance(self.known.what, OF_CALLS)

    def in_force(self, now: datetime) -> bool:
        """Return whether it holds at a moment, and has strikes left."""
        until, times = self.known.until, getattr(self.known.what, "times", 0)
        in_time = self.begins_at <= now and (until is None or now < until)
        return in_time and not self.over and (not times or self.struck < times)


def heir_of(run: Run, seq: int) -> Standing | None:
    """Return the disruption that changed the same thing after this one and still holds: what was before is its to restore."""
    same = _changes(run.standing[seq].known.what)
    later = (standing for number, standing in run.standing.items() if number > seq and standing.begun)
    return next((s for s in later if not s.over and same and _changes(s.known.what) == same), None)


def _changes(what: Disruption) -> str:
    if isinstance(what, ChangedFact):
        return what.path
    return f"limit {what.limit}" if isinstance(what, CutBudget) else ""


def strikes(
    run: Run, step: str, phase: str, request: Json, now: datetime
) -> tuple[int, dict[str, Json]] | None:
    """Return the first disruption that strikes a call, by its place in the log, with what the intent says of it."""
    moment = max(now, run.updated_at or now)
    for seq, standing in run.standing.items():
        what = standing.known.what
        if isinstance(what, OF_CALLS) and standing.in_force(moment) and _hits(what, step, phase, request):
            return seq, _injected(what)
    return None


def _hits(what: CallFault | ModelDown | ToolDown, step: str, phase: str, request: Json) -> bool:
    if isinstance(what, CallFault):
        return what.step == step and what.phase == phase
    if not isinstance(request, dict):
        return False
    if isinstance(what, ModelDown):
        asks = "model" in request and ("prompt" in request or "rubric" in request)
        return (
            asks
            and bool(request.get("prompt") or request.get("rubric"))
            and what.model in {"", request["model"]}
        )
    return what.target in {request.get("function"), *_addresses(request.get("url"), what.target)}


def _addresses(url: Json, target: str) -> Iterator[str]:
    """Yield the target where it names an address: its host, or the beginning of it or of its path."""
    if isinstance(url, str):
        parts = urlsplit(url)
        path = parts.path.lstrip("/")
        named = target.lstrip("/")
        begins = path == named or path.startswith(f"{named.rstrip('/')}/")
        if target in {parts.hostname, parts.netloc} or begins or ("://" in target and url.startswith(target)):
            yield target


def _injected(what: CallFault | ModelDown | ToolDown) -> dict[str, Json]:
    injection = "down" if isinstance(what, ModelDown | ToolDown) else what.word
    found: dict[str, Json] = {"injection": injection}
    if isinstance(what, Delay | LandLate):
        found["delay_s"] = what.delay_s
    if isinstance(what, Delay):
        found["factor"] = what.factor
    if isinstance(what, Garbage):
        found["spoilt"] = what.output
    return found


def told_by_target(run: Run, step: str) -> bool:
    """Return whether a target has said what became of an effect that is gone: nothing of that is written twice."""
    found = (standing.known.what for standing in run.standing.values() if standing.begun)
    return (
        any(isinstance(w, CancelledBooking) and w.step == step and w.answer is not None for w in found)
        and run.steps[step].gone
    )


def going_forward(run: Run) -> bool:
    """Return whether a change of the world can be acted on now."""
    return run.direction == "forward" and run.fault is None


def to_know(run: Run, now: datetime) -> Iterator[int]:
    """Yield the items of the saga's schedule, from 1, that become known now."""
    for number, item in _unknown(run):
        moment = _known_at(run, item)
        if moment is not None and moment <= now:
            yield number


def _unknown(run: Run) -> Iterator[tuple[int, Scheduled]]:
    for number, item in enumerate(run.first_plan.disruptions, 1):
        if number not in run.items_known and isinstance(item, Scheduled):
            yield number, item


def _known_at(run: Run, item: Scheduled) -> datetime | None:
    """Return when a scheduled disruption becomes known; None as long as that depends on a step."""
    if run.started_at is None:
        return None
    if item.when.after is None:
        return run.started_at + timedelta(seconds=item.when.at_s or 0)
    name = item.when.after
    lives = (*run.past.get(name, ()), *([run.steps[name]] if name in run.steps else []))
    reached = any(
        life.committed_seq if item.when.moment == "commit" else _has_started(life) for life in lives
    )
    return run.started_at if reached else None


def _has_started(step: StepState) -> bool:
    """Return whether a step has started: made its first call or, where it makes none, left what comes before that."""
    if step.definition.kind not in CALLS_NOTHING:
        return step.begun > 0
    asked = step.definition.kind == "approval" and bool(step.approvals)
    return asked or (step.ready_at is not None and step.status not in NOT_STARTED)


def to_strike(run: Run, now: datetime) -> Iterator[int]:
    """Yield the disruptions that begin now, by their place in the log; calls are struck one by one instead."""
    for seq, standing in run.standing.items():
        if standing.begun or standing.strikes_calls or not _can_act(run, standing):
            continue
        if standing.in_force(now):
            yield seq


def to_lift(run: Run, now: datetime) -> Iterator[int]:
    """Yield the disruptions whose time is up: those to be taken back, and those that nobody saw in their time."""
    for seq, standing in run.standing.items():
        until = standing.known.until
        if standing.over or standing.strikes_calls or until is None or until > now:
            continue
        if _can_act(run, standing):
            yield seq


def _can_act(run: Run, standing: Standing) -> bool:
    return going_forward(run) or isinstance(standing.known.what, OF_THE_PROCESS)


def next_moments(run: Run) -> Iterator[datetime]:
    """Yield the moments at which a disruption becomes known, begins or ends."""
    for _, item in _unknown(run):
        if item.when.after is None and (moment := _known_at(run, item)) is not None:
            yield moment
    for standing in run.standing.values():
        if standing.over or standing.strikes_calls or not _can_act(run, standing):
            continue
        moment = standing.known.until if standing.begun else standing.begins_at
        if moment is not None:
            yield moment
