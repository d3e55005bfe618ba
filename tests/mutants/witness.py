"""A pytest plugin for the process that runs the tests against a bug: it says what failed and what was imported."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

_failed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.append(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write the first failure, the file from which the module with the bug came, and the libraries in use."""
    module = sys.modules.get(os.environ["MUTANT_MODULE"])
    seen = {
        "failed": next(iter(_failed), ""),
        "file": module.__file__ if module else None,
        "libraries": [name for name, loaded in sys.modules.items() if _is_library(loaded)],
    }
    Path(os.environ["MUTANT_REPORT"]).write_text(json.dumps(seen))


def _is_library(module: object) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and not Path(file).is_relative_to(Path.cwd())
