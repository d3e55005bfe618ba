"""Planting a bug in a copy of the tree and running tests there: which one notices?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import ROOT, Mutant

PARTS = ("engine", "storage", "ui", "tests", ".streamlit")
LIMIT_S = 180.0
FINISHED, SOME_FAILED = 0, 1


class CannotTell(Exception):
    """The tests did not run as they should have, so nothing can be said about the bug."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a bug: the first test that failed, or nothing where it was not noticed."""

    mutant: Mutant
    killed_by: str
    seconds: float


class Workshop:
    """A copy of the tree, in which one bug at a time is planted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve()
        self._compiled = self.root.parent / "compiled"  # the libraries' too: not compiled anew for each bug
        leave = shutil.ignore_patterns("__pycache__", "shots")
        for part in PARTS:
            shutil.copytree(ROOT / part, self.root / part, ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.nursery"], cwd=self.root, env=self._environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        """End the process in which the tests run."""
        self._nursery.communicate()

    def check(self, mutants: Iterable[Mutant], tests: Sequence[str] = ()) -> None:
        """See that the mutants' tests, or the given ones, pass without any bug.

        Raises:
            CannotTell: if one fails, so that its failure would say nothing about a bug.
        """
        chosen = tests or sorted({test for mutant in mutants for test in mutant.tests})
        failed = self._run("no bug", self.root / "engine/core/run.py", chosen)
        if failed:
            raise CannotTell(f"{failed} fails without any bug; make it pass first")

    def judge(self, mutant: Mutant, tests: Sequence[str] = ()) -> Finding:
        """Return which of the mutant's tests, or of the given ones, notices it first.

        Raises:
            StalePatch: if the mutant does not fit the engine any more.
            CannotTell: if the tests could not be run, or ran against another engine than the copy.
        """
        started = time.monotonic()
        with self._planted(mutant) as path:
            killed_by = self._run(mutant.name, path, tests or mutant.tests, hangs=mutant.hangs)
        return Finding(mutant, killed_by, time.monotonic() - started)

    @contextmanager
    def _planted(self, mutant: Mutant) -> Iterator[Path]:
        path = mutant.place(self.root)
        right = path.read_text()
        path.write_text(mutant.applied(path))
        self._forget(path)
        try:
            yield path
        finally:
            path.write_text(right)
            self._forget(path)

    def _forget(self, path: Path) -> None:
        """Drop the compiled form: it is told apart by size and second only, and could pass for the next bug's."""
        for compiled in self._compiled.joinpath(*path.parent.parts[1:]).glob(f"{path.stem}.*.pyc"):
            compiled.unlink()

    def _run(self, name: str, path: Path, tests: Sequence[str], *, hangs: bool = False) -> str:
        """Return the first of the tests that fails, or nothing; `path` is the file they have to import."""
        report = self.root / "report.json"
        report.unlink(missing_ok=True)
        code, output = self._ask(path, report, tests)
        if code is None:
            if hangs:
                return f"(no end within {LIMIT_S:g} s)"
            raise CannotTell(f"'{name}': the tests did not end within {LIMIT_S:g} s")
        if code not in {FINISHED, SOME_FAILED} or not report.exists():
            raise CannotTell(f"'{name}': the tests could not be run\n{output[-4000:]}")
        seen = json.loads(report.read_text())
        if seen["file"] != str(path):
            raise CannotTell(f"'{name}': the tests imported {seen['file']}, not {path}")
        return str(seen["failed"])

    def _ask(self, path: Path, report: Path, tests: Sequence[str]) -> tuple[int | None, str]:
        """Have the tests run; return pytest's exit code, None where they did not end, and what was printed."""
        module = ".".join(path.relative_to(self.root).with_suffix("").parts)
        environment = {"MUTANT_MODULE": module, "MUTANT_REPORT": str(report)}
        request = {"tests": list(tests), "environment": environment, "limit_s": LIMIT_S}
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(request) + "\n")
        self._nursery.stdin.flush()
        answer = json.loads(self._nursery.stdout.readline())
        return answer["code"], answer["output"]

    def _environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
        ways = {"PYTHONPATH": str(self.root), "PYTHONPYCACHEPREFIX": str(self._compiled)}
        quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a fifth of the time; none of these tests needs one
        return own | ways | quick
