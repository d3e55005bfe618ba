"""The n-th commit fails, the n-th call fails, the process dies exactly there: every n, each on its own database.

What is broken is broken at the seams: the transaction of the log, and the performer of the calls.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from engine.ports import Call, Outcome, Performer, RunFilter, RunRow
from engine.runtime.engine import Engine
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.scripted import ScriptedLlm
from engine.steps.registry import performers
from storage.store import SqlStore
from tests.chaos.judge import check_ledger, check_logs
from tests.chaos.sagas import EFFECTS, ENDS, SAGAS

PATIENCE_S = 90
AT_ONCE = 6


@dataclass
class Breakage:
    """What breaks, at which count, before or after it has had its effect, and whether the process dies of it."""

    saga: str
    what: Literal["commit", "call", "nothing"]
    number: int = 0
    when: Literal["before", "after"] = "before"
    deadly: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"commit": 0, "call": 0})
    dead: threading.Event = field(default_factory=threading.Event)

    def strikes(self, what: str) -> bool:
        """Count one more; return whether it is the one."""
        self.counts[what] += 1
        struck = what == self.what and self.counts[what] == self.number
        if struck and self.deadly:
            self.dead.set()
        return struck

    def __str__(self) -> str:
        fate = "kills the process" if self.deadly else "fails"
        return f"{self.saga}: {self.what} {self.number} {fate} {self.when} its effect"


class BreakingStore(SqlStore):
    """A store one of whose commits raises, or all from then on, as those of a dead process."""

    def __init__(self, url: str, breakage: Breakage) -> None:
        super().__init__(url)
        self._breakage = breakage
        self._whole = self.database.logging
        self.database.logging = self._logging  # type: ignore[method-assign]

    @contextmanager
    def _logging(self) -> Iterator[Any]:
        driver: Any = self.database.engine.dialect.dbapi
        error = driver.OperationalError("disk I/O error, planted")
        if self._breakage.dead.is_set():
            raise error
        struck = self._breakage.strikes("commit")
        with self._whole() as cursor:
            yield cursor
            if struck and self._breakage.when == "before":
                raise error
        if struck:
            raise error


class BreakingPerformer:
    """A performer one of whose calls raises, or never comes back, as those of a dead process."""

    def __init__(self, inner: Performer, breakage: Breakage) -> None:
        self._inner = inner
        self._breakage = breakage

    async def perform(self, call: Call) -> Outcome:
        if self._breakage.dead.is_set():
            await asyncio.Event().wait()
        struck = self._breakage.strikes("call")
        if struck and self._breakage.when == "before":
            await self._break()
        outcome = await self._inner.perform(call)
        if struck:
            await self._break()
        return outcome

    async def _break(self) -> None:
        if self._breakage.deadly:
            await asyncio.Event().wait()
        raise RuntimeError("planted")

    async def close(self) -> None:
        await self._inner.close()  # type: ignore[attr-defined]


def run_to_end(folder: Path, world: str, breakage: Breakage) -> RunRow | None:
    """Run a saga with something broken, in a second engine if the first one dies; return how the run ended.

    None where the process died before it was durable that there is a run.
    """
    url = f"sqlite:///{folder / 'saga.db'}"
    store = BreakingStore(url, breakage)
    made = performers(ScriptedLlm(), "scripted", {"sandbox.internal": world})
    engine = Engine(store, {**made, "http": BreakingPerformer(made["http"], breakage)}).start()
    saga = SAGAS[breakage.saga]
    engine.publish(saga, "chaos")
    threading.Thread(target=lambda: start(engine, breakage), daemon=True).start()
    try:
        row = wait_for_end(store, breakage)
    finally:
        threading.Thread(target=lambda: (engine.stop(), store.close()), daemon=True).start()
    if breakage.dead.is_set():
        second = SqlStore(url)
        second.leave(engine.id)  # its process is ours and lives; everybody else sees it gone
        with Engine(second, performers(ScriptedLlm(), "scripted", {"sandbox.internal": world})):
            row = wait_for_end(second, None) if second.count(RunFilter()) else None
        second.close()
    return row


def start(engine: Engine, breakage: Breakage) -> None:
    try:
        engine.start_run(SAGAS[breakage.saga], {}, "chaos")
    except Exception:  # noqa: BLE001 - the engine of a dead process answers in odd ways
        assert breakage.deadly


def wait_for_end(store: SqlStore, breakage: Breakage | None) -> RunRow | None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        rows = store.rows(RunFilter())
        if breakage is not None and breakage.dead.is_set():
            return None
        if rows and rows[0].ended_at is not None:
            return rows[0]
        time.sleep(0.02)
    raise AssertionError(f"{breakage}: the run did not end; it is {store.rows(RunFilter())}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[World, str]]:
    world = World(tmp_path / "world.db")
    with SandboxServer(world) as server:
        yield world, server.url
    world.close()


@pytest.mark.parametrize("saga", ["branch", "branch-doomed"])
def test_L09_whatever_fails_and_wherever_it_dies_the_run_ends_well(
    tmp_path: Path, served: tuple[World, str], saga: str
) -> None:
    world, url = served

    def play(numbered: tuple[int, Breakage]) -> tuple[Breakage, RunRow | None]:
        number, breakage = numbered
        folder = tmp_path / str(number)
        folder.mkdir()
        return breakage, run_to_end(folder, url, breakage)

    _, first = play((0, clean := Breakage(saga, "nothing")))
    cases = [
        Breakage(saga, what, number, when, deadly)  # type: ignore[arg-type]
        for what in ("commit", "call")
        for number in range(1, clean.counts[what] + 1)
        for when in ("before", "after")
        for deadly in (False, True)
    ]
    assert min(clean.counts.values()) >= EFFECTS["branch"], "there is nothing to break"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = [(clean, first), *pool.map(play, enumerate(cases, start=1))]
    rows = [row for _, row in played if row is not None]
    for number, (breakage, row) in enumerate(played):
        if row is None:
            assert (breakage.what, breakage.number, breakage.when) == ("commit", 1, "before")
            continue
        assert row.status in ENDS[saga], str(breakage)
        store = SqlStore(tmp_path / str(number) / "saga.db")
        check_logs(store, [row], {})
        store.close()
    check_ledger(world, rows)
    struck = sum(breakage.counts.get(breakage.what, 0) >= breakage.number for breakage, _ in played)
    assert struck > 0.6 * len(played), (
        "too little was broken, even if what is two commits here may be one there"
    )
