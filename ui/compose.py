"""Putting the studio together: the only file that knows engine, storage and the pages' settings."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Self

import engine.planning.functions  # noqa: F401 - registers the functions of timetables
from engine.llm import LiteLlm
from engine.llm_port import Llm
from engine.ports import Store
from engine.runtime.engine import Engine, calm_garbage_collector
from engine.runtime.outage import interruptible
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from engine.steps.registry import performers
from engine.tokens import ModelTokens
from storage.store import open_store
from ui.settings import Settings

SANDBOX_HOST = "sandbox.internal"


@dataclass
class Studio:
    """Everything one process needs: settings, store, engine, models, and the practice world.

    Attributes:
        world: the practice world behind `sandbox`; None where it runs elsewhere.
    """

    settings: Settings
    store: Store
    engine: Engine
    llm: Llm
    world: World | None
    sandbox: SandboxServer | None
    sandbox_url: str

    @classmethod
    def open(cls, settings: Settings, *, adopt: bool = True, llm: Llm | None = None) -> Self:
        """Open the store, start the practice world and the engine; `adopt` takes over open runs."""
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for module in settings.functions:
            importlib.import_module(module)
        store = interruptible(open_store(settings.database))
        world, sandbox, url = None, None, settings.sandbox_url
        if not url:
            world = World(settings.data_dir / "sandbox.db")
            sandbox = SandboxServer(world)
            sandbox.start()
            url = sandbox.url
        models = llm or _models(settings)
        made = performers(models, settings.model, {SANDBOX_HOST: url, **settings.services})
        calm_garbage_collector()
        engine = Engine(
            store, made, count=ModelTokens(settings.model), adopt=adopt, may_crash=settings.allow_crash
        ).start()
        return cls(settings, store, engine, models, world, sandbox, url)

    def close(self) -> None:
        """Stop the engine, then the practice world, then the store."""
        self.engine.stop()
        if self.sandbox is not None:
            self.sandbox.stop()
        if self.world is not None:
            self.world.close()
        self.store.close()

    def __enter__(self) -> Self:
        """Return the open studio."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def check_database(settings: Settings) -> None:
    """Open the database and let go of it.

    Raises:
        SagaError: if it can't be opened, or its history goes on in another one.
    """
    open_store(settings.database).close()


def _models(settings: Settings) -> Llm:
    models = LiteLlm(default_model=settings.model)
    if settings.warm_up and settings.model == "local":
        models.warm_up()
    return models
