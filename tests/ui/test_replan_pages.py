"""Planning anew on the Run page and in a terminal, on a real studio with a practice world."""

import pytest
from click.testing import CliRunner

from tests.core.harness import Play
from tests.core.test_rules_replan import BUDGET, CHEAP, DEAR, given_up, propose, sold_out
from tests.ui.run_studio import Tab, answer, broken, open_studio, start, until
from ui.cli import main
from ui.models.run_replan import plannings
from ui.models.run_words import headline


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def sold_out_run(studio, **inputs):
    with broken(studio, kind="sold_out", resource="hotels/bookings", match={"stars": 3}):
        run_id = start(studio, "replanned-trip", **inputs)
        until(studio, run_id, lambda row: row.approvals or row.attention)
    return run_id


def test_the_rounds_stand_on_the_page_with_proposal_findings_and_what_was_asked(studio):
    run_id = sold_out_run(studio)
    words = Tab("run", id=run_id).words()
    assert "The cheap rooms are gone; a suite is free." in words
    assert "affordable: total: 2114.53 of 1600" in words
    assert "Changed: hotel" in words
    assert "A new plan is in force: A four-star room is still free" in words
    assert "What went wrong:" in words
    answer(studio, run_id, "ready")
    assert until(studio, run_id, lambda row: row.ended_at).status == "completed"


def test_where_no_plan_is_admitted_a_person_chooses_how_to_go_on(studio):
    run_id = sold_out_run(studio, budget_usd=1300)
    tab = Tab("run", id=run_id)
    words = tab.words()
    assert "The rest needs a plan, and none was found for Hotel in Berlin" in words
    assert "Waiting for a plan" in words
    key = f"run-{run_id}-ask-replan-hotel"
    tab.app.radio(key=f"{key}-choice").set_value("cancel")
    tab.app.text_input(key=f"{key}-reason").set_value("too dear")
    tab.press("Send the answer")
    assert until(studio, run_id, lambda row: row.ended_at).status == "compensated"


def test_the_terminal_tells_each_round(studio):
    run_id = sold_out_run(studio)
    shown = CliRunner().invoke(main, ["show", run_id], env={"SAGA_DATA_DIR": str(studio.settings.data_dir)})
    assert "Round 1: the plan is refused; again over what is affected: affordable" in shown.output
    assert "Plan changed by the planner (scripted/replanned-trip): hotel changed" in shown.output


def test_a_planning_tells_how_it_ended():
    play = sold_out(BUDGET)
    assert headline(play.run).word == "Planning anew, round 1"
    (open_,) = plannings(play.log)
    assert (open_.open, [r.verdict for r in open_.rounds]) == (True, ["open"])
    propose(play, DEAR)
    play.failed("", error="the solver is down")
    play.advance()
    propose(play, CHEAP)
    (done,) = plannings(play.log)
    assert [r.verdict for r in done.rounds] == ["refused", "failed", "admitted"]
    assert "Next round: what is affected" in done.rounds[0].told
    assert "and its neighbours" not in done.rounds[0].told.replace("what is affected and its neighbours", "")
    assert done.rounds[0].patch == "hotel:\n  with:\n    args:\n      price: 900\n"
    assert done.ended == "A new plan is in force: another one (the planner (propose))."
    assert plannings(Play("steps: {a: {<read>}}").log) == []


def test_a_planning_that_a_person_has_to_end_says_so():
    (asked,) = plannings(given_up().log)
    assert asked.open
    assert asked.ended.startswith("A person is asked: no plan was admitted in 1 rounds")
    assert asked.rounds[0].told == "A person goes on."
