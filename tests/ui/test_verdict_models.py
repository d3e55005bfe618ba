"""What the pages say about validation and context, from histories that the core makes."""

import csv
from dataclasses import replace
from io import StringIO

import pytest

from engine.core import commands as c
from engine.core import events as e
from tests.core.harness import Play
from ui.models.approval_inbox import other_help, verdict_items
from ui.models.run_attention import asks
from ui.models.run_context import context_table, context_view, followable, model_calls
from ui.models.run_events import deeds, event_lines, words_of
from ui.models.run_graph import run_graph
from ui.models.run_inspect import step_detail
from ui.models.run_timeline import run_timeline
from ui.models.run_verdicts import additions, changes, fallbacks, verdict_lines, verdict_table, verdicts_csv
from ui.models.run_words import headline, titles_of
from ui.models.step_words import shown_status, status_words
from ui.models.verdict_ask import verdict_detail, verdict_questions
from ui.terminal_lines import event_line

JUDGED = """
steps:
  a: {title: Draft, <read>, validate: [
    {name: tone, kind: judge, rubric: Kind?, votes: 3, on_fail: ask, retry: {max_attempts: 1}}]}
  b: {<read>, needs: a}
"""
ADDS = """
steps:
  a: {title: Draft, <read>, validate: [
    {name: total, kind: judge, rubric: Whole?, on_fail: augment, may_add: [sum], retry: {max_attempts: 1}}]}
"""
FALLS = """
steps:
  a: {title: Draft, <read>, <once>, validate: [{name: short, rule: size(output.text) < 9}],
    fallback: [{kind: value, value: {text: plain}}]}
"""
EDGED = """
steps:
  a: {title: Flight, <read>}
  b: {title: Hotel, <read>, needs: a, validate: [{name: cheap, rule: output.cost < 5}]}
edges: [{from: a, to: b, validate: [{name: has_day, rule: has(output.day)}]}]
"""
NO = {"accept": False, "evidence": "too curt"}
YES = {"accept": True, "evidence": "kind enough"}


def vote(play, *answers):
    """Answer the open votes one after the other; None is a judge that is down."""
    for answer in answers:
        if answer is None:
            play.rejected("a", error="503 from the judge")
        else:
            play.ok(
                "a",
                output=answer,
                meta={"messages": [{"role": "user", "content": "Kind?"}], "cost_usd": 0.01},
            )


def judged(*answers):
    play = Play(JUDGED)
    play.ok("a", output={"text": "Go."})
    vote(play, *answers)
    return play


def lines(play, **where):
    return verdict_lines(play.run, play.log, **where)


def card(play, step="a"):
    return next(node for node in run_graph(play.run, play.now).nodes if node.id == step)


def test_a_step_that_is_judged_says_by_whom_and_how_far_it_is():
    play = judged()
    step = play.run.steps["a"]
    assert status_words(play.run, step) == "Being checked by tone (1 of 3)"
    vote(play, YES)
    assert status_words(play.run, step) == "Being checked by tone (2 of 3)"
    assert (card(play).status, card(play).subtitle) == ("judging", "by tone (2 of 3)")
    assert [s.kind for s in run_timeline(play.run, play.log, play.now).segments][1:] == ["check"] * 3


def test_a_finding_that_waits_for_a_person_says_so_everywhere():
    play = judged(NO, NO, NO)
    step = play.run.steps["a"]
    assert status_words(play.run, step) == "Waiting for a decision: tone"
    assert headline(play.run).word == "Waiting for a decision"
    assert (card(play).status, card(play).subtitle, card(play).word) == (
        "awaiting_verdict",
        "tone",
        "Needs a decision",
    )
    assert [ask.kind for ask in asks(play.run, play.now)] == ["verdict"]
    assert step_detail(play.run, "a", play.now).word == "Waiting for a decision: tone"


def test_what_follows_from_each_decision_is_said_and_one_is_advised():
    play = judged(NO, NO, NO)
    detail = verdict_detail(play.run, play.log, "a", play.now, "bob")
    assert [choice for choice, _ in detail.choices] == ["accept", "reject"]
    assert (detail.advised, detail.proposals) == ("reject", ())
    assert detail.choices[-1][1] == "It is discarded and the run ends; nothing has taken effect yet"
    assert [(line.validator, line.evidence, line.votes) for line in detail.findings] == [
        ("tone", "too curt", "0 of 3")
    ]
    assert detail.output == {"text": "Go."}
    assert detail.refusal == ""
    assert verdict_detail(play.run, play.log, "b", play.now, "bob") is None


def test_no_verdict_is_told_apart_from_a_finding():
    play = judged(None, None, None)
    detail = verdict_detail(play.run, play.log, "a", play.now, "bob")
    assert detail.advised == "accept"
    assert "nobody has checked it" in detail.advice
    assert detail.findings[0].look.word == "No verdict"
    assert "503 from the judge" in detail.findings[0].evidence
    assert card(play).marks == ("no_verdict",)
    marks = {mark.kind for mark in run_timeline(play.run, play.log, play.now).marks}
    assert marks == {"validation_none"}


def test_a_proposal_shows_the_difference_and_can_be_accepted():
    play = Play(ADDS)
    play.ok("a", output={"text": "Go."})
    vote(play, NO | {"add": {"sum": 7}})
    detail = verdict_detail(play.run, play.log, "a", play.now, "bob")
    assert [choice for choice, _ in detail.choices] == ["accept", "augment", "reject"]
    assert detail.advised == "augment"
    (change,) = detail.proposals[0].changes
    assert (change.key, change.before, change.after) == ("sum", "", "7")
    assert detail.findings[0].look.word == "Would add"
    play.do(c.GiveVerdict(step="a", decision="augment", reason="right", by="bob"))
    (added,) = additions(play.run.steps["a"])
    assert (added.by, added.after) == ("bob", {"text": "Go.", "sum": 7})
    assert "total" in {line.validator for line in lines(play, verdicts=["augment"])}
    assert [deed.did for deed in deeds(play.log, titles_of(play.run))][1:] == [
        "agreed to what total adds · Draft",
        "accepted the result in the place of total · Draft",
    ]


def test_a_person_who_overrules_stands_beside_the_finding():
    play = judged(NO, NO, NO)
    play.do(c.GiveVerdict(step="a", decision="accept", reason="it is a draft", by="bob"))
    mine, judge = lines(play)
    assert (mine.by, mine.latency, mine.look.word) == ("bob", "by hand", "Accepted")
    assert judge.decided == "bob accepted it: it is a draft"
    assert judge.cost == "$0.03"
    assert verdict_questions(play.run) == []


def test_a_fallback_is_shown_as_such():
    play = Play(FALLS)
    play.ok("a", output={"text": "much too long"})
    step = play.run.steps["a"]
    assert step.status == "committed"
    assert shown_status(play.run, step) == "fallback"
    assert status_words(play.run, step) == "Completed with fallback"
    (taken,) = fallbacks(step)
    assert (taken.number, taken.what) == (1, "a value")
    assert "short" in taken.reason
    drawn = run_timeline(play.run, play.log, play.now)
    assert "fallback" in {mark.kind for mark in drawn.marks}
    assert {bar.kind for bar in drawn.segments if bar.label} == {"sent_back"}
    assert card(play).marks == ("rejected",)


def test_the_timeline_does_not_call_done_what_a_validator_sent_back():
    play = Play(
        "steps: {a: {title: Draft, <read>, retry: {max_attempts: 2},"
        " validate: [{name: short, rule: size(output.text) < 9, on_fail: retry}]}}"
    )
    play.ok("a", output={"text": "far too long for it"})
    play.advance()
    play.ok("a", output={"text": "short"})
    bars = [s for s in run_timeline(play.run, play.log, play.now).segments if s.label]
    assert [(bar.label, bar.kind) for bar in bars] == [("#1", "sent_back"), ("#2", "attempt_ok")]
    assert bars[0].detail.startswith("short: ")


def test_edges_and_steps_are_marked_by_what_their_validators_said():
    play = Play(EDGED)

    def arrow():
        return run_graph(play.run, play.now).edges[0].check

    assert (arrow(), card(play, "b").marks, card(play).marks) == ("to_check", ("to_check",), ())
    play.ok("a", output={"day": "2026-01-01"})
    assert arrow() == "checked"
    (line,) = lines(play)
    assert line.where == "edge to Hotel"
    play.ok("b", output={"cost": 9})
    assert "rejected" in card(play, "b").marks
    caught = Play(EDGED)
    caught.ok("a", output={})
    assert run_graph(caught.run, caught.now).edges[0].check == "rejected"


def test_verdicts_are_filtered_and_exported_without_formulas():
    play = Play(EDGED)
    play.ok("a", output={"day": "=1+1"})
    play.ok("b", output={"cost": 9})
    assert [line.validator for line in lines(play, verdicts=["reject"])] == ["cheap"]
    assert [line.where for line in lines(play, tier="inter")] == ["edge to Hotel"]
    assert len(lines(play, step="b")) == 1
    table = verdict_table(lines(play))
    assert set(table["Latency"]) == {"in code"}
    evil = [replace(lines(play)[0], evidence="=HYPERLINK(1)")]
    (row,) = list(csv.DictReader(StringIO(verdicts_csv(evil))))
    assert row["Evidence"] == "'=HYPERLINK(1)"
    assert row["Verdict"] == "Rejected"


def test_outputs_that_are_no_objects_are_compared_whole():
    assert changes("a", "b")[0].key == "output"
    assert changes([1], [1]) == ()
    assert [(x.key, x.before, x.after) for x in changes({"a": 1, "b": None}, {"b": None, "c": 2})] == [
        ("a", "1", ""),
        ("c", "", "2"),
    ]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (e.ValidationBegun(step="a", attempt=1, validators=("x", "y")), "asked next: x, y"),
        (e.VerdictGiven(step="a", attempt=1, validator="v", verdict="none", evidence="down"), "v gives no verdict: down"),
        (
            e.VerdictGiven(step="a", attempt=1, validator="v", verdict="accept", evidence="fine", by="bob"),
            "bob accepts it in the place of v: fine",
        ),
        (
            e.VerdictGiven(step="a", attempt=1, validator="v", verdict="ask", evidence="odd", edge="b"),
            "v (edge to b) asks a person: odd",
        ),
        (
            e.OutputAugmented(step="a", attempt=1, validator="v", before={"x": 1}, after={"x": 1, "y": 2}, by="bob"),
            "v added y to the result, with bob's consent",
        ),
        (e.FallbackTaken(step="a", number=2, kind="llm", reason="down"), "Fallback 2 is taken (another prompt or model): down"),
        (e.AppRestored(app={}, at_seq=7, by="bob", reason="oops"), "bob set the application state back to event 7: oops"),
    ],
)  # fmt: skip
def test_every_new_event_has_words(event, said):
    assert said in words_of(event)


def test_a_check_call_is_worded_as_one():
    play = judged(None)
    words = [line.what for line in event_lines(play.log, {}, step="a")]
    assert any("tone is asked, vote 1" in each for each in words)
    assert any("Check, try 1 was refused: 503 from the judge" in each for each in words)


def test_the_terminal_follows_what_validators_found_and_leaves_out_what_they_let_pass():
    found = e.VerdictGiven(step="a", attempt=1, validator="v", verdict="reject", evidence="no")
    assert event_line(found) == ("!", "a: v rejects: no", "yellow")
    assert event_line(replace(found, verdict="accept")) is None
    assert event_line(replace(found, verdict="accept", by="bob")) is not None


def test_the_inbox_lists_outputs_that_wait_and_other_help_leaves_them_out():
    from engine.projection import project

    play = judged(NO, NO, NO)
    row = project(play.run)
    (item,) = verdict_items(row, play.run, play.log, play.now, "bob")
    assert (item.kind, item.title, item.question) == ("verdict", "Draft", "tone: too curt")
    assert other_help([row], {row.id: 1}) == []
    assert other_help([row]) != []


CONTEXT = {
    "text": "Goals:\n- be kind", "budget_tokens": 100, "tokens": 120, "tokenizer": "estimate",
    "order": ["inputs", "critical"],
    "items": [
        {"source": "saga.goals", "title": "T", "kind": "critical", "state": "kept", "tokens": 9, "seq": 0, "why": "always whole"},
        {"source": "steps.a.output", "title": "Draft", "kind": "recent", "state": "left_out", "tokens": 400, "seq": 4, "why": "no room"},
        {"source": "steps.gone.output", "title": "", "kind": "recent", "state": "shortened", "tokens": 4, "seq": 5, "why": "long"},
    ],
}  # fmt: skip


def test_a_context_says_what_was_kept_shortened_and_left_out_and_leads_to_the_whole_output():
    play = judged()
    view = context_view(play.run, CONTEXT)
    table = context_table(view)
    assert table["State"] == [["Kept"], ["Left out"], ["Shortened"]]
    assert table["What"] == ["T", "Draft", "steps.gone.output"]
    assert table["Tokens"] == [9, 400, 4]
    assert view.order == ("what is declared", "goals and constraints")
    assert view.share == 1.0
    assert followable(view) == ["a"]
    assert context_view(play.run, None) is None


def test_judges_are_among_the_model_calls_and_reasoning_is_kept_apart():
    play = Play(JUDGED)
    meta = {
        "messages": [{"role": "user", "content": "Write."}],
        "reasoning": "short is good",
        "alternatives": ["long"],
    }
    play.ok("a", output={"text": "Go."}, meta=meta)
    vote(play, YES)
    calls = model_calls(play.run, play.run.steps["a"])
    assert [(call.label, call.is_check) for call in calls] == [("tone, vote 1", True), ("Try 1", False)]
    assert calls[1].reasoning == (("Reasoning", "short is good"), ("Alternatives", "- long"))
    assert calls[0].messages == (("user", "Kind?"),)
