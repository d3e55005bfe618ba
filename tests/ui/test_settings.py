"""Where settings come from: the environment before the file, the file before the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.core.errors import SagaError
from ui.cli import main
from ui.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def in_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAGA_DATA_DIR")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        '[saga]\nmodel = "openai/gpt-x"\nuser = "from-file"\nservices = {"crm.internal" = "http://127.0.0.1:9"}\n'
    )


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults() -> None:
    settings = Settings()
    assert settings.user == "tester"
    assert settings.model == "openai/gpt-x"
    assert settings.services == {"crm.internal": "http://127.0.0.1:9"}
    assert settings.data_dir == Path(".saga")
    assert settings.database == f"sqlite:///{Path.cwd() / '.saga' / 'saga.db'}"


def test_json_in_the_environment_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_FUNCTIONS", '["my.module"]')
    monkeypatch.setenv("SAGA_DATABASE_URL", "memory:")
    assert Settings().functions == ("my.module",)
    assert Settings().database == "memory:"
    assert Settings(user="me").user == "me"


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".streamlit" / "secrets.toml").write_text('[saga]\nmodle = "x"\n')
    with pytest.raises(SagaError, match=r"setting 'modle': .*secrets.toml"):
        read_settings()
    told = CliRunner().invoke(main, ["runs"])
    assert told.exit_code == 2
    assert told.output.startswith("✗ setting 'modle'")


@pytest.mark.parametrize("name", ["SAGA_FUNCTIONS", "SAGA_SERVICES"])
def test_json_that_is_none_is_told_in_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "{")
    with pytest.raises(SagaError, match="can't be read"):
        read_settings()
