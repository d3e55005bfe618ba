"""Two drivers on one database, stopped and continued for longer than a heartbeat may be late.

Whoever sleeps loses its runs, wakes up believing that it has them, and must neither record nor send (R34, L32).
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.store import SqlStore
from tests.chaos.judge import Figures, judge
from tests.chaos.processes import PATIENCE_S, Forge, Forked
from tests.chaos.roles import OPEN
from tests.chaos.test_kill import make_peace, make_trouble

PAUSES = int(os.environ.get("CHAOS_PAUSES", "10"))
ALIVE_S = 0.5


def start_two(forge: Forge, database: str, world: str, **args: Any) -> list[Forked]:
    """Start two drivers on one database that soon notice when the other is late."""
    drivers = [
        forge.start(
            "driver",
            database=database,
            world=world,
            wanted=10,
            seed=seed,
            beat_s=0.1,
            alive_s=ALIVE_S,
            **args,
        )
        for seed in (1, 2)
    ]
    for driver in drivers:
        driver.expect("ready")
    return drivers


def finish(forge: Forge, drivers: list[Forked], database: str, world_path: Path) -> Figures:
    """Let the drivers end all runs, and judge."""
    for driver in drivers:
        driver.signal(signal.SIGUSR1)
    limit = time.monotonic() + PATIENCE_S
    while any(driver.lives() for driver in drivers):
        assert time.monotonic() < limit, f"the runs do not end: {open_runs(database)}"
        wake(drivers)
        time.sleep(0.05)
    for driver in drivers:
        driver.expect("done")
    forge.close()
    return judge(database, world_path, forge.acknowledged)


def open_runs(database: str) -> str:
    """Tell of every run that has not ended how it stands, and what happened last."""
    with closing(SqlStore(database)) as store:
        rows = store.rows(OPEN, limit=20)
        last = {row.id: [recorded.event for recorded in store.history(row.id)][-3:] for row in rows}
        return "\n".join(
            f"{row.saga} {row.id} {row.status}, paused {row.paused}, {row.attention} need help, wakes {row.wake_at},"
            f" driven by {store.driver_of(row.id)}: {last[row.id]}"
            for row in rows
        )


def wake(drivers: list[Forked]) -> None:
    for driver in drivers:
        if driver.lives():
            driver.signal(signal.SIGCONT)


def test_L32_two_drivers_that_sleep_and_wake_double_nothing(
    forge: Forge, database: str, world: str, world_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(32)
    started = time.monotonic()
    drivers = start_two(forge, database, world)
    for number in range(PAUSES):
        make_trouble(world, chance)
        sleeper = drivers[number % 2]
        sleeper.signal(signal.SIGSTOP)
        time.sleep(ALIVE_S * chance.uniform(0.2, 2.6))
        sleeper.signal(signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.4))
    make_peace(world)
    figures = finish(forge, drivers, database, world_path)
    assert figures.interrupted, "no driver ever took a call over from another; this proves nothing"
    with capsys.disabled():
        print(f"\n{PAUSES} pauses of one of two drivers in {time.monotonic() - started:.0f} s: {figures}")


def test_R07_a_driver_that_sleeps_between_intent_and_call_does_not_call_when_it_is_too_late(
    forge: Forge, database: str, world: str, world_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It wakes up when the other one has retried, or undone, what it was about to do."""
    chance = random.Random(7)
    started = time.monotonic()
    drivers = start_two(forge, database, world, drowsy=0.03)
    slept = 0
    while slept < PAUSES:
        time.sleep(0.02)
        if any(driver.sleeps() for driver in drivers):
            slept += 1
            time.sleep(ALIVE_S * chance.uniform(0.5, 5.0))
            wake(drivers)
    figures = finish(forge, drivers, database, world_path)
    assert figures.interrupted, "no driver ever took a call over from another; this proves nothing"
    with capsys.disabled():
        print(f"\n{slept} naps between intent and call in {time.monotonic() - started:.0f} s: {figures}")
