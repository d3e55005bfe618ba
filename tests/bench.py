"""What durability costs: `make bench`. Each figure stands beside the raw commits of the same disk and settings.

Rounds of raw commits and of runs alternate, so that a noisy machine disturbs both; medians are shown.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from engine.core import commands as c
from engine.core.decide import turn
from engine.core.document import saga_from_document
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.saga import Saga
from engine.ports import Call, Change, Outcome
from engine.runtime.engine import Engine, calm_garbage_collector
from engine.steps.functions import FUNCTIONS
from engine.steps.python import PythonPerformer
from storage.store import SqlStore
from tests import bench_context, bench_map
from tests.bench_bare import bare_steps_per_s

ROUNDS = 7
MANY = 1_000
CHAIN = 10


def chain(length: int, *, effect: bool) -> Saga:
    """Return a chain of steps that do nothing, with or without an effect to be undone."""
    steps: dict[str, object] = {}
    for index in range(length):
        step: dict[str, object] = {"kind": "python", "with": {"function": "noop"}}
        if index:
            step["needs"] = f"s{index - 1}"
        if effect:
            step |= {
                "effect": "compensatable",
                "compensate": {"kind": "python", "with": {"function": "noop"}},
            }
        steps[f"s{index}"] = step
    name = f"chain-{'effect' if effect else 'readonly'}-{length}"
    return saga_from_document({"saga": name, "max_events": 100_000, "steps": steps})


def raw_commit_ms(store: SqlStore, folder: Path, commits: int) -> float:
    """Return the milliseconds of one commit of one small row, with the store's own connection settings."""
    engine = store.connect(folder / "raw.db")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, body TEXT)")
        connection.commit()
        started = time.perf_counter()
        for _ in range(commits):
            connection.exec_driver_sql("INSERT INTO raw (body) VALUES (?)", ("x" * 300,))
            connection.commit()
        elapsed = time.perf_counter() - started
    engine.dispose()
    return elapsed / commits * 1000


class Watched(SqlStore):
    """A store that counts the runs whose end is durable, so that waiting for them costs nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ended = threading.Semaphore(0)

    def append(self, change: Change) -> Future[None]:
        stored = super().append(change)
        if change.row.ended_at is not None:
            stored.add_done_callback(lambda _: self.ended.release())
        return stored

    def wait_for(self, runs: int) -> None:
        """Return once that many runs have durably ended."""
        for _ in range(runs):
            if not self.ended.acquire(timeout=300):
                sys.exit("a benchmark did not come to an end")


def chain_step_ms(engine: Engine, store: Watched, saga: Saga, runs: int) -> float:
    """Return the milliseconds of one step, runs one after the other."""
    started = time.perf_counter()
    for _ in range(runs):
        engine.start_run(saga, {}, "bench")
        store.wait_for(1)
    return (time.perf_counter() - started) / (runs * len(saga.steps)) * 1000


def steps_per_s(engine: Engine, store: Watched, saga: Saga, runs: int) -> float:
    """Return the steps per second of many runs at once, until all have durably ended."""
    started = time.perf_counter()
    engine.start_runs(saga, [{}] * runs, "bench")
    store.wait_for(runs)
    return runs * len(saga.steps) / (time.perf_counter() - started)


def at_once(engine: Engine, store: Watched, folder: Path) -> list[tuple[float, float]]:
    """Return the steps per second of many runs at once, and how many times as long they take as the bare bones of a log.

    First without effects, then with; each round is measured beside the bare bones of the same moment.
    """
    kinds = [(effect, chain(CHAIN, effect=effect)) for effect in (False, True)]
    found: list[list[tuple[float, float]]] = [[], []]
    for number in range(ROUNDS):
        for (effect, saga), rates in zip(kinds, found, strict=True):
            least = bare_steps_per_s(store, folder / f"bare{number}{effect}.db", MANY, CHAIN, effect=effect)
            rates.append((rate := steps_per_s(engine, store, saga, MANY), least / rate))
    medians = [[statistics.median(each) for each in zip(*rates, strict=True)] for rates in found]
    return [(rate, times) for rate, times in medians]


class Stuck:
    """Performs the first call of each run and gets stuck in the second, so that the run stays open."""

    def __init__(self) -> None:
        self.stuck = threading.Semaphore(0)

    async def perform(self, call: Call) -> Outcome:
        if call.key.split(":")[1] != "s0":
            self.stuck.release()
            await asyncio.sleep(3600)
        return Outcome(outcome="ok", output={})


def resume_s(folder: Path, runs: int) -> float:
    """Return the seconds that a start takes in which an engine takes over the runs that another one left open."""
    store, stuck = SqlStore(folder / "resume.db"), Stuck()
    left = Engine(store, {"python": stuck}, adopt=False).start()
    left.start_runs(chain(2, effect=True), [{}] * runs, "bench")
    for _ in range(runs):
        stuck.stuck.acquire()
    left.stop()
    started = time.perf_counter()
    resumed = Engine(store, {"python": stuck}).start()
    elapsed = time.perf_counter() - started
    orphans = store.orphans([resumed.id])
    resumed.stop()
    store.close()
    if orphans:
        sys.exit(f"{len(orphans)} runs were not taken over")
    return elapsed


def fold(engine: Engine, store: Watched, steps: int) -> tuple[int, float, float]:
    """Return how many events a long run has, and the seconds to read them and to fold them."""
    saga = chain(steps, effect=False)
    run_id = engine.start_run(saga, {}, "bench")
    store.wait_for(1)
    started = time.perf_counter()
    history = store.history(run_id)
    read = time.perf_counter()
    replay(saga, history)
    return len(history), read - started, time.perf_counter() - read


def validators_ms(rules: int, rounds: int = 300) -> float:
    """Return the milliseconds by which so many rule validators make the turn longer that takes a step's result."""
    rule = "output.total <= run.input.budget && output.items.all(i, i > 0)"
    checks = [{"name": f"v{n}", "rule": rule} for n in range(rules)]
    return (statistics.median(_turns_s(checks, rounds)) - statistics.median(_turns_s([], rounds))) * 1000


def _turns_s(checks: list[dict[str, str]], rounds: int) -> Iterator[float]:
    """Yield the seconds of the turns in which a step's output comes in, is checked and committed."""
    step = {"kind": "python", "with": {"function": "noop"}, "validate": checks}
    declared = {"budget": {"type": "integer"}}
    saga = saga_from_document({"saga": "checked", "input": declared, "steps": {"s": step}})
    output = {"total": 480, "items": [1, 2, 3]}
    for _ in range(rounds):
        run = Run(saga)
        turn(run, c.Start(run_id="r", input={"budget": 500}, by="bench"), datetime.now(UTC))
        report = c.Report(step="s", phase="forward", attempt=1, outcome="ok", output=output)
        started = time.perf_counter()
        turn(run, report, datetime.now(UTC))
        elapsed = time.perf_counter() - started
        if run.status != "completed":
            sys.exit("a checked step did not complete")
        yield elapsed


def main() -> None:
    """Print the figures."""
    calm_garbage_collector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Watched(f"sqlite:///{folder / 'bench.db'}")
        with Engine(store, {"python": PythonPerformer(FUNCTIONS)}, adopt=False) as driver:
            raw: list[float] = []
            effect: list[float] = []
            readonly: list[float] = []
            with_effect, without = chain(CHAIN, effect=True), chain(CHAIN, effect=False)
            for _ in range(ROUNDS):
                raw.append(raw_commit_ms(store, folder, 200))
                effect.append(chain_step_ms(driver, store, with_effect, 10))
                readonly.append(chain_step_ms(driver, store, without, 10))
            events, read_s, fold_s = fold(driver, store, 2_490)
            rates = at_once(driver, store, folder)
            sizes = {
                size: chain_step_ms(driver, store, chain(size, effect=False), 1) for size in (100, 1000, 4000)
            }
        settings = ", ".join(f"{key} {value}" for key, value in store.describe().items() if key != "database")
        store.close()
        resumed_s = resume_s(folder, 1000)
    checked_ms = validators_ms(10)
    base = statistics.median(raw)
    print(f"store                                    {settings}")
    print(f"raw commit of one row                    {base:8.3f} ms   (1.0 x)")
    for label, found in (
        ("step with an effect, 10-step chain", effect),
        ("readonly step, 10-step chain", readonly),
    ):
        value = statistics.median(found)
        print(f"{label:40} {value:8.3f} ms   ({value / base:.1f} x a raw commit)")
    for label, (rate, times) in zip(("readonly runs", "runs with effects"), rates, strict=True):
        beside = f"{times:.1f} x as long as bare bones"
        print(f"{f'1,000 {label} at once':40} {rate:8,.0f} steps/s ({beside})")
    for size, value in sizes.items():
        print(f"readonly step in a chain of {size:<12,} {value:8.3f} ms")
    print(f"a start that takes 1,000 open runs over   {resumed_s:8.2f} s")
    print(f"10 rule validators on a step             {checked_ms:8.3f} ms")
    print(f"a run of {events:,} events                  {read_s:8.2f} s to read, {fold_s:.2f} s to fold")
    bench_map.show()
    bench_context.show()


if __name__ == "__main__":
    main()
