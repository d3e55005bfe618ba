"""Kill -9 of real processes in the middle of runs, again and again; the practice world's ledger is the judge."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import httpx
import pytest

from tests.chaos.judge import judge
from tests.chaos.processes import Forge
from tests.chaos.sagas import FAULTS

KILLS = int(os.environ.get("CHAOS_KILLS", "200"))
OPEN_RUNS = 8


def make_trouble(world: str, chance: random.Random) -> None:
    """Plant a fault in the world, so that retries, unknown outcomes and late landings are under way, too."""
    httpx.post(f"{world}/faults", json=chance.choice(FAULTS), trust_env=False).raise_for_status()


def make_peace(world: str) -> None:
    httpx.delete(f"{world}/faults", trust_env=False).raise_for_status()


def test_runs_go_on_after_kill_9_and_each_effect_is_there_once(
    forge: Forge, database: str, world: str, world_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20)
    started = time.monotonic()
    kills = KILLS if database.startswith("sqlite") else KILLS // 4  # a start takes longer on a server
    for number in range(kills):
        make_trouble(world, chance)
        driver = forge.start("driver", database=database, world=world, wanted=OPEN_RUNS, seed=number)
        if chance.random() < 0.8:  # else it may die while it starts
            driver.expect("ready")
        time.sleep(chance.uniform(0.0, 0.1))
        driver.kill()
    make_peace(world)
    driver = forge.start("driver", database=database, world=world)
    driver.expect("ready")
    driver.expect("done")
    forge.close()
    figures = judge(database, world_path, forge.acknowledged)
    assert figures.interrupted > kills / 4, "the kills struck hardly any call in flight; this proves nothing"
    with capsys.disabled():
        print(f"\n{kills} kills in {time.monotonic() - started:.0f} s: {figures}")
