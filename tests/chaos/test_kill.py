"""Kill -9 of the real process in the middle of runs; the practice world's ledger is the judge."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.ports import RunFilter
from engine.sandbox.world import World
from storage.store import SqlStore

SAGA = """
saga: chain-of-tickets
steps:
""" + "\n".join(
    f"""
  t{n}:
    kind: http
    {f"needs: t{n - 1}" if n else ""}
    effect: compensatable
    timeout_s: 0.6
    settle_s: 0.1
    retry: {{max_attempts: 5, backoff_s: 0.05}}
    with: {{method: POST, url: "${{world}}/{"tickets" if n < 5 else "shipping/unknown"}", json: {{title: t{n}, severity: low}}, refused_on: [503]}}
    compensate:
      kind: http
      timeout_s: 0.6
      with: {{method: DELETE, url: "${{world}}/tickets", params: {{key: "${{key}}"}}}}
"""
    for n in range(6)
)
HAPPY = SAGA.replace("shipping/unknown", "tickets").replace("chain-of-tickets", "happy-chain")

WORKER = """
import sys, time
from engine.core.document import parse_saga
from engine.ports import RunFilter
from engine.scripted import ScriptedLlm
from ui.compose import Studio
from ui.settings import Settings

studio = Studio.open(Settings(), llm=ScriptedLlm())
for text in sys.stdin.read().split("=====") if "start" in sys.argv else []:
    studio.engine.start_runs(parse_saga(text), [{}] * 4, "chaos")
print("ready", flush=True)
while studio.store.count(RunFilter(statuses=("running", "draining", "compensating", "needs_attention"))):
    time.sleep(0.01)
studio.close()
print("done", flush=True)
"""


def worker(data: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that drives every open run to its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        env={**os.environ, "SAGA_DATA_DIR": str(data), "SAGA_MODEL": "scripted"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(f"{SAGA}====={HAPPY}" if arguments else "")
    process.stdin.close()
    return process


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("seed", [1, 2])
def test_runs_go_on_after_kill_9_and_each_effect_is_there_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    process = worker(tmp_path, "start")
    assert line_of(process) == "ready"
    for _ in range(6):
        time.sleep(chance.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
        process = worker(tmp_path)
        assert line_of(process) == "ready"
    assert line_of(process) == "done"
    assert process.wait(10) == 0
    assert process.stdout is not None
    process.stdout.close()
    check(tmp_path)


def check(data: Path) -> None:
    """Compare what the engine says with what the world's ledger says."""
    store, world = SqlStore(f"sqlite:///{data / 'saga.db'}"), World(data / "sandbox.db")
    rows = store.rows(RunFilter())
    assert Counter((row.saga, row.status) for row in rows) == {
        ("chain-of-tickets", "compensated"): 4,
        ("happy-chain", "completed"): 4,
    }
    interrupted = 0
    for row in rows:
        history = store.history(row.id)
        interrupted += sum(getattr(recorded.event, "code", "") == "interrupted" for recorded in history)
        assert [recorded.seq for recorded in history] == list(range(1, row.last_seq + 1))
    assert interrupted, "no kill struck a call in flight; this proves nothing"
    made = Counter(entry.key for entry in world.ledger() if not str(entry.key).startswith("c:"))
    undone = Counter(entry.key for entry in world.ledger() if str(entry.key).startswith("c:"))
    assert set(made.values()) == {1}, "an effect was doubled"
    assert set(undone.values()) == {1}, "a compensation was doubled"
    happy = {row.id for row in rows if row.saga == "happy-chain"}
    standing = Counter(str(record["key"]).split(":")[0] for record in world.state().collections["tickets"])
    assert standing == dict.fromkeys(happy, 6)
    world.close()
    store.close()
