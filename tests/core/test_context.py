"""What a model gets to see: order, budget, critical section, references; and nothing that does not count."""

from __future__ import annotations

import re

import pytest

from engine.core import commands as c
from engine.core.context import build as building
from engine.core.context.pieces import MAX_CANDIDATES
from engine.core.context.relevance import relevance
from engine.core.context.tokens import ESTIMATE, estimated
from tests.core.harness import Play

ASK = "kind: llm, with: {prompt: 'Which hotel near the river is quiet?'}"


def outputs(play, *steps, **values):
    """Let steps give an output each, a word per step unless told otherwise."""
    for step in steps:
        play.ok(step, output=values.get(step, {"note": f"about {step}"}))
    return play


def request(play, step="ask"):
    return next(i for i in reversed(play.events("attempt_intended")) if i.step == step).request


def context(play, step="ask"):
    return request(play, step)["context"]


def states_of(shown):
    return {item["source"]: item["state"] for item in shown["items"]}


def chain(number, policy="budget_tokens: 300", extra=""):
    """A chain of readers, then a model that is shown what fits."""
    steps = [f"s{i}: {{<read>{f', needs: s{i - 1}' if i > 1 else ''}}}" for i in range(1, number + 1)]
    steps.append(f"ask: {{{ASK}, needs: s{number}, context: {{{policy}}}}}")
    return f"{extra}\nsteps: {{{', '.join(steps)}}}"


class TestRequestsStayAsTheyWere:
    def test_without_a_policy_and_with_nothing_stated_there_is_no_context(self):
        play = outputs(Play(f"steps: {{a: {{<read>}}, ask: {{{ASK}, needs: a}}}}"), "a")
        assert request(play).keys() == {
            "prompt", "system", "model", "temperature", "max_tokens", "output_schema", "feedback",
        }  # fmt: skip

    def test_other_calls_get_none_either(self):
        play = Play("goals: [g]\nsteps: {a: {<read>}}")
        assert request(play, "a").keys() == {"function", "args"}


class TestTheCriticalSection:
    GOALS = "input: {day: {type: string}}\ngoals: ['arrive by ${run.input.day}']\nconstraints: [no flights]\n"

    def test_without_a_policy_it_is_all_there_is(self):
        play = outputs(
            Play(self.GOALS + f"steps: {{a: {{<read>}}, ask: {{{ASK}, needs: a}}}}", day="May"), "a"
        )
        shown = context(play)
        assert shown["text"] == "Goals:\n- arrive by May\nConstraints:\n- no flights"
        assert [(i["source"], i["kind"], i["state"]) for i in shown["items"]] == [
            ("saga.goals", "critical", "kept"), ("saga.constraints", "critical", "kept"),
        ]  # fmt: skip
        assert shown["tokenizer"] == "estimate"
        assert shown["tokens"] == estimated(shown["text"])

    def test_what_committed_steps_state_comes_with_it_in_the_sagas_order_each_line_once(self):
        text = f"""
constraints: [no flights]
steps:
  second: {{<read>, states: {{constraints: output.limits}}}}
  first: {{<read>, states: {{goals: output.goal, constraints: output.limits}}}}
  late: {{<read>, needs: ask, states: {{goals: output.goal}}}}
  ask: {{{ASK}, needs: [first, second]}}
"""
        play = Play(text)
        play.ok("first", output={"goal": "be\n  there", "limits": ["no flights", "below 90 USD"]})
        play.ok("second", output={"limits": "not on Monday"})
        assert context(play)["text"] == (
            "Goals:\n- be there\nConstraints:\n- no flights\n- not on Monday\n- below 90 USD"
        )
        item = next(i for i in context(play)["items"] if i["source"] == "steps.first.goals")
        committed = next(
            r.seq for r in play.log if r.event.type == "step_committed" and r.event.step == "first"
        )
        assert item["seq"] == committed

    def test_a_statement_that_can_not_be_told_is_an_error_that_names_the_step(self):
        play = outputs(
            Play(f"steps: {{a: {{<read>, states: {{goals: output.goals}}}}, ask: {{{ASK}, needs: a}}}}"), "a"
        )
        assert play.run.fault.source == "expression"
        assert (
            "the goals that 'a' states: `output.goals`: there is no `output.goals`" in play.run.fault.reason
        )

    def test_it_is_whole_even_past_the_budget_and_everything_else_is_left_out(self):
        limits = [f"rule number {i} must hold for every part of the journey" for i in range(20)]
        play = outputs(Play(chain(3, "budget_tokens: 60, inputs: [steps.s1.output]", f"constraints: {limits}")), "s1", "s2", "s3")  # fmt: skip
        shown = context(play)
        assert shown["text"] == "\n".join(["Constraints:", *(f"- {limit}" for limit in limits)])
        assert shown["tokens"] > shown["budget_tokens"]
        found = states_of(shown)
        assert found.pop("saga.constraints") == "kept"
        assert found == dict.fromkeys(["steps.s1.output", "steps.s2.output", "steps.s3.output"], "left_out")

    def test_route_prompts_see_it_too(self):
        play = Play("goals: [g]\nsteps: {r: {kind: route, with: {branches: [x, y], prompt: which?}}}")
        assert context(play, "r")["text"] == "Goals:\n- g"


class TestWhatIsChosen:
    def test_inputs_first_then_the_critical_section_then_relevance_then_recency(self):
        policy = "budget_tokens: 500, inputs: ['steps.s2.output.note']"
        play = outputs(
            Play(chain(4, policy, "goals: [rest well]")), "s1", "s2", "s3", "s4",
            s1={"note": "a quiet hotel by the river"}, s3={"x": 1}, s4={"y": 2},
        )  # fmt: skip
        lines = context(play)["text"].splitlines()
        seqs = {name: step.committed_seq for name, step in play.run.steps.items()}
        assert lines == [
            f"[steps.s2.output.note, event {seqs['s2']}] about s2", "Goals:", "- rest well",
            f'[steps.s1.output, event {seqs["s1"]}] {{"note":"a quiet hotel by the river"}}',
            f'[steps.s4.output, event {seqs["s4"]}] {{"y":2}}',
            f'[steps.s3.output, event {seqs["s3"]}] {{"x":1}}',
            f'[steps.s2.output, event {seqs["s2"]}] {{"note":"about s2"}}',
        ]  # fmt: skip
        kinds = [(i["kind"], i["state"]) for i in context(play)["items"]]
        assert kinds == [
            (k, "kept") for k in ["inputs", "critical", "relevant", "recent", "recent", "recent"]
        ]

    def test_the_most_relevant_comes_first_and_takes_the_room(self):
        told = {
            "s1": {"note": "a quiet hotel near the river", "more": "x " * 40},
            "s2": {"note": "a hotel", "more": "x " * 40},
            "s3": {"note": "x " * 44},
        }
        for budget, kept in ((1000, ["s1", "s2", "s3"]), (110, ["s1"])):
            play = outputs(Play(chain(3, f"budget_tokens: {budget}")), "s1", "s2", "s3", **told)
            items = context(play)["items"]
            assert [i["source"] for i in items if i["state"] == "kept"] == [f"steps.{n}.output" for n in kept]

    def test_the_policys_order_decides(self):
        policy = "budget_tokens: 500, order: [recent, critical], select: all"
        play = outputs(Play(chain(2, policy, "goals: [g]")), "s1", "s2")
        assert [line.split(",")[0] for line in context(play)["text"].splitlines()] == [
            "[steps.s2.output", "[steps.s1.output", "Goals:", "- g",
        ]  # fmt: skip
        assert context(play)["order"] == ["recent", "critical"]

    def test_ties_of_relevance_go_to_the_latest(self):
        same = {"note": "quiet hotel"}
        play = outputs(Play(chain(3)), "s1", "s2", "s3", s1=same, s2=same, s3=same)
        assert [i["source"] for i in context(play)["items"]] == [f"steps.s{i}.output" for i in (3, 2, 1)]

    @pytest.mark.parametrize(("select", "seen"), [("ancestors", {"a"}), ("all", {"a", "b"}), ("none", set())])
    def test_only_ancestors_unless_all_are_asked_for(self, select, seen):
        text = f"steps: {{a: {{<read>}}, b: {{<read>}}, ask: {{{ASK}, needs: a, context: {{select: {select}}}}}}}"
        play = Play(text)
        outputs(play, "b", "a")
        assert {i["source"] for i in context(play)["items"]} == {f"steps.{name}.output" for name in seen}

    def test_a_query_of_its_own(self):
        play = outputs(
            Play(chain(2, "budget_tokens: 300, query: 'ferry to ${steps.s2.output.to}'")), "s1", "s2",
            s1={"note": "the Oslo pier"}, s2={"to": "Oslo"},
        )  # fmt: skip
        assert {i["source"]: i["kind"] for i in context(play)["items"]} == {
            "steps.s1.output": "relevant", "steps.s2.output": "relevant",
        }  # fmt: skip


class TestWhatDoesNotCount:
    def test_skipped_handled_failed_and_rejected_outputs_never_enter(self):
        text = f"""
steps:
  skipped: {{<read>, when: 'false'}}
  handled: {{<read>, <once>}}
  handler: {{<read>, needs: handled.failed}}
  picky: {{<read>, validate: [{{name: good, rule: output.good, on_fail: retry}}]}}
  ask: {{{ASK}, needs: '(skipped.skipped && handler) && picky', context: {{select: all}}}}
"""
        play = Play(text)
        play.rejected("handled")
        play.ok("picky", output={"good": False, "note": "SECRET-BAD"})
        play.advance()
        play.ok("picky", output={"good": True, "note": "fine"})
        play.ok("handler", output={"note": "handled it"})
        shown = context(play)
        assert "SECRET-BAD" not in str(shown)
        assert {i["source"] for i in shown["items"]} == {"steps.picky.output", "steps.handler.output"}

    def test_an_augmented_output_enters_as_it_was_committed(self):
        text = f"""
steps:
  a: {{<read>, validate: [{{name: has_zone, rule: 'has(output.zone)', on_fail: augment, add: {{zone: UTC}}}}]}}
  ask: {{{ASK}, needs: a, context: {{}}}}
"""
        play = outputs(Play(text), "a", a={"at": "09:00"})
        assert '{"at":"09:00","zone":"UTC"}' in context(play)["text"]


BIG = {f"s{i}": {"text": f"quiet part {i}: " + "lorem ipsum dolor " * 60} for i in range(1, 61)}


class TestTheBudget:
    @pytest.mark.parametrize("budget", [50, 120, 300, 1000, 2000, 6000])
    def test_it_holds_and_what_is_left_out_is_told(self, budget):
        play = outputs(Play(chain(60, f"budget_tokens: {budget}")), *BIG, **BIG)
        shown = context(play)
        assert shown["tokens"] == estimated(shown["text"]) <= budget
        assert 0 < len(shown["items"]) <= 8 + 1 + budget // 100
        assert shown["text"].count("tokens left out") <= 8
        counted = sum(item["source"] != "" for item in shown["items"])
        assert shown["items"][-1]["title"].startswith(f"{60 - counted} more, from s")
        if budget >= 300:
            assert re.search(r"\n\[and \d+ more, from s1 to s\d+\]$", shown["text"])

    def test_a_reference_can_be_followed(self):
        play = outputs(Play(chain(2, "budget_tokens: 150")), "s1", "s2", s1=BIG["s1"])
        left = next(i for i in context(play)["items"] if i["state"] == "left_out")
        assert (
            f"[steps.s1.output: {left['tokens']} tokens left out, event {left['seq']}]"
            in context(play)["text"]
        )
        recorded = play.log[left["seq"] - 1].event
        assert (recorded.type, recorded.step, recorded.commits) == ("attempt_ended", "s1", True)
        assert "do not fit into" in left["why"]

    def test_a_declared_input_that_is_too_long_is_cut_with_a_reference(self):
        policy = "budget_tokens: 200, inputs: [steps.s1.output.text, steps.s2.output.text]"
        long = {"text": " ".join(f"word{i}" for i in range(900))}
        play = outputs(Play(chain(2, policy)), "s1", "s2", s1=long, s2=long)
        shown = context(play)
        assert shown["tokens"] <= 200
        first, second = (i for i in shown["items"] if i["kind"] == "inputs")
        assert (first["state"], second["state"]) == ("shortened", "left_out")
        line = shown["text"].splitlines()[0]
        assert line.startswith(f"[steps.s1.output.text, event {first['seq']}] word0 word1")
        assert line.endswith(f"tokens left out, event {first['seq']}]")
        told = int(line.rsplit(": ", 1)[1].split()[0])
        whole = estimated(f"[steps.s1.output.text, event {first['seq']}] {long['text']}")
        assert whole - 40 <= told + first["tokens"] <= whole + 40

    def test_candidates_are_bounded(self):
        number = MAX_CANDIDATES + 30
        small = {f"s{i}": {"n": i} for i in range(1, number + 1)}
        play = outputs(Play(chain(number, "budget_tokens: 200000", "max_events: 100000")), *small, **small)
        shown = context(play)
        assert len(shown["items"]) == MAX_CANDIDATES + 1
        assert shown["items"][-1]["title"] == "older outputs"
        assert shown["text"].endswith("[and older outputs]")
        assert "[steps.s31.output" in shown["text"]
        assert "[steps.s30.output" not in shown["text"]

    def test_pieces_that_count_more_together_than_apart_still_stay_inside(self):
        class Odd:
            def tokenizer(self, model):
                return "odd"

            def count(self, text, tokenizer):
                return estimated(text) + 30 * text.count("\n")

        play = Play(chain(12, "budget_tokens: 160"), start=False)
        play.run.count = Odd()
        play.do(c.Start(run_id="r1", input={}, by="ann"))
        outputs(play, *(f"s{i}" for i in range(1, 13)))
        shown = context(play)
        assert shown["tokenizer"] == "odd"
        assert Odd().count(shown["text"], "odd") == shown["tokens"] <= 160
        assert {i["state"] for i in shown["items"]} == {"kept", "left_out"}


class TestLessonsFeedbackAndExplanations:
    def test_notes_of_earlier_runs_are_told_where_there_are_any(self):
        play = Play(f"steps: {{ask: {{{ASK}}}, other: {{{ASK}}}}}", start=False)
        play.do(c.Start(run_id="r1", input={}, by="ann", lessons={"ask": [f"n{i}" for i in range(9)]}))
        assert request(play)["lessons"] == ["n4", "n5", "n6", "n7", "n8"]
        assert "lessons" not in request(play, "other")

    def test_explain_is_in_the_request_only_where_it_is_wanted(self):
        play = Play(f"steps: {{ask: {{{ASK}, explain: true}}, other: {{{ASK}}}}}")
        assert request(play)["explain"] is True
        assert "explain" not in request(play, "other")


class TestRelevance:
    def test_rare_words_and_short_texts_weigh_more(self):
        texts = ["the sea", "the river", "the river " + "and so on " * 50, "nothing"]
        river = relevance("the river", texts)
        assert river[1] > river[0] > river[3] == 0
        assert river[1] > river[2] > 0
        assert relevance("", texts) == [0, 0, 0, 0]
        assert relevance("x", []) == []

    def test_words_of_keys_and_other_scripts_count(self):
        assert relevance("cost", ['{"cost_usd":3}', '{"name":"x"}'])[0] > 0
        assert relevance("Бронь", ["бронь готова"])[0] > 0


def test_the_estimate_errs_on_the_high_side_for_common_texts():
    assert estimated("hello world") >= 2
    assert estimated("2026-05-01") == 10
    assert estimated("预订") == 4
    assert ESTIMATE.count("", "estimate") == 0


def test_the_parts_that_bound_a_context_are_small_against_a_judges_budget():
    assert building.REFERENCES_TOKENS <= 1000 // 5
