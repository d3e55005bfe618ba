"""A past moment of a run: what the fold of its first events gives, and what the last of them changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.commands import RestoreApp
from engine.core.decide import decide
from engine.core.dimensions import Dimensions
from engine.core.events import Faulted, Recorded
from engine.core.evolve import evolve, replay
from engine.core.run import Run
from engine.core.saga import Saga
from ui.models.run_actions import refusal
from ui.models.run_events import type_name, words_of
from ui.models.run_words import has_clock, headline, title_of
from ui.models.status import step_look

Json = Any


@dataclass(frozen=True)
class KeyChange:
    """A key of S_A that an event changed."""

    key: str
    before: Json
    after: Json


@dataclass(frozen=True)
class StepChange:
    """A step whose status an event changed; both words come from the status map."""

    title: str
    before: str
    after: str


@dataclass(frozen=True)
class Moment:
    """A run as it was right after one event."""

    seq: int
    at: datetime
    event: str
    step: str
    what: str
    run: str
    app: dict[str, Json]
    keys: tuple[KeyChange, ...]
    steps: tuple[StepChange, ...]
    statuses: tuple[tuple[str, str], ...]


def moment(saga: Saga, history: Sequence[Recorded], seq: int) -> Moment:
    """Return the run after event `seq`, and what that event changed (R31)."""
    past = replay(saga, history[: seq - 1])
    app, before = dict(past.app), _statuses(past)
    recorded = history[seq - 1]
    evolve(past, recorded)
    step = getattr(recorded.event, "step", None)
    return Moment(
        seq=seq,
        at=recorded.at,
        event=type_name(recorded.event.type),
        step=title_of(past.steps[step]) if step in past.steps else "",
        what=words_of(recorded.event, clock=has_clock(past)),
        run=headline(past).word,
        app=past.app,
        keys=tuple(
            KeyChange(key, app.get(key), past.app.get(key))
            for key in {**app, **past.app}
            if app.get(key) != past.app.get(key)
        ),
        steps=tuple(
            StepChange(title_of(past.steps[name]), step_look(before[name]).word, step_look(status).word)
            for name, status in _statuses(past).items()
            if name in before and before[name] != status
        ),
        statuses=tuple((title_of(past.steps[name]), status) for name, status in _statuses(past).items()),
    )


def no_restore(run: Run, seq: int, now: datetime) -> str:
    """Return why S_A can't be set back to what it was after event `seq`; "" where it can."""
    if run.is_closed:
        return "The run has ended"
    return refusal(run, RestoreApp(seq=seq, reason="asked"), now)


def restored(run: Run, seq: int) -> tuple[KeyChange, ...]:
    """Return the keys of S_A that a restore to event `seq` would change."""
    then = run.app_at(seq)
    return tuple(
        KeyChange(key, run.app.get(key), then.get(key))
        for key in sorted({**run.app, **then})
        if run.app.get(key) != then.get(key)
    )


def broken_by_restore(run: Run, seq: int, now: datetime) -> str:
    """Return the fault that a restore to event `seq` would be; "" where it would be none."""
    facts = decide(run, RestoreApp(seq=seq, reason="asked"), now)
    return next((fact.reason for fact in facts if isinstance(fact, Faulted)), "")


def state_json(state: Dimensions) -> str:
    """Return the three dimensions as a JSON document; the same state gives the same text."""
    return json.dumps(state, indent=2, sort_keys=True, ensure_ascii=False)


def _statuses(run: Run) -> dict[str, str]:
    return {step.id: step.status for step in run.steps.values()}
