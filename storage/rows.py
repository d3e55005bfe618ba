"""Between the port's models and table rows. No SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from engine.core.events import EVENT, Recorded
from engine.memory import event_json, waits_for_people
from engine.ports import Change, OpenApproval, RunRow
from storage.prepared import Values
from storage.tables import micros

_APPROVALS: TypeAdapter[tuple[OpenApproval, ...]] = TypeAdapter(tuple[OpenApproval, ...])
_AS_THEY_ARE = (
    "saga", "saga_hash", "amended", "title", "status", "paused", "by", "started_at", "updated_at", "ended_at", "steps",
    "done", "planned", "undone", "attention", "direction_asked", "fault", "cost_usd", "tokens", "attempts",
    "disruptions", "last_seq", "wake_at", "text",
)  # fmt: skip
EVENT_COLUMNS = ("run_id", "seq", "at", "type", "body")
FIRST_COLUMNS = ("id", "driver", "saga", "by", "started_at")
"""What a run's first event fixes; later changes leave these columns, and so their indexes, alone."""
LATER_COLUMNS = (
    "saga_hash", "amended", "title", "status", "paused", "updated_at", "ended_at", "steps", "done", "planned", "undone",
    "attention", "direction_asked", "approvals", "fault", "cost_usd", "tokens", "attempts", "disruptions",
    "last_seq", "wake_at", "text", "waiting",
)  # fmt: skip


def writable(text: str) -> str:
    """Return a text without what UTF-8 or Postgres can't hold."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{SYMBOL FOR NULL}")
    return text if text.isascii() else text.encode(errors="replace").decode()


def event_values(change: Change) -> list[Values]:
    """Return the `EVENT_COLUMNS` of a change."""
    values: list[Values] = []
    moment, at = None, 0
    for recorded in change.events:
        if recorded.at is not moment:  # the events of one turn share it
            moment, at = recorded.at, micros(recorded.at)
        event = recorded.event
        values.append((change.run_id, recorded.seq, at, event.type, event_json(event)))
    return values


def first_values(row: RunRow, driver: str) -> Values:
    """Return the `FIRST_COLUMNS` of a run."""
    return row.id, driver, row.saga, writable(row.by), micros(row.started_at)


def later_values(row: RunRow) -> Values:
    """Return the `LATER_COLUMNS` of a run."""
    return (
        row.saga_hash,
        row.amended,
        writable(row.title),
        row.status,
        row.paused,
        micros(row.updated_at),
        None if row.ended_at is None else micros(row.ended_at),
        row.steps,
        row.done,
        row.planned,
        row.undone,
        row.attention,
        row.direction_asked,
        _approvals_json(row.approvals) if row.approvals else "[]",
        writable(row.fault),
        row.cost_usd,
        row.tokens,
        row.attempts,
        row.disruptions,
        row.last_seq,
        None if row.wake_at is None else micros(row.wake_at),
        writable(row.text),
        waits_for_people(row),
    )


def _approvals_json(approvals: tuple[OpenApproval, ...]) -> str:
    cleaned = tuple(
        approval.model_copy(
            update={name: writable(getattr(approval, name)) for name in ("title", "question")}
        )
        for approval in approvals
    )
    return _APPROVALS.dump_json(cleaned).decode()


def recorded(rows: Iterable[Sequence[Any]]) -> list[Recorded]:
    """Return the events of (seq, at, body) rows."""
    return [_recorded(*row) for row in rows]


def _recorded(seq: int, at: datetime, body: str) -> Recorded:
    return Recorded(seq, at, EVENT.validate_json(body))


def run_row(row: Row[Any]) -> RunRow:
    """Return a run's row as the port has it."""
    values = {name: getattr(row, name) for name in ("id", *_AS_THEY_ARE)}
    return RunRow.model_construct(**values, approvals=_approvals(row.approvals))


def _approvals(text: str) -> tuple[OpenApproval, ...]:
    return () if text == "[]" else _APPROVALS.validate_json(text)
