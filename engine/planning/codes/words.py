"""How a code words what it found: times, people, rows."""

from __future__ import annotations

from collections.abc import Iterable

from engine.planning.case import Case
from engine.planning.plan import Row
from engine.planning.times import write_time


def at(case: Case, moment: float) -> str:
    """Return a moment as people write it."""
    return str(write_time(moment, clock=case.problem.has_clock))


def minutes(number: float) -> str:
    """Return `40 min`."""
    return f"{number:g} min"


def span(case: Case, row: Row) -> str:
    """Return a row's time: `14:10-14:25`, or one moment."""
    begins = at(case, row.start)
    return begins if row.end is None else f"{begins}-{at(case, row.end)}"


def numbers(rows: Iterable[Row | None]) -> tuple[int, ...]:
    """Return the rows' numbers, each once, in order."""
    return tuple(sorted({row.n for row in rows if row is not None}))


def listed(names: Iterable[str]) -> str:
    """Return names as a text: `Alex, Jamie`."""
    return ", ".join(dict.fromkeys(names))
