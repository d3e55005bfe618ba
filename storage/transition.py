"""One transaction of the log: many runs' changes checked against their fences and written together.

1. The fences (driver, last seq) are read in the transaction that writes; nobody can move them meanwhile.
2. A change that does not follow its fence is refused, and so is what follows it on that run in the batch.
3. Of several changes of one run only the last row is written: the row is a projection, the log is not.
4. What validators said, and what a run leaves to later ones, is kept beside the log in the same commit.
5. A posted command is answered with the facts that carry it out, and those of one that has its answer are
   refused: it counts once (L29).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select, bindparam, insert, select, true, update
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

from engine.memories import Remembered, memories_of
from engine.memory import answered, check, conflict
from engine.ports import Change, Conflict
from engine.validator_stats import VerdictRow, verdict_rows
from storage.memory import MemoryWriter
from storage.prepared import Prepared, Values
from storage.rows import EVENT_COLUMNS, FIRST_COLUMNS, LATER_COLUMNS, event_values, first_values, later_values
from storage.tables import event, posted, run
from storage.verdicts import VerdictWriter

AT_ONCE = 64
"""How many fences, or posted commands, one SELECT reads; a fixed number, so that it is compiled once."""


def _fences(count: int) -> tuple[Select[Any], list[str]]:
    names = [f"id{number}" for number in range(count)]
    wanted = select(run.c.id, run.c.driver, run.c.last_seq)
    wanted = wanted.where(run.c.id.in_([bindparam(name) for name in names]))
    return wanted.order_by(run.c.id).with_for_update(), names  # in one order, or two writers would deadlock


def _unanswered(count: int) -> tuple[Select[Any], list[str]]:
    names = [f"id{number}" for number in range(count)]
    wanted = select(posted.c.id).where(posted.c.answered.is_(False))
    wanted = wanted.where(posted.c.id.in_([bindparam(name) for name in names]))
    return wanted.order_by(posted.c.id).with_for_update(), names


_ANSWERED = update(posted).where(posted.c.id == bindparam("of_id")).values(answered=true())
_STORED = select(event.c.at, event.c.body).where(
    event.c.run_id == bindparam("run_id"), event.c.seq == bindparam("seq")
)


@dataclass(slots=True)
class Entry:
    """A change on its way to the log, with its events as they were when it was handed over."""

    change: Change
    events: list[Values]
    verdicts: list[VerdictRow]
    memories: list[Remembered]
    future: Future[None]


def entry_of(change: Change) -> Entry:
    """Return the entry of a change; its future can't be cancelled: a fact is a fact.

    Raises:
        ValueError: if the change contradicts itself.
    """
    check(change)
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()
    return Entry(change, event_values(change), verdict_rows(change), memories_of(change), future)


class Transition:
    """The statements of one database, and the transaction that runs them."""

    def __init__(self, dialect: Dialect) -> None:
        self._one_fence = Prepared(*_fences(1), dialect)
        self._many_fences = Prepared(*_fences(AT_ONCE), dialect)
        self._one_unanswered = Prepared(*_unanswered(1), dialect)
        self._many_unanswered = Prepared(*_unanswered(AT_ONCE), dialect)
        self._answer = Prepared(_ANSWERED, ["of_id"], dialect)
        self._stored = Prepared(_STORED, ["run_id", "seq"], dialect)
        self._insert_events = Prepared(insert(event), EVENT_COLUMNS, dialect)
        self._insert_runs = Prepared(insert(run), FIRST_COLUMNS + LATER_COLUMNS, dialect)
        self._verdicts = VerdictWriter(dialect)
        self._memories = MemoryWriter(dialect)
        updated = update(run).where(run.c.id == bindparam("of_run"))
        self._update_runs = Prepared(updated, (*LATER_COLUMNS, "of_run"), dialect)

    def settle(self, cursor: Cursor, entries: Sequence[Entry], *, again: bool) -> list[Conflict | None]:
        """Write what can be written; return, in order, why an entry can't, or None.

        `again` says that the entries were tried before: one that is in the log already, because only the
        answer to its commit was lost, counts as written.
        """
        fences = self._fences(cursor, {entry.change.run_id for entry in entries})
        begun = set(fences)
        waiting = self._waiting(cursor, {entry.change.posted for entry in entries if entry.change.posted})
        accepted: list[Entry] = []
        refused: set[str] = set()
        verdicts: list[Conflict | None] = []
        for entry in entries:
            change = entry.change
            verdict = conflict(change, fences.get(change.run_id))
            if verdict is not None and again and self._is_stored(cursor, entry):
                verdict = None
            elif verdict is None and change.run_id in refused:
                verdict = Conflict(f"run '{change.run_id}': the change before was refused; load it again")
            elif verdict is None and change.posted and change.posted not in waiting:
                verdict = answered(change)
            elif verdict is None:
                waiting.discard(change.posted)
                fences[change.run_id] = (change.driver, change.row.last_seq)
                accepted.append(entry)
            if verdict is not None:
                refused.add(change.run_id)
            verdicts.append(verdict)
        self._write(cursor, accepted, begun)
        return verdicts

    def _fences(self, cursor: Cursor, ids: set[str]) -> dict[str, tuple[str, int]]:
        if len(ids) == 1:
            found = list(self._one_fence.fetch(cursor, tuple(ids)))
        else:
            found = []
            for some in _in_portions(sorted(ids), AT_ONCE):
                found += self._many_fences.fetch(cursor, some)
        return {run_id: (driver, seq) for run_id, driver, seq in found}

    def _waiting(self, cursor: Cursor, ids: set[str]) -> set[str]:
        """Return which of these posted commands have no answer yet."""
        if len(ids) == 1:
            return {name for (name,) in self._one_unanswered.fetch(cursor, tuple(ids))}
        portions = _in_portions(sorted(ids), AT_ONCE)
        return {name for some in portions for (name,) in self._many_unanswered.fetch(cursor, some)}

    def _is_stored(self, cursor: Cursor, entry: Entry) -> bool:
        run_id, seq, at, _, body = entry.events[-1]
        return [tuple(row) for row in self._stored.fetch(cursor, (run_id, seq))] == [(at, body)]

    def _write(self, cursor: Cursor, entries: list[Entry], begun: set[str]) -> None:
        last = {entry.change.run_id: entry.change for entry in entries}
        new = [
            (*first_values(change.row, change.driver), *later_values(change.row))
            for run_id, change in last.items()
            if run_id not in begun
        ]
        changed = [(*later_values(change.row), run_id) for run_id, change in last.items() if run_id in begun]
        events = [values for entry in entries for values in entry.events]
        done = [(entry.change.posted,) for entry in entries if entry.change.posted]
        for statement, rows in (
            (self._insert_runs, new),
            (self._update_runs, changed),
            (self._insert_events, events),
            (self._answer, done),
        ):
            if rows:
                statement.run(cursor, rows)
        verdicts = [row for entry in entries for row in entry.verdicts]
        if verdicts:
            self._verdicts.write(cursor, verdicts)
        memories = [fact for entry in entries for fact in entry.memories]
        if memories:
            self._memories.write(cursor, memories)


def _in_portions(ids: list[str], size: int) -> Iterator[Values]:
    """Yield tuples of exactly that size; the last one repeats an id to be full."""
    for start in range(0, len(ids), size):
        some = ids[start : start + size]
        yield (*some, *some[:1] * (size - len(some)))
