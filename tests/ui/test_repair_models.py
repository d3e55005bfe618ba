"""What the pages say about repairs: before, while and after."""

import pytest

from engine.core import commands as c
from engine.projection import project
from tests.core.harness import Play, saga_of
from tests.core.test_rules_ghosts import lands, lost, old_amendment
from ui.models.design_forms import SAGA_FIELDS
from ui.models.run_actions import allowed, disruptable, outdatable
from ui.models.run_attention import asks, command_of
from ui.models.run_events import deeds, event_lines, words_of
from ui.models.run_graph import run_graph
from ui.models.run_inspect import step_detail
from ui.models.run_numbers import run_numbers
from ui.models.run_repair import (
    preselected,
    repair_preview,
    rounds_open,
    rounds_over,
    suspects,
    what_follows,
)
from ui.models.run_rollback import rollback_lines, verdict
from ui.models.run_timeline import run_timeline
from ui.models.run_verdicts import verdict_lines
from ui.models.run_words import epoch_words, headline, row_headline, titles_of
from ui.models.runs_table import STATUSES
from ui.models.step_words import shown_status
from ui.models.undo_cost import undo_price
from ui.terminal_lines import event_line

STEPS = """
steps:
  flight: {title: Flight, <book>}
  hotel: {title: Hotel, <book>, needs: flight}
  car: {title: Car, <book>, <once>, needs: hotel}
  train: {title: Train, <book>, needs: flight}
  note: {title: Note, <read>, needs: [car, train]}
"""
CLOSED = c.MarkStale(steps=("hotel",), reason="the hotel closed", by="bob")


def booked(recovery="repair", more=""):
    """A trip of which flight, hotel and train are booked, while the car is asked for."""
    play = Play(f"recovery: {recovery}\n{more}{STEPS}")
    play.ok("flight")
    play.ok("hotel", "train")
    return play


def repairing():
    play = booked()
    play.do(CLOSED)
    play.ok("car")
    return play


def redone():
    play = repairing()
    play.ok("car")
    play.ok("hotel")
    return play


def rounds(play):
    """The repairs of a run, the last one first."""
    return [*rounds_open(play.run, play.log), *rounds_over(play.saga, play.log)]


def said(play):
    return headline(play.run).word


def graph(play):
    return {node.id: node for node in run_graph(play.run, play.now).nodes}


def test_the_badge_counts_what_is_undone_and_then_what_is_begun_anew():
    play = repairing()
    assert said(play) == row_headline(project(play.run)).word == "Repairing: undoing 1 of 2"
    play.ok("car")
    assert said(play) == "Repairing: undoing 2 of 2"
    play.ok("hotel")
    assert (headline(play.run).status, said(play)) == ("repairing", "Redoing 3 steps")
    play.ok("hotel")
    assert said(play) == "Redoing 2 steps"
    play.ok("car")
    play.ok("note")
    assert said(play) == "Completed"


def test_a_preview_says_why_each_step_is_in_or_out_and_in_which_order_it_goes():
    play = booked("ask")
    play.ok("car")
    found = repair_preview(play.run, ["hotel"], CLOSED, play.now)
    assert found.refusal == ""
    assert [(m.title, m.why) for m in found.affected] == [
        ("Hotel", "It no longer counts"),
        ("Car", "Hotel → Car"),
        ("Note", "Hotel → Car → Note"),
    ]
    assert [(m.title, m.why) for m in found.kept] == [
        ("Flight", "Does not depend on Hotel"),
        ("Train", "Does not depend on Hotel"),
    ]
    assert [line.title for line in found.undo] == ["Car", "Hotel"]
    assert [line.title for line in rollback_lines(play.run, play.now)] == ["Car", "Train", "Hotel", "Flight"]
    assert found.price == "What undoing costs is not stated (2 effects to undo)."
    assert undo_price(play.run)[1] == "4 effects to undo"


def test_a_preview_names_what_can_not_be_undone():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, b: {title: Mail, kind: python, with: {function: send}, needs: a,"
        " effect: compensatable, compensate: none, compensate_reason: sent is sent}, x: {<read>, needs: b}}"
    )
    play.ok("a", "b")
    found = repair_preview(play.run, ["b"], None, play.now)
    assert (found.stuck, found.undo[0].obstacle) == (("Mail",), "sent is sent")


def test_past_the_point_of_no_return_the_preview_says_what_the_engine_says():
    play = Play("recovery: repair\nsteps: {a: {<book>}, p: {<pay>, needs: a}, s: {<send>, needs: p}}")
    play.ok("a", "p")
    found = repair_preview(play.run, ["a"], None, play.now)
    assert "'p' is a point of no return that is passed (a -> p)" in found.refusal
    assert found.affected == ()
    assert "point of no return" in next(t for t in outdatable(play.run, play.now) if t.step == "a").refusal


def test_a_person_who_is_asked_may_repair_and_what_failed_is_chosen_already():
    play = booked("ask")
    play.rejected("car", error="no car")
    assert preselected(play.run) == ["car"]
    assert suspects(play.run) == ["flight", "hotel", "car", "train"]
    (ask,) = asks(play.run, play.now)
    assert [choice.value for choice in ask.choices] == ["repair", "replan", "undo", "forward"]
    assert command_of(ask, "replan", "another hotel", "bob", culprits=["hotel"]).replan
    command = command_of(ask, "repair", "another hotel", "bob", culprits=["hotel"])
    play.do(command)
    assert (play.run.status, play.open()) == ("repairing", ["undo hotel"])
    assert command_of(ask, "undo", "", "bob", culprits=["hotel"]).culprits == ()


def test_a_repair_that_leaves_what_failed_is_refused_in_the_preview():
    play = booked("ask")
    play.rejected("car")
    command = c.ChooseDirection(direction="repair", culprits=("train",), by="bob")
    assert "car failed and would stay so" in repair_preview(play.run, ["train"], command, play.now).refusal


@pytest.mark.parametrize("recovery", ["repair", "ask", "compensate"])
def test_what_follows_is_what_the_engine_then_does(recovery):
    play = booked(recovery)
    play.do(CLOSED)
    play.ok("car")
    status = {"repair": "repairing", "ask": "needs_attention", "compensate": "compensating"}
    assert what_follows(play.run) == recovery
    assert play.run.status == status[recovery]


def test_when_the_repairs_are_used_up_the_question_says_so():
    play = booked("repair", "max_repairs: 1\n")
    play.rejected("car")
    assert what_follows(play.run) == "asked_again"
    play.rejected("car")
    (ask,) = asks(play.run, play.now)
    assert "It was repaired 1 time by itself already." in ask.advice


def test_while_repairing_affected_steps_are_marked_and_kept_ones_are_not():
    play = repairing()
    cards = graph(play)
    assert {name for name, card in cards.items() if "affected" in card.marks} == {"hotel", "car", "note"}
    assert (cards["flight"].marks, cards["flight"].status) == ((), "committed")
    assert cards["undo:flight"].status == "standby"
    assert cards["undo:car"].status == "compensating"
    assert allowed(play.run, play.now).disrupt == "The run is being repaired"
    assert "being repaired" in allowed(play.run, play.now).cancel
    assert undo_price(play.run)[1] == "a repair is under way"
    assert run_numbers(play.run, play.now)[0].value == "0 of 2"


def test_a_stale_step_looks_out_of_date_until_it_is_undone():
    play = booked()
    play.do(CLOSED)
    assert shown_status(play.run, play.run.steps["hotel"]) == "stale"
    assert "stale" in graph(play)["hotel"].marks


def test_a_repair_tells_what_it_has_undone_and_afterwards_what_it_did():
    play = repairing()
    play.ok("car")
    assert verdict(play.run, play.log)[:2] == [
        "Repair: Hotel no longer counts. Only what depends on that is undone; 3 steps will be done anew.",
        "Undone so far: Car.",
    ]
    play.ok("hotel")
    for name in ("hotel", "car", "note"):
        play.ok(name)
    (words,) = verdict(play.run, play.log)
    assert words.startswith(
        "The run completed. It was repaired once. Undone for that: Hotel and Car. Begun anew: "
    )
    assert words.endswith("Begun anew: Hotel, Car and Note. The other steps were left as they were.")
    (one,) = rounds(play)
    assert (one.undone, one.kept) == (("Car", "Hotel"), ("Flight", "Train"))
    assert [(m.title, m.status) for m in one.affected] == [
        ("Hotel", "compensated"), ("Car", "compensated"), ("Note", "pending"),
    ]  # fmt: skip


def test_what_a_repair_has_yet_to_do_anew_is_not_told_as_begun():
    play = redone()
    assert "Begun anew: Hotel. Still to be done anew: Car and Note." in verdict(play.run, play.log)[0]
    play.do(c.Cancel(reason="enough", by="bob"))
    play.ok("hotel")
    assert "Begun anew: Hotel. Not done anew: Car and Note." in verdict(play.run, play.log)[0]


def test_what_is_skipped_after_a_repair_is_told_as_skipped():
    play = Play(
        "recovery: repair\nsteps: {a: {title: Ask, <read>}, b: {title: Bed, <book>, needs: a,"
        " when: steps.a.output.bed}, z: {title: End, <read>, needs: a}}"
    )
    play.ok("a", output={"bed": True})
    play.ok("b")
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.ok("z")
    play.ok("b")
    play.ok("a", output={"bed": False})
    assert "Begun anew: Ask and End. Skipped this time: Bed." in verdict(play.run, play.log)[0]


def test_a_plan_that_changed_after_a_repair_is_counted_and_nothing_is_said_to_be_left_as_it_was():
    play = redone()
    document = play.run.saga.document()
    document["steps"]["taxi"] = {**document["steps"]["train"], "title": "Taxi"}
    document["steps"]["note"]["title"] = "Letter"
    play.do(c.Amend(document=document, reason="a taxi", by="zoe"))
    words = verdict(play.run, play.log)[0]
    assert words.endswith("The plan was changed after that: 1 step added and 1 changed.")
    assert "as they were" not in words


def test_each_round_shows_the_epoch_that_it_ended():
    play = booked("ask")
    for _ in range(2):
        play.rejected("car")
        play.do(c.ChooseDirection(direction="repair", culprits=("hotel",), by="bob"))
        play.ok("hotel")
        play.ok("hotel")
    assert [one.undone for one in rounds(play)] == [("Hotel",), ("Hotel",)]
    assert graph(play)["hotel"].subtitle.startswith("3rd epoch")
    assert [old.title for old in step_detail(play.run, "hotel", play.now).earlier] == [
        "2nd epoch",
        "1st epoch",
    ]


def test_cards_inspector_and_timeline_keep_the_earlier_epochs():
    play = redone()
    play.ok("hotel")
    cards = graph(play)
    assert cards["hotel"].subtitle.startswith("2nd epoch")
    assert cards["note"].subtitle == "2nd epoch"
    assert {name for name, card in cards.items() if "anew" in card.marks} == {"hotel", "car", "note"}
    detail = step_detail(play.run, "hotel", play.now)
    assert [one.title for one in detail.tries] == ["Try 2 · Went well"]
    assert [(old.title, old.fate) for old in detail.earlier] == [("1st epoch", "Undone")]
    assert [one.title for one in detail.earlier[0].tries] == ["Undo, try 1 · Went well", "Try 1 · Went well"]
    drawn = run_timeline(play.run, play.log, play.now)
    assert [s.label for s in drawn.segments if s.row == "hotel"] == ["#1", "#2"]
    assert [s.kind for s in drawn.segments if s.row == "undo:hotel"] == ["undo"]
    assert ("hotel", "disruption") in [(mark.row, mark.kind) for mark in drawn.marks]
    assert {"undo:hotel", "undo:car"} == {row.id for row in drawn.rows if row.lane == "undo"}


def test_a_wait_that_is_done_anew_has_two_stretches_in_its_row():
    play = Play(
        "recovery: repair\nsteps: {a: {<book>}, w: {kind: wait, needs: a, with: {duration_s: 5}}, z: {<read>, needs: w}}"
    )
    play.ok("a")
    play.advance()
    play.do(c.MarkStale(steps=("a",), reason="changed", by="bob"))
    play.ok("z")
    play.ok("a")
    play.ok("a")
    stretches = [s for s in run_timeline(play.run, play.log, play.now).segments if s.kind == "waiting"]
    first, second = stretches
    assert (first.end - first.start).total_seconds() == 5
    assert second.end is None


def test_the_log_says_it_in_words_and_who_said_so():
    play = redone()
    titles = titles_of(play.run)
    words = {line.type: line.what for line in event_lines(play.log, titles)}
    assert words["steps_stale"] == "What hotel relied on has changed, says bob: the hotel closed"
    assert words["steps_redone"] == "Repair 1: hotel, car and note begin anew, everything else stays"
    assert words["direction_chosen"].startswith("The run is repaired, 2 effects to undo, 3 steps to do anew")
    assert {"steps_stale", "steps_redone"} <= {
        line.type for line in event_lines(play.log, titles, step="hotel")
    }
    assert [(deed.who, deed.did, deed.why) for deed in deeds(play.log, titles)][1:] == [
        ("bob", "said that something has changed · Hotel", "the hotel closed")
    ]
    for kind in ("steps_stale", "steps_redone", "direction_chosen"):
        (event,) = play.events(kind)
        assert event_line(event)[1] == words_of(event)


def test_an_undo_that_fails_in_a_repair_says_what_leaving_it_causes():
    play = repairing()
    play.rejected("car", error="no")
    assert said(play) == "Undoing for a repair is incomplete, 2 left"
    (ask,) = asks(play.run, play.now)
    assert next(ch for ch in ask.choices if ch.value == "skip").caption.endswith(
        "everything else is undone as well"
    )
    play.do(c.Skip(step="car", reason="leave it", by="bob"))
    play.ok("hotel")
    assert play.run.status == "compensating"


def test_runs_that_are_repaired_have_a_filter_of_their_own():
    assert STATUSES["Repairing"] == ("repairing",)


@pytest.mark.parametrize(
    ("epoch", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st")]
)
def test_epochs_are_counted_as_people_do(epoch, word):
    assert epoch_words(epoch) == f"{word} epoch"


def test_what_a_new_plan_leaves_out_after_a_repair_breaks_no_view():
    play = Play(
        "recovery: ask\nsteps: {flight: {title: Flight, <book>}, hotel: {title: Hotel, <book>, needs: flight,"
        " locks: [bed]}, note: {<read>, <once>, needs: hotel}}"
    )
    play.ok("flight")
    play.do(c.GrantLocks(step="hotel"))
    play.ok("hotel")
    play.rejected("note")
    play.do(c.ChooseDirection(direction="repair", culprits=("hotel",), replan=True, by="bob"))
    play.ok("hotel")
    plan = saga_of(
        "recovery: ask\nsteps: {flight: {title: Flight, <book>}, hostel: {title: Hostel, <book>, needs: flight},"
        " note: {<read>, <once>, needs: hostel}}"
    )
    play.do(c.Amend(document=plan.document(), reason="no hotel", by="zoe"))
    (one,) = rounds(play)
    assert (one.undone, one.kept) == (("Hotel",), ("Flight",))
    assert [(m.title, m.status) for m in one.affected] == [("Hotel", "compensated"), ("note", "failed")]
    drawn = run_timeline(play.run, play.log, play.now)
    assert {mark.row for mark in drawn.marks} <= {row.id for row in drawn.rows}
    assert {segment.row for segment in drawn.segments} <= {row.id for row in drawn.rows}
    assert "Still to be done anew: note" in verdict(play.run, play.log)[0]
    assert verdict_lines(play.run, play.log) == []


INSIDE = {
    "map": "{kind: map, title: Nights, with: {over: [1]}, body: {steps: {x: {title: Bed, <book>, <once>}}}}",
    "saga": "{kind: saga, title: Nights, with: {saga: child}, definition: {saga: child, steps: {x: {title: Bed, <book>, <once>}}}}",
}
BED = {"map": ("m.1.x", "Nights › Item 1 › Bed"), "saga": ("m.x", "Nights › Bed")}


@pytest.mark.parametrize("kind", INSIDE)
@pytest.mark.parametrize("amended", [False, True])
def test_a_repair_of_what_stood_inside_a_composite_step_is_told_from_the_past(kind, amended):
    play = Play(f"recovery: ask\nsteps: {{m: {INSIDE[kind]}, y: {{<read>, needs: m}}, z: {{<read>}}}}")
    inner, title = BED[kind]
    play.ok("z")
    play.rejected(inner)
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    if amended:
        plan = saga_of("recovery: ask\nsteps: {y: {<read>}, z: {<read>}}").document()
        play.do(c.Amend(document=plan, reason="no night", by="zoe"))
    (one,) = rounds(play)
    assert [(m.title, m.status, m.why) for m in one.affected] == [
        ("Nights", "waiting", f"{title} → Nights"),
        ("y", "pending", f"{title} → Nights → y"),
        (title, "failed", "It no longer counted"),
    ]
    assert one.kept == ("z",)


def test_a_repair_is_told_although_fewer_items_are_there_now():
    play = Play(
        "recovery: ask\nsteps: {l: {<read>}, m: {kind: map, needs: l, with: {over: '${steps.l.output}'}, body: {steps: {x: {<book>, <once>}}}}}"
    )
    play.ok("l", output=[1, 2])
    play.ok("m.1.x")
    play.rejected("m.2.x")
    play.do(c.ChooseDirection(direction="repair", culprits=("l", "m.2.x"), by="bob"))
    assert [m.title for m in rounds(play)[0].affected] == ["l", "m", "m › Item 1 › x", "m › Item 2 › x"]
    play.ok("m.1.x")
    play.ok("l", output=[1])
    play.ok("m.1.x")
    assert play.run.status == "completed"
    (one,) = rounds(play)
    assert [(m.title, m.status) for m in one.affected][2:] == [
        ("m › Item 1 › x", "compensated"),
        ("m › Item 2 › x", "failed"),
    ]


def test_an_old_log_in_which_a_new_plan_left_out_what_an_answer_came_of_breaks_no_view():
    play = lost()
    old_amendment(play)
    play.do(c.Resume(by="bob"))
    assert [target.title for target in disruptable(play.run, play.now)] == ["y", "z", "m.1 › x"]
    assert {target.step for target in outdatable(play.run, play.now)} == {"y", "z", "m.1.x"}
    lands(play, "m.1.x")
    play.rejected("m.1.x", error="no")
    (ask,) = asks(play.run, play.now)
    assert "m.1 › x" in ask.title
    drawn = run_timeline(play.run, play.log, play.now)
    assert {segment.row for segment in drawn.segments} <= {row.id for row in drawn.rows}
    assert step_detail(play.run, "m.1.x", play.now).title
    assert run_numbers(play.run, play.now)
    assert [line.what for line in event_lines(play.log, titles_of(play.run))]


def test_the_designer_offers_repairs_and_how_many():
    fields = {field.path[-1]: field for field in SAGA_FIELDS}
    assert fields["recovery"].options == ("compensate", "repair", "ask")
    assert (fields["max_repairs"].default, fields["max_repairs"].low, fields["max_repairs"].high) == (
        3,
        1,
        20,
    )
