"""Incidents after the end of a run: on its page, in the inbox, in the navigation; closed with a reason."""

from datetime import UTC, datetime

import pytest

from engine.ports import Incident
from tests.ui.run_studio import Tab, answer, asked, open_studio, until
from ui.components.trouble import waiting_for_people

WHAT = "attempt 1 of 'hotel' landed after the run had ended as *compensated*"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("incidents")) as opened:
        yield opened


@pytest.fixture(scope="module")
def ended(studio):
    run_id = asked(studio)
    answer(studio, run_id, "flight_back", "denied")
    return until(studio, run_id, lambda row: row.ended_at).id


@pytest.fixture
def incident(studio, ended, request):
    name = f"{ended}:hotel:{request.node.name}"
    found = Incident(
        id=name, run_id=ended, step="hotel", at=datetime.now(UTC), what=WHAT, evidence={"answer": {"id": 7}}
    )
    studio.store.open_incident(found)
    yield found
    studio.store.close_incident(name, "the test", "over", datetime.now(UTC))


def close(tab, incident, reason):
    tab.app.text_input(key=f"incident-{incident.id}-reason").set_value(reason)
    return tab.click(f"incident-{incident.id}-close")


def test_the_page_of_a_run_shows_its_incident_and_closes_it_with_a_reason(studio, ended, incident):
    tab = Tab("run", id=ended)
    assert WHAT[0].upper() + WHAT[1:] in tab.words()
    assert any("Incident after the end" in element.value for element in tab.app.markdown)
    close(tab, incident, " ")
    assert "say how it was settled" in tab.words()
    assert studio.store.incidents(ended) == [incident]
    close(tab, incident, "cancelled by phone")
    (kept,) = [i for i in studio.store.incidents(ended, open_only=False) if i.id == incident.id]
    assert (kept.by, kept.reason) == ("maria", "cancelled by phone")
    assert "Closed by maria on" in Tab("run", id=ended).words()


def test_the_inbox_lists_incidents_and_the_navigation_counts_them(studio, incident):
    before = waiting_for_people()
    tab = Tab("approvals")
    assert "1 incident" in tab.words()
    assert "Incidents after the end" in tab.words()
    assert "Nothing waits for you" not in tab.words()
    close(tab, incident, "it is the one that counts")
    assert waiting_for_people() == before - 1
    assert "Nothing waits for you" in Tab("approvals").words()


def test_who_comes_second_reads_that_it_is_closed(studio, ended, incident):
    tab = Tab("run", id=ended)
    studio.store.close_incident(incident.id, "bob", "done", datetime.now(UTC))
    tab.app.text_input(key=f"incident-{incident.id}-reason").set_value("me too")
    tab.app.button(key=f"incident-{incident.id}-close").click()
    tab.run()
    assert "somebody else has closed it meanwhile" in tab.words()
