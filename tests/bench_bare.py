"""The bare bones of a durable engine, to measure ours by: part of `make bench`.

Chains that do nothing, all at once on one asyncio loop: the intent of each call and what came of it are facts in JSON
with a place in their run's log, and one thread commits whatever waits. There is nothing else: no version, no validator, no
retry, no undo, no limit, no projection, nobody to ask.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from storage.store import SqlStore

LIMIT_S = 30.0
Row = tuple[str, int, str, str]
Waiting = tuple[list[Row], asyncio.Future[None]]
_TABLE = (
    "CREATE TABLE event (run TEXT, seq INTEGER, at TEXT, body TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID"
)


def bare_steps_per_s(store: SqlStore, path: Path, runs: int, length: int, *, effect: bool) -> float:
    """Return the steps per second of so many bare chains at once, on a new file with the settings of a store.

    With an `effect` each call waits until its intent is on disk, as it has to.
    """
    log = _Log(store, path)
    started = time.perf_counter()
    asyncio.run(_all(log, runs, length, effect=effect))
    elapsed = time.perf_counter() - started
    log.close()
    return runs * length / elapsed


async def _all(log: _Log, runs: int, length: int, *, effect: bool) -> None:
    log.loop = asyncio.get_running_loop()
    needs = {f"s{n}": [f"s{n - 1}"] if n else [] for n in range(length)}
    await asyncio.gather(*(_run(log, f"run-{number}", needs, effect=effect) for number in range(runs)))


async def _run(log: _Log, run: str, needs: dict[str, list[str]], *, effect: bool) -> None:
    done: set[str] = set()
    seq, stored = 0, None
    while len(done) < len(needs):
        name = next(step for step, before in needs.items() if step not in done and done.issuperset(before))
        intent = _fact(run, seq + 1, "intended", step=name, attempt=1, key=f"{run}:{name}:0", request={"function": "noop"})  # fmt: skip
        announced = log.append([intent])
        if effect:
            await announced
        output = await asyncio.wait_for(_noop(), LIMIT_S)
        ended = _fact(run, seq + 2, "ended", step=name, attempt=1, outcome="ok", output=output)
        stored = log.append([ended, _fact(run, seq + 3, "committed", step=name)])
        seq += 3
        done.add(name)
    if stored is not None:
        await stored


async def _noop() -> dict[str, Any]:
    return {}


def _fact(run: str, seq: int, kind: str, **facts: Any) -> Row:
    return run, seq, datetime.now(UTC).isoformat(), json.dumps({"type": kind, **facts})


class _Log:
    """A table of facts; one thread writes what waits, in one commit."""

    def __init__(self, store: SqlStore, path: Path) -> None:
        self.loop: asyncio.AbstractEventLoop
        self._engine = store.connect(path)
        self._waiting: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def append(self, rows: list[Row]) -> asyncio.Future[None]:
        stored = self.loop.create_future()
        self._waiting.put((rows, stored))
        return stored

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        self._engine.dispose()

    def _write(self) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(_TABLE)
            while (first := self._waiting.get()) is not None:
                together = [first]
                while not self._waiting.empty() and (more := self._waiting.get()) is not None:
                    together.append(more)
                rows = [row for found, _ in together for row in found]
                connection.exec_driver_sql("INSERT INTO event VALUES (?, ?, ?, ?)", rows)
                connection.commit()
                self.loop.call_soon_threadsafe(_tell, [stored for _, stored in together])


def _tell(stored: list[asyncio.Future[None]]) -> None:
    for one in stored:
        if not one.done():
            one.set_result(None)
