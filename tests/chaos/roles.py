"""What the forked processes are: a driver of runs, which is to be killed, and the practice world, which is not."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future

import storage.sqlite
from engine.core.commands import Cancel, Decide, Pause, Resume
from engine.core.errors import SagaError
from engine.memory import event_json
from engine.ports import Change, RunFilter, RunRow, Unavailable
from engine.runtime.engine import Engine
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.scripted import ScriptedLlm
from engine.steps.registry import performers
from storage.store import SqlStore
from tests.chaos.sagas import SAGAS

Say = Callable[[str], None]
OPEN = RunFilter(statuses=("running", "draining", "compensating", "needs_attention"))


class Told(SqlStore):
    """A store that says aloud what it acknowledged: run, seq and a checksum of each event.

    With `drowsy` its process falls asleep with that chance just when it is told that an intent is durable:
    between the intent and the call.
    """

    def __init__(self, url: str, say: Say, drowsy: float = 0.0) -> None:
        super().__init__(url)
        self._say = say
        self._drowsy = drowsy

    def append(self, change: Change) -> Future[None]:
        stored = super().append(change)
        if random.random() < self._drowsy and any(
            each.event.type == "attempt_intended" for each in change.events
        ):
            stored.add_done_callback(lambda _: os.kill(os.getpid(), signal.SIGSTOP))
        facts = " ".join(
            f"{each.seq}:{zlib.crc32(event_json(each.event).encode())}" for each in change.events
        )
        stored.add_done_callback(lambda done: done.exception() or self._say(f"ack {change.run_id} {facts}"))
        return stored


def world(say: Say, path: str) -> None:
    """Serve the practice world until the process is ended."""
    with SandboxServer(World(path)) as server:
        say(f"ready {server.url}")
        signal.pause()


def driver(
    say: Say, *, database: str, world: str, wanted: int = 0, seed: int = 0, beat_s: float = 2.0, alive_s: float = 15.0,
    people: bool = True, wal: bool = True, drowsy: float = 0.0,
) -> None:  # fmt: skip
    """Drive runs and answer their questions; keep `wanted` open until SIGUSR1 says to end them all.

    Without `people` no run is begun that anybody may cancel; without `wal` SQLite is taken for an old one.
    """
    finish = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: finish.set())
    names = [name for name in SAGAS if people or name != "cancelled"]
    if not wal:
        storage.sqlite.SAFE_WAL = (999, 0, 0)
    store = Told(database, say, drowsy)
    made = performers(ScriptedLlm(), "scripted", {"sandbox.internal": world})
    engine = Engine(store, made, beat_s=beat_s, alive_s=alive_s).start()
    say("ready")
    chance = random.Random(seed)
    while True:
        rows = store.rows(OPEN, limit=1000)
        if not rows and (finish.is_set() or not wanted):
            break
        for _ in range(0 if finish.is_set() else wanted - len(rows)):
            engine.start_run(SAGAS[chance.choice(names)], {}, "chaos")
        for row in rows:
            meddle(engine, row, chance)
        time.sleep(0.01)
    engine.stop()
    store.close()
    say("done")


def meddle(engine: Engine, row: RunRow, chance: random.Random) -> None:
    """Do what people do to a run: answer it after a while, cancel it, hold it for a moment."""
    try:
        if row.approvals and chance.random() < 0.2:
            decision = "denied" if row.saga == "denied" else "approved"
            engine.submit(row.id, Decide(by="boss", step=row.approvals[0].step, decision=decision)).result(20)
        elif row.saga == "cancelled" and row.status == "running" and chance.random() < 0.02:
            engine.submit(row.id, Cancel(by="boss")).result(20)
        elif row.paused or chance.random() < 0.002:
            engine.submit(row.id, Resume(by="boss") if row.paused else Pause(by="boss")).result(20)
    except (SagaError, TimeoutError, Unavailable):
        return  # it has ended meanwhile, or another driver has it; the next look tells


ROLES: dict[str, Callable[..., None]] = {"world": world, "driver": driver}
