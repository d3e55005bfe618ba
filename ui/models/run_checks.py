"""Where validators show in the pictures of a run: marks on cards and arrows, and on the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.core.events import FallbackTaken, OutputAugmented, Recorded, VerdictGiven
from engine.core.frames import plan_of
from engine.core.run import Run, StepState
from ui.models.graph import EdgeCheck
from ui.models.timeline import Mark, MarkKind

_TO_COME = frozenset(
    {
        "pending",
        "ready",
        "awaiting_approval",
        "awaiting_locks",
        "waiting",
        "running",
        "retry_wait",
        "validating",
    }
)
_FOUND = frozenset({"retry", "ask", "augment"})


def check_mark(run: Run, step: StepState) -> list[EdgeCheck]:
    """Return the mark of a step for what its validators and the saga's say; none where it has none of its own."""
    declared = bool(step.definition.validate_ or plan_of(run, step).validators_over.get(step.local))
    verdicts = [verdict for verdict in step.verdicts if not verdict.edge]
    mark = _mark(verdicts, [v for v in step.judged.values() if not v.edge])
    over = mark == "to_check" and step.status not in _TO_COME
    return [] if over or (mark in {"to_check", "checked"} and not declared) else [mark]


def edge_check(run: Run, source: str, target: str) -> EdgeCheck:
    """Return how the validators of an edge stand; "" where it has none."""
    step = run.steps[source]
    to = run.steps[target].local if target in run.steps else target
    if not any(edge.to == to for edge in plan_of(run, step).edges_from.get(step.local, ())):
        return ""
    mine = [verdict for verdict in step.verdicts if verdict.edge == to]
    return _mark(mine, [v for v in step.judged.values() if v.edge == to])


def _mark(ever: Sequence[VerdictGiven], now: Sequence[VerdictGiven]) -> EdgeCheck:
    """Return the worst that was said, of earlier outputs too: what was caught stays worth seeing."""
    said = {verdict.verdict for verdict in ever}
    if "reject" in said:
        return "rejected"
    if any(verdict.verdict == "none" for verdict in now):
        return "no_verdict"
    if said & _FOUND:
        return "caught"
    return "checked" if now else "to_check"


def check_marks(history: Sequence[Recorded]) -> list[Mark]:
    """Return the marks of a timeline: verdicts that came at one moment as one, additions, fallbacks."""
    moments: dict[tuple[str, datetime], list[VerdictGiven]] = {}
    marks = []
    for recorded in history:
        event = recorded.event
        if isinstance(event, VerdictGiven):
            moments.setdefault((event.step, recorded.at), []).append(event)
        elif isinstance(event, OutputAugmented):
            marks.append(Mark(event.step, recorded.at, "augmented", f"by {event.validator}"))
        elif isinstance(event, FallbackTaken):
            marks.append(Mark(event.step, recorded.at, "fallback", event.reason))
    return [*(_verdict_mark(step, at, given) for (step, at), given in moments.items()), *marks]


def _verdict_mark(step: str, at: datetime, given: Iterable[VerdictGiven]) -> Mark:
    worst: dict[MarkKind, list[VerdictGiven]] = {}
    for verdict in given:
        worst.setdefault(_KIND.get(verdict.verdict, "validation_ok"), []).append(verdict)
    kind = next(kind for kind in _WORST if kind in worst)
    return Mark(step, at, kind, "; ".join(f"{v.by or v.validator}: {v.evidence}" for v in worst[kind]))


_WORST: tuple[MarkKind, ...] = (
    "validation_reject",
    "validation_none",
    "validation_caught",
    "validation_ok",
)
_KIND: dict[str, MarkKind] = {
    "reject": "validation_reject",
    "none": "validation_none",
    **dict.fromkeys(("retry", "ask", "augment"), "validation_caught"),
}
