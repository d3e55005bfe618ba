"""The Runs page: numbers, filters, paging and the way into a run."""

import pytest

from engine.core.commands import MarkStale
from engine.projection import project
from tests.core.harness import Play
from tests.ui.run_studio import Tab, asked, open_studio, start, until
from ui.models.runs_table import run_lines, run_metrics


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(studio):
    done = [start(studio, "order-fulfilment", order=f"A-{n}") for n in range(2)]
    for run_id in done:
        until(studio, run_id, lambda row: row.ended_at)
    return [*done, asked(studio)]


def table(tab):
    (frame,) = tab.app.dataframe
    return frame.value


def test_an_empty_list_leads_to_the_gallery(tmp_path):
    with open_studio(tmp_path / "empty"):
        tab = Tab("runs")
        assert "No runs yet" in tab.words()
        assert tab.app.get("page_link")[0].proto.label == "Open the Gallery"


def test_the_list_says_in_words_how_each_run_stands(studio, runs):
    from ui import session

    session.hold(studio)
    tab = Tab("runs")
    shown = table(tab)
    assert [words[0] for words in shown["status"]] == ["Waiting for travel-desk", "Completed", "Completed"]
    assert list(shown["steps"]) == ["5 of 6 done", "5 of 5 done", "5 of 5 done"]
    assert list(shown["id"]) == [f"run?id={run_id}" for run_id in reversed(runs)]
    assert tab.app.metric[0].label == "Started, 24 h"
    pills = next(group for group in tab.app.get("button_group") if group.key == "runs-status")
    assert pills.options[0] == "Waiting for people 1"


def test_filters_narrow_and_say_when_nothing_is_left(studio, runs):
    tab = Tab("runs")
    tab.app.text_input(key="runs-text").set_value("A-1")
    tab.run()
    assert list(table(tab)["id"]) == [f"run?id={runs[1]}"]
    tab.app.text_input(key="runs-text").set_value("nothing like this")
    tab.run()
    assert "No run matches" in tab.words()
    tab.click("runs-clear")
    assert len(table(tab)) == 3
    tab.app.session_state["runs-status"] = ["Waiting for people"]
    assert list(table(tab.run())["id"]) == [f"run?id={runs[2]}"]
    tab.app.session_state["runs-status"] = ["Completed"]
    assert len(table(tab.run())) == 2
    tab.app.session_state["runs-saga"] = "trip-to-germany"
    assert "No run matches" in tab.run().words()


def test_a_long_list_has_pages(studio, runs, monkeypatch):
    from ui.components import run_list

    monkeypatch.setattr(run_list, "PER_PAGE", 2)
    tab = Tab("runs")
    assert "1 to 2 of 3 runs" in tab.words()
    assert len(table(tab)) == 2
    tab.app.session_state["runs-page"] = 2
    assert "3 to 3 of 3 runs" in tab.run().words()


def test_words_for_runs_that_had_nothing_to_undo_or_overcame_a_fault():
    none = Play("steps: {a: {<read>, <once>}, b: {<read>, needs: a}}")
    none.rejected("a", error="no seats")
    mended = Play("recovery: repair\nsteps: {a: {<read>}, b: {<read>, needs: a}}")
    mended.ok("a")
    mended.do(MarkStale(steps=("a",), reason="the fair moved", by="bob"))
    for name in ("b", "a", "b"):
        if name in mended.open():
            mended.ok(name)
    back, done = run_lines([project(none.run), project(mended.run)], none.now)
    assert (back.word, back.steps, back.progress) == ("Compensated", "nothing to undo", 100)
    assert (done.word, done.fault) == ("Completed", "Overcome: the fair moved")
    numbers = run_metrics({"compensated": 1}, 0, [], none.now)
    assert next(number for number in numbers if number.label == "Compensated").note == "nothing left behind"
