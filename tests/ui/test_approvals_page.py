"""The Approvals page: the inbox, what each answer causes, and the form."""

import pytest

from tests.ui.run_studio import Tab, answer, asked, broken, open_studio, until
from ui.components.approval_inbox import CHOSEN


@pytest.fixture
def studio(tmp_path):
    with open_studio(tmp_path / "data") as opened:
        yield opened


def form(tab, run_id, step):
    (radio,) = [r for r in tab.app.radio if r.key.startswith(f"approvals-{run_id}-{step}")]
    return radio, radio.key.removesuffix("-answer")


def test_nothing_waiting_says_so(studio):
    assert "Nothing waits for you" in Tab("approvals").words()


def test_a_yes_is_sent_with_its_comment(studio):
    run_id = asked(studio)
    tab = Tab("approvals")
    words = tab.words()
    assert "Book and pay the flight home" in words
    assert f"Idempotency-Key: {run_id}:flight_back:1" in words
    order = "Hotel in Cologne; then Train to Cologne and Hotel in Berlin, side by side; then Flight to Berlin"
    assert f"The run goes back and undoes 4 effects, in this order: {order}." in words
    radio, key = form(tab, run_id, "flight_back")
    radio.set_value("approved")
    tab.app.text_area(key=f"{key}-comment").set_value("within budget")
    tab.press("Send the answer")
    until(studio, run_id, lambda row: row.status == "completed")
    given = [r.event for r in studio.store.history(run_id) if r.event.type == "approval_given"]
    assert [(g.decision, g.by, g.reason) for g in given] == [("approved", "maria", "within budget")]
    assert "Nothing waits for you" in tab.run().words()


def test_a_no_undoes(studio):
    run_id = asked(studio)
    tab = Tab("approvals")
    radio, _ = form(tab, run_id, "flight_back")
    radio.set_value("denied")
    tab.press("Send the answer")
    assert until(studio, run_id, lambda row: row.ended_at).status == "compensated"


def test_an_approval_step_shows_its_evidence_and_what_follows(studio):
    asked(studio, "incident-response", service="billing")
    words = Tab("approvals").words()
    assert "Apply this to billing?" in words
    assert "The run goes on with Apply the change." in words
    assert "Error rate 35 %" in words
    assert "nothing to undo" in words


@pytest.mark.parametrize("first", ["approved", "denied"])
def test_an_answer_that_came_too_late_reads_who_said_what_and_when(studio, first):
    run_id = asked(studio)
    tab = Tab("approvals")
    radio, _ = form(tab, run_id, "flight_back")
    radio.set_value("denied" if first == "approved" else "approved")
    answer(studio, run_id, "flight_back", first, by="olga")
    until(studio, run_id, lambda row: row.ended_at)
    tab.press("Send the answer")
    words = tab.words()
    assert f"Not done: olga {first} 'Flight home' at " in words
    assert "start a new one" not in words


def test_two_questions_of_one_saga_are_told_apart(studio):
    runs = [asked(studio, traveller=name) for name in ("Ada", "Grace")]
    tab = Tab("approvals")
    links = [link.proto for link in tab.app.get("page_link")]
    for run_id, name in zip(runs, ("Ada", "Grace"), strict=True):
        assert f"…{run_id[-6:]}" in [link.label for link in links]
        assert f"started by ann · traveller {name}, start 2027-06-07, budget_usd 5000" in tab.words()
    assert f"Run {runs[0]} · started by ann · traveller Ada" in tab.words()


def test_the_same_answer_sent_twice_by_one_person_is_no_refusal(studio):
    run_id = asked(studio)
    tab = Tab("approvals")
    radio, _ = form(tab, run_id, "flight_back")
    radio.set_value("approved")
    answer(studio, run_id, "flight_back", by="maria")
    tab.press("Send the answer")
    words = tab.words()
    assert "Not done" not in words
    assert "Approved: Flight home" in words


def test_the_chosen_question_is_shown_and_other_help_is_listed(studio):
    first = asked(studio)
    with broken(studio, kind="refuse", resource="trains/bookings", operation="cancel", times=-1):
        stuck = asked(studio)
        answer(studio, stuck, "flight_back", "denied")
        until(studio, stuck, lambda row: row.attention)
    asked(studio, "incident-response")
    tab = Tab("approvals")
    assert "Rollback incomplete, 2 left" in tab.words()
    tab.click(f"approvals-open-{first}-flight_back")
    assert tab.app.session_state[CHOSEN] == f"{first}/flight_back"
    assert form(tab, first, "flight_back")
