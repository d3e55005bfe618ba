"""R36 and R13 for composite steps of which more fails than they tolerate, with somebody around who can go on."""

from __future__ import annotations

import pytest

from engine.core.frames import tolerates
from tests.core.harness import Play, saga_of

MAP = "{kind: map, with: {over: [1, 2]<more>}, body: {steps: {x: {<book>}}}<keys>}"
TEAM = (
    (
        "{kind: team, with: {tasks: [{id: '1', role: w}, {id: '2', role: w}]<more>},"
        " workers: {w: {steps: {x: {<book>}}}}<keys>}"
    )
    .replace("'1'", "t1")
    .replace("'2'", "t2")
)
KINDS = [(MAP, "w.1.x", "w.2.x"), (TEAM, "w.t1.x", "w.t2.x")]


def watched(work, more="", keys="", apology="needs: w.failed"):
    steps = f"w: {work}, sorry: {{<read>, {apology}}}, pay: {{<book>, needs: w}}"
    return Play(f"steps: {{{steps}}}".replace("<more>", more).replace("<keys>", keys))


@pytest.mark.parametrize(("work", "first", "second"), KINDS)
def test_R36_more_failures_than_are_tolerated_fail_the_step_where_others_go_on(work, first, second):
    play = watched(work)
    play.rejected(first, error="sold out")
    play.ok(second)
    assert (play.status("w"), play.status("pay")) == ("handled", "skipped")
    assert play.run.steps["w"].reason == "1 of 2 failed, 0 are tolerated; the first: 'x': sold out"
    assert sorted(play.open()) == [f"late {second}", "sorry"]  # what was done of it does not count either
    play.check_replay()
    play.ok(second, "sorry")
    assert play.run.status == "completed"
    assert not any(step.maybe_landed for step in play.run.steps.values())
    play.check_replay()


@pytest.mark.parametrize(("work", "first", "second"), KINDS)
def test_R36_as_many_failures_as_are_tolerated_leave_the_step_good(work, first, second):
    play = watched(work, more=", tolerate: 1")
    play.rejected(first)
    play.ok(second)
    assert (play.status("w"), play.open()) == ("committed", ["pay"])
    assert play.status("sorry") == "skipped"


def test_R36_an_item_whose_own_map_fails_is_one_failure_of_the_map_around_it():
    text = (
        "steps: {trips: {kind: map, with: {over: [1, 2], tolerate: 1, concurrency: 1}, body: {steps: {"
        "rooms: {kind: map, with: {over: [a, b]}, body: {steps: {x: {<book>}}}}, pay: {<book>, needs: rooms}}}}}"
    )
    play = Play(text)
    play.ok("trips.1.rooms.1.x")
    play.rejected("trips.1.rooms.2.x", error="sold out")
    assert (play.status("trips.1.rooms"), play.status("trips.1.pay")) == ("handled", "skipped")
    play.ok("trips.1.rooms.1.x", "trips.2.rooms.1.x", "trips.2.rooms.2.x", "trips.2.pay")
    failed = play.run.steps["trips"].output["failed"]
    assert [(one["index"], one["reason"]) for one in failed] == [
        (1, "'rooms': 1 of 2 failed, 0 are tolerated; the first: 'x': sold out")
    ]
    assert play.run.status == "completed"
    play.check_replay()


def test_R13_a_map_that_fails_where_nobody_goes_on_by_then_is_a_fault():
    inner = "{kind: map, with: {over: [a, b]}, body: {steps: {x: {<book>}}}}"
    play = Play(
        f"steps: {{m: {{kind: map, with: {{over: [1, 2], tolerate: 1}}, body: {{steps: {{r: {inner}}}}}}}}}"
    )
    play.rejected("m.1.r.1.x")
    play.rejected("m.2.r.1.x")  # each of the two alone would be tolerated
    play.ok("m.1.r.2.x")
    play.ok("m.2.r.2.x")
    assert play.run.fault.step == "m.2.r"
    play.ok("m.1.r.2.x", "m.2.r.2.x")
    assert play.run.status == "compensated"
    play.check_replay()


LOOP = "{kind: loop, with: {until: 'true'}, body: {steps: {x: {<book>}}}<keys>}"
SAGA = "{kind: saga, with: {saga: child}, definition: {saga: child, steps: {x: {<book>}}}<keys>}"
ONE = MAP.replace("[1, 2]", "[1]")
AGENT = (
    "{kind: agent, with: {prompt: Plan it}, tools: {book: {description: Books, step: {<book>}}},"
    " retry: {max_attempts: 1}<keys>}"
)


@pytest.mark.parametrize(
    ("work", "inside"), [(ONE, "w.1.x"), (LOOP, "w.1.x"), (SAGA, "w.x"), (AGENT, "w.1.think")]
)
def test_a_composite_step_whose_failure_causes_an_event_that_some_step_hears_is_no_fault(work, inside):
    play = watched(work, keys=", emits_on_failure: went_wrong", apology="on: went_wrong")
    play.rejected(inside, error="sold out")
    assert (play.status("w"), play.open()) == ("handled", ["sorry"])
    assert play.run.heard["went_wrong"]["step"] == "w"
    play.ok("sorry")
    assert play.run.status == "completed"
    play.check_replay()


def test_R13_an_event_of_a_failure_that_nobody_hears_tolerates_nothing():
    play = watched(ONE, keys=", emits_on_failure: went_wrong", apology="needs: w.skipped")
    play.rejected("w.1.x")
    assert play.run.fault.step == "w.1.x"


def test_R36_an_agent_whose_model_fails_fails_with_its_reason_where_others_go_on():
    play = watched(AGENT)
    play.ok("w.1.think", output={"tool": "book", "arguments": {}})
    play.ok("w.2.book", output={"id": 1})
    play.rejected("w.3.think", error="refused by a filter")
    assert (play.status("w"), play.run.steps["w"].reason) == ("handled", "'think': refused by a filter")
    assert play.open() == ["late w.2.book", "sorry"]  # what its tools did is taken back
    play.ok("sorry", "w.2.book")
    assert play.run.status == "completed"
    play.check_replay()


def test_R36_an_agent_whose_model_fails_is_one_failure_of_the_map_around_it():
    text = f"steps: {{m: {{kind: map, with: {{over: [1, 2], tolerate: 1, concurrency: 1}}, body: {{steps: {{w: {AGENT}}}}}}}}}"
    play = Play(text.replace("<keys>", ""))
    play.rejected("m.1.w.1.think", error="refused by a filter")
    play.ok("m.2.w.1.think", output={"tool": "answer", "answer": "Paris"})
    assert play.run.status == "completed"
    assert play.run.steps["m"].output["failed"][0]["reason"] == "'w': 'think': refused by a filter"
    play.check_replay()


def test_R13_an_agent_whose_model_fails_is_a_fault_though_one_of_its_tools_failed_before():
    play = Play(f"steps: {{w: {AGENT}}}".replace("<keys>", ""))
    play.ok("w.1.think", output={"tool": "book", "arguments": {}})
    play.rejected("w.2.book")  # which the model is told of
    play.rejected("w.3.think")
    assert play.run.fault.step == "w.3.think"


@pytest.mark.parametrize(
    ("emits", "waits", "outcome"),
    [("emits_on_failure: bad, ", "on: bad", {}), ("", "needs: x.timed_out", {"code": "timeout"})],
)
def test_R36_a_failure_that_a_step_of_the_same_item_answers_is_no_failure_of_the_item(emits, waits, outcome):
    body = f"{{steps: {{x: {{<read>, <once>, {emits}}}, y: {{<read>, {waits}}}}}}}"
    play = Play(f"steps: {{m: {{kind: map, with: {{over: [1]}}, body: {body}}}}}")
    play.failed("m.1.x", **outcome)
    play.ok("m.1.y", output="by hand")
    assert play.run.status == "completed"
    assert play.run.steps["m"].output["failed"] == []
    play.check_replay()


@pytest.mark.parametrize(
    ("share", "items", "allowed"), [(0.29, 100, 29), (0.07, 100, 7), (0.57, 100, 57), (0.3, 3, 0), (1, 3, 3)]
)
def test_R36_a_tolerated_share_is_counted_as_it_is_written(share, items, allowed):
    text = f"steps: {{m: {{kind: map, with: {{over: [1], tolerate_share: {share}}}, body: {{steps: {{x: {{<read>}}}}}}}}}}"
    assert tolerates(saga_of(text).steps["m"], items) == allowed
