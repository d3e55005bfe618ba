"""Requests to a run: each becomes events, or is refused and nothing happens (L25).

1. A closed run takes nothing but a look; a run that has not begun takes nothing but its start.
2. What a command asks to be told and can't be is a refusal, too.
3. A turn applies one command and all that follows from it, and comes to rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine.core import (
    activities_people,
    amend,
    assumptions,
    disrupt,
    people,
    repair,
    results,
    signals,
    verdicts,
)
from engine.core import commands as c
from engine.core import events as e
from engine.core.act import carry_out
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.evolve import evolve
from engine.core.inputs import input_with_defaults
from engine.core.mend import missing
from engine.core.run import Run
from engine.core.schedule import due

Json = Any
MAX_STEPS_PER_TURN = 200_000


def turn(run: Run, command: c.Command, now: datetime) -> list[e.Recorded]:
    """Apply a command and everything that follows from it; return the new events in order.

    The run is changed in place and is the fold of its old events and the returned ones.

    Raises:
        CommandRejected: if the state forbids the command; the run is unchanged.
    """
    recorded: list[e.Recorded] = []
    if isinstance(command, c.Recover):
        while events := missing(run, now):
            _record(run, events, now, recorded)
    for each in interrupted_calls(run) if isinstance(command, c.Recover) else [command]:
        _record(run, decide(run, each, now), now, recorded)
    for _ in range(MAX_STEPS_PER_TURN):
        task = next(due(run, now), None)
        if task is None:
            return recorded
        _record(run, carry_out(run, task, now), now, recorded)
    raise AssertionError(f"run '{run.id}' does not come to rest")  # pragma: no cover - a bug, not a state


def _record(run: Run, events: list[e.Event], now: datetime, into: list[e.Recorded]) -> None:
    for event in events:
        recorded = e.Recorded(run.seq + 1, now, event)
        evolve(run, recorded)
        into.append(recorded)


def decide(run: Run, command: c.Command, now: datetime) -> list[e.Event]:
    """Return the facts that a command makes; changes nothing.

    Raises:
        CommandRejected: if the state forbids it; the message says why and what would be possible.
    """
    if run.is_closed and not isinstance(command, c.Advance):
        raise CommandRejected(f"run '{run.id}' has ended ({run.status}); start a new one")
    if (run.seq == 0) != isinstance(command, c.Start):
        raise CommandRejected(f"run '{run.id}' has {'not begun' if run.seq == 0 else 'begun already'}")
    try:
        return _DECISIONS[type(command)](run, command, now)
    except ExpressionError as error:
        if isinstance(command, c.Report):
            raise  # what came of a call can't be refused
        raise CommandRejected(str(error)) from None


def _start(run: Run, command: c.Start, _now: datetime) -> list[e.Event]:
    given = input_with_defaults(run.saga.input, command.input)
    started = e.RunStarted(
        run_id=command.run_id, saga=run.saga.saga, saga_hash=run.saga.hash, input=given, by=command.by,
        author=command.author, lessons=command.lessons, memory=command.memory,
    )  # fmt: skip
    return [started]


def _advance(_run: Run, _command: c.Advance, _now: datetime) -> list[e.Event]:
    return []


def interrupted_calls(run: Run) -> list[c.Report]:
    """Return the reports that end every call a crash left open: each outcome is unknown (R3)."""
    return [
        c.Report(
            step=name, phase=phase, attempt=number, outcome="unknown", code="interrupted",
            error="the engine stopped while this call was open",
        )
        for name, phase, number in run.open_calls
    ]  # fmt: skip


_DECISIONS: dict[type[c.Command], Callable[[Run, Any, datetime], list[e.Event]]] = {
    c.Start: _start, c.Advance: _advance, c.Report: results.report, c.Pause: people.pause,
    c.Resume: people.resume, c.Cancel: people.cancel, c.Decide: people.decide_approval, c.ChooseDirection: people.choose_direction,
    c.TryNow: people.try_now, c.Skip: people.skip, c.MarkDone: people.mark_done, c.Resolve: people.resolve, c.Abandon: people.abandon,
    c.Disrupt: disrupt.disrupt, c.GrantLocks: people.grant_locks, c.GrantLimit: people.grant_limit,
    c.GiveVerdict: verdicts.give_verdict, c.RestoreApp: verdicts.restore_app, c.MarkStale: repair.mark_stale,
    c.Amend: amend.amend, c.Lift: disrupt.lift, c.JudgeAssumption: assumptions.judge,
    c.SetClock: activities_people.set_clock, c.ChangeTimes: activities_people.change_times,
    c.ReviseActivity: activities_people.revise,
    c.Signal: signals.signal,
}  # fmt: skip
