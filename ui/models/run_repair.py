"""A repair in words: what it would touch and why, what stays, what it costs; and the repairs that were made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.core.affected import Affected, affected
from engine.core.commands import AnyCommand
from engine.core.errors import CommandRejected
from engine.core.events import (
    DirectionChosen,
    Event,
    Recorded,
    StepCommitted,
    StepsRedone,
    StepUndone,
    spelled_out,
)
from engine.core.evolve import evolve
from engine.core.recovery import affected_paths, culprits_of, preview, turns
from engine.core.run import Run, StepState
from engine.core.saga import Saga
from ui.models.run_actions import refusal
from ui.models.run_places import title_in
from ui.models.run_rollback import RollbackLine, line_of
from ui.models.run_words import in_turns, listed, money
from ui.models.step_words import shown_status
from ui.models.timeline import duration_words
from ui.models.undo_cost import price_of

FOLLOWS: Final = {
    "repair": "The saga repairs by itself: what is affected is undone and done anew.",
    "asked_again": "The saga has been repaired as often as it may be by itself: a person is asked which way to go.",
    "ask": "The saga leaves the way to a person: the Run page asks.",
    "compensate": "The saga undoes everything after a disruption.",
}
"""What follows a disruption, by the saga's policy."""


@dataclass(frozen=True)
class Member:
    """A step that a repair touches, or leaves alone, and why. `status` is a key of the status map."""

    step: str
    title: str
    status: str
    why: str


@dataclass(frozen=True)
class RepairPreview:
    """What a repair would do.

    Attributes:
        refusal: why it can't be done, in the engine's words; "" where it can.
        affected: what would be done anew, each with the path from what no longer counts.
        kept: what has begun and stays as it is.
        undo: what would be undone first, in order.
        price: what the undos say they cost, as a sentence.
        anew: what the affected steps have taken so far: about what doing them anew takes.
        stuck: the titles of what can't be undone by the engine.
    """

    refusal: str
    affected: tuple[Member, ...] = ()
    kept: tuple[Member, ...] = ()
    undo: tuple[RollbackLine, ...] = ()
    price: str = ""
    anew: str = ""
    stuck: tuple[str, ...] = ()


@dataclass(frozen=True)
class Round:
    """A repair of the past, or the one under way. `order` tells in which turns it was undone."""

    at: datetime
    reason: str
    by: str
    affected: tuple[Member, ...]
    undone: tuple[str, ...]
    order: str
    kept: tuple[str, ...]


def suspects(run: Run) -> list[str]:
    """Return the steps that can be named as those that no longer count: all that have begun."""
    return [name for name, step in run.steps.items() if _begun(step)]


def preselected(run: Run) -> list[str]:
    """Return the steps that surely no longer count: what failed, and what is stale."""
    return [name for name in culprits_of(run) if name in suspects(run)]


def repair_preview(
    run: Run, culprits: Collection[str], command: AnyCommand | None, now: datetime
) -> RepairPreview:
    """Return what a repair would do if these steps no longer counted; `command` is what would ask for it."""
    try:
        found = affected(run, culprits)
    except CommandRejected as refused:
        return RepairPreview(str(refused))
    lines = preview(run, found.undo)
    return RepairPreview(
        refusal=refusal(run, command, now) if command is not None else "",
        affected=tuple(_member(run, name, found) for name in found.steps),
        kept=_kept(run, found, culprits),
        undo=tuple(line_of(run, number, line, now) for number, line in enumerate(lines, 1)),
        price=price_of(lines),
        anew=effort((run.steps[name] for name in found.steps), now),
        stuck=tuple(title_in(run, line.step) for line in lines if line.obstacle),
    )


def _begun(step: StepState) -> bool:
    return bool(step.attempts or step.by_hand) or step.status in {"committed", "handled", "failed"}


def _member(run: Run, name: str, found: Affected) -> Member:
    step = run.steps[name]
    return Member(name, title_in(run, step.id), shown_status(run, step), why_in(run, found.because[name]))


def why_in(run: Run, path: Sequence[str]) -> str:
    """Return why a step is affected, by the path of dependencies that leads to it."""
    step = run.steps[path[-1]]
    if len(path) > 1:
        return path_words(run, path)
    if step.id in run.stale:
        return f"What it relied on has changed: {run.stale[step.id]}"
    return "It failed" if step.status == "failed" else "It no longer counts"


def _kept(run: Run, found: Affected, culprits: Collection[str]) -> tuple[Member, ...]:
    named = listed([title_in(run, name) for name in found.steps if name in culprits])
    why = f"Does not depend on {named}" if named else ""
    return tuple(
        Member(step.id, title_in(run, step.id), shown_status(run, step), why)
        for step in run.steps.values()
        if step.id not in found.because and _begun(step)
    )


def effort(steps: Iterable[StepState], now: datetime) -> str:
    """Return what the calls of some steps have taken so far: time, money, tokens."""
    calls = [call for step in steps for call in step.attempts]
    meta = [call.result.meta for call in calls if call.result]
    took = sum(((call.ended_at or now) - call.started_at for call in calls), timedelta(0))
    usd = sum(float(each.get("cost_usd", 0) or 0) for each in meta)
    tokens = sum(int(each.get("tokens", 0) or 0) for each in meta)
    parts = (duration_words(took) if calls else "", money(usd), f"{tokens:,} tokens")
    return ", ".join(part for part in parts if part)


def what_follows(run: Run) -> str:
    """Return what a disruption or a fault leads to by the saga's policy: a key of `FOLLOWS`."""
    if run.saga.recovery == "repair":
        return "asked_again" if run.repairs >= run.saga.max_repairs else "repair"
    return run.saga.recovery


def rounds_over(saga: Saga, history: Sequence[Recorded]) -> list[Round]:
    """Return the repairs of a run that are over, the last one first, as each stood before anything began anew.

    `saga` is the version that the run is pinned to. The past is folded: a new plan may have left out since what a
    repair was about, or fewer items may be there. The past never changes either, so that it can be kept.
    """
    past, rounds = Run(saga), list[Round]()
    for one in _repairs(history):
        if one.ended:
            for recorded in history[past.seq : one.ended - 1]:
                evolve(past, recorded)
            rounds.append(_round(past, one))
    return rounds[::-1]


def rounds_open(run: Run, history: Sequence[Recorded]) -> list[Round]:
    """Return the repair that is under way, or became the way back of everything; nothing where there is none."""
    return [_round(run, one) for one in _repairs(history) if not one.ended]


@dataclass
class _Repair:
    """A repair in the log: how it was chosen, what was done by then, and the place where it ended; 0 while it goes on."""

    began: Recorded
    chosen: DirectionChosen
    done: list[str]
    ended: int = 0


def _repairs(history: Sequence[Recorded]) -> list[_Repair]:
    found: list[_Repair] = []
    done: dict[str, None] = {}
    for recorded in spelled_out(history):
        event = recorded.event
        if isinstance(event, DirectionChosen) and event.direction == "repair":
            found.append(_Repair(recorded, event, list(done)))
        elif isinstance(event, StepsRedone):
            found[-1].ended = recorded.seq
        _keep_count(done, event)
    return found


def _keep_count(done: dict[str, None], event: Event) -> None:
    """Keep count of which steps are done."""
    if isinstance(event, StepCommitted):
        done[event.step] = None
    gone = event.steps if isinstance(event, StepsRedone) else ()
    for name in (event.step,) if isinstance(event, StepUndone) else gone:
        done.pop(name, None)


def _round(run: Run, repair: _Repair) -> Round:
    """Return a repair, told by the run as it was then."""
    chosen = repair.chosen
    paths = affected_paths(run, chosen.culprits)
    members = [
        Member(
            name,
            title_in(run, name),
            run.steps[name].status,
            path_words(run, paths.get(name, ())) or "It no longer counted",
        )
        for name in chosen.affected
    ]
    return Round(
        at=repair.began.at,
        reason=chosen.reason,
        by=chosen.by,
        affected=tuple(members),
        undone=tuple(title_in(run, entry.step) for entry in chosen.plan),
        order=in_turns([[title_in(run, name) for name in names] for names in turns(chosen.plan)]),
        kept=tuple(title_in(run, name) for name in repair.done if name not in chosen.affected),
    )


def path_words(run: Run, path: Sequence[str]) -> str:
    """Return the way of dependencies from what no longer counts to a step; "" where it is that itself."""
    return " → ".join(title_in(run, name) for name in path) if len(path) > 1 else ""
