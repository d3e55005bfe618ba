"""How the rest of a run was planned anew: each round with what was proposed, what code found, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from engine.core.document import to_yaml
from engine.core.events import (
    AttemptEnded,
    AttemptIntended,
    Faulted,
    HelpNeeded,
    PlanAmended,
    PlanKept,
    PlanProposed,
    PlanRefused,
    Recorded,
    ReplanBegun,
)
from ui.models.run_events import SCOPES, words_of
from ui.models.run_words import listed, money

CHANGES: Final = {"added": "New", "changed": "Changed", "removed": "Left out"}


@dataclass
class PlanRound:
    """One call to a planner, and what became of its answer.

    Attributes:
        scope: what it might change.
        patch: what it proposed, as YAML; "" where it proposed nothing.
        verdict: a key of the status map: admitted, refused, open.
        told: in words, what followed.
        spent: tokens and money; asked: how many tokens the request had by our own count.
    """

    number: int
    at: datetime
    scope: str
    by: str = ""
    reason: str = ""
    lines: tuple[str, ...] = ()
    patch: str = ""
    findings: tuple[str, ...] = ()
    verdict: str = "open"
    told: str = ""
    spent: str = ""
    asked: int = 0
    prompt: str = ""


@dataclass
class Planned:
    """One planning of a run: why, its rounds, and how it ended."""

    at: datetime
    reason: str
    rounds: list[PlanRound] = field(default_factory=list)
    ended: str = "It is under way."
    open: bool = True


def plannings(history: Sequence[Recorded]) -> list[Planned]:
    """Return how the rest of a run was planned anew, the last time first."""
    found: list[Planned] = []
    calls: dict[int, PlanRound] = {}
    for recorded in history:
        event = recorded.event
        if isinstance(event, ReplanBegun):
            found.append(Planned(recorded.at, event.reason))
        elif not found:
            continue
        elif isinstance(event, AttemptIntended) and event.phase == "plan":
            calls[event.attempt] = _asked(found[-1], recorded.at, event)
        elif isinstance(event, AttemptEnded) and event.phase == "plan" and event.attempt in calls:
            _answered(calls[event.attempt], event)
        elif isinstance(event, PlanProposed):
            _proposed(calls[event.attempt], event)
        elif found[-1].open:
            _followed(found[-1], event)
    return found[::-1]


def _asked(planned: Planned, at: datetime, event: AttemptIntended) -> PlanRound:
    request: Any = event.request
    asked = PlanRound(
        len(planned.rounds) + 1,
        at,
        "",
        asked=int(request.get("tokens", 0)),
        prompt=str(request.get("prompt", "")),
    )
    planned.rounds.append(asked)
    return asked


def _answered(one: PlanRound, event: AttemptEnded) -> None:
    tokens, usd = event.meta.get("tokens"), event.meta.get("cost_usd")
    parts = (f"{tokens:,} tokens" if tokens else "", money(float(usd)) if usd else "")
    one.spent = ", ".join(part for part in parts if part)
    if event.outcome != "ok":
        one.verdict, one.told = "failed", f"No answer: {event.error or event.outcome}"


def _proposed(one: PlanRound, event: PlanProposed) -> None:
    one.by, one.reason, one.scope = event.by, event.reason, SCOPES[event.scope]
    changes = ((word, getattr(event, how)) for how, word in CHANGES.items())
    one.lines = tuple(f"{word}: {listed(steps)}" for word, steps in changes if steps) or ("No change.",)
    one.patch = to_yaml(event.patch) if isinstance(event.patch, dict) and event.patch else ""


def _followed(planned: Planned, event: Any) -> None:
    last = planned.rounds[-1] if planned.rounds else None
    if isinstance(event, PlanRefused) and last is not None:
        last.findings, last.verdict = event.findings, "refused"
        circle = "The planner turns in a circle. " if event.stalled else ""
        then = "A person goes on" if event.then == "person" else f"Next round: {SCOPES[event.then]}"
        last.told = f"{circle}{then}."
    elif isinstance(event, PlanAmended | PlanKept):
        own = last is not None and last.by == event.by
        word = "The plan stays as it was" if isinstance(event, PlanKept) else "A new plan is in force"
        planned.ended, planned.open = f"{word}: {event.reason} ({event.by}).", False
        if last is not None and own:
            last.verdict, last.told = "admitted", "Admitted."
    elif isinstance(event, HelpNeeded) and event.kind == "replan":
        planned.ended = f"A person is asked: {event.reason}"
    elif isinstance(event, Faulted):
        planned.ended, planned.open = f"It was cut short: {event.reason}", False


def plan_lines(history: Sequence[Recorded]) -> list[str]:
    """Return what became of the plan, event by event, in words."""
    told = (PlanProposed, PlanRefused, PlanAmended, PlanKept)
    return [words_of(recorded.event) for recorded in history if isinstance(recorded.event, told)]
