"""An engine on a memory store, with the practice world behind real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.core.commands import Decide
from engine.core.document import parse_saga
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.saga import Saga
from engine.memory import MemoryStore
from engine.ports import Performer
from engine.runtime.engine import Engine
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.scripted import ScriptedLlm
from engine.steps.checks import CheckPerformer
from engine.steps.plans import SolverPerformer
from engine.steps.python import FUNCTIONS, Functions, PythonPerformer
from engine.steps.registry import performers
from tests.waiting import PATIENCE_S, eventually


@dataclass
class Bench:
    """An engine with all that it needs, and short words for what tests do with it."""

    store: MemoryStore
    engine: Engine
    world: World
    functions: Functions

    def start(self, saga: Saga | str, **values: Any) -> str:
        definition = parse_saga(saga) if isinstance(saga, str) else saga
        return self.engine.start_run(definition, values, "starter")

    def run(self, run_id: str) -> Run:
        row = self.store.row(run_id)
        assert row is not None
        return replay(self.engine.saga(row.saga_hash), self.store.history(run_id))

    def until(self, run_id: str, true: Callable[[Run], Any], limit_s: float = PATIENCE_S) -> Run:
        eventually(lambda: true(self.run(run_id)), limit_s)
        return self.run(run_id)

    def to_end(self, run_id: str, *, approve: bool = True, limit_s: float = PATIENCE_S) -> Run:
        def ended() -> bool:
            row = self.store.row(run_id)
            assert row is not None
            for asked in row.approvals:
                decision = "approved" if approve else "denied"
                self.engine.submit(run_id, Decide(by="boss", step=asked.step, decision=decision)).result()
            return row.ended_at is not None

        eventually(ended, limit_s)
        return self.run(run_id)

    def events(self, run_id: str) -> list[str]:
        return [recorded.event.type for recorded in self.store.history(run_id)]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[World, str]]:
    world = World(tmp_path / "sandbox.db")
    with SandboxServer(world) as server:
        yield world, server.url
    world.close()


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def shipped(functions: Functions) -> None:
    """Let sagas call the functions that ship, too."""
    for name in FUNCTIONS.names:
        found = FUNCTIONS.find(name)
        assert found is not None
        functions.register(name)(found.function)


@pytest.fixture
def made(sandbox: tuple[World, str], functions: Functions) -> dict[str, Performer]:
    found = performers(ScriptedLlm(), "scripted", {"sandbox.internal": sandbox[1]})
    own = {"python": PythonPerformer(functions), "check": CheckPerformer(functions)}
    return {**found, **own, "solver": SolverPerformer(functions)}


@pytest.fixture
def bench(sandbox: tuple[World, str], functions: Functions, made: dict[str, Performer]) -> Iterator[Bench]:
    store = MemoryStore()
    with Engine(store, made) as engine:
        yield Bench(store, engine, sandbox[0], functions)
    store.close()
