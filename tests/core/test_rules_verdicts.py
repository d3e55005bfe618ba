"""R11, R14, R28, R29 and R9: what verdicts come to - retries, fallbacks, additions, judges, people, boundaries."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.saga import request_hash
from tests.core.harness import Play, refuses

JUDGE = "name: judge, kind: judge, rubric: Is it good?"
YES = {"accept": True, "evidence": "fine", "add": None}
NO = {"accept": False, "evidence": "too dear", "add": None}


def asked(judge=JUDGE, step="<read>", more=""):
    """A run whose first step has an output that waits for its judge."""
    play = Play(f"steps: {{a: {{{step}, validate: [{{{judge}}}]{more}}}, b: {{<read>, needs: a}}}}")
    play.ok("a", output={"cost": 4})
    return play


def verdicts(play):
    return [(v.validator, v.verdict) for v in play.events("verdict_given")]


def test_R11_an_output_waits_for_its_judge_and_no_dependent_sees_it_before():
    play = asked()
    assert (play.open(), play.status("a"), play.status("b")) == (["check a"], "validating", "pending")
    play.check_replay()
    play.ok("a", output=YES)
    assert (play.status("a"), play.open()) == ("committed", ["b"])
    play.check_replay()


def test_R11_what_a_judge_rejects_is_never_seen_and_its_effect_is_undone():
    play = asked(step="<book>")
    play.ok("a", output=NO)
    assert play.run.fault.source == "validator"
    assert play.run.fault.reason == "judge: too dear"
    assert play.open() == ["undo a"]
    assert "a" not in play.run.known
    play.check_replay()


def test_R28_a_code_rules_rejection_is_final_and_no_judge_is_asked():
    play = asked(f"name: cheap, rule: output.cost < 3}}, {{{JUDGE}", step="<book>")
    assert verdicts(play) == [("cheap", "reject")]
    assert play.open() == ["undo a"]


def test_R28_a_rejection_wins_over_a_retry_and_over_later_accepts():
    play = asked("name: again, rule: output.cost < 3, on_fail: retry}, {name: no, rule: output.cost < 2")
    assert play.run.fault.reason.startswith("no: `output.cost < 2` is false")


def test_R28_retry_tells_the_finding_to_the_next_try():
    play = Play(
        "steps: {a: {kind: llm, with: {prompt: Name a price}, validate: [{name: cheap, rule: output.cost < 3, on_fail: retry}]}}"
    )
    play.ok("a", output={"cost": 4})
    play.advance()
    assert play.events("attempt_intended")[-1].request["feedback"] == [
        "cheap: `output.cost < 3` is false: output.cost = 4"
    ]
    play.ok("a", output={"cost": 2})
    assert play.status("a") == "committed"


@pytest.mark.parametrize(
    ("votes", "given", "verdict"),
    [
        (1, [YES], "accept"), (1, [NO], "reject"), (3, [YES, NO, YES], "accept"), (3, [NO, YES, NO], "reject"),
        (2, [YES, NO], "reject"), (4, [YES, YES, NO, NO], "reject"),
    ],
)  # fmt: skip
def test_R28_more_than_half_of_the_votes_must_accept(votes, given, verdict):
    play = asked(f"{JUDGE}, votes: {votes}")
    assert play.open() == ["check a"] * votes
    for vote in given:
        play.ok("a", output=vote)
    told = play.events("verdict_given")[-1]
    assert (told.verdict, told.votes) == (verdict, (sum(v["accept"] for v in given), votes))
    play.check_replay()


@pytest.mark.parametrize("garbage", [None, "yes", {"accept": "perhaps"}, {"evidence": "fine"}])
def test_R28_garbage_is_no_vote_and_never_an_accept(garbage):
    play = asked()
    play.ok("a", output=garbage)
    play.advance()
    play.ok("a", output=garbage)
    assert verdicts(play) == [("judge", "none")]
    assert (play.status("a"), play.run.attention["a"].kind) == ("validating", "verdict")
    play.check_replay()


def test_R28_a_judge_that_is_down_gives_no_verdict_and_a_person_is_asked():
    play = asked(f"{JUDGE}, retry: {{max_attempts: 3, backoff_s: 2, jitter: 0}}")
    for pause in (2, 4):
        play.failed("a", error="model is down")
        before = play.now
        play.advance()
        assert (play.now - before).total_seconds() == pause
    play.failed("a", error="model is down")
    assert play.run.attention["a"].reason.endswith("1 of 1 answers are missing: model is down")
    assert play.open() == []
    play.do(c.TryNow(step="a", by="bob"))
    assert play.open() == ["check a"]
    play.ok("a", output=YES)
    assert play.status("a") == "committed"
    play.check_replay()


def test_R28_votes_that_are_lost_count_neither_way():
    play = asked(f"{JUDGE}, votes: 3, retry: {{max_attempts: 1}}")
    play.ok("a", output=YES)
    play.failed("a")
    play.ok("a", output=NO)
    assert verdicts(play) == [("judge", "none")]


def test_R28_a_judge_that_only_notes_holds_nothing_up_when_it_is_down():
    play = asked(f"{JUDGE}, on_fail: feedback, retry: {{max_attempts: 1}}")
    play.rejected("a", error="no key")
    assert (verdicts(play), play.status("a")) == ([("judge", "none")], "committed")


def test_R28_a_rubric_that_cannot_be_written_is_no_verdict():
    play = Play(
        "app: {n: 1}\nsteps: {a: {<read>, validate: [{name: judge, kind: judge, rubric: 'Is ${output.cost} fine?'}]}}"
    )
    play.ok("a", output={})
    assert play.run.attention["a"].kind == "verdict"
    assert "no `output.cost`" in play.run.attention["a"].reason


@pytest.mark.parametrize(("decision", "status"), [("accept", "committed"), ("reject", "failed")])
def test_R28_a_person_decides_what_is_declared_to_be_asked(decision, status):
    play = asked("name: cheap, rule: output.cost < 3, on_fail: ask")
    assert play.run.attention["a"].kind == "verdict"
    refuses(play, c.GiveVerdict(step="a", decision=decision, reason=" ", by="bob"), "say why")
    refuses(play, c.GiveVerdict(step="a", decision="augment", reason="so", by="bob"), "nothing is proposed")
    refuses(play, c.GiveVerdict(step="b", decision=decision, reason="so", by="bob"), "no finding about 'b'")
    other = c.GiveVerdict(step="a", decision=decision, reason="so", output_hash=request_hash({"cost": 5}))
    refuses(play, other, "has changed since you looked")
    seen = request_hash({"cost": 4})
    play.do(c.GiveVerdict(step="a", decision=decision, reason="seen it", output_hash=seen, by="bob"))
    assert play.status("a") == status
    word = play.events("verdict_given")[-1]
    assert (word.by, word.verdict, word.evidence) == ("bob", decision, "seen it")
    play.check_replay()


def test_R28_what_code_adds_is_kept_beside_what_was_there():
    add = "name: zone, rule: has(output.zone), on_fail: augment, add: {zone: '${run.input.zone}'}"
    play = Play(
        f"input: {{zone: {{default: CET}}}}\nsteps: {{a: {{<read>, validate: [{{{add}}}]}}, b: {{<read>, needs: a}}}}"
    )
    play.ok("a", output={"cost": 4})
    added = play.events("output_augmented")[0]
    assert (added.before, added.after) == ({"cost": 4}, {"cost": 4, "zone": "CET"})
    assert (added.validator, added.by) == ("zone", "")
    assert play.run.known["a"]["output"] == {"cost": 4, "zone": "CET"}
    assert verdicts(play) == [("zone", "augment"), ("zone", "accept")]
    play.check_replay()


def test_R28_an_addition_that_does_not_help_is_a_rejection():
    play = asked("name: zone, rule: has(output.zone), on_fail: augment, add: {town: Bonn}")
    assert verdicts(play) == [("zone", "augment"), ("zone", "reject")]
    assert play.status("a") == "failed"


def test_R28_an_addition_that_changes_a_value_needs_a_person():
    play = asked("name: cheap, rule: output.cost < 3, on_fail: augment, add: {cost: 2}")
    assert (play.events("output_augmented"), play.run.attention["a"].kind) == ([], "verdict")
    play.do(c.GiveVerdict(step="a", decision="augment", reason="the fare fell", by="bob"))
    added = play.events("output_augmented")[0]
    assert (added.after, added.by) == ({"cost": 2}, "bob")
    assert play.status("a") == "committed"
    play.check_replay()


def test_R28_what_a_judge_proposes_needs_a_person_even_where_it_is_new():
    play = asked(f"{JUDGE}, on_fail: augment, may_add: [buffer_min]")
    play.ok("a", output=NO | {"add": {"buffer_min": 30}})
    assert play.run.steps["a"].output == {"cost": 4}
    play.do(c.GiveVerdict(step="a", decision="accept", reason="no buffer, please", by="bob"))
    assert play.run.known["a"]["output"] == {"cost": 4}
    assert verdicts(play) == [("judge", "augment"), ("judge", "accept")]
    play.check_replay()


def test_R18_an_undo_goes_by_what_the_target_said_not_by_what_was_added():
    undo = "compensate: {kind: python, with: {function: undo, args: {id: '${output.id}'}}}"
    play = Play(
        f"steps: {{a: {{kind: python, with: {{function: book}}, effect: compensatable, {undo}, <probe>,"
        " validate: [{name: other, rule: output.id == 2, on_fail: augment, add: {id: 2}}]}, x: {<read>, <once>, needs: a}}"
    )
    play.ok("a", output={"id": 1})
    play.do(c.GiveVerdict(step="a", decision="augment", reason="as it reads", by="bob"))
    play.rejected("x")
    assert play.events("attempt_intended")[-1].request["args"] == {"id": 1}


def test_R28_notes_of_earlier_runs_are_in_the_log_of_the_next():
    play = Play("steps: {a: {<read>}}", start=False)
    play.do(c.Start(run_id="r", lessons={"a": ["short: too long"]}))
    assert play.run.lessons == {"a": ["short: too long"]}
    play.check_replay()


def test_R28_validators_of_an_edge_look_before_the_output_counts():
    play = Play(
        "edges: [{from: a, to: b, validate: [{name: fits, rule: output.cost < 3}]}]\nsteps: {a: {<read>}, b: {<read>, needs: a}}"
    )
    play.ok("a", output={"cost": 4})
    told = play.events("verdict_given")[0]
    assert told.tier == "inter"
    assert (told.edge, told.verdict, play.status("a"), play.status("b")) == (
        "b",
        "reject",
        "failed",
        "withdrawn",
    )


@pytest.mark.parametrize("last", ["a", "b"])
def test_R28_a_validator_of_the_saga_looks_when_the_last_of_its_steps_has_an_output(last):
    first = "b" if last == "a" else "a"
    play = Play(
        "validate: [{name: same, rule: steps.a.output.n == steps.b.output.n, steps: [a, b]}]\nsteps: {a: {<read>}, b: {<read>}}"
    )
    play.ok(first, output={"n": 1})
    assert (play.status(first), verdicts(play)) == ("committed", [])
    play.ok(last, output={"n": 2})
    assert (verdicts(play), play.run.fault.step) == ([("same", "reject")], last)


def test_R28_steps_that_belong_together_do_not_commit_without_each_other():
    play = Play(
        "validate: [{name: both, kind: together, steps: [a, b]}]\napp: {n: 0}\n"
        "steps: {a: {<book>}, b: {<book>, needs: a, when: app.n > 0}, x: {<read>, needs: b.skipped}}"
    )
    play.ok("a")
    assert play.run.fault.reason == "both: 'a' committed, but 'b' was skipped"
    assert play.order() == ["a"]
    play.ok("a")
    assert play.run.status == "compensated"
    play.check_replay()


def test_R28_steps_that_belong_together_may_fall_together():
    play = Play(
        "validate: [{name: both, kind: together, steps: [a, b]}]\napp: {n: 0}\n"
        "steps: {x: {<read>}, a: {<read>, needs: x, when: app.n > 0}, b: {<read>, needs: x, when: app.n > 0}}"
    )
    play.ok("x")
    assert (play.run.status, verdicts(play)) == ("completed", [("both", "accept")])


def test_R14_once_the_run_goes_back_no_judge_is_asked_and_what_was_not_checked_does_not_count():
    play = Play(
        f"steps: {{a: {{<book>, validate: [{{{JUDGE}, votes: 2}}]}}, x: {{<read>, <once>}}}}\nparallel: 3"
    )
    play.ok("a", output={})
    assert play.open() == ["x", "check a", "check a"]
    play.ok("a", output=YES)
    play.rejected("x")
    play.failed("a", code="stopped")
    assert play.status("a") == "compensating"
    assert play.events("step_committed") == []
    play.check_replay()


def test_R14_an_output_that_waits_for_a_person_does_not_hold_the_way_back_up():
    play = Play(
        "steps: {a: {<book>, validate: [{name: ok, rule: 'false', on_fail: ask}]}, x: {<read>, <once>}}"
    )
    play.ok("a", output={})
    play.rejected("x")
    assert (play.run.attention, play.open()) == ({}, ["undo a"])
    play.check_replay()


def test_R23_a_pause_asks_no_judge():
    play = Play(f"steps: {{a: {{<read>, validate: [{{{JUDGE}}}]}}}}")
    play.do(c.Pause(by="bob"))
    play.ok("a", output={})
    assert (play.status("a"), play.open()) == ("validating", [])
    play.do(c.Resume(by="bob"))
    assert play.open() == ["check a"]


def test_R39_what_judges_cost_counts_and_the_limit_holds_them_back():
    play = Play(
        f"budget: {{tokens: 100, on_limit: ask}}\nsteps: {{a: {{<read>, validate: [{{{JUDGE}, votes: 3}}]}}}}"
    )
    play.ok("a", output={}, meta={"tokens": 60})
    assert play.open() == ["check a"]
    play.ok("a", output=YES, meta={"tokens": 60})
    assert (play.run.limit.spent, play.open()) == (120, [])
    play.do(c.GrantLimit(by="bob"))
    play.ok("a", output=YES)
    play.ok("a", output=YES)
    assert play.status("a") == "committed"


def test_R09_a_judge_interrupted_by_a_crash_is_asked_again_and_not_counted():
    play = asked(f"{JUDGE}, retry: {{max_attempts: 1}}")
    for _ in range(3):
        play.do(c.Recover())
        play.advance()
    play.ok("a", output=YES)
    assert play.status("a") == "committed"


def test_R09_a_waiting_vote_can_be_asked_now():
    play = asked(f"{JUDGE}, retry: {{max_attempts: 2, backoff_s: 60}}")
    play.failed("a")
    assert play.open() == []
    play.do(c.TryNow(step="a", by="bob"))
    assert play.open() == ["check a"]
    play.check_replay()


FALLBACK = "fallback: [{kind: llm, with: {prompt: simply, model: small}}, {kind: value, value: {text: 'see ${run.id}'}}]"


def test_R28_after_the_retries_a_simpler_way_is_taken_and_recorded_as_such():
    play = Play(
        f"steps: {{a: {{kind: llm, with: {{prompt: Say}}, <once>, {FALLBACK}}}, b: {{<read>, needs: a}}}}"
    )
    play.failed("a", error="down")
    intent = play.events("attempt_intended")[-1]
    assert (intent.fallback, intent.request["prompt"], intent.request["model"]) == (1, "simply", "small")
    play.check_replay()
    play.rejected("a", error="no key")
    taken = play.events("fallback_taken")
    assert [(f.number, f.kind) for f in taken] == [(1, "llm"), (2, "value")]
    assert play.run.known["a"]["output"] == {"text": "see r1"}
    assert (play.status("a"), play.run.fault) == ("committed", None)
    play.check_replay()


def test_R11_a_fallbacks_output_is_checked_like_any_other():
    play = Play(
        "steps: {a: {<read>, <once>, validate: [{name: good, rule: output.good}], fallback: [{kind: value, value: {good: false}}]}}"
    )
    play.failed("a")
    assert verdicts(play) == [("good", "reject")]
    assert (play.status("a"), play.run.fault.source) == ("failed", "validator")


def test_R28_a_rejected_output_may_be_replaced_by_a_fallback():
    play = Play(
        "steps: {a: {<read>, <once>, validate: [{name: good, rule: output.good}], fallback: [{kind: value, value: {good: true}}]}}"
    )
    play.ok("a", output={"good": False})
    assert (play.status("a"), play.run.steps["a"].output) == ("committed", {"good": True})
    play.check_replay()


def test_R28_a_fallback_that_cannot_be_made_is_passed_over():
    play = Play(
        "app: {n: 1}\nsteps: {x: {<read>}, a: {<read>, <once>, needs: x, fallback: [{kind: value, value: '${steps.x.output.n}'}, {kind: value, value: {n: 1}}]}}"
    )
    play.ok("x", output={})
    play.failed("a", error="down")
    taken = play.events("fallback_taken")[0]
    assert (taken.number, play.status("a")) == (2, "committed")
    assert "fallback 1: `steps.x.output.n`" in taken.reason


def test_R33_a_simpler_prompt_is_another_request_so_it_is_approved_anew():
    play = Play(f"steps: {{a: {{kind: llm, with: {{prompt: Say}}, <once>, approval: {{}}, {FALLBACK}}}}}")
    play.decide("a")
    play.failed("a")
    assert (play.status("a"), play.open()) == ("awaiting_approval", [])
    assert play.run.steps["a"].approval.request.request["prompt"] == "simply"
    play.decide("a")
    assert play.open() == ["a"]


def test_R14_no_fallback_is_taken_once_the_run_goes_back():
    play = Play(
        f"steps: {{a: {{kind: llm, with: {{prompt: Say}}, <once>, {FALLBACK}}}, x: {{<read>, <once>}}}}"
    )
    play.rejected("x")
    play.failed("a")
    assert (play.events("fallback_taken"), play.status("a")) == ([], "failed")


def test_R29_a_state_set_back_that_breaks_an_invariant_turns_the_run_around():
    play = Play(
        "app: {n: 0}\ninvariants: [{name: some, rule: 'app.n > 0 || run.by == \"zoe\"'}]\nsteps: {a: {<read>, writes: {n: '2'}}, b: {<read>, needs: a}}"
    )
    play.ok("a")
    play.do(c.Pause(by="bob"))
    play.failed("b")
    play.do(c.RestoreApp(seq=1, reason="as it was", by="bob"))
    assert play.run.app == {"n": 0}
    assert play.run.fault.source == "invariant"
    play.check_replay()


def test_R28_a_validator_that_can_look_only_later_still_looks_before_the_commit():
    play = Play(
        "validate: [{name: low, rule: steps.a.output.cost < 3, steps: [a, s]}]\n"
        f"steps: {{a: {{<read>, validate: [{{{JUDGE}}}]}}, s: {{<read>}}}}"
    )
    play.ok("a", output={"cost": 4})
    assert play.events("validation_begun")[0].validators == ("judge",)
    play.ok("s")
    play.ok("a", output=YES)
    assert verdicts(play) == [("judge", "accept"), ("low", "reject")]


@pytest.mark.parametrize("order", [("a", "x"), ("x", "a")])
def test_R28_a_validator_of_the_saga_has_nothing_to_look_at_where_one_of_its_steps_is_skipped(order):
    play = Play(
        "app: {n: 0}\nvalidate: [{name: low, rule: steps.a.output.cost < 3, steps: [a, s]}]\n"
        "steps: {a: {<read>}, x: {<read>}, s: {<read>, needs: x, when: app.n > 0}}"
    )
    for name in order:
        play.ok(name, output={"cost": 4})
    assert (play.run.status, verdicts(play)) == ("completed", [])


def test_R28_what_a_step_states_to_later_models_is_made_at_its_commit():
    play = Play("steps: {a: {<read>, states: {goals: output.goal}}, b: {<read>, needs: a}}")
    play.ok("a", output={"gaol": "save money"})
    assert (play.status("a"), play.run.fault.source) == ("failed", "expression")
    assert "the goals that 'a' states" in play.run.fault.reason


def test_R31_what_is_nested_too_deep_is_cut_where_it_comes_in():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a, when: size(steps.a.output) > 0}}")
    play.ok("a", output=deep)
    play.ok("b")
    assert play.run.status == "completed"
    play.check_replay()


def test_R14_what_was_not_checked_when_the_run_went_back_takes_no_fallback():
    play = Play(
        f"steps: {{a: {{<read>, validate: [{{{JUDGE}}}], fallback: [{{kind: value, value: {{n: 1}}}}]}}, x: {{<read>, <once>}}}}"
    )
    play.ok("a", output={})
    play.rejected("x")
    play.failed("a", code="stopped")
    assert (play.status("a"), play.events("fallback_taken")) == ("failed", [])


def test_R28_a_person_who_accepts_what_was_proposed_accepts_all_of_it():
    play = asked(
        "name: cheap, rule: output.cost < 3, on_fail: augment, add: {cost: 2}},"
        f" {{{JUDGE}, on_fail: augment, may_add: [buffer_min]"
    )
    play.ok("a", output=NO | {"add": {"buffer_min": 30}})
    play.do(c.GiveVerdict(step="a", decision="augment", reason="both are right", by="bob"))
    first, then = play.events("output_augmented")
    assert (first.before, first.after) == ({"cost": 4}, {"cost": 2})
    assert (then.before, then.after) == ({"cost": 2}, {"cost": 2, "buffer_min": 30})
    assert play.run.known["a"]["output"] == {"cost": 2, "buffer_min": 30}
    play.check_replay()
