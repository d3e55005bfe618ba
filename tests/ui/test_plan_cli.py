"""`saga draft`: rounds with their findings in a terminal, a file that runs, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.core.document import parse_saga
from engine.planning.words.problem import Words
from ui import cli_draft
from ui.cli import main


def saga(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["draft", *arguments])


def test_an_example_is_drafted_and_written_to_a_file_that_is_a_saga(tmp_path: Path) -> None:
    out = tmp_path / "order.yaml"
    done = saga("--example", "order", "--alternatives", "2", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "✗ An effect without an undo (missing_compensation)" in done.output
    assert "steps.hold_money.compensate: its effect has no undo" in done.output
    assert "round 2: asked undo:hold_money" in done.output
    assert "Can be undone: 2 of 5 effects" in done.output
    assert "One after the other: ready" in done.output
    assert parse_saga(out.read_bytes()).saga == "ordered-goods"


def test_a_chain_is_printed(tmp_path: Path) -> None:
    done = saga("--example", "product-page", "--as", "chain")
    assert done.exit_code == 0, done.output
    assert "'description' is no node" in done.output
    assert "saga: page-in-small-steps" in done.output


def test_it_says_all_of_it_as_json() -> None:
    done = saga("--example", "incident", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.output)
    assert found["state"] == "ready"
    assert [f["code"] for f in found["rounds"][0]["findings"]] == ["unknown_role"]
    assert found["draft"]["saga"] == "answer-an-alert"


def test_findings_that_are_left_are_exit_code_1(tmp_path: Path) -> None:
    out = tmp_path / "none.yaml"
    done = saga("--example", "wedding", "--rounds", "1", "--out", str(out))
    assert done.exit_code == 1
    assert "no rounds are left" in done.output
    assert not out.exists()


def test_any_words_with_a_model_that_knows_nothing_of_them_end_politely() -> None:
    done = saga("Reserve a tent and send it to Oslo", "-c", "Ask me first", "--model", "scripted")
    assert done.exit_code == 1, done.output
    assert "✗ " in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_model_that_is_not_there_is_said() -> None:
    done = saga("Anything", "--model", "scripted/nobody")
    assert done.exit_code == 1
    assert "there is no script 'nobody'" in done.output


def test_an_example_takes_constraints_and_metrics_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Words] = []
    monkeypatch.setattr(
        cli_draft, "proposals", lambda _llm, _model, words, *_, **__: asked.append(words) or []
    )
    saga("--example", "order", "-c", "Ask me first", "--metric", "least work", "--as", "chain")
    (words,) = asked
    assert (words.constraints[-1], words.metrics[-1], words.style) == ("Ask me first", "least work", "chain")
    assert len(words.constraints) == 3
    assert "reserve them" in words.problem.lower()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what is wanted"),
        (("x" * 4001,), "WORDS has 4,001 characters, and a problem has at most 4,000"),
        (("--example", "moon"), "there is no example 'moon'; examples are travel, order"),
        (("--example", "order", "--out", "/nowhere/at/all.yaml"), "can't be written"),
    ],
)
def test_bad_input_is_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    done = saga(*arguments)
    assert done.exit_code == 2
    assert said in done.output
