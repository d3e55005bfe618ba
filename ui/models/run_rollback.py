"""Going back in words: what an undo would do, how far it is, and at the end what was undone and what not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core.events import Faulted, Noted, Recorded, RunAbandoned, StepExcused
from engine.core.recovery import UndoLine, left_behind, preview, turns
from engine.core.run import UNDONE, Run, StepState
from ui.models.run_graph import request_words, spent, undo_words
from ui.models.run_places import title_in
from ui.models.run_repaired import repaired_words
from ui.models.run_words import counted, in_turns, listed, money
from ui.models.undo_cost import UndoingCost, undoing_cost

Json = Any
SOURCES: Final[dict[str, str]] = {
    "rejected": "was refused", "exhausted": "failed every time it was tried",
    "validator": "gave a result that its checks rejected", "denied": "was denied",
    "expired": "got no answer in time", "invariant": "broke a rule of the whole run",
    "cancel": "was cancelled", "deadline": "ran out of time", "expression": "could not be worked out",
    "operator": "was stopped by a person", "disruption": "relied on something that changed",
    "budget": "reached a limit", "locks": "did not get its locks in time",
}  # fmt: skip
"""What happened, by the source of a fault; said of a step or of the run."""
_WHY_THEN: Final = {
    "it is done": "it had been done",
    "its target says that it is gone already": "its target said that it was gone already",
    "nobody knows whether it landed": "nobody knew whether it had landed",
}
"""Why a step was undone, once it is: the plan's reasons, told of the past."""


@dataclass(frozen=True)
class RollbackLine:
    """One compensation, planned, under way or over.

    Attributes:
        status: a key of the status map.
        why: why it is in, as a clause.
        after: the titles of what goes before it, listed; `turn` says so as a sentence.
    """

    number: int
    step: str
    title: str
    status: str
    why: str
    after: str
    turn: str
    action: str
    request: Json
    key: str
    cost: str
    obstacle: str
    attempts: int
    took: str
    at: datetime | None
    note: str


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong, in words."""

    at: datetime
    step: str
    headline: str
    reason: str


def rollback_lines(run: Run, now: datetime) -> list[RollbackLine]:
    """Return the compensations in order: as they happened, then as they are to come."""
    return [line_of(run, number, line, now) for number, line in enumerate(_in_order(run), 1)]


def _in_order(run: Run) -> list[UndoLine]:
    """Return the preview as it happened; what ended at the same moment stays in the plan's order."""
    lines = preview(run)
    return sorted(lines, key=lambda line: _when(run.steps[line.step])) if run.direction == "undo" else lines


def _when(step: StepState) -> tuple[int, float]:
    """Return what sorts compensations as they ended, then the started ones; the rest stay as they are."""
    if step.status in UNDONE and step.ended_at is not None:
        return 0, step.ended_at.timestamp()
    return (1, step.undos[0].started_at.timestamp()) if step.undos else (2, 0.0)


def line_of(run: Run, number: int, line: UndoLine, now: datetime) -> RollbackLine:
    """Return one compensation in words."""
    step = run.steps[line.step]
    frozen = step.frozen
    went_back = run.direction == "undo"
    request = step.undos[-1].intent.request if step.undos else line.what
    after, over = listed([title_in(run, name) for name in line.after]), went_back and step.status in UNDONE
    return RollbackLine(
        number=number,
        step=line.step,
        title=title_in(run, step.id),
        status=step.status if went_back else "standby",
        why=_WHY_THEN.get(line.why, line.why) if over else line.why,
        after=after,
        turn=_turn(after, over=over),
        action=(request_words(frozen.kind, request) if frozen else "") or undo_words(step.definition),
        request=request,
        key=frozen.key if frozen else "",
        cost="" if line.cost_usd is None else money(line.cost_usd),
        obstacle=line.obstacle if step.status not in UNDONE else "",
        attempts=len(step.undos),
        took=spent(step.undos, now),
        at=step.ended_at if step.status in UNDONE else None,
        note=_note(step),
    )


def _turn(after: str, *, over: bool) -> str:
    if after:
        return f"{'Went' if over else 'Goes'} after {after}."
    return f"Nothing {'had' if over else 'has'} to go before it."


def _note(step: StepState) -> str:
    if step.status in {"comp_failed", "excused", "empty"}:
        return step.reason
    last = step.undos[-1].result if step.undos else None
    return last.error if last is not None and last.outcome != "ok" else ""


def troubles(history: Sequence[Recorded], titles: Mapping[str, str]) -> list[Trouble]:
    """Return what went wrong, first things first; the first is the one that turned the run around."""
    found = []
    for recorded in history:
        event = recorded.event
        if isinstance(event, Faulted):
            who = titles.get(event.step, event.step) if event.step else "The run"
            found.append(
                Trouble(recorded.at, event.step or "", f"{who} {SOURCES[event.source]}", event.reason)
            )
        elif isinstance(event, Noted) and found:
            who = titles.get(event.step, event.step) if event.step else "The run"
            found.append(Trouble(recorded.at, event.step or "", f"Later: {who}", event.text))
    return found


def verdict(run: Run, history: Sequence[Recorded]) -> list[str]:
    """Return in plain words what was undone, in which order, and what was not. One sentence each."""
    if run.status == "completed":
        passed = run.faults and run.pivot_passed()
        why = " The point of no return was passed, so it could only go forward." if passed else ""
        return [
            f"The run completed. {repaired_words(run, history) or _nothing_undone(run)}{why}",
            *_another_way(run),
        ]
    if run.status == "abandoned":
        return _given_up(run, history)
    if run.repair is not None:
        return [*_repairing(run), *_excused(run, history), *_still_open(run)]
    before = [repaired_words(run, history)] if run.repairs else []
    if run.direction != "undo":
        return before
    if not run.plan:
        return [*before, "Nothing had taken effect yet, so there was nothing to undo."]
    return [*before, *_undone(run), *_cost(run), *_empty(run), *_excused(run, history), *_still_open(run)]


def tells_more(run: Run) -> bool:
    """Return whether the verdict says more than the badge: something was undone, given up, or went another way."""
    detour = any(step.status == "handled" or step.late_undos for step in run.steps.values())
    turned = run.direction == "undo" or run.repairs > 0
    return turned or run.status == "abandoned" or (run.is_closed and detour)


def _repairing(run: Run) -> Iterator[str]:
    """Yield what a repair under way is about, and what it has undone so far."""
    assert run.repair is not None
    named = listed([title_in(run, name) for name in run.repair.culprits])
    anew = counted(len(run.repair.affected), "step")
    no_longer = "no longer counts" if len(run.repair.culprits) == 1 else "no longer count"
    yield f"Repair: {named} {no_longer}. Only what depends on that is undone; {anew} will be done anew."
    undone = order_undone(run)
    if undone:
        yield f"Undone so far: {undone}."


def _nothing_undone(run: Run) -> str:
    late = [title_in(run, step.id) for step in run.steps.values() if step.late_undos]
    return f"Only what came too late was undone: {listed(late)}." if late else "Nothing was undone."


def _another_way(run: Run) -> list[str]:
    names = [title_in(run, step.id) for step in run.steps.values() if step.status == "handled"]
    return [f"{listed(names)} failed, and the saga took another way."] if names else []


def _undone(run: Run) -> list[str]:
    done = sum(run.steps[name].status == "compensated" for name in run.plan)
    if not done:
        return [] if run.is_closed else ["Nothing is undone yet."]
    order = order_undone(run)
    if done == len(run.plan):
        whole = "The one effect was undone" if done == 1 else f"All {done} effects were undone"
        return [f"{whole}{', in this order' if done > 1 else ''}: {order}."]
    was = "was" if done == 1 else "were"
    return [f"{done} of {counted(len(run.plan), 'effect')} {was} undone: {order}."]


def order_to_undo(run: Run) -> str:
    """Return what going back would undo, in the turns in which it would."""
    return in_turns([[title_in(run, name) for name in names] for names in turns(preview(run))])


def order_undone(run: Run) -> str:
    """Return what is undone by now, in the turns of the plan; "" where nothing is."""
    ended = {line.step: place for place, line in enumerate(_in_order(run))}
    done = [
        sorted((name for name in names if run.steps[name].status == "compensated"), key=ended.__getitem__)
        for names in turns(run.plan.values())
    ]
    return in_turns([[title_in(run, name) for name in names] for names in done if names])


def _cost(run: Run) -> list[str]:
    found = undoing_cost(run)
    if found is None:
        return []
    said = f"Undoing cost {money(found.spent)}" if run.is_closed else _cost_so_far(found)
    unpriced = counted(found.unpriced, "effect")
    return [f"{said}; of {unpriced} the cost is not stated." if found.unpriced else f"{said}."]


def _cost_so_far(found: UndoingCost) -> str:
    return f"Undoing has cost {money(found.spent)} so far, of {money(found.whole)}"


def _empty(run: Run) -> list[str]:
    names = [title_in(run, step.id) for step in run.steps.values() if step.status == "empty"]
    return [f"There was nothing to undo for {listed(names)}: it never took effect."] if names else []


def _excused(run: Run, history: Sequence[Recorded]) -> list[str]:
    return [
        f"{title_in(run, event.step) if event.step in run.steps else event.step} was "
        + ("undone by hand" if event.how == "done" else "not undone")
        + f", says {event.by}: {event.reason}"
        for event in (recorded.event for recorded in history)
        if isinstance(event, StepExcused)
    ]


def _still_open(run: Run) -> list[str]:
    if run.is_closed:
        return []
    failed = [title_in(run, name) for name in run.plan if run.steps[name].status == "comp_failed"]
    doing = [title_in(run, name) for name in run.plan if run.steps[name].status == "compensating"]
    waiting = [title_in(run, name) for name in run.plan if run.steps[name].status == "to_compensate"]
    said = [f"Could not be undone yet: {listed(failed)}."] if failed else []
    said += [f"Being undone now: {listed(doing)}."] if doing else []
    return said + ([f"Still to be undone: {listed(waiting)}."] if waiting else [])


def _given_up(run: Run, history: Sequence[Recorded]) -> list[str]:
    said = [
        f"Given up by {recorded.event.by}: {recorded.event.reason}"
        for recorded in history
        if isinstance(recorded.event, RunAbandoned)
    ]
    names = [title_in(run, name) for name in run.left_behind]
    rest = f"Left behind, maybe still in effect: {listed(names)}." if names else "Nothing was left behind."
    return [*said, *(_undone(run) if run.plan else []), rest]


def remaining(run: Run) -> list[str]:
    """Return the titles of the steps whose effect would be left behind now."""
    return [title_in(run, name) for name in left_behind(run)]
