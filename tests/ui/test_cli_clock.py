"""Runs in which nothing moves, seen from the command line: it says so and comes back, instead of waiting for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.core.commands import Pause
from engine.ports import RunFilter
from storage.store import open_store
from ui.cli import main
from ui.compose import Studio
from ui.settings import read_settings

STILL = """
saga: still
clock: {start: "09:00", speed: SPEED}
steps:
  a: {kind: activity, with: {kind: work, start: "09:10", minutes: 5}}
  b: {kind: activity, needs: a, with: {kind: work, start: "09:20", minutes: 5}}
"""
ASKS = "saga: asks\nsteps:\n  a: {kind: approval, with: {question: 'Go?'}}\n  b: {kind: approval, needs: a}\n"


def saga(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def started(tmp_path: Path, text: str) -> tuple[str, Result]:
    file = tmp_path / "saga.yaml"
    file.write_text(text)
    result = saga("run", str(file))
    store = open_store(read_settings().database)
    (row,) = store.rows(RunFilter())
    store.close()
    return row.id, result


def test_a_run_whose_clock_stands_still_says_how_it_goes_on(tmp_path: Path) -> None:
    run_id, result = started(tmp_path, STILL.replace("SPEED", "0"))
    assert result.exit_code == 4, result.output
    assert f"saga clock {run_id} --jump" in result.output
    jumped = saga("clock", run_id, "--jump")
    assert jumped.exit_code == 4, jumped.output
    assert "its clock stands still" in jumped.output
    ended = saga("clock", run_id, "--speed", "1000")
    assert (ended.exit_code, "completed" in ended.output.lower()) == (0, True)
    assert "stands still" not in ended.output


def test_a_clock_that_is_stopped_gives_the_command_back(tmp_path: Path) -> None:
    file = tmp_path / "saga.yaml"
    file.write_text(STILL.replace("SPEED", "0.001"))
    with Studio.open(read_settings(), adopt=False) as studio:
        from engine.core.document import parse_saga

        run_id = studio.engine.start_run(parse_saga(file.read_text()), {}, "ann")
    stopped = saga("clock", run_id, "--speed", "0")
    assert stopped.exit_code == 4, stopped.output
    assert "its clock stands still" in stopped.output


def test_a_paused_run_gives_the_command_back(tmp_path: Path) -> None:
    run_id, _ = started(tmp_path, ASKS)
    with Studio.open(read_settings(), adopt=False) as studio:
        studio.engine.submit(run_id, Pause(by="ann")).result()
    answered = saga("approve", run_id, "a", "--reason", "go")
    assert answered.exit_code == 4, answered.output
    assert "it is paused" in answered.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("schedule", "P9", "--live", "--base", "x.yaml"), "leave --base out"),
        (("schedule", "P9", "--live", "--plans", "x.yaml", "--id", "y"), "leave --plans out"),
        (("schedule", "P9", "--live", "--id", "y"), "leave --id out"),
        (("schedule", "P9", "--live", "--now", "13:00"), "leave --now out"),
        (("schedule", "P9", "--plans", "x.yaml", "--base", "y.yaml"), "give one of the two"),
        (("schedule", "P9", "--plans", "x.yaml", "--now", "13:00"), "give one of the two"),
        (("clock", "r-1", "--ends", "a=10:00", "--speed", "2"), "give one of the two"),
        (("clock", "r-1", "--ends", "a=10:00", "--jump"), "give one of the two"),
    ],
)
def test_options_of_which_one_would_be_left_out_are_refused(arguments: tuple[str, ...], message: str) -> None:
    result = saga(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_the_examples_of_schedule_are_commands_that_are_taken(tmp_path: Path) -> None:
    assert "--id P5_solved --live" not in saga("schedule", "--help").output
    live = saga("schedule", "P9", "--live", "--out", str(tmp_path / "live.yaml"))
    assert live.exit_code == 0, live.output
    text = (tmp_path / "live.yaml").read_text()
    assert "16:00" not in text, "the delay is not known before it is"
    assert saga("validate", str(tmp_path / "live.yaml")).exit_code == 0, "what is written can be read"
