"""Two drivers on one database, stopped and continued for longer than a heartbeat may be late.

Whoever sleeps loses its runs, wakes up believing that it has them, and must neither record nor send (R34, L32).
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.chaos.judge import judge
from tests.chaos.processes import Forge
from tests.chaos.test_kill import make_peace, make_trouble

PAUSES = int(os.environ.get("CHAOS_PAUSES", "20"))
ALIVE_S = 0.5


def test_L32_two_drivers_that_sleep_and_wake_double_nothing(
    forge: Forge, database: str, world: str, world_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(32)
    started = time.monotonic()
    drivers = [
        forge.start("driver", database=database, world=world, wanted=10, seed=seed, beat_s=0.1, alive_s=ALIVE_S)
        for seed in (1, 2)
    ]  # fmt: skip
    for driver in drivers:
        driver.expect("ready")
    for number in range(PAUSES):
        make_trouble(world, chance)
        sleeper = drivers[number % 2]
        sleeper.signal(signal.SIGSTOP)
        time.sleep(ALIVE_S * chance.uniform(0.2, 2.6))
        sleeper.signal(signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.4))
    make_peace(world)
    for driver in drivers:
        driver.signal(signal.SIGUSR1)
    for driver in drivers:
        driver.expect("done")
    forge.close()
    figures = judge(database, world_path, forge.acknowledged)
    assert figures.interrupted, "no driver ever took a call over from another; this proves nothing"
    with capsys.disabled():
        print(f"\n{PAUSES} pauses of one of two drivers in {time.monotonic() - started:.0f} s: {figures}")
