"""While the database can't be used every page says so, in words, and nothing else breaks."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import closing

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from engine.core.commands import Pause
from engine.ports import RunFilter, Unavailable
from storage.migrations import leave
from storage.moved import WORDS as MOVED
from storage.store import SqlStore
from tests.ui.run_studio import APP, Tab, open_studio
from tests.waiting import eventually
from ui.cli import main
from ui.components import run_commands, trouble
from ui.components.text import escape

PAGES = ["gallery", "runs", "designer", "approvals", "sandbox", "guide", "settings"]
WORDS = "the database says: *disk* is full"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_is_wrong_that_nothing_is_lost_and_that_it_goes_on(studio, monkeypatch, page):
    monkeypatch.setattr(type(studio.store), "trouble", WORDS)
    said = Tab(page).words()
    for words in (WORDS, "can't be used now", "Nothing is lost", "goes on by itself"):
        assert words in said


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_so_while_all_is_well(studio, page):
    assert "Nothing is lost" not in Tab(page).words()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_can_not_be_read_stands_back_and_comes_back(studio, monkeypatch, page):
    def down(*_, **__):
        raise Unavailable("the database says: connection refused")

    with monkeypatch.context() as away:
        away.setattr(type(studio.store), "trouble", WORDS)
        for name in (
            "row",
            "rows",
            "count",
            "counts",
            "history",
            "versions",
            "drafts",
            "draft",
            "drivers",
            "describe",
        ):
            away.setattr(studio.store, name, down)
        tab = Tab(page)
        assert "Nothing is lost" in tab.words()
    assert studio.store.count(RunFilter()) == 0
    tab.run()
    assert "Nothing is lost" not in tab.words()
    assert "comes back by itself" not in tab.words()


def test_a_command_waits_no_longer_than_the_database_is_well(studio, monkeypatch):
    never = Future()
    monkeypatch.setattr(studio.engine, "submit", lambda *_: never)
    monkeypatch.setattr(type(studio.store), "trouble", WORDS)
    told = []
    monkeypatch.setattr(run_commands, "refuse", told.append)
    monkeypatch.setattr(run_commands, "SLICE_S", 0.01)
    assert run_commands.send("r1", Pause(by="ann"), "Paused") is False
    assert told == [run_commands.AWAY]


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A studio that was open when its history was moved."""
    folder = tmp_path_factory.mktemp("moved")
    with open_studio(folder) as opened:
        with closing(SqlStore(folder / "saga.db")) as other, other.database.writing() as connection:
            leave(connection)
        eventually(lambda: opened.store.moved)
        yield opened


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_history_that_was_moved_is_one_clear_error(moved, page):
    tab = Tab(page)
    assert [error.value for error in tab.app.error] == [escape(MOVED)]
    assert "comes back by itself" not in tab.words()
    assert not tab.app.exception


def test_an_open_page_turns_to_that_error_by_itself(moved, monkeypatch):
    class Drawn(Exception):
        pass

    def drawn():
        raise Drawn

    monkeypatch.setattr(trouble.st, "rerun", drawn)
    with pytest.raises(Drawn):
        trouble.trouble_banner.__wrapped__()


def test_an_app_that_is_opened_on_a_moved_history_says_so(tmp_path, monkeypatch):
    with closing(SqlStore(tmp_path / "saga.db")) as store, store.database.writing() as connection:
        leave(connection)
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path))
    app = AppTest.from_file(str(APP)).run(timeout=60)
    assert [error.value for error in app.error] == [escape(MOVED)]
    assert not app.exception


def test_a_server_is_not_started_on_a_moved_history(tmp_path, monkeypatch):
    with closing(SqlStore(tmp_path / "saga.db")) as store, store.database.writing() as connection:
        leave(connection)
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path))  # which the command changes: so it is set back
    refused = CliRunner().invoke(main, ["serve", "--data-dir", str(tmp_path)], catch_exceptions=False)
    assert refused.exit_code == 2
    assert refused.output.strip() == f"✗ {MOVED}"
