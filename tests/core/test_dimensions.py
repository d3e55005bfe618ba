"""S_A, S_O and S_D of a run at any moment, and where two moments differ: derived from the log alone."""

import json

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.dimensions import MAX_DIFFERENCES, MAX_SHOWN, difference, dimensions, moment
from engine.core.evolve import replay
from tests.core.harness import Play

TRIP = """
app: {spent: 0}
invariants:
  - {name: in_budget, rule: "app.spent <= 100"}
  - {name: frugal, rule: "app.spent < 70"}
steps:
  fly:
    title: Flight
    <book>
    writes: {spent: app.spent + output.cost}
    validate:
      - {name: has_seat, rule: "has(output.seat)", on_fail: augment, add: {seat: 1A}}
  ask: {kind: approval, with: {question: Go on?, group: desk}, needs: fly}
  stay:
    needs: fly && ask
    when: "app.spent < 90"
    <book>
    locks: ["room:1"]
    writes: {spent: app.spent + output.cost, hotel: output.name}
edges:
  - {from: fly, to: stay, validate: [{name: fits, rule: "output.cost > 0"}]}
validate:
  - {name: both, kind: together, steps: [fly, stay]}
""".replace("<book>", "kind: python\n    with: {function: book, args: {what: x}}\n    effect: compensatable\n"
            "    compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}}")  # fmt: skip


def trip():
    play = Play(TRIP)
    meta = {
        "model": "m",
        "cost_usd": 0.5,
        "prompt_tokens": 7,
        "reasoning": "cheap",
        "alternatives": ["train"],
    }
    play.failed("fly", error="busy")
    play.advance()
    play.ok("fly", output={"cost": 40}, meta=meta)
    play.decide("ask", reason="fine")
    play.do(c.GrantLocks(step="stay"))
    play.ok("stay", output={"cost": 20, "name": "Adlon"})
    assert play.run.status == "completed"
    return play


@pytest.fixture(scope="module")
def play():
    return trip()


@pytest.fixture(scope="module")
def state(play):
    return dimensions(play.run, play.log)


def seq_of(play, kind, number=0):
    return [recorded.seq for recorded in play.log if recorded.event.type == kind][number]


def test_S_A_has_the_entities_every_checkpoint_and_whether_the_invariants_hold(play, state):
    application = state["application"]
    assert application["entities"] == {"spent": 60, "hotel": "Adlon"}
    told = [(point["step"], point["keys"], point["whole"]) for point in application["checkpoints"]]
    assert told == [("fly", ["spent"], False), ("stay", ["hotel", "spent"], False)]
    assert [point["seq"] for point in application["checkpoints"]] == [
        seq_of(play, "step_committed"),
        seq_of(play, "step_committed", 2),
    ]
    assert {name: held["holds"] for name, held in application["invariants"].items()} == {
        "in_budget": True,
        "frugal": True,
    }


def test_an_invariant_that_can_not_be_told_or_does_not_hold_says_so():
    rules = "invariants: [{name: odd, rule: app.hotel != ''}, {name: none, rule: app.n > 0}]\n"
    play = Play(rules + "app: {n: 0}\nsteps: {a: {<read>}}")
    told = dimensions(play.run, play.log)["application"]["invariants"]
    assert told["none"] == {"rule": "app.n > 0", "holds": False, "why": ""}
    assert told["odd"]["holds"] is False
    assert "hotel" in told["odd"]["why"]


def test_S_O_has_inputs_outputs_times_the_models_words_and_what_was_added(play, state):
    fly = state["operation"]["fly"]
    failed, went_well = fly["attempts"]
    assert (failed["outcome"], failed["error"], failed["output"]) == ("failed", "busy", None)
    assert (went_well["number"], went_well["input"]["args"], went_well["output"]) == (
        2,
        {"what": "x"},
        {"cost": 40},
    )
    assert (went_well["model"], went_well["cost_usd"], went_well["prompt_tokens"]) == ("m", 0.5, 7)
    assert (went_well["reasoning"], went_well["alternatives"]) == ("cheap", ["train"])
    assert went_well["justification"] is None
    assert went_well["started_at"] == play.run.steps["fly"].attempts[1].started_at.isoformat()
    assert went_well["key"] == failed["key"]
    (added,) = fly["augmented"]
    assert (added["validator"], added["before"], added["after"]) == (
        "has_seat",
        {"cost": 40},
        {"cost": 40, "seat": "1A"},
    )
    assert fly["output"] == {"cost": 40, "seat": "1A"}
    assert [v["verdict"] for v in fly["verdicts"] if v["validator"] == "has_seat"] == ["augment", "accept"]
    assert all(play.log[v["seq"] - 1].at.isoformat() == v["at"] for v in fly["verdicts"])


def test_S_O_has_the_frozen_undo_and_how_far_it_came(play, state):
    undo = state["operation"]["fly"]["compensation"]
    assert undo["declared"]
    assert undo["frozen"]["key"] == "c:r1:fly:1"
    assert undo["attempts"] == []
    back = Play("steps: {a: {<book>}, b: {<read>, <once>}}")
    back.ok("a")
    back.rejected("b")
    back.ok("a", output={"refund": 1})
    (attempt,) = dimensions(back.run, back.log)["operation"]["a"]["compensation"]["attempts"]
    assert (attempt["outcome"], attempt["output"]) == ("ok", {"refund": 1})


def test_S_D_has_condition_guard_evidence_checks_approvals_and_locks(play, state):
    stay = state["dependency"]["steps"]["stay"]
    assert (stay["needs"], stay["holds"], stay["guard"]) == ("fly && ask", True, "app.spent < 90")
    assert stay["terms"] == {"fly": True, "ask": True}
    assert stay["evidence"] == {"needs": {"fly": True, "ask": True}, "when": "app.spent < 90"}
    assert stay["ready_at"] == play.run.steps["stay"].ready_at.isoformat()
    assert stay["locks"] == {"wanted": ["room:1"], "held": True}
    assert state["dependency"]["locks"] == {"room:1": "stay"}
    (asked,) = state["dependency"]["steps"]["ask"]["approvals"]
    assert (asked["question"], asked["status"], asked["answers"][0]["by"]) == ("Go on?", "approved", "bob")
    fly = state["dependency"]["steps"]["fly"]
    assert fly["edges"] == {"stay": ["fits"]}
    assert {(check["validator"], check["edge"], check["verdict"]) for check in fly["checks"]} == {
        ("fits", "stay", "accept"),
        ("both", "", "accept"),
    }
    both = state["dependency"]["boundaries"]["both"]
    assert (both["kind"], both["steps"], both["verdict"]["verdict"]) == (
        "together",
        ["fly", "stay"],
        "accept",
    )


def test_a_condition_that_is_still_open_says_so(play):
    early = moment(play.saga, play.log, 1)["dependency"]["steps"]["stay"]
    assert (early["holds"], early["terms"], early["ready_at"]) == (None, {"fly": None, "ask": None}, None)
    assert moment(play.saga, play.log, 1)["dependency"]["boundaries"]["both"]["verdict"] is None


def test_R31_every_moment_is_plain_json_the_same_from_the_log_as_it_was_live(play):
    again = [e.RECORDED.validate_json(e.RECORDED.dump_json(recorded)) for recorded in play.log]
    for seq in range(1, len(play.log) + 1):
        told = moment(play.saga, play.log, seq)
        assert json.loads(json.dumps(told, allow_nan=False)) == told == moment(play.saga, again, seq)
    assert told == dimensions(play.run, play.log)
    assert replay(play.saga, play.log) == play.run, "looking changes nothing"


@pytest.mark.parametrize("seq", [0, -1, 10_000])
def test_a_moment_that_never_was_is_refused_in_words(play, seq):
    with pytest.raises(ValueError, match=f"there is no event {seq}; the run has {len(play.log)} events"):
        moment(play.saga, play.log, seq)


def test_two_moments_differ_where_something_changed_and_nowhere_else(play):
    commit = seq_of(play, "step_committed")
    before, after = (moment(play.saga, play.log, seq) for seq in (commit - 1, commit))
    found = {each.path: (each.before, each.after) for each in difference(before, after)}
    assert found["application.entities.spent"] == ("0", "40")
    assert found["application.checkpoints[0]"][0] == ""
    assert found["operation.fly.status"] == ('"validating"', '"committed"')
    assert found["dependency.steps.stay.terms.fly"] == ("null", "true")
    assert not [path for path in found if path.startswith("operation.stay")]
    assert difference(after, after) == []
    assert {each.path for each in difference(after, before)} == set(found)


def test_differences_are_short_and_not_without_end():
    many, long = {str(n): n for n in range(MAX_DIFFERENCES * 2)}, {"text": "x" * 10_000}
    assert len(difference({}, many)) == MAX_DIFFERENCES
    (shown,) = difference({}, long)
    assert shown.before == ""
    assert len(shown.after) == MAX_SHOWN + 1


def test_where_a_list_grew_only_the_new_part_differs():
    (found,) = difference({"a": [1, 2]}, {"a": [1, 2, {"b": 3}]})
    assert (found.path, found.before, found.after) == ("a[2]", "", '{"b": 3}')
