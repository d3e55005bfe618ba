"""The signals that a run has received and that no wait has taken yet, by name and key, so that one is found at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.core.events import SignalReceived
from engine.core.run import Run


def keep(run: Run, signal: SignalReceived) -> None:
    """Keep a signal for the wait that takes it."""
    run.signals[signal.id] = signal
    _put(run, signal, len(run.signals))


def _put(run: Run, signal: SignalReceived, place: int) -> None:
    run.untaken.setdefault(signal.name, {}).setdefault(signal.key, {})[signal.id] = place


def take(run: Run, number: str, step: str) -> None:
    """Note which step a signal served."""
    signal = run.signals[number]
    run.taken[number] = step
    run.untaken[signal.name][signal.key].pop(number, None)


def free(run: Run, steps: Collection[str]) -> None:
    """Keep the signals anew that served steps which are done anew: what they told of the world is still true."""
    for place, (number, signal) in enumerate(run.signals.items(), start=1):
        if run.taken.get(number) in steps:
            del run.taken[number]
            _put(run, signal, place)


def kept(run: Run, name: str, key: str) -> list[SignalReceived]:
    """Return the signals of a name that wait to be taken, oldest first; no key, here or there, meets any."""
    by_key = run.untaken.get(name, {})
    groups: Iterable[dict[str, int]] = (by_key.get(key, {}), by_key.get("", {})) if key else by_key.values()
    found = [(place, number) for group in groups for number, place in group.items()]
    return [run.signals[number] for _, number in sorted(found)]
