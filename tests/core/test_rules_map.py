"""R36 and R17 for `map`: items are frozen, done side by side, each undone on its own, and gathered."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from tests.core.harness import Play, refuses

BOOK = "map: {kind: map, with: {over: '${run.input.cities}', <more>}, body: {steps: {book: {<book>}}}}"
TRIP = "input: {cities: {type: array}}\nsteps: {first: {<book>}, " + BOOK.replace(
    "map: {", "map: {needs: first, ", 1
)
TRIP += ", last: {<read>, <once>, needs: map}}"


def mapped(more="concurrency: 2", cities=("ber", "cgn", "muc"), text=TRIP):
    play = Play(text.replace("<more>", more), cities=list(cities))
    play.ok("first")
    return play


def test_R36_items_are_frozen_before_the_first_one_begins_and_few_run_at_once():
    play = mapped()
    opened = play.events("frames_opened")[0]
    assert [frame.values["item"] for frame in opened.frames] == ["ber", "cgn", "muc"]
    assert play.open() == ["map.1.book", "map.2.book"]
    play.check_replay()
    play.ok("map.1.book", output={"n": 1})
    assert play.open() == ["map.2.book", "map.3.book"]
    play.ok("map.3.book", "map.2.book", output={"n": 2})
    assert play.run.steps["map"].output == {
        "results": [{"n": 1}, {"n": 2}, {"n": 2}],
        "failed": [],
        "count": 3,
    }
    assert play.open() == ["last"]
    play.check_replay()
    play.ok("last")
    assert play.run.status == "completed"
    play.check_replay()


def test_R04_each_item_has_its_own_key_and_undo():
    play = mapped()
    intents = play.events("attempt_intended")[1:]
    assert [i.key for i in intents] == ["r1:map.1.book:1", "r1:map.2.book:1"]
    assert [i.compensation.key for i in intents] == ["c:r1:map.1.book:1", "c:r1:map.2.book:1"]


def test_R17_what_came_after_goes_first_then_the_items_then_what_came_before():
    play = mapped()
    play.ok("map.1.book", "map.2.book", "map.3.book")
    play.rejected("last")
    assert [entry.step for entry in play.events("direction_chosen")[0].plan] == [
        "map.3.book", "map.2.book", "map.1.book", "first",
    ]  # fmt: skip
    assert sorted(play.open()) == [f"undo map.{n}.book" for n in (1, 2, 3)]
    play.check_replay()
    play.ok("map.1.book", "map.2.book", "map.3.book")
    play.ok("first")
    assert play.run.status == "compensated"
    play.check_replay()


def test_R13_an_item_that_fails_is_a_fault_and_all_items_are_undone():
    play = mapped()
    play.ok("map.1.book")
    play.rejected("map.2.book")
    play.ok("map.3.book")  # drained
    assert sorted(play.open()) == ["undo map.1.book", "undo map.3.book"]
    play.ok("map.1.book", "map.3.book", "first")
    assert (play.run.status, play.status("map")) == ("compensated", "withdrawn")
    play.check_replay()


def test_R36_tolerated_items_may_fail_and_one_more_is_a_fault():
    play = mapped("concurrency: 3, tolerate: 1")
    play.rejected("map.2.book", error="no room")
    play.ok("map.1.book", "map.3.book", output=1)
    output = play.run.steps["map"].output
    assert output["results"] == [1, None, 1]
    assert output["failed"] == [{"index": 2, "item": "cgn", "reason": "'book': no room"}]
    play.check_replay()
    play = mapped("concurrency: 3, tolerate: 1")
    play.rejected("map.2.book")
    play.rejected("map.1.book")
    assert play.run.fault.step == "map.1.book"


def test_R36_what_a_dropped_item_did_is_undone_while_the_run_goes_on():
    text = "steps: {m: {kind: map, with: {over: [1, 2], tolerate: 1}, body: {steps: {a: {<book>}, b: {<book>, needs: a}, c: {<read>, <once>, needs: b}}}}, last: {<read>, needs: m}}"
    play = Play(text)
    play.ok("m.1.a", "m.2.a", output={"id": 1})
    play.ok("m.1.b", "m.2.b", "m.2.c")
    play.rejected("m.1.c", error="no")
    assert sorted(play.open()) == ["last", "late m.1.b"]  # what was built on it goes first
    play.ok("last")
    assert play.run.status == "running"  # not closed before all is settled
    play.ok("m.1.b")
    assert play.open() == ["late m.1.a"]
    play.ok("m.1.a")
    assert play.run.status == "completed"
    play.check_replay()


def test_R26_a_repair_does_only_the_item_anew_that_no_longer_counts():
    play = mapped("concurrency: 3", text="recovery: repair\n" + TRIP)
    play.ok("map.1.book", "map.2.book", "map.3.book", output={"n": 1})
    play.ok("last")
    assert play.run.status == "completed"
    play = mapped("concurrency: 3", text="recovery: repair\n" + TRIP)
    play.ok("map.1.book", "map.2.book", "map.3.book", output={"n": 1})
    play.do(c.MarkStale(steps=("map.2.book",), reason="closed", by="bob"))
    play.ok("last")
    chosen = play.events("direction_chosen")[0]
    assert chosen.affected == ("map", "last", "map.2.book")
    assert [entry.step for entry in chosen.plan] == ["map.2.book"]
    play.ok("map.2.book")
    assert play.open() == ["map.2.book"]
    play.check_replay()
    play.ok("map.2.book", output={"n": 2})
    assert play.run.steps["map"].output["results"] == [{"n": 1}, {"n": 2}, {"n": 1}]
    play.ok("last")
    assert play.run.status == "completed"
    play.check_replay()


def test_R26_where_what_the_map_needs_is_done_anew_the_items_are_frozen_anew():
    play = mapped("concurrency: 3", text="recovery: repair\n" + TRIP)
    play.ok("map.1.book", "map.2.book", "map.3.book", output={"n": 1})
    play.do(c.MarkStale(steps=("first",), reason="closed", by="bob"))
    play.ok("last")
    play.ok("map.1.book", "map.2.book", "map.3.book")
    play.ok("first")
    assert play.open() == ["first"]
    play.check_replay()
    play.ok("first")
    assert len(play.events("frames_opened")) == 2
    keys = [i.key for i in play.events("attempt_intended") if i.step == "map.1.book"]
    assert keys == ["r1:map.1.book:1", "c:r1:map.1.book:1", "r1:map.1.book:2"]
    play.check_replay()


@pytest.mark.parametrize(
    ("how", "gathered"),
    [
        ("gather: concat, value: output.tags", ["a", "b", "b", "c"]),
        ("gather: merge, value: '{output.name: output.n}'", {"x": 1, "y": 2, "z": 3}),
        ("gather: vote, value: 'output.tags[0]'", {"value": "b", "votes": 2, "of": 3}),
        ("gather: best, value: output.name, score: output.n", "z"),
        ("gather: weighted, value: output.n, score: output.n", 14 / 6),
    ],
)
def test_results_are_gathered(how, gathered):
    text = (
        f"steps: {{m: {{kind: map, with: {{over: [x, y, z], {how}}}, body: {{steps: {{s: {{<read>}}}}}}}}}}"
    )
    play = Play(text)
    outputs = {"1": (["a"], "x"), "2": (["b"], "y"), "3": (["b", "c"], "z")}
    for name, (found, word) in outputs.items():
        play.ok(f"m.{name}.s", output={"tags": found, "name": word, "n": int(name)})
    assert play.run.steps["m"].output["gathered"] == pytest.approx(gathered)


@pytest.mark.parametrize(("value", "score"), [(1.7e308, 1e300), (10**400, 1.5), (1.7e308, 1)])
def test_R31_a_mean_that_json_has_no_number_for_is_a_fault(value, score):
    text = "steps: {m: {kind: map, with: {over: [x, y], gather: weighted, value: output.n, score: output.w}, body: {steps: {s: {<read>}}}}}"
    play = Play(text)
    for name in ("1", "2"):
        play.ok(f"m.{name}.s", output={"n": value, "w": score})
    assert (play.run.fault.source, play.run.fault.step) == ("expression", "m")
    play.check_replay()


def test_an_empty_map_gives_no_results_and_what_is_no_list_is_a_fault():
    play = mapped(cities=())
    assert play.run.steps["map"].output == {"results": [], "failed": [], "count": 0}
    text = "input: {cities: {type: string}}\nsteps: {map: {kind: map, with: {over: '${run.input.cities}'}, body: {steps: {s: {<read>}}}}}"
    play = Play(text, cities="berlin")
    assert "gave no list" in play.run.fault.reason
    play.check_replay()


def test_items_see_their_item_and_what_ended_before_the_map():
    text = (
        "steps: {first: {<read>}, m: {kind: map, needs: first, with: {over: [5, 6]}, body: {steps: {s: {kind: python,"
        " with: {function: f, args: {item: '${item}', at: '${index}', first: '${steps.first.output.n}'}}}}}}}"
    )
    play = Play(text)
    play.ok("first", output={"n": 7})
    assert [i.request["args"] for i in play.events("attempt_intended")[1:]] == [
        {"item": 5, "at": 1, "first": 7}, {"item": 6, "at": 2, "first": 7},
    ]  # fmt: skip


def test_a_map_that_has_begun_can_not_be_skipped_but_what_is_inside_it_can():
    play = mapped(
        "concurrency: 1",
        text=TRIP.replace("{book: {<book>}}", "{ask: {kind: approval}, book: {<book>, needs: ask}}"),
    )
    refuses(play, c.Skip(step="map", by="bob", reason="no"), "what is inside it has begun")
    play.do(c.Skip(step="map.1.ask", by="bob", reason="not this one"))
    assert (play.status("map.1.ask"), play.status("map.1.book")) == ("skipped", "skipped")
    assert play.status("map.2.ask") == "awaiting_approval"
    refuses(play, c.Disrupt(what={"kind": "fail", "step": "map"}, by="bob"), "makes no call")


def test_past_the_pivot_what_is_made_of_the_items_can_be_tried_again():
    text = "steps: {pay: {<pay>}, m: {kind: map, needs: pay, with: {over: [1], gather: merge}, body: {steps: {a: {<read>}}}}}"
    play = Play(text)
    play.ok("pay")
    play.ok("m.1.a", output=1)
    assert play.run.attention["m"].kind == "stuck_after_pivot"
    play.do(c.TryNow(step="m", by="bob"))
    assert "needs objects" in play.run.attention["m"].reason
    play.check_replay()
    play.do(c.MarkDone(step="m", by="bob", reason="merged by hand", output={}))
    assert play.run.status == "completed"


def test_an_approval_stands_before_all_items():
    play = mapped("concurrency: 1", text=TRIP.replace("map: {", "map: {approval: {}, ", 1))
    assert play.status("map") == "awaiting_approval"
    assert play.run.steps["map"].approval.request.request["over"] == ["ber", "cgn", "muc"]
    play.decide("map")
    assert play.open() == ["map.1.book"]
    assert play.run.steps["map"].approval.status == "consumed"
    play.check_replay()


def test_judges_look_at_what_was_gathered():
    text = "steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {<read>}}}, validate: [{name: judge, kind: judge, rubric: Is it good?}]}}"
    play = Play(text)
    play.ok("m.1.a", output=1)
    assert play.open() == ["check m"]
    play.ok("m", output={"accept": True, "evidence": "fine"})
    assert play.run.status == "completed"
    play.check_replay()


DEEP = (
    "steps: {m: {kind: map, with: {over: [1, 2], tolerate: 1}, body: {steps: {a: {<book>}, s: {kind: saga, needs: a,"
    " with: {saga: child}, definition: {saga: child, steps: {b: {<book>}, c: {<book>, needs: b}}}},"
    " d: {<read>, <once>, needs: s}}}}}"
)


def test_R17_what_was_dropped_is_undone_in_order_through_all_that_is_inside_it():
    play = Play(DEEP)
    for name in ("a", "s.b", "s.c"):
        play.ok(f"m.1.{name}", f"m.2.{name}", output={"id": 1})
    play.rejected("m.1.d")
    play.ok("m.2.d")
    for name in ("s.c", "s.b", "a"):
        assert play.open() == [f"late m.1.{name}"]
        play.check_replay()
        play.ok(f"m.1.{name}")
    assert play.run.status == "completed"


def test_R26_what_was_dropped_is_not_done_anew_in_part():
    play = Play("recovery: repair\n" + DEEP.replace("}}}}}", "}}}}, last: {<read>, needs: m}}"))
    for name in ("a", "s.b", "s.c"):
        play.ok(f"m.1.{name}", f"m.2.{name}", output={"id": 1})
    play.rejected("m.1.d")
    play.ok("m.2.d")
    refuses(play, c.MarkStale(steps=("m.1.s.c",), reason="changed", by="bob"), "failed with all around it")


def test_R36_no_more_items_are_done_anew_at_once_than_were_done_at_once():
    play = mapped("concurrency: 1", text="recovery: repair\n" + TRIP)
    play.ok("map.1.book", "map.2.book", "map.3.book", output={"n": 1})
    play.do(c.MarkStale(steps=("map.1.book", "map.2.book"), reason="closed", by="bob"))
    play.ok("last")
    play.ok("map.2.book", "map.1.book")
    assert play.open() == ["map.1.book"]
    play.check_replay()
    play.ok("map.1.book", output={"n": 2})
    assert play.open() == ["map.2.book"]
    play.ok("map.2.book", output={"n": 2})
    assert play.run.steps["map"].output["results"] == [{"n": 2}, {"n": 2}, {"n": 1}]
    play.check_replay()
