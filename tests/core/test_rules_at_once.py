"""R36 for items and tasks that fail and are tolerated: what they did is undone at once, what needs them does not begin."""

from __future__ import annotations

from tests.core.harness import Play

MAP = (
    "steps: {m: {kind: map, with: {over: [1, 2, 3], tolerate: 2, concurrency: 2},"
    " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, last: {<read>, needs: m}}"
)


def test_R36_what_a_tolerated_item_did_is_undone_while_the_others_are_still_at_work():
    play = Play(MAP)
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    assert play.open() == ["m.2.y", "late m.1.x", "m.3.x"]
    play.check_replay()
    play.ok("m.1.x")
    assert not play.run.steps["m.1.x"].maybe_landed
    play.ok("m.3.x", "m.3.y", "m.2.y")
    assert play.run.steps["m"].output["results"] == [None, None, None]
    assert [one["index"] for one in play.run.steps["m"].output["failed"]] == [1]
    play.ok("last")
    assert play.run.status == "completed"
    assert len(play.events("frame_dropped")) == 1
    play.check_replay()


def test_R36_tolerated_items_leave_nothing_behind_where_nothing_can_be_made_of_the_rest():
    text = (
        "steps: {m: {kind: map, with: {over: [1, 2], tolerate: 1, gather: merge},"
        " body: {steps: {x: {<book>}, y: {<read>, <once>, needs: x}}}}, sorry: {<read>, needs: m.failed}}"
    )
    play = Play(text)
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    play.ok("m.2.y", output="no object")
    assert play.status("m") == "handled"
    play.ok("m.1.x", "m.2.x", "sorry")
    assert not any(step.maybe_landed for step in play.run.steps.values())
    assert play.run.status == "completed"
    play.check_replay()


def test_R36_a_fault_elsewhere_leaves_what_was_dropped_to_its_own_undo():
    play = Play(MAP.replace("last: {<read>, needs: m}", "last: {<read>, <once>}"))
    play.ok("m.1.x", "m.2.x")
    play.rejected("m.1.y")
    play.rejected("last")
    play.ok("m.1.x", "m.2.y", "m.3.x")
    assert [entry.step for entry in play.events("direction_chosen")[0].plan] == ["m.3.x", "m.2.x"]
    play.ok("m.2.x", "m.3.x")
    assert play.run.status == "compensated"
    play.check_replay()
