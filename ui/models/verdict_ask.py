"""What a person must decide in a validator's place: what was found, what each answer causes, and which is advised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from engine.core.commands import GiveVerdict
from engine.core.events import HelpNeeded, Recorded, VerdictGiven
from engine.core.run import Run, StepState
from engine.core.saga import effect_of
from engine.core.verify import augmented, open_verdicts
from ui.models.run_actions import refusal
from ui.models.run_places import title_in
from ui.models.run_repair import repair_preview, what_follows
from ui.models.run_rollback import RollbackLine, rollback_lines
from ui.models.run_verdicts import KeyChange, VerdictLine, changes, verdict_lines
from ui.models.run_words import ago, counted
from ui.models.step_words import waits_for_verdict
from ui.models.undo_cost import price_words

Json = Any
Decision = Literal["accept", "augment", "reject"]
LABELS: Final[dict[Decision, str]] = {
    "accept": "Accept as it is",
    "augment": "Accept with what was proposed",
    "reject": "Reject",
}


@dataclass(frozen=True)
class Proposal:
    """What a validator would add to the output, key by key."""

    validator: str
    changes: tuple[KeyChange, ...]


@dataclass(frozen=True)
class VerdictDetail:
    """An output that waits for a person's word.

    Attributes:
        findings: the verdicts that wait, each with its evidence.
        choices: the answers there are, each with what follows from it.
        advised: the one answer that is recommended, and why.
        undo: what a rejection would undo, in order; empty where it undoes nothing.
        asked_seq: the place in the log of the question: another question, another form.
    """

    run: str
    step: str
    title: str
    saga: str
    asked: str
    asked_seq: int
    findings: tuple[VerdictLine, ...]
    output: Json
    proposals: tuple[Proposal, ...]
    choices: tuple[tuple[Decision, str], ...]
    advised: Decision
    advice: str
    undo: tuple[RollbackLine, ...]
    undo_cost: str
    refusal: str


def verdict_detail(
    run: Run, history: Sequence[Recorded], name: str, now: datetime, me: str
) -> VerdictDetail | None:
    """Return the decision that a step waits for, or None where it waits for none (any more)."""
    step = run.steps.get(name)
    if step is None or not waits_for_verdict(run, step):
        return None
    waiting = open_verdicts(run, step)
    asked = _asked(history, name)
    added = augmented(step, [verdict for verdict in waiting if verdict.verdict == "augment"])
    proposals = tuple(Proposal(one.validator, changes(one.before, one.after)) for one in added)
    advised, advice = _advice(waiting)
    undo, price = _undone(run, step, now) if _goes_back(run, step) else ((), "")
    return VerdictDetail(
        run=run.id,
        step=name,
        title=title_in(run, step.id),
        saga=run.saga.name,
        asked=ago(asked.at, now),
        asked_seq=asked.seq,
        findings=_findings(run, history, name, waiting),
        output=step.output,
        proposals=proposals,
        choices=tuple(_choices(run, step, waiting, len(undo))),
        advised=advised,
        advice=advice,
        undo=undo,
        undo_cost=price if undo else "",
        refusal=refusal(run, GiveVerdict(step=name, decision="reject", reason="?", by=me), now),
    )


def verdict_questions(run: Run) -> list[str]:
    """Return the steps of a run whose output waits for a person's word."""
    return [step.id for step in run.steps.values() if waits_for_verdict(run, step)]


def _asked(history: Sequence[Recorded], name: str) -> Recorded:
    return next(
        r for r in reversed(history)
        if isinstance(r.event, HelpNeeded) and (r.event.step, r.event.kind) == (name, "verdict")
    )  # fmt: skip


def _findings(
    run: Run, history: Sequence[Recorded], name: str, waiting: Sequence[VerdictGiven]
) -> tuple[VerdictLine, ...]:
    open_ = {verdict.validator for verdict in waiting}
    found: dict[str, VerdictLine] = {}
    for line in verdict_lines(run, history, step=name):  # newest first
        if line.validator in open_:
            found.setdefault(line.validator, line)
    return tuple(found.values())


def _advice(waiting: Sequence[VerdictGiven]) -> tuple[Decision, str]:
    """Return the answer that is recommended, and why."""
    said = {verdict.verdict for verdict in waiting}
    if "ask" in said:
        return "reject", "a validator found something wrong"
    if "augment" in said:
        return "augment", "the validator says what is missing, and you see it before it counts"
    return (
        "accept",
        "nothing is known against it; but nobody has checked it either, so read the output first",
    )


def _choices(
    run: Run, step: StepState, waiting: Sequence[VerdictGiven], effects: int
) -> list[tuple[Decision, str]]:
    found: list[tuple[Decision, str]] = [("accept", "It counts, and the run goes on with it")]
    proposed = [verdict.validator for verdict in waiting if verdict.verdict == "augment"]
    if proposed:
        found.append(("augment", f"What {proposed[0]} proposes is added; before and after are both kept"))
    return [*found, ("reject", _if_rejected(run, step, effects))]


def _has_fallback(step: StepState) -> bool:
    return effect_of(step.definition) == "readonly" and len(step.definition.fallback) > len(step.fallbacks)


def _goes_back(run: Run, step: StepState) -> bool:
    watched = "failed" in run.saga.graph.watched.get(step.id, ())
    return not (_has_fallback(step) or run.pivot_passed() or watched)


def _undone(run: Run, step: StepState, now: datetime) -> tuple[tuple[RollbackLine, ...], str]:
    """Return what a rejection would undo by the saga's policy, and what that costs."""
    if what_follows(run) == "repair":
        found = repair_preview(run, [step.id], None, now)
        return found.undo, found.price
    return tuple(rollback_lines(run, now)), price_words(run)


def _if_rejected(run: Run, step: StepState, effects: int) -> str:
    if _has_fallback(step):
        return "It is discarded, and the step takes its next fallback"
    if run.pivot_passed():
        return "It is discarded; the point of no return is passed, so a person is asked how to go on"
    if "failed" in run.saga.graph.watched.get(step.id, ()):
        return "It is discarded, and the steps that wait for this failure go on"
    follows = what_follows(run)
    if follows in {"ask", "asked_again"}:
        return "It is discarded, and a person is asked whether to undo everything, to repair, or to go on"
    if follows == "repair":
        return "It is discarded, and the run is repaired: this step and what depends on it are undone and done anew"
    if not effects:
        return "It is discarded and the run ends; nothing has taken effect yet"
    return f"It is discarded, and the run goes back: {counted(effects, 'effect')} to undo"
