"""Databases to torture, a world that survives, and the forge of the processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.processes import Forge

DATABASES = ["sqlite", "postgres_url"]
"""Each is the name of a fixture that gives the URL of a new, empty database."""


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'saga.db'}"


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    made = Forge(tmp_path / "stderr.log")
    yield made
    made.close()


@pytest.fixture
def world_path(tmp_path: Path) -> Path:
    return tmp_path / "world.db"


@pytest.fixture
def world(forge: Forge, world_path: Path) -> str:
    """The address of a practice world in a process of its own, which nobody kills."""
    return forge.start("world", path=str(world_path)).expect("ready")
