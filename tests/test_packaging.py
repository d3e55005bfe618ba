"""The wheel: exactly three packages, with everything that they need at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_it_holds_three_packages_and_nothing_else(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ui", "engine", "storage"}


@pytest.mark.parametrize(
    "name",
    [
        "ui/app.py",
        "ui/assets/streamlit.toml",
        "ui/assets/app.css",
        "ui/assets/logo.svg",
        "ui/components/flow.js",
        "engine/templates/trip-to-germany.yaml",
        "engine/templates/gallery.yaml",
        "engine/planning/problems/P5.yaml",
        "storage/migrations/env.py",
    ],
)
def test_what_is_read_at_run_time_is_in_it(names: set[str], name: str) -> None:
    assert name in names


def test_every_chapter_of_the_guide_migration_example_and_script_is_in_it(names: set[str]) -> None:
    for folder, pattern in (
        ("ui/guide", "*.md"),
        ("storage/migrations/versions", "*.py"),
        ("engine/templates/checks", "*.yaml"),
        ("engine/templates/scripts", "*.yaml"),
        ("engine/templates/samples", "*.json"),
    ):
        here = {f"{folder}/{path.name}" for path in (ROOT / folder).glob(pattern)}
        assert here
        assert here <= names
