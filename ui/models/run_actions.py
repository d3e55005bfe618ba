"""What a person may ask of a run now, and why not. The engine's own rules answer; nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Final

from engine.core.commands import AnyCommand, Cancel, Disrupt, MarkStale, Pause, Resume
from engine.core.decide import decide
from engine.core.disruption_kinds import Fail
from engine.core.errors import CommandRejected
from engine.core.run import Run
from ui.models.run_places import title_in

MAX_OFFERED: Final = 300
"""How many steps are offered to choose from; asking the engine about each takes time."""


@dataclass(frozen=True)
class Allowed:
    """For each action of the header: "" where it may be done, else why not."""

    pause: str
    resume: str
    disrupt: str
    cancel: str
    amend: str


@dataclass(frozen=True)
class Target:
    """A step that could be disrupted, or why it can't."""

    step: str
    title: str
    refusal: str


def refusal(run: Run, command: AnyCommand, now: datetime) -> str:
    """Return why a run would refuse a command; "" where it would take it. Changes nothing."""
    try:
        decide(run, command, now)
    except CommandRejected as refused:
        return str(refused)
    return ""


def allowed(run: Run, now: datetime) -> Allowed:
    """Return which actions of the header may be done now."""
    ended = "The run has ended" if run.is_closed else ""
    targets = () if ended else chain(_disruptable(run, now), _outdatable(run, now))
    none_left = "" if any(not t.refusal for t in targets) else "Nothing of this run can be disrupted now"
    return Allowed(
        pause=ended or refusal(run, Pause(), now),
        resume=ended or refusal(run, Resume(), now),
        disrupt=ended or (_turned(run) if run.direction == "undo" else none_left),
        cancel=ended or _no_cancel(run, now),
        amend=ended or (_turned(run) if run.direction == "undo" or run.fault is not None else ""),
    )


def _turned(run: Run) -> str:
    return "The run is going back" if run.repair is None else "The run is being repaired"


def _no_cancel(run: Run, now: datetime) -> str:
    if run.direction == "undo" and run.repair is None:
        return "It is being undone already"
    if run.direction_asked:
        return "Choose the direction below"
    refused = refusal(run, Cancel(), now)
    if refused:
        return refused[0].upper() + refused[1:]
    return "It is stopping already" if run.fault is not None else ""


def outdatable(run: Run, now: datetime) -> list[Target]:
    """Return every step with the reason why nothing that it relied on can be said to have changed, if there is one."""
    return list(_outdatable(run, now))


def disruptable(run: Run, now: datetime) -> list[Target]:
    """Return every step with the reason why it can't be disrupted, if there is one."""
    return list(_disruptable(run, now))


def _outdatable(run: Run, now: datetime) -> Iterator[Target]:
    for name in _offered(run):
        yield Target(
            name, title_in(run, name), refusal(run, MarkStale(steps=(name,), reason="?", by="?"), now)
        )


def _disruptable(run: Run, now: datetime) -> Iterator[Target]:
    for name in _offered(run):
        yield Target(name, title_in(run, name), refusal(run, Disrupt(what=Fail(kind="fail", step=name)), now))


def _offered(run: Run) -> list[str]:
    """Return the steps to choose from: all; of thousands the saga's own, and those that were made last."""
    if len(run.steps) <= MAX_OFFERED:
        return list(run.steps)
    latest = islice(reversed(run.steps), MAX_OFFERED)
    return list(dict.fromkeys([*run.saga.steps, *latest]))
