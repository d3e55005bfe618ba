"""Repairs on the Run page and in a terminal, on a real studio with a practice world."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from engine.core.commands import ChooseDirection, MarkStale
from engine.core.document import parse_saga
from engine.ports import Change
from engine.projection import project
from tests.core.harness import Play
from tests.trips import trip
from tests.ui.run_studio import PATIENCE_S, Tab, answer, broken, open_studio, until
from ui.cli import main
from ui.components.run_dialogs import CHANGED, OPEN
from ui.models.run_words import row_headline


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def waiting(studio, recovery):
    """Return a run that is booked as a whole and waits for the last word."""
    run_id = studio.engine.start_run(parse_saga(trip(recovery)), {}, "ann")
    until(studio, run_id, lambda row: row.approvals)
    return run_id


def undecided(studio):
    """Return a run whose last night was refused, and that waits for a direction."""
    with broken(studio, kind="refuse", resource="hotels/bookings", match={"city": "Cologne"}):
        run_id = studio.engine.start_run(parse_saga(trip("ask")), {}, "ann")
        until(studio, run_id, lambda row: row.direction_asked)
    return run_id


def cancelled(studio, run_id):
    """Return the keys with which the world was asked to cancel, without the run."""
    keys = [str(e.key) for e in studio.world.ledger() if e.action == "cancel" and run_id in str(e.key)]
    return [key.replace(f"{run_id}:", "") for key in keys]


def changed(run_id):
    """Return the page with the dialog that says that something changed."""
    tab = Tab("run", id=run_id)
    tab.app.session_state[OPEN] = "disrupt"
    tab.app.session_state["run-disrupt-way"] = CHANGED
    return tab.run()


def test_the_ways_stand_side_by_side_and_follow_the_steps_that_are_named(studio):
    run_id = undecided(studio)
    tab = Tab("run", id=run_id)
    assert "Repair, undo everything, or go on?" in tab.words()
    assert "Nothing has to be undone." in tab.words()
    key = f"run-{run_id}-ask-direction-"
    (culprits,) = [m for m in tab.app.multiselect if m.key == f"{key}-culprits"]
    assert culprits.value == ["dinner"]
    culprits.set_value(["hotel"])
    words = tab.run().words()
    assert "Undone, in this order: 1 effect" in words
    assert "Undone, in this order: 3 effects" in words
    assert "Hotel → Night in Cologne → Shall it be" in words
    assert "Undoing costs \\$5.00 (1 effect to undo)" in words.replace("$", "\\$")
    tab.app.radio(key=f"{key}-choice").set_value("repair")
    tab.app.text_input(key=f"{key}-reason").set_value("another hotel")
    tab.press("Send the answer")
    until(studio, run_id, lambda row: row.approvals)
    assert cancelled(studio, run_id) == ["c:hotel:1"]
    words = Tab("run", id=run_id).words()
    assert "It was repaired once. Undone for that: Hotel." in words
    answer(studio, run_id, "sure")
    assert until(studio, run_id, lambda row: row.ended_at).status == "completed"


def test_a_repair_that_would_leave_what_failed_is_refused_before_it_is_sent(studio):
    run_id = undecided(studio)
    tab = Tab("run", id=run_id)
    key = f"run-{run_id}-ask-direction-"
    tab.app.multiselect(key=f"{key}-culprits").set_value(["train"])
    assert "Not possible: dinner failed and would stay so" in tab.run().words()
    tab.app.radio(key=f"{key}-choice").set_value("repair")
    tab.press("Send the answer")
    assert "Not done: dinner failed and would stay so" in tab.words()
    assert studio.store.row(run_id).direction_asked


def test_something_changed_shows_what_follows_and_then_does_just_that(studio):
    run_id = waiting(studio, "repair")
    tab = changed(run_id)
    assert tab.app.button(key="FormSubmitter:run-stale-It has changed").disabled
    tab.app.multiselect(key="run-stale-culprits").set_value(["hotel"])
    words = tab.run().words()
    assert "The saga repairs by itself" in words
    assert "Undone, in this order: 2 effects" in words
    assert "Does not depend on Hotel" in words
    tab.press("It has changed")
    assert "Not done: say what has changed" in tab.words()
    assert cancelled(studio, run_id) == []
    tab.app.text_input(key="run-stale-reason").set_value("the hotel has closed")
    tab.press("It has changed")
    assert OPEN not in tab.app.session_state
    until(studio, run_id, lambda row: row.approvals and row.done == 4 and not row.planned)
    assert cancelled(studio, run_id) == ["c:dinner:1", "c:hotel:1"]
    tab = Tab("run", id=run_id)
    tab.app.session_state[f"run-{run_id}-view"] = "Rollback"
    words = tab.run().words()
    assert "Undone: Night in Cologne, then Hotel." in words
    assert "Stayed as it was: Flight and Train." in words
    assert words.count("said that something has changed") == 1, "only in the table of deeds"


@pytest.mark.parametrize(
    ("recovery", "said"), [("ask", "The Run page asks"), ("compensate", "undoes everything after")]
)
def test_the_dialog_says_what_the_policy_makes_of_a_change(studio, recovery, said):
    assert said.lower() in changed(waiting(studio, recovery)).words().lower()


def test_a_repair_under_way_shows_what_is_affected_and_what_stays(studio):
    run_id = waiting(studio, "repair")
    with broken(studio, kind="refuse", resource="hotels/bookings", operation="cancel", times=-1):
        command = MarkStale(steps=("hotel",), reason="closed", by="bob")
        studio.engine.submit(run_id, command).result(timeout=PATIENCE_S)
        until(studio, run_id, lambda row: row.attention)
    tab = Tab("run", id=run_id)
    tab.app.session_state[f"run-{run_id}-view"] = "Rollback"
    words = tab.run().words()
    assert "Undoing for a repair is incomplete, 2 left" in words
    assert "To be done anew: 3 steps" in words
    assert "Stays as it is: 2 steps" in words
    key = f"run-{run_id}-ask-comp_failed-dinner"
    tab.app.radio(key=f"{key}-choice").set_value("retry")
    tab.press("Send the answer")
    until(studio, run_id, lambda row: row.approvals)
    assert row_headline(studio.store.row(run_id)).word == "Waiting for approval"


def test_the_rollback_view_tells_of_a_repair_whose_culprit_stood_inside_a_composite_step(studio):
    play = Play(
        "recovery: ask\nsteps: {m: {kind: map, with: {over: [1]}, body: {steps: {x: {<book>, <once>}}}}, y: {<read>, needs: m}}"
    )
    play.rejected("m.1.x", error="sold out")
    play.do(ChooseDirection(direction="repair", replan=True, by="bob"))
    studio.store.publish(play.saga, "ann")
    told = Change("r1", studio.engine.id, 0, tuple(play.log), project(play.run))
    studio.store.append(told).result()
    tab = Tab("run", id="r1")
    tab.app.session_state["run-r1-view"] = "Rollback"
    words = tab.run().words()
    assert "m › Item 1 › x → m → y" in words


def test_the_inspector_shows_the_tries_of_earlier_epochs(studio):
    run_id = waiting(studio, "repair")
    command = MarkStale(steps=("dinner",), reason="closed", by="bob")
    studio.engine.submit(run_id, command).result(timeout=PATIENCE_S)
    until(studio, run_id, lambda row: row.approvals and row.done == 4 and not row.planned)
    page = AppTest.from_function(inspected, args=(run_id, "dinner"), default_timeout=90).run()
    (sections,) = page.get("segmented_control")
    sections.set_value("Tries")
    page.run()
    assert not page.exception
    labels = "\n".join(expander.label for expander in page.expander).replace("\u2060", "")
    assert [labels.count(said) for said in ("[**Try 1 ", "[**Try 2 ", "[**Undo, try 1 ")] == [1, 1, 1]
    assert any(
        "1st epoch" in shown.value and "before a repair: undone" in shown.value for shown in page.markdown
    )


def inspected(run_id, step):
    from ui.components.run_inspector import draw_inspector
    from ui.session import run_view

    view = run_view(run_id)
    draw_inspector(view.run, view.history, step)


def test_an_answer_to_an_earlier_question_is_refused(studio):
    run_id = waiting(studio, "repair")
    tab = Tab("run", id=run_id)
    (choice,) = [radio for radio in tab.app.radio if radio.label == "Your answer"]
    choice.set_value("approved")
    command = MarkStale(steps=("hotel",), reason="closed", by="bob")
    studio.engine.submit(run_id, command).result(timeout=PATIENCE_S)
    until(studio, run_id, lambda row: row.approvals and row.done == 4 and not row.planned)
    tab.press("Send the answer")
    assert "is asked anew since you looked" in tab.words()
    assert studio.store.row(run_id).approvals


def test_a_change_is_said_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_MODEL", "scripted")

    def saga(*arguments):
        return CliRunner().invoke(main, list(arguments))

    path = tmp_path / "trip.yaml"
    path.write_text(trip("repair"))
    assert saga("run", str(path)).exit_code == 4
    run_id = json.loads(saga("runs", "--json").output)[0]["id"]
    refused = saga("stale", run_id, "sure", "--reason", "closed")
    assert (refused.exit_code, "has not begun" in refused.output) == (2, True)
    assert "Missing option '--reason'" in saga("stale", run_id, "hotel").output
    told = saga("stale", run_id, "hotel", "train", "--reason", "closed")
    assert told.exit_code == 4, told.output
    assert "no longer up to date: hotel, train" in told.output
    assert "Repair 1: hotel, dinner, train and sure begin anew" in told.output.replace(
        "train, dinner", "dinner, train"
    )
    shown = json.loads(saga("show", run_id, "--json").output)
    assert (shown["repairs"], shown["steps"]["hotel"]["epoch"], shown["steps"]["flight"]["epoch"]) == (
        1,
        2,
        1,
    )
    assert saga("approve", run_id, "sure").exit_code == 0
