"""The architecture is a test: the layers hold, a planted breach is caught, and no file outgrows its limits."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for top in ("ui", "engine", "storage", "tests") for path in (ROOT / top).rglob("*.py")]


def lint_imports(where: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        "pyproject.toml",
    ]
    return subprocess.run(
        command,
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(where)},
    )


@pytest.mark.parametrize(
    ("place", "breach"),
    [
        ("engine/core/run.py", "import time"),
        ("engine/core/act.py", "import random"),
        ("engine/core/saga.py", "import sqlalchemy"),
        ("engine/steps/http.py", "import storage"),
        ("storage/__init__.py", "import ui.settings"),
        ("engine/steps/llm.py", "import litellm"),
    ],
)
def test_a_planted_breach_of_the_layers_is_caught(tmp_path: Path, place: str, breach: str) -> None:
    for top in ("ui", "engine", "storage"):
        shutil.copytree(ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / place
    target.write_text(
        target.read_text().replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{breach}\n", 1
        )
        if "__future__" in target.read_text()
        else f"{breach}\n"
    )
    checked = lint_imports(tmp_path)
    assert checked.returncode != 0, checked.stdout
    assert "BROKEN" in checked.stdout


def test_no_file_is_longer_than_500_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text().splitlines())) > 500}
    assert not long


def test_no_function_is_longer_than_70_lines() -> None:
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 70:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({length})")
    assert not long


def test_no_committed_file_names_a_package_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org")
    guilty = [
        name
        for name in listed
        if (ROOT / name).is_file() and any(h.encode() in (ROOT / name).read_bytes() for h in hosts)
    ]
    assert not guilty
