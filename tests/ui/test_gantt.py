"""The Timetable view of a run, its models on runs of the templates, and the commands around it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner

from engine.core import commands as c
from engine.core.document import saga_from_document
from engine.core.events import ClockSet
from engine.templates import template
from tests.core.harness import Play
from tests.planning.runs import run_document, run_template
from tests.ui.run_studio import Tab, open_studio, until
from ui.cli import main
from ui.models.gantt import gantt
from ui.models.gantt_figure import gantt_figure
from ui.models.gantt_plans import candidates, proposals
from ui.models.run_events import deeds, event_lines
from ui.models.run_words import has_clock
from ui.terminal_lines import event_line


@pytest.fixture(scope="module")
def asked():
    """The wedding at 13:00, where a person is asked."""
    return run_template("wedding")


@pytest.fixture(scope="module")
def ended():
    return run_template("wedding", {"where": "approved"})


def bars(found, lane):
    return [(bar.kind, bar.start, bar.end) for bar in found.bars if bar.lane == lane]


def test_what_is_past_under_way_longer_and_ahead(asked):
    found = gantt(asked.play.run, asked.play.now)
    assert [lane.name for lane in found.lanes] == ["Alex", "Pat", "Jamie", "Chris", "pat_car"]
    assert bars(found, "pat_car")[:3] == [("past", 720, 760), ("under_way", 770, 800), ("longer", 800, 840)]
    assert bars(found, "pat_car")[3] == ("ahead", 855, 875)
    assert (found.now, found.moves) == (780, False)
    assert [at for at, _ in found.changes] == [780]


def test_what_the_new_plan_changed_is_marked(ended):
    found = gantt(ended.play.run, ended.play.now)
    assert found.now is None
    assert {bar.title for bar in found.bars if bar.changed} >= {"Chris: W to T", "Pat: T to G"}
    assert not any(bar.changed for bar in found.bars if bar.start < 780)


def test_cooking_has_lanes_of_its_own():
    found = gantt(run_template("thanksgiving").play.run, None)
    assert [lane.name for lane in found.lanes if lane.section == "Cooking"] == ["turkey", "sides"]


def test_a_figure_always_has_the_same_traces_and_is_json(asked, ended):
    shown = [gantt_figure(gantt(run.play.run, run.play.now), "light") for run in (asked, ended)]
    assert [trace["uid"] for trace in shown[0]["data"]] == [trace["uid"] for trace in shown[1]["data"]]
    assert all(json.dumps(each) for each in shown)
    assert "13:00" in shown[0]["layout"]["xaxis"]["ticktext"]
    assert "%{" not in json.dumps(shown[0]["layout"]["annotations"])


def test_each_proposal_has_what_the_checker_said(ended):
    rows = proposals(ended.play.run, ended.play.log)
    assert [(row.at, row.verdict) for row in rows] == [
        ("11:00", "Sent back"), ("11:00", "Admitted"), ("13:00", "Sent back"), ("13:00", "Admitted"),
    ]  # fmt: skip
    assert "clothes: by 14:00" in rows[0].found


def test_the_models_plan_stands_beside_the_solvers(ended):
    found = candidates(ended.play.run)
    assert {row["Plan"]: row["All done"] for row in found.figures} == {
        "Admitted first": "14:35", "As it goes now": "14:55", "The solver's": "13:55",
    }  # fmt: skip
    assert "Admitted first: 40 minutes later" in found.gap
    (alert,) = [row for row in found.robust if row["Disruption"].startswith("An accident")]
    assert (alert["Admitted first"][0], alert["The solver's"][0]) == ("✗", "✓")


def test_the_solver_is_asked_with_what_the_run_took_for_granted():
    slower = candidates(run_template("thanksgiving", exit_minutes=45).play.run)
    assert [row["All done"] for row in slower.figures if row["Plan"] == "The solver's"] == ["16:15"]
    assert slower.gap.startswith("Admitted first: 0 minutes later")


def test_the_problem_is_the_one_that_the_run_was_given(asked):
    document = json.loads(
        json.dumps(template("wedding").saga.document()).replace('"P5"', '"${run.input.problem}"')
    )
    document["input"]["problem"] = {"type": "string", "default": "P5"}
    document["steps"]["beside"] = {
        "kind": "python", "with": {"function": "echo", "args": {"problem": "the printer", "price": 1}},
    }  # fmt: skip
    found = candidates(run_document(document).play.run)
    assert found.refusal == ""
    assert found.figures == candidates(asked.play.run).figures


def test_nothing_is_compared_before_a_step_has_said_which_problem_it_solves():
    play = Play("steps: {a: {kind: python, with: {function: echo, args: {problem: any, price: 1}}}}")
    assert "No step has said yet which problem" in candidates(play.run).refusal


def test_only_a_verdict_that_sends_a_plan_back_says_so_and_a_plan_that_counts_is_admitted(ended):
    def said(verdict):
        log = [
            replace(recorded, event=replace(recorded.event, verdict=verdict))
            if recorded.event.type == "verdict_given" and recorded.event.verdict == "accept"
            else recorded
            for recorded in ended.play.log
        ]
        return [row.verdict for row in proposals(ended.play.run, log)]

    for verdict in ("accept", "feedback", "augment", "ask", "none"):
        assert said(verdict) == ["Sent back", "Admitted", "Sent back", "Admitted"]


def test_a_verdict_is_about_the_plan_of_its_own_step():
    play = Play("steps: {a: {<read>, output: {type: object}}, b: {<read>, output: {type: object}}}")
    for step in ("a", "b"):
        play.ok(step, output={"rows": [{"kind": "wait"}]})
    ended, committed = (
        [r for r in play.log if r.event.type == kind] for kind in ("attempt_ended", "step_committed")
    )
    rows = proposals(play.run, [*ended, committed[0]])
    assert [row.verdict for row in rows] == ["Admitted", ""]


def test_a_plan_that_nobody_has_to_look_at_is_admitted_with_its_answer():
    play = Play("steps: {a: {<read>}}")
    play.ok("a", output={"rows": [{"kind": "wait"}]})
    assert [row.verdict for row in proposals(play.run, play.log)] == ["Admitted"]


def test_where_time_has_no_clock_no_hours_or_minutes_are_told():
    shop = {
        "saga": "shop", "clock": {"start": 0, "speed": 1},
        "steps": {"turn": {"kind": "activity", "with": {"kind": "operation", "uses": ["M1"], "start": 3, "minutes": 4}}},
    }  # fmt: skip
    play = run_document(shop).play
    play.log.append(replace(play.log[-1], event=ClockSet(at=3, speed=5, by="ann")))
    said = {line.type: line.what for line in event_lines(play.log, {}, clock=has_clock(play.run))}
    assert said["activity_begun"] == "Begins at 3, until 7"
    assert said["clock_set"] == "ann sets the virtual clock to 5 a second, at 3"
    assert deeds(play.log, {}, clock=False)[-1].did == "set the virtual clock to 5 a second"
    begun = next(recorded.event for recorded in play.log if recorded.event.type == "activity_begun")
    assert event_line(begun, clock=has_clock(play.run)) == ("▸", "turn: Begins at 3, until 7", None)


SLOW = {
    "saga": "slow", "clock": {"start": "12:00", "speed": 0},
    "steps": {"go": {"kind": "activity", "title": "Pat: W to B", "with": {
        "kind": "drive", "who": ["Pat"], "uses": ["car"], "from": "W", "to": "B", "minutes": 40}}},
}  # fmt: skip


def test_the_plan_view_shows_the_clock_and_sets_it(tmp_path):
    with open_studio(tmp_path) as studio:
        run_id = studio.engine.start_run(saga_from_document(SLOW), {}, "ann")
        until(studio, run_id, lambda row: row.last_seq >= 3)
        tab = Tab("run", id=run_id)
        tab.app.session_state[f"run-{run_id}-view"] = "Timetable"
        tab.run()
        assert "**12:00** · standing still" in tab.words()
        tab.app.button(key=f"run-{run_id}-gantt-jump").click().run()
        until(studio, run_id, lambda row: row.ended_at)


def test_a_saga_without_activities_has_no_timetable():
    play = run_template("wedding").play
    play.run.clock = None
    assert gantt(play.run, play.now).lanes == ()


def saga(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_a_schedule_can_be_run_and_is_a_saga(tmp_path):
    out = tmp_path / "wedding.yaml"
    assert saga("schedule", "P5", "--speed", "100000", "--out", str(out)).exit_code == 0
    assert yaml.safe_load(out.read_text())["clock"] == {"start": "11:00", "speed": 100000.0}
    assert saga("validate", str(out)).exit_code == 0


def test_a_given_plan_is_scheduled_as_it_is(tmp_path):
    plans = tmp_path / "plans.yaml"
    row = {"kind": "drive", "start": "12:00", "end": "12:40", "agent": "Pat", "from": "W", "to": "B"}
    plans.write_text(yaml.safe_dump({"schema": "realm-plans/1", "plans": [{"id": "mine", "rows": [row]}]}))
    result = saga("schedule", "P5", "--plans", str(plans), "--id", "mine")
    assert yaml.safe_load(result.stdout)["steps"]["drive_pat_b"]["with"]["minutes"] == 40


def test_where_nobody_told_how_far_it_is_each_case_is_told():
    result = saga("schedule", "P8")
    assert result.exit_code == 1
    assert "Pat left B for T between 12:40 and 12:59" in result.stdout


def test_a_schedule_can_plan_itself():
    result = saga("schedule", "P6", "--live")
    assert yaml.safe_load(result.stdout)["clock"]["replan"] == "situation"
    assert "leave `--live` out" in saga("schedule", "J1", "--live").output


def test_robust_tells_which_plan_survives_what():
    result = saga("robust", "P5", "--with", "P8", "--json")
    trials = {(one["plan"], one["disruption"]): one for one in json.loads(result.stdout)}
    assert trials["solver, earliest", "traffic_alert"]["survives"]
    assert trials["solver, earliest", "traffic_alert"]["slack"] == 30
    words = saga("robust", "P6").output
    assert "turkey 15 min longer" in words
    assert "survives 7 of 9" in words


def test_the_clock_of_a_run_that_has_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path))
    with open_studio(tmp_path) as studio:
        run_id = studio.engine.start_run(
            saga_from_document({"saga": "t", "steps": {"a": {"kind": "approval"}}}), {}, "ann"
        )
        with pytest.raises(Exception, match="no virtual clock"):
            studio.engine.submit(run_id, c.SetClock(speed=3)).result()
