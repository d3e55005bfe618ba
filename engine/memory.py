"""The store in memory: for tests, rehearsals and demos. It keeps the contract of `engine.ports.Store`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic_core import PydanticSerializationError

from engine.core.events import EVENT, Event, Recorded
from engine.core.fact import adapter
from engine.core.run import CLOSED
from engine.core.saga import Saga
from engine.memories import MemoryBook, memories_of
from engine.memory_verdicts import VerdictBook
from engine.ports import Change, Conflict, Draft, Driver, Incident, Posted, RunFilter, RunRow, SagaVersion
from engine.validator_stats import verdict_rows


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def event_json(event: Event) -> str:
    """Return an event as JSON. Always: what JSON or UTF-8 can't hold becomes text that they can.

    A fact that can't be written would strand its run; a lone surrogate in a model's answer becomes `?`.
    """
    try:
        # What `dump_json` does, without its dozen options: every fact of every run comes through here.
        text = adapter(type(event)).serializer.to_json(event, warnings=False, fallback=str)
        return text.decode()
    except PydanticSerializationError:
        plain = adapter(type(event)).dump_python(event, mode="json", warnings=False, fallback=str)
        return json.dumps(plain, ensure_ascii=False).encode(errors="replace").decode()


def check(change: Change) -> None:
    """Refuse a change that contradicts itself.

    Raises:
        ValueError: if its events don't follow `expected_seq` one by one, or its row is another's.
    """
    seqs = [recorded.seq for recorded in change.events]
    if not seqs or seqs != list(range(change.expected_seq + 1, change.expected_seq + 1 + len(seqs))):
        raise ValueError(f"run '{change.run_id}': events {seqs} don't follow {change.expected_seq}")
    if (change.row.id, change.row.last_seq) != (change.run_id, seqs[-1]):
        raise ValueError(
            f"run '{change.run_id}': its row is that of '{change.row.id}' at {change.row.last_seq},"
            f" the events end at {seqs[-1]}"
        )


def conflict(change: Change, at: tuple[str, int] | None) -> Conflict | None:
    """Return why a change can't be stored on a run with this driver and last seq (None: no such run)."""
    name = f"run '{change.run_id}'"
    if at is None:
        return None if change.expected_seq == 0 else Conflict(f"{name} has not begun; nothing can follow")
    driver, seq = at
    if seq != change.expected_seq:
        return Conflict(f"{name} is at event {seq}, not at {change.expected_seq}; load it again")
    if driver != change.driver:
        return Conflict(f"{name} is driven by '{driver}', not by '{change.driver}' any more")
    return None


def answered(change: Change) -> Conflict:
    """Return why facts of a posted command that waits for none can't be stored (L29)."""
    return Conflict(
        f"run '{change.run_id}': what was posted as '{change.posted}' has been answered; load it again"
    )


def waits_for_people(row: RunRow) -> bool:
    """Return whether an open run asks people for something: an approval, a direction, help."""
    return row.status not in CLOSED and bool(row.approvals or row.direction_asked or row.attention)


@dataclass(slots=True)
class _Kept:
    driver: str
    row: RunRow
    events: list[tuple[int, datetime, str]] = field(default_factory=list)


class MemoryStore(VerdictBook, MemoryBook):
    """A `Store` that forgets everything with its process. Safe in threads; futures are done at once.

    Events are kept as JSON, as a database would: nobody can change them, and nothing comes back that
    a database would not give.
    """

    trouble = ""
    moved = False

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self._now = now
        self._runs: dict[str, _Kept] = {}
        self._drivers: dict[str, Driver] = {}
        self._versions: dict[str, SagaVersion] = {}
        self._drafts: dict[str, Draft] = {}
        self._posted: dict[str, Posted] = {}
        self._held: dict[str, str] = {}
        self._incidents: dict[str, Incident] = {}

    def append(self, change: Change) -> Future[None]:
        """Store a transition, or fail the future with `Conflict`."""
        check(change)
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        lines = [(recorded.seq, recorded.at, event_json(recorded.event)) for recorded in change.events]
        with self._lock:
            kept = self._runs.get(change.run_id)
            refused = conflict(change, (kept.driver, kept.row.last_seq) if kept else None)
            asked = self._posted.get(change.posted)
            if refused is None and change.posted and (asked is None or asked.answered):
                refused = answered(change)
            if refused is None:
                kept = kept or self._runs.setdefault(change.run_id, _Kept(change.driver, change.row))
                kept.row = change.row
                kept.events.extend(lines)
                self.note(verdict_rows(change))
                self.remember(memories_of(change))
                self._say(change.posted, "")
        future.set_exception(refused) if refused else future.set_result(None)
        return future

    def history(self, run_id: str, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """Return the events of a run behind `after`, in order."""
        with self._lock:
            kept = self._runs.get(run_id)
            start = max(after, 0)
            lines = kept.events[start : None if limit is None else start + limit] if kept else []
        return [Recorded(seq, at, EVENT.validate_json(line)) for seq, at, line in lines]

    def row(self, run_id: str) -> RunRow | None:
        """Return a run's row, or None."""
        with self._lock:
            kept = self._runs.get(run_id)
            return kept.row if kept else None

    def rows(self, where: RunFilter, limit: int = 50, offset: int = 0) -> list[RunRow]:
        """Return the matching runs, newest start first."""
        found = sorted(self._matching(where), key=lambda row: (row.started_at, row.id), reverse=True)
        return found[offset : offset + limit]

    def count(self, where: RunFilter) -> int:
        """Return how many runs match."""
        return len(self._matching(where))

    def counts(self, where: RunFilter) -> dict[str, int]:
        """Return how many runs match, by status."""
        return dict(
            Counter(
                row.status
                for row in self._matching(where.model_copy(update={"statuses": (), "needs_help": False}))
            )
        )

    def _matching(self, where: RunFilter) -> list[RunRow]:
        with self._lock:
            rows = [kept.row for kept in self._runs.values()]
        return [row for row in rows if _matches(row, where)]

    def orphans(self, alive: Sequence[str]) -> list[str]:
        """Return the open runs that none of these drivers drives, oldest first."""
        with self._lock:
            rows = [kept.row for kept in self._runs.values() if kept.driver not in alive]
        return [
            row.id
            for row in sorted(rows, key=lambda row: (row.started_at, row.id))
            if row.status not in CLOSED
        ]

    def claim(self, run_id: str, driver: str, alive: Sequence[str]) -> bool:
        """Make `driver` drive an open run, unless another one of `alive` does."""
        with self._lock:
            kept = self._runs.get(run_id)
            if kept is None or kept.row.status in CLOSED:
                return False
            if kept.driver != driver and kept.driver in alive:
                return False
            kept.driver = driver
            return True

    def acquire(self, run_id: str, keys: Sequence[str]) -> bool:
        """Let an open run hold these resources, all or none; return whether it does."""
        with self._lock:
            if any(holder != run_id for holder in self.holders(keys).values()):
                return False
            self._held.update(dict.fromkeys(keys, run_id))
            return True

    def holders(self, keys: Sequence[str]) -> dict[str, str]:
        """Return which open run holds each of these resources."""
        with self._lock:
            held = {key: self._held[key] for key in keys if key in self._held}
            return {key: name for key, name in held.items() if self._is_open(name)}

    def _is_open(self, run_id: str) -> bool:
        return run_id in self._runs and self._runs[run_id].row.status not in CLOSED

    def open_incident(self, incident: Incident) -> None:
        """Keep an incident; the same id again changes nothing."""
        with self._lock:
            self._incidents.setdefault(incident.id, incident)

    def incidents(self, run_id: str | None = None, *, open_only: bool = True) -> list[Incident]:
        """Return the incidents of a run, or of all, the newest first."""
        with self._lock:
            found = [i for i in self._incidents.values() if run_id is None or i.run_id == run_id]
        found = [i for i in found if i.closed_at is None or not open_only]
        return sorted(found, key=lambda incident: (incident.at, incident.id), reverse=True)

    def close_incident(self, incident_id: str, by: str, reason: str, at: datetime) -> bool:
        """Close an open incident; return whether it was open."""
        with self._lock:
            found = self._incidents.get(incident_id)
            if found is None or found.closed_at is not None:
                return False
            closed = {"by": by, "reason": reason, "closed_at": at}
            self._incidents[incident_id] = found.model_copy(update=closed)
            return True

    def audits(self, now: datetime, limit: int = 20) -> list[str]:
        """Return ended runs whose effects should be looked at once more by now, oldest first."""
        with self._lock:
            rows = [kept.row for kept in self._runs.values()]
        due = [(row.wake_at, row.id) for row in rows if row.status in CLOSED and row.wake_at is not None]
        return [run_id for moment, run_id in sorted(due) if moment <= now][:limit]

    def audited(self, run_id: str) -> None:
        """Say that this was done."""
        with self._lock:
            kept = self._runs.get(run_id)
            if kept is not None and kept.row.status in CLOSED:
                kept.row = kept.row.model_copy(update={"wake_at": None})

    def driver_of(self, run_id: str) -> str | None:
        """Return who drives a run, or None."""
        with self._lock:
            kept = self._runs.get(run_id)
            return kept.driver if kept else None

    def beat(self, driver: Driver) -> None:
        """Say that a driver is alive."""
        with self._lock:
            self._drivers[driver.id] = driver

    def drivers(self) -> list[Driver]:
        """Return every driver that has not left, by id."""
        with self._lock:
            return sorted(self._drivers.values(), key=lambda driver: driver.id)

    def leave(self, driver_id: str) -> None:
        """Forget a driver."""
        with self._lock:
            self._drivers.pop(driver_id, None)

    def publish(self, saga: Saga, by: str) -> SagaVersion:
        """Keep a version and return it, or the one there is."""
        with self._lock:
            if saga.hash not in self._versions:
                last = max((v.version for v in self._versions.values() if v.saga == saga.saga), default=0)
                self._versions[saga.hash] = SagaVersion(
                    hash=saga.hash,
                    saga=saga.saga,
                    version=last + 1,
                    title=saga.name,
                    document=saga.document(),
                    by=by,
                    created_at=self._now(),
                )
            return self._versions[saga.hash]

    def version(self, digest: str) -> SagaVersion | None:
        """Return the version with this hash, or None."""
        with self._lock:
            return self._versions.get(digest)

    def versions(self, saga: str | None = None) -> list[SagaVersion]:
        """Return a saga's versions, newest first; without a name the newest of each saga, by name."""
        with self._lock:
            known = sorted(self._versions.values(), key=lambda version: version.version)
        if saga is not None:
            return [version for version in reversed(known) if version.saga == saga]
        newest = {version.saga: version for version in known}
        return [newest[name] for name in sorted(newest)]

    def save_draft(self, draft: Draft) -> None:
        """Keep a draft in place of the one of that name."""
        with self._lock:
            self._drafts[draft.saga] = draft

    def draft(self, saga: str) -> Draft | None:
        """Return the draft of that name, or None."""
        with self._lock:
            return self._drafts.get(saga)

    def drafts(self) -> list[Draft]:
        """Return all drafts, the latest change first."""
        with self._lock:
            return sorted(
                self._drafts.values(), key=lambda draft: (draft.updated_at, draft.saga), reverse=True
            )

    def delete_draft(self, saga: str) -> None:
        """Forget a draft."""
        with self._lock:
            self._drafts.pop(saga, None)

    def post(self, posted: Iterable[Posted]) -> None:
        """Leave commands; the same id again changes nothing."""
        with self._lock:
            for each in posted:
                self._posted.setdefault(each.id, each)

    def inbox(self, driver: str) -> list[Posted]:
        """Return the unanswered commands for runs of this driver, oldest first."""
        with self._lock:
            waiting = [posted for posted in self._posted.values() if not posted.answered]
            return [posted for posted in waiting if self.driver_of(posted.run_id) == driver]

    def answer(self, answers: Mapping[str, str]) -> None:
        """Answer posted commands by id; the first answer counts."""
        with self._lock:
            for name, error in answers.items():
                self._say(name, error)

    def _say(self, name: str, error: str) -> None:
        asked = self._posted.get(name)
        if asked is not None and not asked.answered:
            self._posted[name] = asked.model_copy(update={"answered": True, "error": error})

    def answers(self, ids: Collection[str]) -> dict[str, str]:
        """Return the answers to posted commands by id, of those that have one."""
        with self._lock:
            found = [self._posted[name] for name in ids if name in self._posted]
            return {posted.id: posted.error for posted in found if posted.answered}

    def describe(self) -> Mapping[str, str]:
        """Return what a settings page shows."""
        with self._lock:
            return {"database": "memory", "durable": "no", "runs": str(len(self._runs))}

    def close(self) -> None:
        """Do nothing: everything is stored as far as it ever will be."""


def _status_matches(row: RunRow, where: RunFilter) -> bool:
    if where.needs_help and row.attention and row.status not in CLOSED:
        return True
    return row.status in where.statuses if where.statuses else not where.needs_help


def _matches(row: RunRow, where: RunFilter) -> bool:
    return (
        _status_matches(row, where)
        and (where.saga is None or row.saga == where.saga)
        and (where.saga_hash is None or row.saga_hash == where.saga_hash)
        and where.text.lower() in row.text.lower()
        and (where.since is None or row.started_at >= where.since)
        and (where.behind is None or (row.started_at, row.id) < where.behind)
        and (not where.waiting_for_people or waits_for_people(row))
    )
