"""What the repairs of a run did, in words: what was undone and what became of the steps that were to be done anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.core.events import DirectionChosen, PlanAmended, Recorded
from engine.core.run import UNDONE, Run, StepState
from ui.models.run_places import title_in
from ui.models.run_words import counted, listed

Fate = Literal["begun", "skipped", "open"]


def repaired_words(run: Run, history: Sequence[Recorded]) -> str:
    """Return what the repairs of a run did; "" where it had none."""
    if not run.repairs:
        return ""
    past = [name for name in run.saga.graph.order() if name in run.past]
    undone = [title_in(run, name) for name in past if any(life.status in UNDONE for life in run.past[name])]
    times = "once" if run.repairs == 1 else f"{run.repairs} times"
    lost = f"Undone for that: {listed(undone)}." if undone else "Nothing had to be undone for that."
    parts = (f"It was repaired {times}.", lost, *_anew(run, past), _others(history))
    return " ".join(parts)


def _anew(run: Run, past: Sequence[str]) -> list[str]:
    """Return what became of the steps that were to be done anew, a sentence for each fate."""
    gone_on = not run.is_closed and run.direction == "forward"
    words = {
        "begun": "Begun anew",
        "skipped": "Skipped this time",
        "open": "Still to be done anew" if gone_on else "Not done anew",
    }
    fates = {name: _fate(run.steps[name]) for name in past}
    names = {each: [title_in(run, name) for name in past if fates[name] == each] for each in words}
    said = [f"{word}: {listed(names[each])}" for each, word in words.items() if names[each]]
    return [text if text.endswith("?") else f"{text}." for text in said]  # a title may be a question


def _fate(step: StepState) -> Fate:
    if step.attempts or step.by_hand or step.approvals:
        return "begun"
    if step.status in {"skipped", "handled"}:
        return "skipped"
    return "open" if step.status in {"pending", "ready", "withdrawn"} else "begun"


def _others(history: Sequence[Recorded]) -> str:
    """Return what became of the steps that no repair touched: nothing, or what new plans made of them since."""
    events = [recorded.event for recorded in history]
    first = next(at for at, event in enumerate(events) if _is_repair(event))
    plans = [event for event in events[first:] if isinstance(event, PlanAmended)]
    if not plans:
        return "The other steps were left as they were."
    counts = {how: sum(len(getattr(plan, how)) for plan in plans) for how in ("added", "changed", "removed")}
    some = [(count, how) for how, count in counts.items() if count]
    changes = [f"{count if at else counted(count, 'step')} {how}" for at, (count, how) in enumerate(some)]
    times = "" if len(plans) == 1 else f" {counted(len(plans), 'time')}"
    return f"The plan was changed{times} after that{': ' if changes else ''}{listed(changes)}."


def _is_repair(event: object) -> bool:
    return isinstance(event, DirectionChosen) and event.direction == "repair"
