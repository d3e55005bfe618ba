"""The tables, as SQLModel classes, and how times are kept in them. The migrations must give the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Index, String, Table, Text, UniqueConstraint, false, text
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

TO_AUDIT = text("ended_at IS NOT NULL AND wake_at IS NOT NULL")
NOTED = text("verdict = 'feedback'")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


class Utc(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970: nothing is lost, order and comparison are exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the microseconds; a naive datetime is a TypeError."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the datetime, aware, in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Name(TypeDecorator[str]):
    """An id or a name: compared and sorted by its bytes in every database, whatever that's locale."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the type to use; SQLite compares bytes by itself."""
        return String(collation="C") if dialect.name == "postgresql" else String()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return a name that can be asked for; one with a NUL is no row's."""
        return None if value is None else value.replace("\x00", "\N{SYMBOL FOR NULL}")


class EventTable(SQLModel, table=True):
    """The log: the only truth. Its primary key is the fence; rows are never changed."""

    __tablename__ = "event"
    run_id: str = Field(primary_key=True, sa_type=Name)
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
    type: str
    body: str = Field(sa_type=Text)


class RunTable(SQLModel, table=True):
    """A run as lists show it, its driver, and `waiting`: whether people are asked for something."""

    __tablename__ = "run"
    __table_args__ = (
        Index("run_by_start", "started_at", "id"),
        Index("run_by_status", "status", "started_at", "id"),
        Index("run_by_saga", "saga", "started_at", "id"),
        Index("run_by_waiting", "waiting", "started_at", "id"),
        Index("run_to_audit", "wake_at", sqlite_where=TO_AUDIT, postgresql_where=TO_AUDIT),
    )
    id: str = Field(primary_key=True, sa_type=Name)
    driver: str
    saga: str = Field(sa_type=Name)
    saga_hash: str
    title: str
    status: str
    paused: bool
    by: str
    started_at: datetime = Field(sa_type=Utc)
    updated_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(sa_type=Utc)
    steps: int
    done: int
    planned: int
    undone: int
    attention: int
    direction_asked: bool
    approvals: str = Field(sa_type=Text)
    fault: str = Field(sa_type=Text)
    cost_usd: float
    tokens: int = Field(sa_type=BigInteger)
    attempts: int
    disruptions: int
    last_seq: int
    wake_at: datetime | None = Field(sa_type=Utc)
    text: str = Field(sa_type=Text)
    waiting: bool
    amended: bool = Field(sa_column_kwargs={"server_default": false()})


class VersionTable(SQLModel, table=True):
    """Published versions; rows are never changed."""

    __tablename__ = "saga_version"
    __table_args__ = (UniqueConstraint("saga", "version", name="saga_version_number"),)
    hash: str = Field(primary_key=True, sa_type=Name)
    saga: str = Field(sa_type=Name)
    version: int
    title: str
    document: dict[str, Any] = Field(sa_type=JSON)
    by: str
    created_at: datetime = Field(sa_type=Utc)


class DraftTable(SQLModel, table=True):
    """Sagas in the making."""

    __tablename__ = "draft"
    saga: str = Field(primary_key=True, sa_type=Name)
    document: dict[str, Any] = Field(sa_type=JSON)
    by: str
    updated_at: datetime = Field(sa_type=Utc)


class PostedTable(SQLModel, table=True):
    """Commands for the engine that drives a run; `number` is their order."""

    __tablename__ = "posted"
    __table_args__ = (
        UniqueConstraint("id", name="posted_id"),
        Index("posted_by_answer", "answered", "number"),
    )
    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(sa_type=Name)
    run_id: str = Field(sa_type=Name)
    command: dict[str, Any] = Field(sa_type=JSON)
    answered: bool
    error: str = Field(sa_type=Text)


class DriverTable(SQLModel, table=True):
    """Engine processes that have not left."""

    __tablename__ = "driver"
    id: str = Field(primary_key=True, sa_type=Name)
    host: str
    pid: int = Field(sa_type=BigInteger)
    beat_at: datetime = Field(sa_type=Utc)


class LockTable(SQLModel, table=True):
    """What runs hold; a row whose run has ended means nothing any more."""

    __tablename__ = "lock"
    key: str = Field(primary_key=True, sa_type=Name)
    run_id: str = Field(sa_type=Name)


class IncidentTable(SQLModel, table=True):
    """What was found to be wrong in the world after a run had ended."""

    __tablename__ = "incident"
    __table_args__ = (Index("incident_by_run", "run_id"), Index("incident_by_end", "closed_at", "at"))
    id: str = Field(primary_key=True, sa_type=Name)
    run_id: str = Field(sa_type=Name)
    step: str
    at: datetime = Field(sa_type=Utc)
    what: str = Field(sa_type=Text)
    evidence: dict[str, Any] = Field(sa_type=JSON)
    closed_at: datetime | None = Field(sa_type=Utc)
    by: str
    reason: str = Field(sa_type=Text)


class VerdictTable(SQLModel, table=True):
    """What validators, and people in their place, said in all runs; made from the log, and rows never change."""

    __tablename__ = "verdict"
    __table_args__ = (
        Index(
            "verdict_noted", "saga", "step", "at", "run_id", "seq", sqlite_where=NOTED, postgresql_where=NOTED
        ),
    )
    run_id: str = Field(primary_key=True, sa_type=Name)
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
    saga: str = Field(sa_type=Name)
    saga_hash: str
    step: str = Field(sa_type=Name)
    attempt: int
    validator: str = Field(sa_type=Name)
    kind: str
    check: str
    tier: str
    edge: str
    verdict: str
    by: str
    evidence: str = Field(sa_type=Text)
    cost_usd: float
    tokens: int = Field(sa_type=BigInteger)
    latency_s: float
    overruled: bool


class VerdictDayTable(SQLModel, table=True):
    """What the verdicts of a validator came to on a UTC day (counted from 1970), so that nobody has to count."""

    __tablename__ = "verdict_day"
    saga: str = Field(primary_key=True, sa_type=Name)
    step: str = Field(primary_key=True, sa_type=Name)
    validator: str = Field(primary_key=True, sa_type=Name)
    day: int = Field(primary_key=True)
    kind: str
    check: str
    tier: str
    edge: str
    ran: int
    accepted: int
    caught: int
    augmented: int
    fed_back: int
    no_verdict: int
    overruled: int
    cost_usd: float
    tokens: int = Field(sa_type=BigInteger)
    latency_s: float
    worst_latency_s: float
    last_at: datetime = Field(sa_type=Utc)
    evidence: str = Field(sa_type=Text)


class MemoryTable(SQLModel, table=True):
    """A fact that outlives its run; `value` and `steps` are JSON."""

    __tablename__ = "memory"
    saga: str = Field(primary_key=True, sa_type=Name)
    key: str = Field(primary_key=True, sa_type=Name)
    name: str = Field(primary_key=True, sa_type=Name)
    value: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Name)
    steps: str = Field(sa_type=Text)
    seq: int
    at: datetime = Field(sa_type=Utc)


_TABLES = SQLModel.metadata.tables
event: Table = _TABLES["event"]
run: Table = _TABLES["run"]
saga_version: Table = _TABLES["saga_version"]
draft: Table = _TABLES["draft"]
posted: Table = _TABLES["posted"]
driver: Table = _TABLES["driver"]
lock: Table = _TABLES["lock"]
incident: Table = _TABLES["incident"]
verdict: Table = _TABLES["verdict"]
verdict_day: Table = _TABLES["verdict_day"]
memory: Table = _TABLES["memory"]
