"""`saga state`: a run at any moment, and where two moments differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from ui.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TWO = """
saga: two
app: {n: 1}
invariants: [{name: small, rule: app.n < 9}]
steps:
  a: {kind: python, with: {function: echo, args: {x: 4}}, writes: {n: output.x}}
  b: {kind: python, needs: a, with: {function: echo, args: {x: 5}}}
"""


def saga(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SAGA_MODEL", "scripted")
    path = tmp_path / "saga.yaml"
    path.write_text(TWO)
    return str(json.loads(saga("run", str(path), "--json").output)["id"])


def test_help_has_an_example() -> None:
    told = saga("state", "--help").output
    assert "saga state r-" in told.split("Example:")[1]
    assert "state" in saga("--help").output


def test_a_run_is_shown_in_three_dimensions_as_it_is_and_as_it_was(run_id: str) -> None:
    told = saga("state", run_id).output
    assert "n = 4" in told
    assert [line for line in told.splitlines() if line.split()[:2] == ["small", "Yes"]]
    assert told.index("Application (S_A)") < told.index("Operations (S_O)") < told.index("Dependencies (S_D)")
    assert "n = 1" in saga("state", run_id, "--at", "1").output


def test_as_json_it_is_the_whole_state_and_the_same_each_time(run_id: str) -> None:
    told = saga("state", run_id, "--at", "1", "--json").output
    state = json.loads(told)
    assert (state["run"]["seq"], state["application"]["entities"]) == (1, {"n": 1})
    assert set(state) == {"run", "application", "operation", "dependency"}
    assert saga("state", run_id, "--at", "1", "--json").output == told


def test_two_moments_are_compared_whichever_comes_first(run_id: str) -> None:
    last = json.loads(saga("state", run_id, "--json").output)["run"]["seq"]
    told = saga("state", run_id, "--diff", "1").output
    assert f"between event 1 and event {last}" in told
    assert "application.entities.n\n    - 1\n    + 4" in told
    found = json.loads(saga("state", run_id, "--at", "1", "--diff", str(last), "--json").output)
    assert (found["from"], found["to"]) == (1, last)
    assert {"path": "application.entities.n", "before": "1", "after": "4"} in found["differences"]
    assert saga("state", run_id, "--at", "1", "--diff", "1").output.startswith("0 differences")


@pytest.mark.parametrize("more", [["--at", "0"], ["--at", "9999"], ["--diff", "9999"]])
def test_a_moment_that_never_was_is_bad_input(run_id: str, more: list[str]) -> None:
    result = saga("state", run_id, *more)
    assert result.exit_code == 2
    assert "there is no event" in result.output


def test_an_unknown_run_is_bad_input(run_id: str) -> None:
    result = saga("state", run_id[:-1] + "!")
    assert result.exit_code == 2
    assert "`saga runs` lists them" in result.output
