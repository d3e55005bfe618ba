"""A map over 10,000 items that do nothing, beside a plain `asyncio.gather` of the same calls; part of `make bench`."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from engine.core.document import saga_from_document
from engine.core.saga import Saga
from engine.ports import Call, Change
from engine.runtime.engine import Engine, calm_garbage_collector
from engine.steps.functions import FUNCTIONS
from engine.steps.python import PythonPerformer
from storage.store import SqlStore

ITEMS = 10_000


def mapped(items: int) -> Saga:
    """Return a saga that goes over so many items and does nothing with each."""
    body = {"steps": {"noop": {"kind": "python", "with": {"function": "noop"}}}}
    over = {
        "kind": "map",
        "with": {"over": list(range(items)), "concurrency": 64, "max_items": items},
        "body": body,
    }
    return saga_from_document({"saga": "many", "parallel": 64, "steps": {"all": over}})


def _memory_mb() -> float:
    """Return the most memory that this process has had so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what Linux tells otherwise begins with the most that the parent has had
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024  # fmt: skip
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _map(items: int) -> tuple[float, float]:
    """Return the seconds that the map takes until it has durably ended, and the MB that it adds at its peak."""
    ended = threading.Semaphore(0)

    class Watched(SqlStore):
        def append(self, change: Change):  # type: ignore[no-untyped-def]
            done = super().append(change)
            if change.row.ended_at is not None:
                done.add_done_callback(lambda _: ended.release())
            return done

    calm_garbage_collector()
    with tempfile.TemporaryDirectory() as name:
        store = Watched(f"sqlite:///{Path(name) / 'map.db'}")
        with Engine(store, {"python": PythonPerformer(FUNCTIONS)}, adopt=False) as engine:
            engine.start_run(mapped(10), {}, "bench")
            ended.acquire()
            before = _memory_mb()
            started = time.perf_counter()
            engine.start_run(mapped(items), {}, "bench")
            if not ended.acquire(timeout=300):
                sys.exit("the map did not come to an end")
            elapsed = time.perf_counter() - started
        store.close()
    return elapsed, _memory_mb() - before


def _gather(items: int) -> float:
    """Return the seconds of the same calls by a plain `asyncio.gather`, with nothing stored."""
    performer = PythonPerformer(FUNCTIONS)
    step = mapped(1).steps["all"].body.steps["noop"]  # type: ignore[union-attr]
    call = Call("r", step, "forward", "python", 1, "", {"function": "noop", "args": {}}, 30, "s")

    async def one(gate: asyncio.Semaphore, index: int) -> None:
        async with gate:
            await performer.perform(call._replace(key=f"r:{index}:1"))

    async def everything() -> None:
        gate = asyncio.Semaphore(64)
        await asyncio.gather(*(one(gate, index) for index in range(items)))

    started = time.perf_counter()
    asyncio.run(everything())
    return time.perf_counter() - started


def show() -> None:
    """Print the figures of a fresh process, so that nothing else counts to its memory."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench_map"], capture_output=True, text=True, check=True
    )
    print(told.stdout, end="")


if __name__ == "__main__":
    seconds, memory = _map(ITEMS)
    plain = _gather(ITEMS)
    print(
        f"a map of {ITEMS:,} items                   {seconds:8.2f} s    ({ITEMS / seconds:,.0f} items/s,"
        f" {memory:.0f} MB more; asyncio.gather {plain:.2f} s)"
    )
