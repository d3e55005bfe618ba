"""A process that is killed while it appends: what it was told to be durable is there, and nothing is torn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.core.evolve import replay
from engine.ports import RunFilter
from storage.store import SqlStore
from tests.contract.makers import nap

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from collections import deque
from storage.store import SqlStore
from tests.contract.makers import Told

store = SqlStore(sys.argv[1])
runs = [Told(f"{sys.argv[2]}-{n}") for n in range(20)]
waiting = deque((run, run.run.seq, store.append(run.start())) for run in runs)
print("begun", flush=True)
while True:
    for run in runs:
        future = store.append(run.pause())
        waiting.append((run, run.run.seq, future))
    while len(waiting) > 100:
        run, seq, future = waiting.popleft()
        future.result()
        print(run.run_id, seq, flush=True)
"""


def killed(url: str, name: str, after_s: float) -> dict[str, int]:
    """Return the last acknowledged seq of each run of a process that was killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url, name],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    lines = child.stdout.read().splitlines(keepends=True)
    child.wait()
    child.stdout.close()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {run: int(seq) for run, seq in whole}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    return str(path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.mark.parametrize("after_s", [0.05, 0.3])
def test_nothing_that_was_acknowledged_is_lost(url: str, after_s: float) -> None:
    acknowledged: dict[str, int] = {}
    for round_ in range(2):
        acknowledged |= killed(url, f"k{round_}", after_s)
    assert acknowledged
    store = SqlStore(url)
    for row in store.rows(RunFilter(), limit=1000):
        history = store.history(row.id)
        assert [recorded.seq for recorded in history] == list(range(1, row.last_seq + 1))
        assert row.last_seq >= acknowledged.get(row.id, 0)
        assert replay(nap(), history).seq == row.last_seq
    assert store.count(RunFilter()) >= len(acknowledged)
    if store.database.is_sqlite:
        with store.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    store.close()
