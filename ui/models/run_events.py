"""The log of a run in words, filtered; and who did what and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core.events import RECORDED, Recorded
from engine.core.limits import in_words
from engine.core.moments import write_time
from engine.core.run import Run
from ui.models.run_disrupt import DISRUPTION_DEEDS, DISRUPTION_WORDS, steps_of
from ui.models.run_verdicts import FALLBACKS
from ui.models.run_words import STOPS, clock, counted, listed, pace, with_reason

Json = Any


MAX_EVENTS: Final = 1000
"""How many events a page shows at once."""


@dataclass(frozen=True)
class Line:
    """One event in words."""

    seq: int
    at: datetime
    type: str
    name: str
    step: str
    what: str


@dataclass(frozen=True)
class Deed:
    """What a person did, and why."""

    at: datetime
    who: str
    did: str
    why: str


def type_name(kind: str) -> str:
    """Return how people read the type of an event: "Attempt ended"."""
    return kind.replace("_", " ").capitalize()


def event_lines(
    history: Sequence[Recorded],
    titles: Mapping[str, str],
    *,
    step: str | None = None,
    kinds: Sequence[str] = (),
    text: str = "",
    clock: bool = True,
) -> list[Line]:
    """Return the matching events, newest first; `text` is searched in all that an event holds."""
    return lines_of(matching_events(history, step=step, kinds=kinds, text=text), titles, clock=clock)


def matching_events(
    history: Sequence[Recorded], *, step: str | None = None, kinds: Sequence[str] = (), text: str = ""
) -> list[Recorded]:
    """Return the matching events, newest first; those of a composite step with those inside it."""
    wanted = text.strip().lower()
    return [
        recorded
        for recorded in reversed(history)
        if (
            step is None
            or any(name == step or name.startswith(f"{step}.") for name in _steps(recorded.event))
        )
        and (not kinds or recorded.event.type in kinds)
        and (not wanted or wanted in RECORDED.dump_json(recorded).decode().lower())
    ]


def lines_of(found: Sequence[Recorded], titles: Mapping[str, str], *, clock: bool = True) -> list[Line]:
    """Return events in words; `clock` is whether virtual moments are times of day."""
    return [_line(recorded, titles, clock=clock) for recorded in found]


def _line(recorded: Recorded, titles: Mapping[str, str], *, clock: bool) -> Line:
    event = recorded.event
    names = listed([titles.get(step, step) for step in _steps(event)])
    return Line(
        recorded.seq, recorded.at, event.type, type_name(event.type), names, words_of(event, clock=clock)
    )


def event_json(history: Sequence[Recorded], seq: int) -> Json:
    """Return one event as JSON, or None where there is no such one."""
    found = next((recorded for recorded in history if recorded.seq == seq), None)
    return RECORDED.dump_python(found, mode="json") if found else None


def log_json(run: Run, history: Sequence[Recorded]) -> str:
    """Return the whole log as a JSON document: which run, which definition, every event."""
    events = [RECORDED.dump_python(recorded, mode="json") for recorded in history]
    document = {
        "run": run.id,
        "saga": run.saga.saga,
        "saga_hash": run.first_plan.hash,
        "events": events,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


_PHASE: Final = {
    "forward": "try",
    "undo": "undo, try",
    "probe": "look, try",
    "late": "undo what came late, try",
    "check": "check, try",
    "plan": "plan, try",
}
_OUTCOME: Final = {
    "ok": "went well",
    "failed": "failed",
    "rejected": "was refused",
    "unknown": "has an unknown outcome",
}
_SEEN: Final = {
    "accept": "accepts",
    "reject": "rejects",
    "retry": "sends back",
    "feedback": "notes",
    "augment": "would add",
    "ask": "asks a person",
    "none": "gives no verdict",
}


def _intended(e: Any) -> str:
    if e.phase == "check":
        return f"{e.validator} is asked, vote {e.vote}, with the key {e.key}"
    planted = f", disrupted: {e.injection.replace('_', ' ')}" if e.injection else ""
    fallback = f" as fallback {e.fallback}" if e.fallback else ""
    return f"{_PHASE[e.phase].capitalize()} {e.attempt} begins{fallback} with the key {e.key}{planted}"


def _verdict(e: Any) -> str:
    if e.by:
        return with_reason(f"{e.by} {_SEEN[e.verdict]} it in the place of {e.validator}", e.evidence)
    where = f" (edge to {e.edge})" if e.edge else ""
    return with_reason(f"{e.validator}{where} {_SEEN[e.verdict]}", e.evidence)


def _augmented(e: Any) -> str:
    added = [key for key, value in e.after.items() if key not in e.before or e.before[key] != value]
    agreed = f", with {e.by}'s consent" if e.by else ""
    return f"{e.validator} added {', '.join(added)} to the result{agreed}"


def _direction(e: Any) -> str:
    if e.direction == "forward":
        return with_reason("The run goes forward", e.reason)
    if e.direction == "repair":
        undone = f"{counted(len(e.plan), 'effect')} to undo, {counted(len(e.affected), 'step')} to do anew"
        return with_reason(f"The run is repaired, {undone}", e.reason)
    return with_reason(f"The run goes back, {counted(len(e.plan), 'effect')} to undo", e.reason)


SCOPES: Final = {
    "local": "what is affected",
    "neighbourhood": "what is affected and its neighbours",
    "remainder": "all that has not begun",
}


def _then(e: Any) -> str:
    if e.then == "person":
        return "a person goes on"
    again = "again" if e.then == e.scope else "next"
    return f"{again} over {SCOPES[e.then]}"


def _refused(e: Any) -> str:
    circle = ", which turns in a circle" if e.stalled else ""
    return f"Round {e.round}: the plan is refused{circle}; {_then(e)}: {'; '.join(e.findings)}"


def signal_words(name: str, key: str) -> str:
    """Return how people read what a signal is and is about."""
    return f"the signal {name} for {key}" if key else f"the signal {name}"


def _wait(e: Any) -> str:
    until = f"until {clock(e.until)} UTC" if e.until is not None else ""
    return " ".join(
        part for part in ("Waits", f"for {signal_words(e.event, e.key)}" if e.event else "", until) if part
    )


def caused(e: Any) -> str:
    """Return the events that the end of a step causes, in words; empty where there are none."""
    return f" → {', '.join(e.emits)}" if e.emits else ""


def _plan_changes(e: Any) -> str:
    parts = (("added", e.added), ("changed", e.changed), ("removed", e.removed))
    said = [f"{listed(steps)} {how}" for how, steps in parts if steps]
    return "; ".join(said) or "no step, but what holds for all"


def _proposed(e: Any) -> str:
    return _plan_changes(e) if e.added or e.changed or e.removed else "no change that could be made"


def _opened(e: Any) -> str:
    names = [frame.name for frame in e.frames if frame.name]
    if not names:
        return "The saga inside begins"
    return f"Begins {listed(names)}" + (f", {e.concurrency} at once" if len(names) > 1 else "")


def _round(e: Any) -> str:
    scored = "" if e.score is None else f" with a score of {e.score:g}"
    return with_reason(f"Round {e.round} ended{scored}", STOPS.get(e.stop, "another one follows"))


_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "run_started": lambda e: f"Started by {e.by}" + (f", knowing {', '.join(e.memory)}" if e.memory else ""),
    "run_paused": lambda e: f"Paused by {e.by}",
    "run_resumed": lambda e: f"Resumed by {e.by}",
    "faulted": lambda e: e.reason,
    "noted": lambda e: e.text,
    "direction_chosen": _direction,
    "direction_asked": lambda _: "A person must choose: undo everything, repair, or go on",
    "steps_stale": lambda e: f"What {listed(e.steps)} relied on has changed, says {e.by}: {e.reason}",
    "steps_redone": lambda e: f"Repair {e.round}: {listed(e.steps)} begin anew, everything else stays",
    "plan_amended": lambda e: f"Plan changed by {e.by}: {_plan_changes(e)}; {e.reason}",
    "replan_begun": lambda e: with_reason("The rest is planned anew", e.reason),
    "plan_proposed": lambda e: f"Round {e.round}, {e.by} proposes: {_proposed(e)}; {e.reason}",
    "plan_refused": _refused,
    "plan_kept": lambda e: f"{e.by[:1].upper()}{e.by[1:]} keeps the plan as it is: {e.reason}",
    "run_completed": lambda e: (
        "Every step is done or skipped" + (f"; remembered: {', '.join(e.remembers)}" if e.remembers else "")
    ),
    "run_compensated": lambda e: (
        f"Everything is undone, but {counted(len(e.exceptions), 'effect')} settled by hand"
        if e.exceptions
        else "Everything is undone"
    ),
    "run_abandoned": lambda e: with_reason(f"Given up by {e.by}", e.reason),
    "step_skipped": lambda e: e.reason,
    "step_ready": lambda _: "Everything it needs is there",
    "wait_begun": _wait,
    "signal_received": lambda e: f"{e.by} sends {signal_words(e.name, e.key)}",
    "approval_requested": lambda e: f"Asks {e.group or 'anyone'}: {e.question}",
    "approval_given": lambda e: with_reason(f"{e.decision.capitalize()} by {e.by}", e.reason),
    "approval_ended": lambda e: with_reason(f"The question is {e.how}", e.reason),
    "attempt_intended": _intended,
    "attempt_ended": lambda e: with_reason(
        f"{_PHASE[e.phase].capitalize()} {e.attempt} {_OUTCOME[e.outcome]}"
        + ("; its result counts" if e.commits else ""),
        e.error,
    ),
    "attempt_resolved": lambda e: with_reason(
        f"Try {e.attempt} {'landed' if e.landed else 'did not land'}", e.evidence
    ),
    "late_landed": lambda e: (
        f"Try {e.attempt} landed after it had been given up"
        + ("" if e.counts else "; it is undone by itself")
    ),
    "late_undone": lambda e: with_reason(
        f"The late effect of try {e.attempt} is settled ({e.how})", e.reason
    ),
    "locks_wanted": lambda e: f"Waits for {', '.join(e.keys)} until {clock(e.until)} UTC",
    "locks_taken": lambda e: f"Holds {', '.join(e.keys)} until the run ends",
    "frames_opened": _opened,
    "frame_dropped": lambda e: f"It goes on without {e.frame}; what that did is undone. {e.reason}",
    "round_ended": _round,
    "gathered": lambda e: with_reason(
        "What is inside has ended and is put together", e.ask and f"a person is asked: {e.ask}"
    ),
    "limit_reached": in_words,
    "limit_granted": lambda e: with_reason(f"{e.by} grants as much again", e.reason),
    "retry_scheduled": lambda e: f"Next {_PHASE[e.phase]} at {clock(e.due)} UTC, because: {e.reason}",
    "help_needed": lambda e: e.reason,
    "validation_begun": lambda e: (
        f"Code has nothing against the result; asked next: {', '.join(e.validators)}"
    ),
    "verdict_given": _verdict,
    "output_augmented": _augmented,
    "fallback_taken": lambda e: with_reason(
        f"Fallback {e.number} is taken ({FALLBACKS.get(e.kind, e.kind)})", e.reason
    ),
    "app_restored": lambda e: with_reason(
        f"{e.by} set the application state back to event {e.at_seq}", e.reason
    ),
    "step_committed": lambda e: (
        (with_reason(f"Done by hand, says {e.by}", e.evidence) if e.by else "Its result counts") + caused(e)
    ),
    "step_failed": lambda e: e.reason + caused(e),
    "step_undone": lambda e: e.reason,
    "step_excused": lambda e: with_reason(f"Settled by {e.by} ({e.how})", e.reason),
    "retry_asked": lambda e: with_reason(f"{e.by} asks for the next try at once", e.reason),
    **DISRUPTION_WORDS,
}
_TIMES: Final[dict[str, Callable[[Any, bool], str]]] = {
    "clock_set": lambda e, clock: (
        f"{e.by} sets the virtual clock to {pace(e.speed, clock=clock)}, at {write_time(e.at, clock=clock)}"
    ),
    "activity_begun": lambda e, clock: (
        f"Begins at {write_time(e.at, clock=clock)}, until {write_time(e.until, clock=clock)}"
    ),
    "times_changed": lambda e, clock: with_reason(
        f"Known at {write_time(e.at, clock=clock)}: {e.text or e.kind.replace('_', ' ')}",
        "; ".join(f"{step} now ends at {write_time(until, clock=clock)}" for step, until in e.ends.items()),
    ),
    "activity_revised": lambda e, clock: (
        f"Ends at {write_time(e.until, clock=clock)}, says {e.by}: {e.reason}"
    ),
}
"""What is told of virtual time: moments as the saga's clock writes them."""


def words_of(event: Any, *, clock: bool = True) -> str:
    """Return what an event says, in words; `clock` is whether virtual moments are times of day."""
    if event.type in _TIMES:
        return _TIMES[event.type](event, clock)
    return _WORDS[event.type](event) if event.type in _WORDS else type_name(event.type)


_CHOSEN: Final = {"forward": "go on", "undo": "undo", "repair": "repair"}
_DEEDS: Final[dict[str, Callable[[Any], tuple[str, str]]]] = {
    "run_started": lambda _: ("started the run", ""),
    "run_paused": lambda _: ("paused the run", ""),
    "run_resumed": lambda _: ("resumed the run", ""),
    "cancelled": lambda e: ("cancelled the run", e.reason.partition(": ")[2]),
    "direction_chosen": lambda e: ("chose to " + _CHOSEN[e.direction], e.reason),
    "steps_stale": lambda e: ("said that something has changed", e.reason),
    "plan_amended": lambda e: (f"changed the plan: {_plan_changes(e)}", e.reason),
    "plan_kept": lambda e: ("kept the plan as it is", e.reason),
    "run_abandoned": lambda e: ("gave the run up", e.reason),
    "approval_given": lambda e: (e.decision, e.reason),
    "attempt_resolved": lambda e: (
        "said that it " + ("took effect" if e.landed else "did not take effect"),
        e.evidence,
    ),
    "step_committed": lambda e: ("marked as done by hand", e.evidence),
    "step_excused": lambda e: (
        "settled as " + ("done by hand" if e.how == "done" else "not to be undone"),
        e.reason,
    ),
    "late_undone": lambda e: (
        "settled a late effect as " + ("undone by hand" if e.how == "done" else "not to be undone"),
        e.reason,
    ),
    "limit_granted": lambda e: ("let the run go on past a limit", e.reason),
    "verdict_given": lambda e: (
        f"{'accepted' if e.verdict == 'accept' else 'rejected'} the result in the place of {e.validator}",
        e.evidence,
    ),
    "output_augmented": lambda e: (f"agreed to what {e.validator} adds", ""),
    "app_restored": lambda e: (f"set the application state back to event {e.at_seq}", e.reason),
    "retry_asked": lambda e: ("asked for the next try at once", e.reason),
    "signal_received": lambda e: (f"sent {signal_words(e.name, e.key)}", ""),
    **DISRUPTION_DEEDS,
    "noted": lambda e: ("noted", e.text),
    "times_changed": lambda e: ("said that the world of the timetable has changed", e.text),
}
_TIME_DEEDS: Final[dict[str, Callable[[Any, bool], tuple[str, str]]]] = {
    "clock_set": lambda e, clock: (f"set the virtual clock to {pace(e.speed, clock=clock)}", ""),
    "activity_revised": lambda e, clock: (
        f"said when it ends: {write_time(e.until, clock=clock)}",
        e.reason,
    ),
}
_TOLD: Final = frozenset({*_DEEDS, *_TIME_DEEDS, "faulted"})


def deeds(history: Sequence[Recorded], titles: Mapping[str, str], *, clock: bool = True) -> list[Deed]:
    """Return what people did to a run, oldest first: who, what, and why."""
    found = []
    for recorded in history:
        event: Any = recorded.event
        by = getattr(event, "by", "") if event.type in _TOLD else ""
        told = _deed(event, clock=clock) if by else None
        if told is not None:
            did, why = told
            names = listed([titles.get(step, step) for step in _steps(event)])
            found.append(Deed(recorded.at, by, f"{did} · {names}" if names else did, why))
    return found


def _deed(event: Any, *, clock: bool) -> tuple[str, str] | None:
    """Return what was done and why; None for what is no deed: a fault is one only where somebody cancelled."""
    kind = event.type if event.type != "faulted" else "cancelled" if event.source == "cancel" else ""
    if kind in _TIME_DEEDS:
        return _TIME_DEEDS[kind](event, clock)
    return _DEEDS[kind](event) if kind in _DEEDS else None


def _steps(event: Any) -> tuple[str, ...]:
    """Return the steps that an event is about: one, several or none."""
    if event.type == "disrupted":
        return steps_of(event.what)
    step = getattr(event, "step", None)
    return (step,) if step else getattr(event, "steps", getattr(event, "stale", ()))
