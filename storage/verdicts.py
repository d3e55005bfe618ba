"""Verdicts across runs: written in the log's own commits, counted by day as they come, read without the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Insert,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

from engine.core.events import EVENT, Recorded
from engine.ports import LESSONS_FROM, ValidatorDay, ValidatorStats
from engine.validator_stats import (
    COUNTED,
    ROW_COLUMNS,
    TALLY_COLUMNS,
    Subject,
    Tally,
    VerdictRow,
    as_date,
    day_of,
    rows_of,
    settled,
    tallies,
)
from storage.part import Part
from storage.prepared import Prepared, Values
from storage.rows import writable
from storage.tables import NOTED, event, micros, run, verdict, verdict_day

KEY = ("saga", "step", "validator", "day")
_ROW, _TALLY = attrgetter(*ROW_COLUMNS), attrgetter(*TALLY_COLUMNS)
PORTION = 1000
"""How many rows are written at once where the rows are made anew."""


class VerdictWriter:
    """Writes the verdicts of one transaction; one without any costs nothing."""

    def __init__(self, dialect: Dialect) -> None:
        self._insert = Prepared(insert(verdict), ROW_COLUMNS, dialect)
        self._count = Prepared(_counted(dialect), TALLY_COLUMNS, dialect)
        self._said = Prepared(_said(), ["run_id", "step", "attempt", "validator"], dialect)

    def write(self, cursor: Cursor, rows: Sequence[VerdictRow]) -> None:
        """Write rows in their order and count them; what a person overruled is told by the rows before."""
        spoken = [row for row in rows if not row.overruled]
        if spoken:
            self._insert.run(cursor, [_values(row) for row in spoken])
        words = [
            settled(row, lambda subject: self._said_before(cursor, subject)) for row in rows if row.overruled
        ]
        if words:
            self._insert.run(cursor, [_values(row) for row in words])
        self._count.run(cursor, [_values(tally) for tally in tallies([*spoken, *words]).values()])

    def _said_before(self, cursor: Cursor, subject: Subject) -> str | None:
        found = self._said.fetch(cursor, subject)
        return str(found[0][0]) if found else None


def _said() -> Select[Any]:
    subject = (verdict.c.run_id, verdict.c.step, verdict.c.attempt, verdict.c.validator)
    about = (column == bindparam(column.name) for column in subject)
    return (
        select(verdict.c.verdict)
        .where(*about, verdict.c.by == literal_column("''"))
        .order_by(verdict.c.seq.desc())
    )


def _counted(dialect: Dialect) -> Insert:
    """Return the statement that adds a tally to that of its day."""
    made: postgresql.Insert | sqlite.Insert = (
        postgresql.insert(verdict_day) if dialect.name == "postgresql" else sqlite.insert(verdict_day)
    )
    new, old = made.excluded, verdict_day.c
    changed = {name: old[name] + new[name] for name in (*COUNTED, "latency_s")}
    for name in ("worst_latency_s", "last_at"):
        changed[name] = case((new[name] > old[name], new[name]), else_=old[name])
    changed["evidence"] = case((new.caught > literal_column("0"), new.evidence), else_=old.evidence)
    changed |= {name: new[name] for name in ("kind", "check", "tier", "edge")}
    return made.on_conflict_do_update(index_elements=KEY, set_=changed)


def _values(row: VerdictRow | Tally) -> Values:
    """Return the columns of a row as the driver takes them."""
    values = _ROW(row) if isinstance(row, VerdictRow) else _TALLY(row)
    return tuple(
        writable(value) if isinstance(value, str) else micros(value) if isinstance(value, datetime) else value
        for value in values
    )


class Verdicts(Part):
    """How validators did, over runs."""

    def validators(self, saga: str | None = None, since: datetime | None = None) -> list[ValidatorStats]:
        """Return how validators did, by saga, step and name."""
        wanted = _stats(saga, None if since is None else day_of(since))
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        return [ValidatorStats.model_validate(dict(row)) for row in found]

    def verdict_days(self, saga: str, step: str, validator: str) -> list[ValidatorDay]:
        """Return the days on which a validator looked at a step, oldest first."""
        table = verdict_day.c
        wanted = (
            select(table.day, table.ran, table.caught, table.overruled, table.cost_usd)
            .where(table.saga == saga, table.step == step, table.validator == validator)
            .order_by(table.day)
        )
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        return [ValidatorDay.model_validate({**row, "day": as_date(row["day"])}) for row in found]

    def lessons(self, saga: str, limit: int = 3) -> dict[str, list[str]]:
        """Return by step what validators noted in runs of that saga, the latest first."""
        with self._database.reading() as connection:
            return {
                step: _notes(connection, saga, step)[:limit] for step in _steps_with_notes(connection, saga)
            }


def _stats(saga: str | None, first_day: int | None) -> Select[Any]:
    """Return the sums over days, with what each validator was on its last day and said at its last catch."""
    days, last, caught = _sums(saga, first_day), verdict_day.alias("last"), verdict_day.alias("caught")
    return (
        select(
            *(days.c[name] for name in ("saga", "step", "validator", *COUNTED, "worst_latency_s")),
            *(last.c[name] for name in ("kind", "check", "tier", "edge", "last_at")),
            case((days.c.ran > 0, days.c.latency_s / days.c.ran), else_=0.0).label("mean_latency_s"),
            func.coalesce(caught.c.evidence, "").label("evidence"),
        )
        .join(last, _same_day(days, last, "last_day"))
        .outerjoin(caught, _same_day(days, caught, "caught_day"))
        .order_by(days.c.saga, days.c.step, days.c.validator)
    )


def _sums(saga: str | None, first_day: int | None) -> Subquery:
    table = verdict_day.c
    sums = select(
        table.saga, table.step, table.validator,
        *(func.sum(table[name]).label(name) for name in (*COUNTED, "latency_s")),
        func.max(table.worst_latency_s).label("worst_latency_s"),
        func.max(table.day).label("last_day"),
        func.max(case((table.caught > 0, table.day))).label("caught_day"),
    )  # fmt: skip
    if saga is not None:
        sums = sums.where(table.saga == saga)
    if first_day is not None:
        sums = sums.where(table.day >= first_day)
    return sums.group_by(table.saga, table.step, table.validator).subquery()


def _same_day(days: Subquery, other: FromClause, day: str) -> ColumnElement[bool]:
    same = (other.c[name] == days.c[name] for name in ("saga", "step", "validator"))
    return and_(*same, other.c.day == days.c[day])


def _steps_with_notes(connection: Connection, saga: str) -> Iterator[str]:
    """Yield the steps on which something was noted; each is one look into the index."""
    of_saga = select(func.min(verdict.c.step)).where(NOTED, verdict.c.saga == saga)
    step = connection.execute(of_saga).scalar()
    while step is not None:
        yield step
        step = connection.execute(of_saga.where(verdict.c.step > step)).scalar()


def _notes(connection: Connection, saga: str, step: str) -> list[str]:
    newest = (verdict.c.at.desc(), verdict.c.run_id.desc(), verdict.c.seq.desc())
    wanted = select(verdict.c.validator, verdict.c.evidence).where(
        NOTED, verdict.c.saga == saga, verdict.c.step == step
    )
    found = connection.execute(wanted.order_by(*newest).limit(LESSONS_FROM))
    return list(dict.fromkeys(f"{validator}: {evidence}" for validator, evidence in found))


def rebuild(connection: Connection) -> None:
    """Make the rows and the counts of all verdicts anew from the log."""
    for table in (verdict, verdict_day):
        connection.execute(delete(table))
    counted = tallies(_kept(connection, _from_log(connection)))
    if counted:
        connection.execute(insert(verdict_day), [asdict(tally) for tally in counted.values()])


def _kept(connection: Connection, rows: Iterator[VerdictRow]) -> Iterator[VerdictRow]:
    """Write rows, and pass them on."""
    while portion := list(islice(rows, PORTION)):
        connection.execute(insert(verdict), [asdict(row) for row in portion])
        yield from portion


def _from_log(connection: Connection) -> Iterator[VerdictRow]:
    """Yield the row of each verdict in the log, run by run."""
    wanted = (
        select(run.c.id, run.c.saga, run.c.saga_hash, event.c.seq, event.c.at, event.c.body)
        .join(event, event.c.run_id == run.c.id)
        .where(event.c.type.in_(("verdict_given", "output_augmented")))
        .order_by(run.c.id, event.c.seq)
    )
    with connection.execute(wanted.execution_options(stream_results=True, max_row_buffer=PORTION)) as found:
        for of_run, lines in groupby(found, key=lambda line: (line.id, line.saga, line.saga_hash)):
            history = (Recorded(line.seq, line.at, EVENT.validate_json(line.body)) for line in lines)
            said: dict[Subject, str] = {}
            for row in rows_of(*of_run, history):
                known = settled(row, said.get)
                if not row.by:
                    said[row.subject] = row.verdict
                yield replace(known, evidence=writable(known.evidence), by=writable(known.by))
