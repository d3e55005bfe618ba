"""One practice world behind real HTTP, made new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World


@pytest.fixture(scope="module")
def path_of_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox") / "world.db"


@pytest.fixture(scope="module")
def only_world(path_of_world: Path) -> Iterator[World]:
    world = World(path_of_world)
    yield world
    world.close()


@pytest.fixture
def world(only_world: World) -> World:
    only_world.reset()
    return only_world


@pytest.fixture(scope="module")
def only_client(only_world: World) -> Iterator[httpx.Client]:
    with SandboxServer(only_world) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
def http(world: World, only_client: httpx.Client) -> httpx.Client:
    return only_client
