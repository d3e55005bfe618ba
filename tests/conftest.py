"""What every test shares: an isolated home for settings, and what must not be skipped in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
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
