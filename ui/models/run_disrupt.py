"""Disruptions for people: which kinds there are, what each asks for, and the words for what came of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core import disruption_kinds as d
from engine.core.disrupt import foreseen, words
from engine.core.errors import CommandRejected
from engine.core.run import Run, StepState
from ui.models.run_words import clock, listed, titles_of, with_reason

Json = Any


@dataclass(frozen=True)
class Kind:
    """One kind of disruption as a form offers it; `asks` names the fields of its definition."""

    word: str
    caption: str
    asks: tuple[str, ...]


CALLS: Final = ("step", "phase", "times")
GROUPS: Final[dict[str, dict[str, Kind]]] = {
    "Plant a fault": {
        "fail": Kind("Fail", "Nothing is sent. The retry policy decides what follows.", CALLS),
        "refuse": Kind("Refuse", "Nothing is sent, as if the target said no for good.", CALLS),
        "timeout_but_land": Kind("Land, but lose the answer", "It takes effect, but nobody hears: the outcome is unknown.", CALLS),
        "land_late": Kind("Land late", "Nobody hears of it, and it takes effect after its deadline.", (*CALLS, "delay_s")),
        "delay": Kind("Delay", "It begins later, or its answer takes a multiple of the time.", (*CALLS, "delay_s", "factor")),
        "garbage": Kind("Garbage", "The call is made; validators see something else than its answer.", (*CALLS, "output")),
        "tool_down": Kind("Service down", "Calls of a service or function fail without being made.", ("target", "times")),
        "model_down": Kind("Model down", "Calls of a model fail without being made.", ("model", "times")),
    },
    "The world changes": {
        "fact": Kind("A fact", "A price, a time, a capacity is not what it was.", ("path", "value", "factor")),
        "lost_resource": Kind("A resource is lost", "What steps lock can't be had any more.", ("resource", "steps")),
        "cancelled_booking": Kind("A booking is cancelled", "The target says that an effect is gone.", ("step",)),
    },
    "The task changes": {
        "constraint": Kind("One more constraint", "Checked from now on like an invariant, and told to models.", ("name", "rule", "text")),
        "relax": Kind("One less", "Something need not hold any more.", ("name",)),
        "budget": Kind("The budget", "No more than this may be spent in all.", ("limit", "allowed")),
        "withdraw_approval": Kind("An approval is withdrawn", "Asked again, or no longer counting where it was used.", ("step",)),
    },
    "The studio": {
        "database_away": Kind("Database away", "Nothing can be read or stored for some seconds.", ("seconds",)),
        "crash": Kind("Crash", "This process is killed. Start it again and look.", ()),
    },
}  # fmt: skip


LABELS: Final[Mapping[str, str]] = {
    "step": "Step", "steps": "Who else relies on it", "path": "Fact", "phase": "Which call", "times": "For the next calls",
    "delay_s": "Seconds", "seconds": "Seconds", "factor": "Times as much", "value": "New value", "output": "Instead",
    "limit": "What", "allowed": "In all", "resource": "Resource", "name": "Name", "rule": "Rule",
    "text": "As models are told", "model": "Model", "target": "Host, path or function",
}  # fmt: skip
"""What the fields of a disruption are called on the screen."""
HINTS: Final[Mapping[str, str]] = {
    "name": ", such as cheaper", "rule": ", such as app.spent_usd < 900", "model": "; empty: every one",
    "target": ", such as hotels",
}  # fmt: skip
"""What stands behind the name of a field, for who fills it in."""


def label_of(kind: str, name: str) -> str:
    """Return what a field of a kind is called on the screen."""
    return "Constraint" if (kind, name) == ("relax", "name") else LABELS.get(name, name)


def not_yet(kind: str, error: Mapping[str, Any]) -> str:
    """Return why a form is no disruption yet, with its fields as the screen calls them; `error` is Pydantic's."""
    place = [str(part) for part in error["loc"][2:]]
    said = str(error["msg"]).removeprefix("Value error, ")
    if not place:
        return re.sub(r"`(\w+)`", lambda found: f'"{label_of(kind, found[1])}"', said)
    label = label_of(kind, place[0])
    if error["type"] == "missing":
        return f"{label} is missing"
    if error["type"] == "string_pattern_mismatch":
        return f"{label} is not of the right form"
    return f"{label}: {said}"


@dataclass(frozen=True)
class Foreseen:
    """What a disruption would do now: the steps that no longer count, and the notes; or why it can't be."""

    refusal: str
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def foresee(run: Run, what: d.Disruption) -> Foreseen:
    """Return what a disruption would do now; changes nothing."""
    try:
        fields, events = foreseen(run, what, "?")
    except CommandRejected as refused:
        return Foreseen(str(refused))
    notes = [event.text for event in events if event.type == "noted"]
    notes += [
        f"{e.validator}: {e.evidence}" for e in events if e.type == "verdict_given" and e.verdict != "accept"
    ]
    notes += [f"{key} becomes {value}" for key, value in fields.get("writes", {}).items()]
    notes += [e.reason for e in events if e.type == "faulted" and not fields.get("stale")]
    return Foreseen("", tuple(fields.get("stale", ())), tuple(notes))


def steps_of(what: d.Disruption) -> tuple[str, ...]:
    """Return the steps that a disruption names."""
    step = getattr(what, "step", "")
    if isinstance(what, d.ChangedFact) and what.path.startswith("steps."):
        step = what.path.split(".")[1]
    return (step,) if step else tuple(getattr(what, "steps", ()))


def planted_on(run: Run, step: StepState) -> bool:
    """Return whether a fault waits for a call of a step."""
    return any(
        isinstance(s.known.what, d.CallFault) and s.known.what.step == step.id and not s.over
        and s.struck < s.known.what.times for s in run.standing.values()
    )  # fmt: skip


@dataclass(frozen=True)
class StandingRow:
    """A disruption that is known, and how it stands."""

    seq: int
    what: str
    by: str
    state: str
    open: bool


def standing_rows(run: Run, now: datetime) -> list[StandingRow]:
    """Return the disruptions of a run, the latest first."""
    rows = []
    for seq, standing in reversed(run.standing.items()):
        known, until = standing.known, standing.known.until
        over = standing.over or (until is not None and until <= now and not standing.begun)
        spent = standing.strikes_calls and not over and not standing.in_force(max(now, standing.begins_at))
        if over or spent:
            state = "over"
        elif standing.begins_at > now:
            state = f"from {clock(standing.begins_at)} UTC"
        else:
            state = "in force" + (f" until {clock(until)} UTC" if until else "")
        if standing.strikes_calls:
            state += f", {standing.struck} struck"
        rows.append(StandingRow(seq, words(known.what), known.by, state, not (over or spent)))
    return rows


def who(run: Run, what: d.Disruption) -> str:
    """Return the titles of the steps that a disruption names."""
    titles = titles_of(run)
    return listed([titles.get(name, name) for name in steps_of(what)])


def _known(e: Any) -> str:
    when = f", from {clock(e.effective_from)} UTC" if e.effective_from else ""
    end = f", until {clock(e.until)} UTC" if e.until else ""
    return f"Disruption by {e.by}: {words(e.what)}{when}{end}"


def _struck(e: Any) -> str:
    change = f" ({e.path}: {e.before!r} → {e.value!r})" if e.path else ""
    stale = f"; no longer up to date: {listed(e.stale)}" if e.stale else ""
    return f"It holds now: {e.reason}{change}{stale}"


DISRUPTION_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "disrupted": _known,
    "disruption_struck": _struck,
    "disruption_ended": lambda e: with_reason(f"The disruption of event {e.disruption} is over", e.reason),
    "assumption_judged": lambda e: with_reason(
        f"{e.by} {'accepts' if e.accepted else 'refuses'} the assumption {e.path}", e.reason
    ),
}
DISRUPTION_DEEDS: Final[Mapping[str, Callable[[Any], tuple[str, str]]]] = {
    "disrupted": lambda e: (f"planted a disruption ({e.what.word.replace('_', ' ')})", e.what.reason),
    "disruption_ended": lambda e: ("ended a disruption", e.reason),
    "assumption_judged": lambda e: (f"{'accepted' if e.accepted else 'refused'} {e.path}", e.reason),
}
