"""While the database can't be used every page says so, in words, and nothing else breaks."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from engine.core.commands import Pause
from engine.ports import RunFilter, Unavailable
from tests.ui.run_studio import Tab, open_studio
from ui.components import run_commands

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
