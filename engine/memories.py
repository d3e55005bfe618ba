"""What is kept across runs: the shape of a fact, how it comes out of a log, and who keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from engine.core.events import RunCompleted

if TYPE_CHECKING:
    from engine.ports import Change

Json = Any


class Remembered(BaseModel):
    """A fact that outlives its run."""

    model_config = ConfigDict(frozen=True)
    saga: str
    key: str = Field(description="what it is about; empty: the saga as a whole")
    name: str
    value: Json
    run_id: str = Field(description="the run that left it")
    steps: tuple[str, ...] = Field(description="the steps whose outputs told it")
    seq: int = Field(description="the place in that run's log where the latest of them was committed")
    at: datetime = Field(description="when the run completed")


class Memories(Protocol):
    """Facts across runs. Written with the log's own commits, when a run completes; the last one to complete wins."""

    def remembered(self, saga: str | None = None, key: str | None = None) -> list[Remembered]:
        """Return the facts of a saga, or of all, about something or about anything; by saga, key and name."""
        ...

    def forget(self, saga: str, key: str | None = None, name: str | None = None) -> int:
        """Erase facts of a saga, about something or anything, of one name or all; return how many there were.

        The logs of the runs that left them stay as they are.
        """
        ...


def memories_of(change: Change) -> list[Remembered]:
    """Return the facts that a change leaves; the row says of which saga."""
    return [
        Remembered(
            saga=change.row.saga, key=recorded.event.memory_key, name=name, value=learned.value,
            run_id=change.run_id, steps=learned.steps, seq=learned.seq, at=recorded.at,
        )
        for recorded in change.events
        if isinstance(recorded.event, RunCompleted)
        for name, learned in recorded.event.remembers.items()
    ]  # fmt: skip


class MemoryBook:
    """The part of the store in memory that keeps facts across runs; whoever has it holds the lock."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: dict[tuple[str, str, str], Remembered] = {}

    def remember(self, facts: list[Remembered]) -> None:
        """Keep facts in place of those of the same name about the same."""
        self._facts |= {(fact.saga, fact.key, fact.name): fact for fact in facts}

    def remembered(self, saga: str | None = None, key: str | None = None) -> list[Remembered]:
        """Return the facts of a saga, or of all, about something or about anything."""
        found = sorted(self._facts.copy().items())
        return [fact for (of, about, _), fact in found if saga in {None, of} and key in {None, about}]

    def forget(self, saga: str, key: str | None = None, name: str | None = None) -> int:
        """Erase facts of a saga; return how many there were."""
        gone = [
            at
            for at in self._facts.copy()
            if at[0] == saga and key in {None, at[1]} and name in {None, at[2]}
        ]
        return sum(self._facts.pop(at, None) is not None for at in gone)
