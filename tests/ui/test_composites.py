"""Composite steps on the Run page: places, tallies, tables, what inner steps are called, the timeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.harness import T0, Play
from ui.models.run_events import lines_of, matching_events, words_of
from ui.models.run_graph import run_graph
from ui.models.run_items import item_lines, matching, round_lines, said, task_of, text_diff, turns
from ui.models.run_places import item_words, known_place, table_steps, title_in, way_to
from ui.models.run_tally import inside_words, tally, undo_tally
from ui.models.run_team import team_graph
from ui.models.run_timeline import openable, run_timeline
from ui.models.run_words import headline, in_turn, listed, titles_of

MAP = (
    "input: {cities: {type: array}}\nsteps: {first: {<read>}, offers: {kind: map, title: Offers, needs: first,"
    " with: {over: '${run.input.cities}', concurrency: 3, tolerate: 1, score: output.n},"
    " body: {steps: {look: {<read>, <once>}, book: {title: Book, <book>, <once>, needs: look}}}},"
    " last: {<read>, <once>, needs: offers}}"
)
LOOP = "steps: {refine: {kind: loop, with: {until: output.s > 0.8, score: output.s}, body: {steps: {write: {<read>}}}}}"
AGENT = (
    "steps: {ask: {kind: agent, with: {prompt: Help., max_calls: 3}, tools: {look: {description: Looks.,"
    " step: {kind: python, title: Look, with: {function: f, args: {q: '${args.q}'}}, <once>}}}}}"
)
TEAM = (
    "steps: {team: {kind: team, with: {tasks: [{id: a, role: w}, {id: b, role: w, needs: [a]}]},"
    " workers: {w: {steps: {look: {<read>}}}}}}"
)
NESTED = (
    "steps: {stay: {kind: saga, title: Stay, with: {saga: inner}, definition: {saga: inner, steps:"
    " {rooms: {kind: map, title: Rooms, with: {over: [7]}, body: {steps: {key: {<read>}}}}}}}}"
)


@pytest.fixture
def offers():
    """Four cities of which Rome failed, Berlin is done, Paris is half done, and Oslo waits."""
    play = Play(MAP, cities=["Berlin", {"name": "Paris", "x": 1}, "Rome", "Oslo"])
    play.ok("first", "offers.1.look")
    play.ok("offers.1.book", output={"n": 4})
    play.ok("offers.2.look")
    play.rejected("offers.3.look", error="no room")
    return play


def test_an_inner_step_is_called_by_all_that_is_around_it(offers):
    assert title_in(offers.run, "offers.1.book") == "Offers › Berlin (1) › Book"
    assert titles_of(offers.run)["offers.2.book"] == "Offers › Paris (2) › Book"
    assert title_in(offers.run, "gone.1.x") == "gone.1.x"
    assert len(titles_of(offers.run)) == len(offers.run.steps)
    assert title_in(Play(NESTED).run, "stay.rooms.1.key") == "Stay › Rooms › 7 (1) › key"


def test_an_item_is_told_by_its_name_and_cut():
    assert item_words({"id": 3, "name": "Ada"}) == "Ada"
    assert item_words({"size": 3}) == '{"size": 3}'
    assert len(item_words("x" * 100)) == 32


def test_a_card_says_how_many_items_are_done_failed_and_running(offers):
    found = tally(offers.run, offers.run.steps["offers"])
    assert (found.total, found.done, found.failed, found.running) == (4, 1, 1, 2)
    assert found.words == "1 of 4 done, 1 failed, 2 running"
    card = {node.id: node for node in run_graph(offers.run, T0).nodes}
    assert set(card) == {"first", "offers", "last", "undo:offers"}
    assert (card["offers"].count, card["offers"].status) == (4, "inside")
    assert card["offers"].subtitle == "1/4, 1 failed, 2 running"
    assert card["undo:offers"].subtitle == "2 effects"  # one is done, one is in flight
    assert headline(offers.run).word == "Running"


def test_an_item_opens_as_the_graph_of_its_body(offers):
    graph = run_graph(offers.run, T0, "offers.2")
    assert [node.id for node in graph.nodes] == ["offers.2.look", "offers.2.book", "undo:offers.2.book"]
    assert [(e.source, e.target, e.state) for e in graph.edges if e.kind == "needs"] == [
        ("offers.2.look", "offers.2.book", "taken")
    ]


def test_items_are_listed_failed_first_searched_and_filtered(offers):
    step = offers.run.steps["offers"]
    names = matching(offers.run, step)
    assert names[0] == "offers.3"
    assert matching(offers.run, step, "pari") == ["offers.2"]
    assert matching(offers.run, step, "no room") == ["offers.3"]
    assert matching(offers.run, step, which="Done") == ["offers.1"]
    lines = {line.frame: line for line in item_lines(offers.run, names, T0)}
    assert (lines["offers.1"].score, lines["offers.1"].result) == (4.0, '{"n": 4}')
    assert "no room" in lines["offers.3"].result
    assert lines["offers.2"].steps == "1 of 2"


def test_what_was_undone_inside_is_counted_on_one_card(offers):
    offers.ok("offers.2.book", output={"n": 1})
    offers.ok("offers.4.look")
    offers.ok("offers.4.book", output={"n": 2})
    offers.rejected("last", error="no")
    assert undo_tally(offers.run, offers.run.steps["offers"])[0] == "compensating"
    offers.ok("offers.4.book")
    assert undo_tally(offers.run, offers.run.steps["offers"])[1] == "1 of 3 effects undone"
    offers.ok("offers.2.book", "offers.1.book")
    assert undo_tally(offers.run, offers.run.steps["offers"]) == ("compensated", "3 of 3 effects undone")


def test_the_way_leads_from_the_run_through_nested_sagas_and_items():
    run = Play(NESTED).run
    assert [(c.place, c.title) for c in way_to(run, "stay.rooms.1")] == [
        ("", "t"), ("stay", "Stay"), ("stay.rooms", "Rooms"), ("stay.rooms.1", "7 (1)")
    ]  # fmt: skip
    assert known_place(run, "stay.rooms.9.key") == "stay.rooms"
    assert known_place(run, "nobody") == ""
    assert inside_words(run, run.steps["stay"]) == "0 of 1 step done"
    assert [step.id for step in table_steps(run, "")] == ["stay", "stay.rooms", "stay.rooms.1.key"]


def test_rounds_have_score_gain_and_a_diff_to_the_round_before():
    play = Play(LOOP)
    play.ok("refine.1.write", output={"s": 0.5, "text": "a\nb"})
    play.ok("refine.2.write", output={"s": 0.9, "text": "a\nc"})
    latest, first = round_lines(play.run, play.run.steps["refine"], T0)
    assert (latest.number, latest.score, latest.gain, latest.stop) == (2, 0.9, "+0.4", "Good enough")
    assert latest.is_best
    assert not first.is_best
    assert first.diff == ""
    assert '-b"' in latest.diff
    assert '+c"' in latest.diff
    assert inside_words(play.run, play.run.steps["refine"]) == "2 rounds, best 0.9"


def test_a_diff_has_the_changed_lines_only_with_what_is_around():
    assert text_diff("a\nb\nc", "a\nx\nc") == " a\n-b\n+x\n c"
    assert text_diff("a", "a") == ""


def test_an_agent_is_told_as_turns_in_order():
    play = Play(AGENT)
    play.ok("ask.1.think", output={"tool": "look", "arguments": {"q": "x"}})
    play.rejected("ask.2.look", error="none")
    play.ok("ask.3.think", output={"tool": "answer", "answer": "no"})
    told = turns(play.run, play.run.steps["ask"], T0)
    assert [(turn.kind, turn.title, said(turn)) for turn in told] == [
        ("thought", "Thought (1)", "Calls look"), ("call", "Look (2)", ""), ("thought", "Thought (3)", "Gives its answer")
    ]  # fmt: skip
    assert told[1].says == {"q": "x"}
    assert "none" in told[1].error


def test_an_agents_task_is_shown_as_its_model_was_told_it():
    play = Play(
        "input: {who: {type: string}}\n" + AGENT.replace("Help.", "'Help ${run.input.who}.'"), who="Ada"
    )
    assert task_of(play.run, play.run.steps["ask"]) == "Help Ada."


def test_of_a_teams_task_its_own_steps_are_counted():
    inner = (
        "each: {kind: map, with: {over: [1, 2, 3]}, body: {steps: {s: {<read>}}}}, end: {<read>, needs: each}"
    )
    play = Play(TEAM.replace("look: {<read>}", inner))
    play.ok(*(f"team.a.each.{n}.s" for n in (1, 2, 3)))
    assert team_graph(play.run, play.run.steps["team"]).nodes[0].subtitle == "w · 1 of 2 steps"


def test_a_card_has_as_many_behind_it_as_there_are():
    play = Play(
        "steps: {stay: {kind: saga, with: {saga: inner}, definition: {saga: inner, steps: {key: {<read>}}}}}"
    )
    (stay,) = run_graph(play.run, T0).nodes
    assert stay.count == 1


def test_the_tasks_of_a_team_are_a_graph_of_what_they_need():
    play = Play(TEAM)
    play.ok("team.a.look")
    graph = team_graph(play.run, play.run.steps["team"])
    assert [(node.id, node.status) for node in graph.nodes] == [
        ("team.a", "committed"),
        ("team.b", "running"),
    ]
    assert [(edge.source, edge.target, edge.state) for edge in graph.edges] == [("team.a", "team.b", "taken")]


def test_a_task_that_could_not_begin_says_which_one_it_needed():
    play = Play(TEAM.replace("needs: [a]}]", "needs: [a]}], tolerate: 2").replace("<read>", "<read>, <once>"))
    play.rejected("team.a.look", error="no room")
    graph = team_graph(play.run, play.run.steps["team"])
    assert [(node.id, node.status, node.subtitle) for node in graph.nodes] == [
        ("team.a", "handled", "'look': no room"), ("team.b", "handled", "needs 'a', which failed"),
    ]  # fmt: skip
    assert [edge.state for edge in graph.edges] == ["dead"]
    assert known_place(play.run, "team.b")
    assert [line.status for line in item_lines(play.run, ["team.b"], T0)] == ["handled"]


def test_the_timeline_folds_what_is_inside_and_opens_it_in_place(offers):
    assert openable(offers.run) == {"offers": 8}
    folded = run_timeline(offers.run, offers.log, T0)
    assert [row.id for row in folded.rows] == ["first", "offers", "last"]
    assert [s.kind for s in folded.segments if s.row == "offers"] == ["inside"]
    opened = run_timeline(offers.run, offers.log, T0, ["offers"])
    titles = [row.title for row in opened.rows]
    assert "↳ Berlin (1) › Book" in titles
    assert titles.index("Offers") < titles.index("↳ Berlin (1) › Book") < titles.index("last")


def test_a_fault_inside_stands_in_the_row_of_what_is_around_it(offers):
    offers.rejected("offers.2.book", error="full")
    marks = run_timeline(offers.run, offers.log, T0).marks
    assert [(mark.row, mark.kind) for mark in marks] == [("offers", "fault")]
    assert marks[0].detail.startswith("Offers › Paris (2) › Book")


def test_undos_inside_a_folded_step_are_one_bar(offers):
    offers.rejected("offers.2.book", error="full")
    offers.ok("offers.4.look")  # drained
    offers.ok("offers.1.book")
    folded = run_timeline(offers.run, offers.log, T0)
    assert [row.title for row in folded.rows if row.lane == "undo"] == ["Undo: Offers"]
    assert [s.kind for s in folded.segments if s.row == "undo:offers"] == ["undo"]


def test_an_undo_inside_that_failed_for_good_is_seen_on_the_bar_and_one_that_worked_in_the_end_is_not(offers):
    offers.rejected("offers.2.book", error="full")
    offers.ok("offers.4.look")  # drained
    offers.ok("offers.1.book")
    (worked,) = offers.run.steps["offers.1.book"].undos
    failed = replace(worked, result=replace(worked.result, outcome="failed"))

    def drawn():
        found = run_timeline(offers.run, offers.log, T0).segments
        return [s.kind for s in found if s.row == "undo:offers"]

    offers.run.steps["offers.1.book"].undos = [failed, worked]
    assert drawn() == ["undo"]
    offers.run.steps["offers.2.book"].undos = [failed]
    assert drawn() == ["undo_failed"]


def test_events_of_a_composite_step_are_found_with_those_inside(offers):
    found = matching_events(offers.log, step="offers")
    assert {"frames_opened", "attempt_ended"} <= {recorded.event.type for recorded in found}
    opened = next(r for r in found if r.event.type == "frames_opened")
    assert words_of(opened.event) == "Begins 1, 2, 3 and 4, 3 at once"
    ended = next(r for r in found if r.event.type == "attempt_ended")
    assert lines_of([ended], titles_of(offers.run))[0].step.startswith("Offers › ")


def test_long_lists_of_names_are_cut():
    names = [str(n) for n in range(1000)]
    assert listed(names).endswith("7 and 992 more")
    assert in_turn(names).endswith("then 991 more, then 999")
