"""How a step stands in words, where its status alone does not say enough: who checks it, who must decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.core.panel import Vote, votes
from engine.core.run import Run, StepState
from engine.core.verify import open_verdicts
from ui.models.run_places import is_composite
from ui.models.status import step_look

FOR_A_SIGNAL: Final = "Waiting for a signal"


def shown_status(run: Run, step: StepState) -> str:
    """Return the key of the status map that tells most about a step."""
    if step.status == "committed" and step.id in run.stale:
        return "stale"
    if step.status == "committed" and step.fallbacks:
        return "fallback"
    if waits_for_verdict(run, step):
        return "awaiting_verdict"
    if step.status == "waiting" and is_composite(step):
        return "inside"
    if step.status == "validating" and step.id in run.judging:
        return "judging"
    return step.status


def status_words(run: Run, step: StepState) -> str:
    """Return how a step stands: "Being checked by tone (2 of 3)", "Waiting for a decision: fair_price"."""
    status = shown_status(run, step)
    word = step_look(status).word
    if status == "judging":
        return f"{word} by {checked_by(run, step)}"
    if waits_for_signal(step):
        return FOR_A_SIGNAL
    return f"{word}: {undecided(run, step)}" if status == "awaiting_verdict" else word


def waits_for_signal(step: StepState) -> bool:
    """Return whether a step waits for news from outside, not for a time."""
    return step.status == "waiting" and step.awaits is not None


def waits_for_verdict(run: Run, step: StepState) -> bool:
    """Return whether a person must decide about a step's output."""
    asked = run.attention.get(step.id)
    return asked is not None and asked.kind == "verdict"


def checked_by(run: Run, step: StepState) -> str:
    """Return the validators that are being asked about an output; with votes, how far each is."""
    by_name: dict[str, list[Vote]] = {}
    for vote in votes(run, step):
        by_name.setdefault(vote.validator, []).append(vote)
    asked = {name: each for name, each in by_name.items() if any(v.status == "asked" for v in each)}
    waiting = {name: each for name, each in by_name.items() if any(v.status == "to_ask" for v in each)}
    return ", ".join(_progress(name, each) for name, each in (asked or waiting).items()) or "a validator"


def _progress(name: str, each: Sequence[Vote]) -> str:
    known = sum(vote.status in {"given", "lost"} for vote in each)
    return name if len(each) == 1 else f"{name} ({min(known + 1, len(each))} of {len(each)})"


def undecided(run: Run, step: StepState) -> str:
    """Return the validators whose finding, or whose silence, waits for a person."""
    return ", ".join(verdict.validator for verdict in open_verdicts(run, step))
