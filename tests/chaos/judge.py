"""Judging by what is there: the log that is on the disk, and the ledger of a world that nobody killed."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.core.evolve import replay
from engine.core.run import CLOSED
from engine.memory import event_json
from engine.ports import RunFilter, RunRow
from engine.sandbox.world import World
from storage.store import SqlStore
from tests.chaos.sagas import EFFECTS, ENDS, SAGAS


@dataclass(frozen=True)
class Figures:
    """What a loop came to."""

    runs: int
    events: int
    acknowledged: int
    interrupted: int
    effects: int
    undone: int
    ends: Mapping[str, int]

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.ends.items()))
        return (
            f"{self.runs} runs ({ends}), {self.events} events ({self.acknowledged} acknowledged, 0 lost),"
            f" {self.interrupted} calls interrupted, {self.effects} effects and {self.undone} compensations, 0 doubled,"
            " 0 left behind, integrity ok"
        )


def judge(database: str, world_path: Path, acknowledged: Mapping[str, Mapping[int, int]]) -> Figures:
    """Check everything that must hold when all runs have ended, and return the figures."""
    store, world = SqlStore(database), World(world_path)
    try:
        rows = store.rows(RunFilter(), limit=100_000)
        events, interrupted = check_logs(store, rows, acknowledged)
        for row in rows:
            assert row.status in ENDS[row.saga], f"{row.id} ({row.saga}) ended {row.status}: {row.fault}"
        effects, undone = check_ledger(world, rows)
        return Figures(
            len(rows), events, sum(map(len, acknowledged.values())), interrupted, effects, undone,
            Counter(row.status for row in rows),
        )  # fmt: skip
    finally:
        world.close()
        store.close()


def check_logs(
    store: SqlStore, rows: Iterable[RunRow], acknowledged: Mapping[str, Mapping[int, int]]
) -> tuple[int, int]:
    """Check that the file is whole, each log contiguous and folding to its row, and nothing acknowledged lost.

    Returns how many events there are, and how many calls were found open after a kill.
    """
    check_integrity(store)
    known = {row.id for row in rows}
    assert not set(acknowledged) - known, "a run that was acknowledged is not there"
    events = interrupted = 0
    for row in rows:
        history = store.history(row.id)
        assert [recorded.seq for recorded in history] == list(range(1, row.last_seq + 1))
        assert replay(SAGAS[row.saga], history).status == row.status
        sums = {recorded.seq: zlib.crc32(event_json(recorded.event).encode()) for recorded in history}
        lost = {seq for seq, checksum in acknowledged.get(row.id, {}).items() if sums.get(seq) != checksum}
        assert not lost, f"acknowledged events {lost} of {row.id} are lost or changed"
        events += len(history)
        interrupted += sum(getattr(recorded.event, "code", "") == "interrupted" for recorded in history)
    return events, interrupted


def check_integrity(store: SqlStore) -> None:
    """Ask SQLite whether the file is whole."""
    if store.database.is_sqlite:
        with store.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]


def check_ledger(world: World, rows: Iterable[RunRow]) -> tuple[int, int]:
    """Check that each key acted once, and that what stands is what the completed runs made.

    Returns how many effects and how many compensations there were.
    """
    keys = Counter(str(entry.key) for entry in world.ledger())
    doubled = [key for key, count in keys.items() if count > 1]
    assert not doubled, f"done twice: {doubled}"
    standing = Counter(
        str(record["key"]).split(":")[0]
        for records in world.state().collections.values()
        for record in records
    )
    wanted = {row.id: EFFECTS[row.saga] for row in rows if row.status == "completed"}
    assert all(row.status in CLOSED for row in rows)
    assert standing == wanted, "what stands is not what the completed runs made"
    undone = sum(key.startswith("c:") for key in keys)
    return len(keys) - undone, undone
