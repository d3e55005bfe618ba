"""A draft tried on a practice world of its own: once to its end, once with a fault behind everything that can be undone.

Models answer from their schemas here and people say yes, so that a trial costs nothing and touches nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.commands import Decide
from engine.core.document import saga_from_document
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.saga import HttpStep, PythonStep, Saga, effect_of, undo_of
from engine.memory import MemoryStore
from engine.planning.words.trial import Trial, UndoTrial
from engine.runtime.engine import Engine
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.scripted import ScriptedLlm
from engine.steps.registry import performers

STOP = "trial_stop"
PERSON = "trial"
WORLD = "${world}/"
LIMIT_S = 60.0
POLL_S = 0.01


def tried(saga: Saga) -> Trial:
    """Return how a draft went; its undos are tried by a step that is refused once all that can be undone is done."""
    why_not = _why_not(saga)
    if why_not:
        return Trial(why_not=why_not)
    began = time.monotonic()
    with _bench() as bench:
        forward = bench.run(_plain(saga))
        cost_usd = sum(entry.amount_usd for entry in bench.world.ledger())
    undos: dict[str, UndoTrial] = {}
    if any(undo_of(step) is not None for step in saga.steps.values()):
        with _bench() as bench:
            back = bench.run(_stopped(saga))
            undos = _undos(back, bench.world)
    failed_at, error = _trouble(forward)
    return Trial(undos, forward.status, failed_at, error, round(cost_usd, 2), time.monotonic() - began)


def _why_not(saga: Saga) -> str:
    """Return why a saga can't be tried without touching something real; empty where it can."""
    for name, step in saga.steps.items():
        undo, probe = undo_of(step), step.probe
        calls: list[Any] = [step.with_] if isinstance(step, HttpStep) else []
        calls += [part.with_ for part in (undo, probe) if part is not None]
        if any(not getattr(call, "url", WORLD).startswith(WORLD) for call in calls):
            return f"'{name}' calls a service that is not of the practice world"
        if isinstance(step, PythonStep) and effect_of(step) != "readonly":
            return f"'{name}' is a function with an effect of its own"
        if undo is not None and undo.kind == "python":
            return f"'{name}' is undone by a function with an effect of its own"
    return ""


def _stopped(saga: Saga) -> Saga:
    """Return the saga without its point of no return and what follows, and with a step at its end that is refused."""
    after = {name for pivot in saga.pivots for name in (pivot, *saga.graph.descendants(pivot))}
    document = _plain(saga).document()
    steps = {name: body for name, body in document["steps"].items() if name not in after}
    stop = {"kind": "http", "needs": list(steps), "with": {"url": f"{WORLD}{STOP}"}}
    kept = {key: value for key, value in document.items() if key not in {"edges", "validate", "output"}}
    return saga_from_document({**kept, "recovery": "compensate", "steps": {**steps, STOP: stop}})


def _plain(saga: Saga) -> Saga:
    """Return the saga without the marks of its drafting: a trial is what makes its undos count."""
    document = {key: value for key, value in saga.document().items() if key != "drafted"}
    steps = {n: {k: v for k, v in body.items() if k != "drafted"} for n, body in document["steps"].items()}
    return saga_from_document({**document, "steps": steps})


def _undos(run: Run, world: World) -> dict[str, UndoTrial]:
    """Return how each undo went, by the run and by what its collection holds."""
    made: Counter[str] = Counter()
    kept_usd: defaultdict[str, float] = defaultdict(float)
    for entry in world.ledger():
        done = _step_of(entry.key or "")
        made[done] += -1 if (entry.key or "").startswith("c:") else 1
        kept_usd[done] += entry.amount_usd
    found = {}
    for name, step in run.steps.items():
        if undo_of(step.definition) is None:
            continue
        if step.status == "compensated":
            found[name] = UndoTrial(made[name] == 0, "", 0, made[name], round(kept_usd[name], 2))
        elif step.undos:
            last = step.undos[-1].result
            said = last.error if last is not None and last.error else str(step.status)
            found[name] = UndoTrial(False, said, 0, made[name])
        else:
            found[name] = UndoTrial(None, "it was not reached")
    return found


def _step_of(key: str) -> str:
    parts = key.removeprefix("c:").split(":")
    return parts[1] if len(parts) > 1 else ""


def _trouble(run: Run) -> tuple[str, str]:
    fault = next(iter(run.faults), None)
    if fault is not None:
        return fault.step or "", fault.reason
    return "", "" if run.status == "completed" else f"it stood still as {run.status}"


@dataclass
class _Bench:
    """An engine with a practice world of its own."""

    store: MemoryStore
    engine: Engine
    world: World

    def run(self, saga: Saga) -> Run:
        """Run a saga with its example inputs, saying yes to everything, until it ends or time is up."""
        run_id = self.engine.start_run(saga, {}, PERSON)
        until = time.monotonic() + LIMIT_S
        row = self.store.row(run_id)
        while row is not None and row.ended_at is None and time.monotonic() < until:
            for asked in row.approvals:
                self._agree(run_id, asked.step)
            if row.attention:
                break
            time.sleep(POLL_S)
            row = self.store.row(run_id)
        return replay(saga, self.store.history(run_id))

    def _agree(self, run_id: str, step: str) -> None:
        decide = Decide(by=PERSON, step=step, decision="approved", reason="a trial")
        self.engine.submit(run_id, decide).result()


@contextmanager
def _bench() -> Iterator[_Bench]:
    with tempfile.TemporaryDirectory(prefix="saga-trial-") as folder:
        world = World(Path(folder) / "world.db")
        with SandboxServer(world) as server:
            store = MemoryStore()
            made: dict[str, Any] = performers(ScriptedLlm(), "scripted", {"sandbox.internal": server.url})
            with Engine(store, made) as engine:
                yield _Bench(store, engine, world)
            store.close()
        world.close()
