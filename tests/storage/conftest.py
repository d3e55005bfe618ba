"""A store in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "saga.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    made = SqlStore(path)
    yield made
    made.close()
