"""What every test shares: an isolated home for settings, and what must not be skipped in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.store import SqlStore
from tests.postgres import Server, programs
from tests.room import temp_root

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(temp_root()))  # pytest's own name for where `tmp_path` is
REQUIRE_ALL = os.environ.get("SAGA_REQUIRE_ALL") == "1"


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith("SAGA_") and name != "SAGA_REQUIRE_ALL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path / "saga"))
    monkeypatch.setenv("SAGA_USER", "tester")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser; without one the test is skipped, or fails where everything is required."""
    if CHROMIUM is None:
        if REQUIRE_ALL:
            pytest.fail("no Chromium is installed, and SAGA_REQUIRE_ALL=1 lets no test be skipped")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return CHROMIUM


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A Postgres of this test process; without one the test is skipped, or fails where all is required."""
    found = programs()
    if found is None:
        if REQUIRE_ALL:
            pytest.fail("no Postgres is installed, and SAGA_REQUIRE_ALL=1 lets no test be skipped")
        pytest.skip("no Postgres (`make test` installs one; Debian: apt-get install postgresql)")
    server = Server(found)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    """A database whose tables are there, to copy: quicker than making them for each test."""
    name = postgres.new()
    SqlStore(postgres.url(name)).close()
    return name


@pytest.fixture
def postgres_url(postgres: Server, postgres_template: str) -> Iterator[str]:
    """The URL of a Postgres database with nothing but tables."""
    name = postgres.new(postgres_template)
    yield postgres.url(name)
    postgres.drop(name)
