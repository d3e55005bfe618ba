"""The Run page, on a real studio with a practice world that is broken on purpose."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.run_studio import Tab, answer, asked, broken, open_studio, start, until
from ui.components.run_dialogs import OPEN


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture(scope="module")
def waiting(studio):
    return asked(studio)


@pytest.fixture(scope="module")
def compensated(studio):
    with broken(studio, kind="refuse", resource="flights/bookings", match={"from": "CGN"}, times=-1):
        run_id = asked(studio, traveller="Grace Brewster Hopper")
        answer(studio, run_id, "flight_back")
        until(studio, run_id, lambda row: row.ended_at)
    return run_id


def stuck(studio):
    """Return a run whose train can't be cancelled."""
    with broken(studio, kind="refuse", resource="trains/bookings", operation="cancel", times=-1):
        run_id = asked(studio)
        answer(studio, run_id, "flight_back", "denied")
        until(studio, run_id, lambda row: row.attention)
    return run_id


def cards(tab):
    (flow,) = [c for c in tab.app.get("bidi_component") if "nodes" in json.loads(c.proto.json)]
    return {node["id"]: node for node in json.loads(flow.proto.json)["nodes"]}


def test_without_a_run_the_page_leads_to_the_list():
    assert "No run chosen" in Tab("run").words()
    tab = Tab("run", id="r-nothing")
    assert "There is no run 'r-nothing'" in tab.words()
    assert tab.app.get("page_link")[0].proto.label == "All runs"


def test_a_waiting_run_says_for_whom_and_shows_exactly_what_would_be_sent(waiting):
    tab = Tab("run", id=waiting)
    assert "Waiting for travel-desk" in tab.words()
    assert f"Idempotency-Key: {waiting}:flight_back:1" in tab.words()
    assert cards(tab)["flight_back"]["word"] == "Waiting for approval"
    assert cards(tab)["undo:train"]["word"] == "If needed"
    assert [metric.label for metric in tab.app.metric][-1] == "Undoing all now"


def test_an_answer_without_a_choice_is_refused_in_words_and_keeps_the_text(waiting):
    tab = Tab("run", id=waiting)
    tab.app.text_area[0].set_value("looks fine")
    tab.press("Send the answer")
    assert "choose Approve or Deny first" in tab.words()
    assert tab.app.text_area[0].value == "looks fine"
    tab.click("run-refusal-dismiss")
    assert "choose Approve or Deny first" not in tab.words()


def test_pause_and_resume(waiting):
    tab = Tab("run", id=waiting).click("run-pause")
    assert "Paused" in tab.words()
    tab.click("run-resume")
    assert "Waiting for travel-desk" in tab.words()


def test_a_compensated_run_says_what_went_wrong_first_and_what_was_undone(compensated):
    tab = Tab("run", id=compensated)
    words = tab.words()
    assert "What went wrong first: Flight home was refused" in words
    assert "All 4 effects were undone, in this order: Hotel in Cologne; then" in words
    assert cards(tab)["undo:flight_out"]["word"] == "Undone"
    assert cards(tab)["flight_back"]["marks"][0]["word"] == "The fault started here"
    assert tab.app.button(key="run-pause").disabled
    assert tab.app.button(key="run-cancel-open").help == "The run has ended"


@pytest.mark.parametrize("view", ["Timeline", "Table", "Events", "State", "Rollback"])
@pytest.mark.parametrize("fixture", ["waiting", "compensated"])
def test_every_view_is_drawn(request, fixture, view):
    run_id = request.getfixturevalue(fixture)
    tab = Tab("run", id=run_id)
    tab.app.get("segmented_control")
    tab.app.session_state[f"run-{run_id}-view"] = view
    tab.run()
    expected = {"Events": "newest first", "State": "What that changed", "Rollback": "Hotel in Cologne"}
    assert expected.get(view, "") in tab.words()


@pytest.mark.parametrize("step", ["flight_out", "summary", "flight_back", "train"])
def test_the_inspector_shows_every_section_of_each_step(compensated, step):
    page = AppTest.from_function(inspected, args=(compensated, step), default_timeout=90).run()
    (sections,) = page.get("segmented_control")
    assert {"Data", "Tries", "Events"} <= set(sections.options)
    for part in sections.options:
        sections.set_value(part)
        page.run()
        assert not page.exception
        (sections,) = page.get("segmented_control")
        assert sections.value == part


def test_a_failed_compensation_is_settled_by_hand(studio):
    run_id = stuck(studio)
    tab = Tab("run", id=run_id)
    assert "Rollback incomplete, 2 left" in tab.words()
    assert "Train to Cologne could not be undone" in tab.words()
    key = f"run-{run_id}-ask-comp_failed-train"
    tab.app.radio(key=f"{key}-choice").set_value("done")
    tab.press("Send the answer")
    assert "this needs a reason" in tab.words()
    tab.app.radio(key=f"{key}-choice").set_value("done")
    tab.app.text_input(key=f"{key}-reason").set_value("called the station")
    tab.press("Send the answer")
    until(studio, run_id, lambda row: row.ended_at)
    words = Tab("run", id=run_id).words()
    assert "Compensated, 1 settled by hand" in words
    assert "Train to Cologne was undone by hand, says maria: called the station" in words


def test_giving_up_lists_what_stays(studio):
    run_id = stuck(studio)
    tab = Tab("run", id=run_id)
    assert "These effects stay as they are" in tab.words()
    tab.app.text_input(key=f"run-{run_id}-ask-give_up-reason").set_value("nobody answers")
    tab.press("Give it up")
    assert "Abandoned, 2 left behind" in tab.words()


def test_cancel_shows_what_it_undoes_and_then_does_it(studio):
    run_id = asked(studio)
    tab = Tab("run", id=run_id)
    tab.app.session_state[OPEN] = "cancel"
    tab.run()
    assert "undoes **4 effects** in this order" in tab.words()
    tab.app.text_input(key="run-cancel-reason").set_value("no longer needed")
    tab.press("Cancel the run and undo")
    until(studio, run_id, lambda row: row.ended_at)
    words = tab.run().words()
    assert "The run was cancelled" in words
    assert "cancelled by maria: no longer needed" in words
    assert "All 4 effects were undone" in words


def test_a_disruption_is_planted_where_a_call_is_still_to_come(studio):
    run_id = asked(studio)
    tab = Tab("run", id=run_id)
    tab.app.session_state[OPEN] = "disrupt"
    tab.run()
    assert tab.app.selectbox(key="run-disrupt-step").options == ["Flight home"]
    tab.press("Plant it")
    assert OPEN not in tab.app.session_state
    assert "Disrupted" in [mark["word"] for mark in cards(tab)["flight_back"]["marks"]]


def test_past_the_point_of_no_return_cancel_says_why_not(studio):
    with broken(studio, kind="refuse", resource="payments/captures", times=-1):
        run_id = start(studio, "order-fulfilment")
        until(studio, run_id, lambda row: row.attention)
    tab = Tab("run", id=run_id)
    assert "point of no return" in tab.app.button(key="run-cancel-open").help
    assert "Capture the payment failed, and the run goes forward only" in tab.words()
    tab.app.radio(key=f"run-{run_id}-ask-stuck_after_pivot-capture-choice").set_value("retry")
    tab.press("Send the answer")
    until(studio, run_id, lambda row: row.ended_at)
    assert "Completed" in Tab("run", id=run_id).words()


def inspected(run_id, step):
    from ui.components.run_commands import show_outcome
    from ui.components.run_inspector import draw_inspector
    from ui.session import run_view

    view = run_view(run_id)
    show_outcome()
    draw_inspector(view.run, view.history, step)


def test_a_step_that_has_not_begun_can_be_left_out_with_a_reason(studio):
    run_id = start(studio, "incident-response")
    until(studio, run_id, lambda row: row.approvals)
    done = AppTest.from_function(inspected, args=(run_id, "classify")).run()
    assert not [button for button in done.button if "skip" in str(button.key)]
    page = AppTest.from_function(inspected, args=(run_id, "notify")).run()
    key = f"run-{run_id}-skip-notify"
    page.button(key=key).click().run()
    assert "this needs a reason" in page.error[0].value
    page.text_input(key=f"{key}-reason").set_value("nobody is affected")
    page.button(key=key).click().run()
    answer(studio, run_id, "approve")
    until(studio, run_id, lambda row: row.ended_at)
    assert cards(Tab("run", id=run_id))["notify"]["status"] == "skipped"
