"""Settings: what is in force is shown with where it is set, and no secret is."""

import pytest

from tests.ui.run_studio import Tab, open_studio
from ui import session
from ui.models.settings_rows import journal_note, masked, setting_rows, shown, store_rows, version_rows
from ui.settings import Settings


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def words(tab):
    return " ".join(element.value for element in [*tab.app.markdown, *tab.app.caption, *tab.app.text])


def test_the_page_shows_store_engine_models_and_versions(studio):
    tab = Tab("settings")
    said = words(tab)
    assert str(studio.settings.data_dir.resolve()) in said
    assert studio.engine.id in said
    assert "scripted" in said
    assert "echo" in said
    settings, versions = tab.app.dataframe
    assert settings.value["Environment variable"].tolist() == [
        f"SAGA_{n.upper()}" for n in Settings.model_fields
    ]
    assert "saga-studio" in versions.value["Package"].tolist()


def test_who_you_are_is_kept_over_pages_and_used(studio):
    tab = Tab("settings")
    assert tab.app.text_input(key="settings_person").value == "maria"
    tab.app.text_input(key="settings_person").set_value("  Grace   Hopper ")
    tab.run()
    assert tab.app.session_state["person"] == "Grace Hopper"
    tab.app.switch_page("views/gallery.py")
    tab.run().click("gallery_run_incident-response")
    from engine.ports import RunFilter

    assert studio.store.rows(RunFilter(), 1)[0].by == "Grace Hopper"
    tab.app.switch_page("views/settings.py")
    tab.run()
    assert tab.app.text_input(key="settings_person").value == "Grace Hopper"
    tab.app.text_input(key="settings_person").set_value("")
    tab.run()
    assert "person" not in tab.app.session_state


def test_rows_say_what_was_set(monkeypatch):
    monkeypatch.setenv("SAGA_MODEL", "scripted")
    rows = {row.variable: row for row in setting_rows(Settings())}
    assert (rows["SAGA_MODEL"].value, rows["SAGA_MODEL"].is_default) == ("scripted", False)
    assert rows["SAGA_SERVICES"].is_default
    assert rows["SAGA_WARM_UP"].value == "yes"
    assert rows["SAGA_MODEL"].secret == "[saga] model"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("postgresql://me:secret@db/saga", "postgresql://•••@db/saga"),
        ({"a": "http://u:p@h"}, '{"a": "http://•••@h"}'),
        ("postgresql://db/saga?password=secret&x=1", "postgresql://db/saga?password=•••&x=1"),
        ((), "not set"),
        ("", "not set"),
        (False, "no"),
    ],
)
def test_no_password_is_shown(value, text):
    assert shown(value) == text


def test_the_store_is_described_in_words():
    about = {"database": "/x/saga.db", "journal_mode": "delete", "other_thing": "1"}
    assert store_rows(about) == [("Database", "/x/saga.db"), ("Journal mode", "delete"), ("Other thing", "1")]
    assert "3.51.3" in journal_note(about)
    assert "Write-ahead" in journal_note({"journal_mode": "wal"})
    assert journal_note({}) == ""
    assert masked("plain text") == "plain text"


def test_versions_name_the_app_first():
    assert version_rows()[0][0] == "saga-studio"
    assert session.me
