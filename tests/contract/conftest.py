"""Every store there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.memory import MemoryStore
from storage.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.ports import Store


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore()
    if request.param == "sqlite":
        made = SqlStore(tmp_path / "store" / "saga.db")
    elif request.param == "postgres":
        made = SqlStore(request.getfixturevalue("postgres_url"))
    yield made
    made.close()
