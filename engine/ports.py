"""What the engine asks of the outside, one contract each; adapters live elsewhere.

A port's docstring is the contract that every adapter's test suite checks. Shapes only: no I/O here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from engine.core.commands import AnyCommand
from engine.core.errors import SagaError
from engine.core.events import Phase, Recorded
from engine.core.run import RunStatus
from engine.core.saga import Saga, Step, effect_of
from engine.memories import Memories

Json = Any
"""A JSON value: None, bool, int, float, str, or lists and string-keyed dicts of them."""


class Clock(Protocol):
    """The only source of now."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class Outcome(BaseModel):
    """What came of one call, as a step kind's performer reports it (R3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    outcome: Literal["ok", "rejected", "failed", "unknown"]
    output: Json = None
    error: str = ""
    code: str = ""
    retryable: bool = True
    empty: bool = False
    meta: dict[str, Json] = Field(default_factory=dict)


class Call(NamedTuple):
    """One call to make: the intent that is already recorded, and its time limit.

    Attributes:
        step: whose call it is; None where the plan as a whole is asked about.
        kind: the kind of the call: the step's own, or its compensation's or probe's.
        step_id: the step's name in the run; empty where there is none.
    """

    run_id: str
    step: Step | None
    phase: Phase
    kind: str
    attempt: int
    key: str
    request: Json
    timeout_s: float
    step_id: str

    @property
    def readonly(self) -> bool:
        """Whether what it is about changes nothing outside."""
        return self.step is None or effect_of(self.step) == "readonly"


class Performer(Protocol):
    """Makes the calls of one kind. Never retries (R9); never raises for what the target did."""

    async def perform(self, call: Call) -> Outcome:
        """Make the call once and return what came of it.

        `unknown` is the answer wherever an effect may have landed; an exception counts as that, too.
        """
        ...


@runtime_checkable
class AnswersLate(Protocol):
    """A performer whose calls can end after they were given up; `late` is told then. Safe in threads."""

    late: Callable[[Call, Outcome], None]


class Conflict(SagaError):
    """Somebody else appended to this run, or drives it now; load it again before going on."""


class Unavailable(SagaError):
    """The database can't be used now; the message has its own words. Nothing was done: try again."""


class DatabaseMoved(Unavailable):
    """The history goes on in another database; going on here too would do everything twice. No use trying again."""


class OpenApproval(BaseModel):
    """A question that waits for people, as lists show it."""

    model_config = ConfigDict(frozen=True)
    step: str
    title: str
    question: str
    group: str
    asked_at: datetime
    expires_at: datetime | None


class RunRow(BaseModel):
    """A run as lists show it: a projection, updated in the same commit as the log."""

    model_config = ConfigDict(frozen=True)
    id: str
    saga: str
    saga_hash: str
    amended: bool = Field(description="whether its plan is not that of `saga_hash` any more (R27)")
    title: str
    status: RunStatus
    paused: bool
    by: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    steps: int = Field(description="how many steps the saga has")
    done: int = Field(description="how many are committed or skipped")
    planned: int = Field(description="how many are to be undone")
    undone: int = Field(description="how many of those are")
    attention: int = Field(description="how many steps need a person's help")
    direction_asked: bool
    approvals: tuple[OpenApproval, ...]
    fault: str
    cost_usd: float
    tokens: int
    attempts: int
    disruptions: int
    last_seq: int
    wake_at: datetime | None  # behind the end: when its effects should be looked at once more
    text: str = Field(description="what searches look into: id, saga, input, output, fault")


class RunFilter(BaseModel):
    """Which runs to list; every part narrows, but `needs_help`.

    That adds to `statuses` the open runs, of whatever status, in which a step or a limit needs a person.
    """

    model_config = ConfigDict(frozen=True)
    statuses: tuple[RunStatus, ...] = ()
    saga: str | None = None
    saga_hash: str | None = None
    text: str = ""
    since: datetime | None = None
    waiting_for_people: bool = False
    needs_help: bool = False
    behind: tuple[datetime, str] | None = Field(default=None, description="start and id of the one before")


class SagaVersion(BaseModel):
    """A published version of a saga; never changed."""

    model_config = ConfigDict(frozen=True)
    hash: str
    saga: str
    version: int = Field(description="1, 2, 3... within its name")
    title: str
    document: dict[str, Json]
    by: str
    created_at: datetime


class Draft(BaseModel):
    """A saga in the making; may be invalid."""

    model_config = ConfigDict(frozen=True)
    saga: str
    document: dict[str, Json]
    by: str
    updated_at: datetime


class Posted(BaseModel):
    """A command left for the engine that drives a run, and its answer once there is one."""

    model_config = ConfigDict(frozen=True)
    id: str
    run_id: str
    command: AnyCommand
    answered: bool = False
    error: str = Field(default="", description="why it was refused; empty if it was not")


class Driver(BaseModel):
    """An engine process, as others see it: alive while its heartbeat is fresh and its process exists."""

    model_config = ConfigDict(frozen=True)
    id: str
    host: str
    pid: int
    beat_at: datetime


class Incident(BaseModel):
    """The world is not as a run left it: found after its end, so it stands beside the log (R38)."""

    model_config = ConfigDict(frozen=True)
    id: str = Field(description="made from what it is about, so that it is opened once")
    run_id: str
    step: str
    at: datetime
    what: str = Field(description="in words, for people")
    evidence: dict[str, Json] = Field(default_factory=dict, description="what the target said")
    closed_at: datetime | None = None
    by: str = Field(default="", description="who closed it")
    reason: str = ""


LESSONS_FROM = 200
"""How many of the latest notes on a step lessons are chosen from: what was said before is out of date."""


class ValidatorStats(BaseModel):
    """How one validator did on one step, over runs; a person's word counts as `overruled` only."""

    model_config = ConfigDict(frozen=True)
    saga: str
    step: str
    validator: str
    kind: str
    check: str = Field(description="what it is about; empty where an old log does not say")
    tier: str
    edge: str = Field(description="of an edge's validator: the consumer")
    ran: int
    accepted: int
    caught: int = Field(description="rejected, retried, asked about or augmented")
    augmented: int = Field(description="how many of those it wanted to add to")
    fed_back: int
    no_verdict: int = Field(description="how often it could not be asked")
    overruled: int = Field(description="how often a person let pass what it had found")
    cost_usd: float
    tokens: int
    mean_latency_s: float
    worst_latency_s: float
    last_at: datetime
    evidence: str = Field(description="what it said when it caught something last")


class ValidatorDay(BaseModel):
    """How one validator did on one UTC day."""

    model_config = ConfigDict(frozen=True)
    day: date
    ran: int
    caught: int
    overruled: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Change:
    """One or more transitions of a run, stored whole or not at all.

    Attributes:
        expected_seq: the seq of the last event before these.
        row: the run after the last of them.
        posted: the id of the posted command that they carry out; empty where none was posted.
    """

    run_id: str
    driver: str
    expected_seq: int
    events: tuple[Recorded, ...]
    row: RunRow
    posted: str = ""


class Store(Memories, Protocol):
    """The event log and its projections. Reads may be called from any thread; so may `append`.

    All but `append` raise `Unavailable` while the database can't be used; `append` waits instead. Once the history
    was moved to another database, all raise `DatabaseMoved`, `append` too; `leave` does not.
    """

    @property
    def moved(self) -> bool:
        """Whether a write has found that the history goes on in another database; `trouble` says so in words."""
        ...

    @property
    def trouble(self) -> str:
        """What keeps facts from being stored right now, in words; empty when all is well."""
        ...

    def append(self, change: Change) -> Future[None]:
        """Store a transition; the future is done when it is durable, in the order of the calls.

        With `expected_seq` 0 it begins the run, driven by `change.driver`. A database that can't be
        reached is tried again until it can: the future waits. It fails with `Conflict`, and nothing is
        stored, if the log is not at `expected_seq` or the run is driven by somebody else (R2, R34).

        What was posted counts once (L29): the command that `change.posted` names is answered in the same
        commit, and one that has its answer, or was never posted, is a `Conflict`, too.
        """
        ...

    def history(self, run_id: str, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """Return the events of a run behind `after`, in order; empty for an unknown run."""
        ...

    def row(self, run_id: str) -> RunRow | None:
        """Return a run's row, or None."""
        ...

    def rows(self, where: RunFilter, limit: int = 50, offset: int = 0) -> list[RunRow]:
        """Return the matching runs, newest start first."""
        ...

    def count(self, where: RunFilter) -> int:
        """Return how many runs match."""
        ...

    def counts(self, where: RunFilter) -> dict[str, int]:
        """Return how many runs match, by status; `where.statuses` is ignored."""
        ...

    def orphans(self, alive: Sequence[str]) -> list[str]:
        """Return the open runs that none of these drivers drives, oldest first."""
        ...

    def claim(self, run_id: str, driver: str, alive: Sequence[str]) -> bool:
        """Make `driver` drive an open run, unless one of `alive` does; return whether it does now."""
        ...

    def driver_of(self, run_id: str) -> str | None:
        """Return who drives a run, or None for an unknown one."""
        ...

    def beat(self, driver: Driver) -> None:
        """Say that a driver is alive."""
        ...

    def drivers(self) -> list[Driver]:
        """Return every driver that has not left."""
        ...

    def leave(self, driver_id: str) -> None:
        """Forget a driver that stops in good order."""
        ...

    def acquire(self, run_id: str, keys: Sequence[str]) -> bool:
        """Let an open run hold these resources, all or none; return whether it does (R37).

        What an open run holds no other one gets; the end of a run frees what it held. The same again is fine.
        """
        ...

    def holders(self, keys: Sequence[str]) -> dict[str, str]:
        """Return which open run holds each of these resources; those that are free are left out."""
        ...

    def open_incident(self, incident: Incident) -> None:
        """Keep an incident; the same id again changes nothing (R38)."""
        ...

    def incidents(self, run_id: str | None = None, *, open_only: bool = True) -> list[Incident]:
        """Return the incidents of a run, or of all, the newest first."""
        ...

    def close_incident(self, incident_id: str, by: str, reason: str, at: datetime) -> bool:
        """Close an open incident; return whether it was open. What a person wrote stays."""
        ...

    def audits(self, now: datetime, limit: int = 20) -> list[str]:
        """Return ended runs whose effects should be looked at once more by now, oldest first."""
        ...

    def audited(self, run_id: str) -> None:
        """Say that this was done."""
        ...

    def validators(self, saga: str | None = None, since: datetime | None = None) -> list[ValidatorStats]:
        """Return how validators did, by saga, step and name; whole UTC days, from that of `since` on.

        Written with the log's own commits. Where a step's last word came from a person, it differs from the
        validator's finding as `overruled` counts it: asked about or to be added to, and let pass as it was.
        """
        ...

    def verdict_days(self, saga: str, step: str, validator: str) -> list[ValidatorDay]:
        """Return the days on which a validator looked at a step or was overruled, oldest first."""
        ...

    def lessons(self, saga: str, limit: int = 3) -> dict[str, list[str]]:
        """Return by step what validators noted (`feedback`) in runs of that saga: `validator: evidence`.

        The latest first, each note once, out of the last `LESSONS_FROM` of a step.
        """
        ...

    def publish(self, saga: Saga, by: str) -> SagaVersion:
        """Keep a version and return it; the same definition again gives the version there is."""
        ...

    def version(self, digest: str) -> SagaVersion | None:
        """Return the version with this hash, or None."""
        ...

    def versions(self, saga: str | None = None) -> list[SagaVersion]:
        """Return all versions of a saga, newest first; without a name the newest of each saga."""
        ...

    def save_draft(self, draft: Draft) -> None:
        """Keep a draft in place of the one of that name."""
        ...

    def draft(self, saga: str) -> Draft | None:
        """Return the draft of that name, or None."""
        ...

    def drafts(self) -> list[Draft]:
        """Return all drafts, the latest change first."""
        ...

    def delete_draft(self, saga: str) -> None:
        """Forget a draft; none of that name is fine."""
        ...

    def post(self, posted: Iterable[Posted]) -> None:
        """Leave commands for the engines that drive their runs; the same id again changes nothing."""
        ...

    def inbox(self, driver: str) -> list[Posted]:
        """Return the unanswered commands for runs of this driver, oldest first."""
        ...

    def answer(self, answers: Mapping[str, str]) -> None:
        """Answer posted commands by id; an empty error means that it was done. The first answer counts."""
        ...

    def answers(self, ids: Collection[str]) -> dict[str, str]:
        """Return the answers to posted commands by id, of those that have one."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Return what a settings page shows: database, journal mode, SQLite version, size..."""
        ...

    def close(self) -> None:
        """Store what was appended and let go of the database."""
        ...
