"""`saga migrate`: what a person types, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ui.cli import main

SAGA = "saga: asks\nsteps: {ask: {kind: approval, with: {question: 'Really?'}}}"


def saga(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The database of a run that waits for an approval."""
    file = tmp_path / "asks.yaml"
    file.write_text(SAGA)
    assert saga("run", str(file)).exit_code == 4
    return tmp_path / "saga" / "saga.db"


def test_every_command_goes_on_with_a_history_that_was_moved_to_postgres(
    history: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = saga("migrate", str(history), postgres_url)
    assert moved.exit_code == 0, moved.output
    for said in ("1  runs", "1  versions of sagas", "moved, 1 open runs included", "SAGA_DATABASE_URL"):
        assert said in moved.output
    closed = saga("runs")
    assert closed.exit_code == 2
    assert "goes on in another database" in closed.output
    monkeypatch.setenv("SAGA_DATABASE_URL", postgres_url)
    listed = saga("runs").output
    assert "asks" in listed
    run_id = listed.split()[0]
    assert saga("approve", run_id, "ask").exit_code == 0
    assert "Completed" in saga("show", run_id).output
    assert saga("run", "order-fulfilment", "--approve-all", "--json").exit_code == 0


def test_what_can_not_be_moved_is_one_clear_error(history: Path, postgres_url: str, tmp_path: Path) -> None:
    for words, said in {
        (str(tmp_path / "none.db"), postgres_url): "there is no database at",
        (str(history), str(history)): "are the same database",
        (str(history), "mysql://me:secret@db/x"): "'mysql' databases are not known here",
        (str(history), f"postgresql://me:secret@/x?host={tmp_path}"): "the database says",
    }.items():
        refused = saga("migrate", *words)
        assert refused.exit_code == 2
        assert said in refused.output
        assert refused.output.count("✗") == 1
        assert "secret" not in refused.output
    assert "asks" in saga("runs").output
