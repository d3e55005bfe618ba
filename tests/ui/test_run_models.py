"""What the Run and Approvals pages say about a run, in every state that a run can be in."""

from datetime import timedelta

import pytest

from engine.core import commands as c
from engine.core import evolve
from engine.core.events import LimitReached
from engine.projection import project
from tests.core.harness import Play
from ui.models import run_events
from ui.models.approval_inbox import approval_detail, inbox, other_help, wire
from ui.models.run_actions import allowed, disruptable
from ui.models.run_attention import asks, command_of, give_up
from ui.models.run_events import deeds, event_json, event_lines, log_json
from ui.models.run_graph import run_graph
from ui.models.run_inspect import step_detail
from ui.models.run_numbers import run_numbers
from ui.models.run_rollback import rollback_lines, troubles, verdict
from ui.models.run_state import moment
from ui.models.run_timeline import run_timeline
from ui.models.run_words import counted, doubtful_pivots, headline, listed, money, row_headline, titles_of
from ui.models.undo_cost import undo_price
from ui.settings import Settings

EVENT_TYPES = [kind.__dataclass_fields__["type"].default for kind in evolve.HANDLERS]
CHAIN = """
steps:
  a: {title: Flight, <book>, <once>}
  b: {title: Hotel, <book>, <once>, needs: a}
  d: {title: Train, <book>, <once>, needs: a}
  e: {title: Dinner, <book>, <once>, needs: [b, d]}
"""
GATED = """
steps:
  a: {title: Flight, <book>}
  b:
    title: Ticket
    kind: http
    effect: compensatable
    needs: a
    with: {method: POST, url: "${world}/tickets", json: {seat: 12}}
    compensate: {kind: http, with: {method: DELETE, url: "${world}/tickets", params: {key: "${key}"}}}
    approval: {question: Book it?, group: desk, expires_s: 600, four_eyes: true}
"""
ROUTED = """
steps:
  pick:
    kind: route
    with: {branches: [x, y], rules: [{when: "true", to: x}], default: y}
  one: {<read>, needs: pick.x}
  two: {<read>, needs: pick.y}
"""
PIVOTED = """
steps:
  a: {title: Reserve, <book>}
  p: {title: Ship, <pay>, needs: a}
  z: {title: Tell, <send>, <once>, needs: p}
"""


def graph(play):
    return {node.id: node for node in run_graph(play.run, play.now).nodes}


def said(play):
    return headline(play.run).word


def back(play):
    """Let the run fail at its last step."""
    play.ok("a")
    play.ok("b", "d")
    play.rejected("e", error="no table left")
    return play


def rows(play):
    return {row.id for row in run_timeline(play.run, play.log, play.now).rows}


def kinds(play):
    return [(s.row, s.kind) for s in run_timeline(play.run, play.log, play.now).segments]


# Running


def test_a_running_run_says_so_and_shows_what_is_still_to_come():
    play = Play(CHAIN)
    assert said(play) == "Running"
    cards = graph(play)
    assert cards["a"].status == "running"
    assert cards["undo:a"].status == "standby"
    assert cards["undo:a"].lane == "undo"
    assert kinds(play) == [("a", "running")]
    assert run_timeline(play.run, play.log, play.now).now == play.now
    assert [number.value for number in run_numbers(play.run, play.now)][:1] == ["0 of 4"]


def test_undoing_everything_now_is_priced_and_ordered_like_the_engine_would_do_it():
    play = Play(CHAIN)
    play.ok("a")
    play.ok("b")
    assert [line.title for line in rollback_lines(play.run, play.now)] == ["Train", "Hotel", "Flight"]
    assert [line.after for line in rollback_lines(play.run, play.now)] == ["", "", "Hotel and Train"]
    assert undo_price(play.run) == ("Not stated", "3 effects to undo")


def test_a_completed_run_needs_no_undo():
    play = Play(CHAIN)
    play.ok("a")
    play.ok("b", "d")
    play.ok("e")
    assert said(play) == "Completed"
    assert graph(play)["undo:a"].status == "unneeded"
    assert verdict(play.run, play.log) == ["The run completed. Nothing was undone."]
    assert undo_price(play.run)[1] == "no longer a choice"
    assert allowed(play.run, play.now).cancel == "The run has ended"
    assert run_timeline(play.run, play.log, play.now).now is None


def test_a_paused_run_says_so_and_can_be_resumed():
    play = Play(CHAIN)
    play.do(c.Pause(by="bob"))
    play.ok("a")
    assert said(play) == "Paused"
    assert allowed(play.run, play.now).resume == ""
    assert allowed(play.run, play.now).pause != ""


# Waiting


def test_an_approval_says_for_whom_the_run_waits_and_what_each_answer_causes():
    play = Play(GATED)
    play.ok("a")
    assert said(play) == "Waiting for desk"
    assert graph(play)["b"].status == "awaiting_approval"
    assert graph(play)["b"].subtitle.startswith("desk")
    detail = approval_detail(play.run, "b", play.now, "bob")
    assert detail.wire == ('POST http://sandbox.internal/tickets\nIdempotency-Key: r1:b:1\n\n{"seat":12}')
    assert detail.if_yes == "Exactly this is sent, once: POST /tickets."
    assert detail.if_no == "The run goes back and undoes 1 effect: Flight."
    assert [line.title for line in detail.undo] == ["Flight"]
    assert (detail.deadline, detail.silence) == ("10 m 00 s left", "Silence counts as no.")
    assert detail.refusal == ""
    assert [ask.kind for ask in asks(play.run, play.now)] == ["approval"]


def test_who_may_not_decide_reads_why():
    play = Play(GATED, by="ann")
    play.ok("a")
    assert "four eyes" in approval_detail(play.run, "b", play.now, "ann").refusal
    play.decide("b", by="bob")
    assert approval_detail(play.run, "b", play.now, "bob") is None


def test_the_inbox_lists_the_nearest_deadline_first_and_other_help_apart():
    soon, late = Play(GATED), Play(GATED.replace("600", "6000"))
    stuck = Play(CHAIN.replace("<once>", "<once>, compensate: {kind: python, with: {function: u}}", 0))
    for play in (late, soon):
        play.ok("a")
    items = inbox([project(late.run), project(soon.run)], soon.now, {})
    assert [(item.deadline, item.family) for item in items] == [
        ("10 m 00 s left", "red"),
        ("1 h 40 m left", "yellow"),
    ]
    assert other_help([project(stuck.run)]) == []


def test_a_retry_says_when_and_can_be_hurried():
    play = Play("steps: {a: {title: Flight, <book>}}")
    play.failed("a", error="busy")
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.title, ask.detail) == ("retry", "Flight is tried again in 1 s", "busy")
    assert said(play) == "Waiting to retry"
    assert ask.blocked == ""
    assert ("a", "backoff") in kinds(play)
    assert graph(play)["a"].subtitle == "in 1 s"


def test_branches_not_taken_are_skipped_with_the_reason():
    play = Play(ROUTED)
    play.ok("pick", output={"branch": "x"})
    cards = graph(play)
    assert (cards["two"].status, cards["two"].subtitle) == ("skipped", "'pick' chose 'x', not 'y'")
    edges = {edge.target: edge for edge in run_graph(play.run, play.now).edges}
    assert (edges["one"].state, edges["one"].label, edges["one"].kind) == ("taken", "x", "branch")
    assert edges["two"].state == "dead"
    play.ok("one")
    assert run_numbers(play.run, play.now)[0].note == "1 skipped"


# Going back


def test_rolling_back_counts_and_shows_the_order():
    play = back(Play(CHAIN))
    assert said(play) == "Rolling back 1 of 3"
    assert row_headline(project(play.run)).word == "Rolling back 1 of 3"
    assert graph(play)["e"].marks == ("fault",)
    assert (graph(play)["a"].status, graph(play)["undo:a"].status) == ("to_compensate", "to_compensate")
    assert graph(play)["undo:e"].status == "unneeded"
    play.ok("d")
    assert said(play) == "Rolling back 2 of 3"
    assert verdict(play.run, play.log) == [
        "1 of 3 effects was undone: Train.",
        "Being undone now: Hotel.",
        "Still to be undone: Flight.",
    ]
    assert allowed(play.run, play.now).cancel == "It is being undone already"
    assert undo_price(play.run) == ("—", "it is under way")


def test_a_compensated_run_says_what_went_wrong_first_and_what_was_undone_in_which_order():
    play = back(Play(CHAIN))
    play.ok("d")
    play.now += timedelta(seconds=1)
    play.ok("b")
    play.ok("a")
    assert said(play) == "Compensated"
    (first,) = troubles(play.log, titles_of(play.run))
    assert (first.headline, first.reason) == ("Dinner was refused", "no table left")
    assert verdict(play.run, play.log) == [
        "All 3 effects were undone, in this order: Train and Hotel, side by side; then Flight."
    ]
    assert [line.title for line in rollback_lines(play.run, play.now)] == ["Train", "Hotel", "Flight"]
    assert {line.status for line in rollback_lines(play.run, play.now)} == {"compensated"}
    assert {"undo:a", "undo:b", "undo:d"} <= rows(play)
    assert ("undo:b", "undo") in kinds(play)


def test_an_effect_that_never_landed_is_told_apart():
    play = back(Play(CHAIN))
    play.ok("d", empty=True)
    play.ok("b")
    play.ok("a")
    assert verdict(play.run, play.log) == [
        "2 of 3 effects were undone: Hotel, then Flight.",
        "There was nothing to undo for Train: it never took effect.",
    ]


def test_a_failed_compensation_says_what_is_left_and_what_waits_for_it():
    play = back(Play(CHAIN))
    play.rejected("d", error="no such booking")
    play.ok("b")
    assert said(play) == "Rollback incomplete, 2 left"
    assert row_headline(project(play.run)).word == "Rollback incomplete, 2 left"
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.detail) == ("comp_failed", "no such booking")
    assert "Flight can't be undone either" in ask.advice
    assert [choice.value for choice in ask.choices] == ["retry", "edit", "done", "skip"]
    assert "Could not be undone yet: Train." in verdict(play.run, play.log)
    assert "Flight and Train" in give_up(play.run).advice
    assert [run for run, _, _ in other_help([project(play.run)])] == ["r1"]


@pytest.mark.parametrize(
    ("choice", "ends"),
    [
        ("done", "Train was undone by hand, says bob: ticket 7"),
        ("skip", "Train was not undone, says bob: ticket 7"),
    ],
)
def test_what_a_person_settled_is_named_with_the_reason(choice, ends):
    play = back(Play(CHAIN))
    play.rejected("d")
    play.ok("b")
    play.do(command_of(asks(play.run, play.now)[0], choice, "ticket 7", "bob"))
    play.ok("a")
    assert said(play) == "Compensated, 1 settled by hand"
    assert ends in verdict(play.run, play.log)
    assert ("bob", "ticket 7") in [(deed.who, deed.why) for deed in deeds(play.log, titles_of(play.run))]


def test_an_edited_undo_is_sent_as_edited():
    play = back(Play(CHAIN))
    play.rejected("d")
    ask = asks(play.run, play.now)[0]
    play.do(command_of(ask, "edit", "", "bob", {"function": "undo", "args": {"key": "new"}}))
    assert step_detail(play.run, "d", play.now).undo.tries[0].request["args"] == {"key": "new"}


def test_giving_up_lists_what_is_left_behind():
    play = back(Play(CHAIN))
    play.rejected("d")
    play.ok("b")
    play.do(command_of(give_up(play.run), "", "the vendor is gone", "bob"))
    assert said(play) == "Abandoned, 2 left behind"
    assert verdict(play.run, play.log)[0] == "Given up by bob: the vendor is gone"
    assert verdict(play.run, play.log)[-1] == "Left behind, maybe still in effect: Flight and Train."


# Not knowing


def test_an_unknown_outcome_first_waits_then_asks():
    play = Play("steps: {p: {title: Pay, <pay>, settle_s: 5}}")
    play.unknown("p", error="no answer")
    assert said(play) == "Finding out what happened"
    (looking,) = asks(play.run, play.now)
    assert (looking.kind, looking.detail) == ("looking", "no answer")
    play.advance()
    assert said(play) == "Outcome unknown"
    assert row_headline(project(play.run)).word == "Needs attention"
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.title) == ("unknown_outcome", "Did Pay take effect?")
    assert ask.request["key"] == "r1:p:1"
    assert ("p", "attempt_unknown") in kinds(play)
    play.do(command_of(ask, "landed", "seen in the books", "bob"))
    assert said(play) == "Completed"
    assert "it landed" in step_detail(play.run, "p", play.now).tries[0].resolved


def test_a_run_that_may_ask_shows_the_choice_of_direction():
    play = back(Play("recovery: ask\n" + CHAIN))
    assert said(play) == "Waiting for a direction"
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.detail) == ("direction", "no table left")
    assert allowed(play.run, play.now).cancel == "Choose the direction below"
    play.do(command_of(ask, "undo", "", "bob"))
    assert said(play) == "Rolling back 1 of 3"


def test_past_the_pivot_what_failed_is_asked_for_and_cancel_says_why_not():
    play = Play(PIVOTED)
    play.ok("a")
    play.ok("p")
    assert "point of no return" in allowed(play.run, play.now).cancel
    assert undo_price(play.run) == ("—", "past the point of no return")
    play.rejected("z", error="bad address")
    assert said(play) == "Stuck after the point of no return"
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.detail) == ("stuck_after_pivot", "bad address")
    play.do(command_of(ask, "done", "called them", "bob"))
    assert said(play) == "Completed"


# Details


def test_the_inspector_holds_the_key_the_frozen_undo_and_what_the_model_saw():
    play = Play("steps: {m: {kind: llm, with: {prompt: Hi}}, a: {<book>, needs: m}}")
    meta = {"messages": [{"role": "user", "content": "Hi"}], "model": "m1", "tokens": 7, "text": "Ho"}
    play.ok("m", output={"text": "Ho"}, meta={**meta, "prompt_tokens": 3, "completion_tokens": 4})
    model = step_detail(play.run, "m", play.now)
    assert model.model_calls[0].messages == (("user", "Hi"),)
    assert (model.model_calls[0].model, model.model_calls[0].answer) == ("m1", "Ho")
    assert ("Cost", "7 tokens") in model.facts
    booked = step_detail(play.run, "a", play.now)
    assert booked.tries[0].key == "r1:a:1"
    assert booked.undo.key == "c:r1:a:1"
    assert booked.undo.complete
    assert step_detail(play.run, "nothing", play.now) is None


def test_a_disruption_is_refused_with_a_reason_and_marked_where_planted():
    play = Play(CHAIN)
    play.ok("a")
    refused = {target.step: target.refusal for target in disruptable(play.run, play.now)}
    assert "committed" in refused["a"]
    assert refused["e"] == ""
    play.do(c.Disrupt(what={"kind": "refuse", "step": "e"}, by="bob"))
    assert "disrupted" in graph(play)["e"].marks
    marks = run_timeline(play.run, play.log, play.now).marks
    assert [(mark.row, mark.kind) for mark in marks] == [("e", "disruption")]


def test_every_event_has_words_and_can_be_found_and_taken_along():
    play = back(Play(CHAIN))
    titles = titles_of(play.run)
    lines = event_lines(play.log, titles)
    assert [line.seq for line in lines] == list(range(len(play.log), 0, -1))
    assert all(line.what for line in lines)
    assert {line.step for line in event_lines(play.log, titles, step="e")} == {"Dinner"}
    assert {line.type for line in event_lines(play.log, titles, kinds=["faulted"])} == {"faulted"}
    assert [line.what for line in event_lines(play.log, titles, text="NO TABLE")]
    assert event_json(play.log, 1)["event"]["type"] == "run_started"
    assert event_json(play.log, 999) is None
    assert '"run": "r1"' in log_json(play.run, play.log)


def test_any_past_moment_shows_what_changed():
    play = Play("app: {n: 1}\nsteps: {a: {<book>, writes: {n: app.n + output.by}}}")
    play.ok("a", output={"by": 2})
    seq = next(r.seq for r in play.log if r.event.type == "step_committed")
    past = moment(play.saga, play.log, seq)
    assert [(change.key, change.before, change.after) for change in past.keys] == [("n", 1, 3)]
    assert [(change.before, change.after) for change in past.steps] == [("Checking the result", "Done")]
    assert moment(play.saga, play.log, 1).run == "Running"


@pytest.mark.parametrize(
    ("usd", "words"), [(0, "$0.00"), (0.0123, "$0.0123"), (0.5, "$0.50"), (1234.5, "$1,234.50")]
)
def test_money(usd, words):
    assert money(usd) == words


def test_lists_and_counts_read_as_sentences():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (counted(1, "try", "tries"), counted(2, "try", "tries")) == ("1 try", "2 tries")


def test_what_is_sent_is_shown_as_it_is_sent():
    request = {"method": "GET", "url": "http://x/y", "params": {"a": 1, "b": None}, "headers": {"H": "v"}}
    assert wire("http", request, "k") == "GET http://x/y?a=1\nH: v\nIdempotency-Key: k"
    assert '"function"' in wire("python", {"function": "f"}, "k")


def test_a_doubtful_point_of_no_return_is_told_before_a_cancel_and_while_it_is_settled():
    play = Play("steps: {a: {<book>}, p: {<pay>, title: Hand over, needs: a, settle_s: 5}}")
    assert doubtful_pivots(play.run) == []
    play.ok("a")
    play.unknown("p")
    assert doubtful_pivots(play.run) == ["Hand over"]
    play.do(c.Cancel(by="ann"))
    assert headline(play.run).word == "Stopping: finding out whether Hand over happened"


def test_who_is_in_no_group_that_may_decide_reads_so():
    play = Play("steps: {a: {<book>, approval: {group: travel-desk}}}")
    desk = Settings(groups={"travel-desk": ("bob",)})
    assert approval_detail(play.run, "a", play.now, "bob", desk.groups_of("bob")).refusal == ""
    refusal = approval_detail(play.run, "a", play.now, "cid", desk.groups_of("cid")).refusal
    assert refusal == "'a' is decided by travel-desk; cid is not one of them"
    assert Settings().groups_of("cid") is None


def test_a_late_effect_that_needs_a_person_is_asked_about():
    play = Play(
        "steps: {a: {title: Hotel, <book>, timeout_s: 1, settle_s: 0, key_ttl_s: 0, <probe>}, x: {<read>}}"
    )
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.advance()
    play.ok("a")
    play.do(c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    ask = next(ask for ask in asks(play.run, play.now) if ask.kind == "late_success")
    assert ask.title == "Hotel took effect once too often"
    assert ask.request == {"id": 1}
    assert project(play.run).attention == 1
    play.do(command_of(ask, "done", "cancelled by phone", "bob"))
    assert deeds(play.log, titles_of(play.run))[-1].did == "settled a late effect as undone by hand · Hotel"


@pytest.mark.parametrize(("choice", "status"), [("grant", "running"), ("cancel", "compensated")])
def test_a_run_at_its_limit_asks_whether_it_may_go_on(choice, status):
    play = Play("budget: {calls: 1, on_limit: ask}\nsteps: {a: {<read>}, b: {<read>, needs: a}}")
    play.ok("a")
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.detail) == ("limit", "the limit of 1 calls is reached (1 spent)")
    assert headline(play.run).word == "At a limit"
    play.do(command_of(ask, choice, "fine", "bob"))
    assert play.run.status == status


def test_large_limits_are_written_in_full():
    play = Play("budget: {tokens: 1000000}\nsteps: {a: {<read>}}")
    play.run.limit = LimitReached(limit="tokens", allowed=1e6, spent=1234567, response="ask")
    (ask,) = asks(play.run, play.now)
    assert ask.detail == "the limit of 1,000,000 tokens is reached (1,234,567 spent)"
    assert ask.choices[0].caption.startswith("1,000,000 tokens more")


def test_every_event_has_its_words():
    play = Play("max_events: 100\nsteps: {a: {<book>, locks: [car]}, b: {<read>}}")
    play.do(c.GrantLocks(step="a"))
    words = [line.what for line in event_lines(play.log, titles_of(play.run))]
    assert "Holds car until the run ends" in words
    assert not [kind for kind in EVENT_TYPES if kind not in {*run_events._WORDS, *run_events._TIMES}], (
        "an event without words"
    )
