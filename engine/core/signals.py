"""Waiting: for a moment, or for a named signal from outside with a correlation key.

1. A signal is recorded once, by the sender's id, and serves one wait: the first that takes it, in the saga's order.
2. One that comes before its step waits is kept in the run, also where that step stands in a round or an item that
   has not begun. One that no step can take any more is refused.
3. What a signal brings must fit the output schema of the steps that could take it, or nothing is stored.
4. A wait that is done anew takes the signal again that it took: that is still true, unless the wait itself was called
   in doubt.
5. The end of a wait is fixed when it begins, and so is the key that it listens for (R32).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core import commands as c
from engine.core import events as e
from engine.core.attempts import give_up
from engine.core.commit import commit
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.kept_signals import kept
from engine.core.parts import WaitFor
from engine.core.run import Run, StepState
from engine.core.saga import Saga, Step, WaitStep, bodies_of, canonical_json
from engine.core.schema import mismatch
from engine.core.scope import forward_scope
from engine.core.signals_to_come import ToCome, to_come
from engine.core.templates import as_text, plain, render

Json = Any
MAX_WAIT_S = 366 * 86400
STILL_TO_COME = frozenset({"pending", "ready", "waiting", "withdrawn"})
"""Where a wait stands that may still take a signal."""


def begin_wait(run: Run, step: StepState, waits: WaitFor, now: datetime) -> e.WaitBegun:
    """Return the beginning of a wait, with its end and what it listens for.

    Raises:
        ExpressionError: if the end or the key can't be told.
    """
    if not waits.event:
        return e.WaitBegun(step=step.id, until=_end(run, step, waits, now))
    limit = waits.timeout_s
    until = None if limit is None else now + timedelta(seconds=_seconds(run, step, limit))
    key = as_text(render(waits.key, forward_scope(run, step)))
    return e.WaitBegun(step=step.id, until=until, event=waits.event, key=key)


def _end(run: Run, step: StepState, waits: WaitFor, now: datetime) -> datetime:
    if waits.until:
        return _moment(run, step, waits.until)
    return now + timedelta(seconds=_seconds(run, step, waits.duration_s))


def _seconds(run: Run, step: StepState, told: float | str | None) -> float:
    value = render(told, forward_scope(run, step))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_WAIT_S:
        raise ExpressionError(f"`{told}` gave {value!r}; a wait takes seconds, up to a year")
    return float(value)


def _moment(run: Run, step: StepState, told: str) -> datetime:
    value = render(told, forward_scope(run, step))
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ExpressionError(
            f"`{told}` gave {value!r}; write a moment such as 2026-12-24T18:00:00Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def end_wait(run: Run, name: str, _now: datetime) -> list[e.Event]:
    """Return what ends a wait: its moment, the signal that came for it, or the time by which none did."""
    step = run.step(name)
    definition = step.definition
    assert isinstance(definition, WaitStep)
    signal = awaited(run, step)
    if signal is not None:
        committed, *more = _commit(run, step, signal.payload)
        assert isinstance(committed, e.StepCommitted)
        return [replace(committed, signal=signal.id), *more]
    if step.awaits is None:
        return _commit(run, step, {"waited_until": step.due.isoformat() if step.due else ""})
    if definition.with_.on_timeout == "continue":
        return _commit(run, step, {"timed_out": True})
    return give_up(run, step, "expired", f"no signal '{step.awaits[0]}' came in time")


def _commit(run: Run, step: StepState, output: Json) -> list[e.Event]:
    return commit(run, step, {**forward_scope(run, step), "output": output}, output)


def awaited(run: Run, step: StepState) -> e.SignalReceived | None:
    """Return the first kept signal that a waiting step takes, or None where none has come."""
    if step.awaits is None or not run.untaken:
        return None
    return next((s for s in kept(run, *step.awaits) if not _unfit(step.definition, s.payload)), None)


def signal(run: Run, command: c.Signal, _now: datetime) -> list[e.Event]:
    """Take news from outside; the same id again changes nothing."""
    if command.id in run.signals:
        return []
    if run.direction == "undo" and run.repair is None:
        raise CommandRejected(f"run '{run.id}' is being undone; nothing in it waits any more")
    takers = _takers(run, command.name, command.key)
    if not takers:
        raise CommandRejected(_nobody(run, command))
    payload = _payload(command)
    for taker in takers:
        if wrong := _unfit(taker.definition, payload):
            what = f"signal '{command.name}' does not fit what '{taker.where}' waits for"
            raise CommandRejected(f"{what}: {wrong}")
    waiting = len(kept(run, command.name, command.key)) + len(_to_be_freed(run, command.name, command.key))
    if waiting >= sum(taker.most for taker in takers):
        raise CommandRejected(f"every step that waits for '{command.name}' has its signal already")
    return [
        e.SignalReceived(
            id=command.id, name=command.name, key=command.key, payload=payload, by=command.by
        )
    ]  # fmt: skip


def _payload(command: c.Signal) -> Json:
    try:
        canonical_json(command.payload)
    except (TypeError, ValueError, RecursionError):
        raise CommandRejected("what the signal brings is no JSON, such as nan; give plain values") from None
    return plain(command.payload)


def _takers(run: Run, name: str, key: str) -> list[ToCome]:
    """Return the waits that could take a signal: they wait for it, or may come to, some of them in what has not begun."""
    return [taker for taker in _listening(run, name) if _same(key, taker.key)]


def _listening(run: Run, name: str) -> Iterator[ToCome]:
    redone = run.repair.affected if run.repair is not None else ()
    for step in run.steps.values():
        if step.status not in STILL_TO_COME and step.id not in redone:
            continue
        if isinstance(step.definition, WaitStep) and _waits_for(step.definition, name):
            yield ToCome(step.id, step.definition, key_of_wait(run, step), 1)
        elif any(name in signals_of(body) for body in bodies_of(step.definition).values()):
            yield from to_come(run, step, name)


def _to_be_freed(run: Run, name: str, key: str) -> list[str]:
    """Return the signals that waits will take again once they are done anew."""
    if run.repair is None:
        return []
    redone = set(run.repair.affected).difference(run.repair.culprits)
    taken = (run.signals[number] for number, step in run.taken.items() if step in redone)
    return [s.id for s in taken if s.name == name and _same(key, s.key)]


def _waits_for(step: Step, name: str) -> bool:
    return isinstance(step, WaitStep) and step.with_.event == name


def signals_of(saga: Saga) -> tuple[str, ...]:
    """Return the signals that steps of a saga wait for, those inside its composite steps too."""
    own = [
        step.with_.event for step in saga.steps.values() if isinstance(step, WaitStep) and step.with_.event
    ]
    inside = [
        name for step in saga.steps.values() for body in bodies_of(step).values() for name in signals_of(body)
    ]
    return tuple(dict.fromkeys([*own, *inside]))


def key_of_wait(run: Run, step: StepState) -> str | None:
    """Return the key that a step listens for; None while that can't be told yet."""
    if step.awaits is not None:
        return step.awaits[1]
    assert isinstance(step.definition, WaitStep)
    try:
        return as_text(render(step.definition.with_.key, forward_scope(run, step)))
    except ExpressionError:
        return None


def hears(run: Run, name: str, key: str) -> bool:
    """Return whether a step waits, or will wait, for a signal of this name with just this key."""
    return any(taker.key == key for taker in _listening(run, name))


def _same(sent: str, listened: str | None) -> bool:
    """Return whether keys meet; one that is not said, or not known yet, meets any."""
    return not sent or not listened or sent == listened


def _unfit(definition: Step, payload: Json) -> str:
    schema = definition.output
    wrong = None if schema is None else mismatch(schema, payload, formats=True)
    return "" if wrong is None else f"{wrong[0]}: {wrong[1]}"


def _nobody(run: Run, command: c.Signal) -> str:
    names = signals_of(run.saga)
    if command.name not in names:
        return f"no step of '{run.saga.saga}' waits for '{command.name}'; signals are {', '.join(names) or 'none'}"
    if any(True for _ in _listening(run, command.name)):
        return f"no step of run '{run.id}' waits for '{command.name}' with the key '{command.key}'"
    return f"no step of run '{run.id}' waits for '{command.name}' any more"
