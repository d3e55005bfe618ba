"""What the Run page says of locks, limits, late effects and steps that failed while another way was taken."""

from typing import get_args

from engine.core import commands as c
from engine.core.events import FaultSource
from tests.core.harness import Play
from ui.models.run_attention import asks
from ui.models.run_graph import run_graph
from ui.models.run_numbers import run_numbers
from ui.models.run_rollback import SOURCES, verdict
from ui.models.run_timeline import run_timeline
from ui.models.run_words import headline, locks_held
from ui.models.undo_cost import price_words, undo_price

SEAT = "steps: {a: {title: Seat, <book>, locks: ['seat:7a', car], lock_wait_s: 30}, x: {<read>, needs: a}}"
TWICE = """
steps:
  a:
    {title: Hotel, kind: python, with: {function: book}, effect: compensatable, timeout_s: 1, settle_s: 0, key_ttl_s: 0,
     <probe>, compensate: {kind: python, with: {function: undo, args: {id: "${output.id}"}}}}
  x: {<read>, needs: a}
"""
FALLBACK = """
steps:
  cheap: {title: Cheap, <read>, <once>}
  dear: {title: Dear, <read>, needs: cheap.failed}
  never: {title: Never, <read>, needs: cheap}
  last: {title: Last, <read>, needs: "1 of (dear, never)"}
"""


def nodes(play):
    return {node.id: node for node in run_graph(play.run, play.now).nodes}


def edges(play):
    return {(edge.source, edge.target): edge for edge in run_graph(play.run, play.now).edges}


def segments(play):
    return [(s.row, s.kind, s.end is None) for s in run_timeline(play.run, play.log, play.now).segments]


def test_a_step_that_waits_for_a_lock_says_for_which_and_how_long_yet():
    play = Play(SEAT)
    assert headline(play.run).word == "Waiting for a lock"
    assert nodes(play)["a"].subtitle == "car, seat:7a · 30 s left"
    (ask,) = asks(play.run, play.now)
    assert (ask.kind, ask.title, ask.choices) == ("locks", "Seat waits for car and seat:7a", ())
    assert ask.advice.endswith("The step gives up in 30 s.")
    assert segments(play) == [("a", "locks", True)]
    assert locks_held(play.run) == ""


def test_who_holds_locks_says_so_until_the_run_ends():
    play = Play(SEAT)
    play.tick(3)
    play.do(c.GrantLocks(step="a"))
    assert locks_held(play.run) == "holds car, seat:7a (Seat) until it ends"
    assert "locked" in nodes(play)["a"].marks
    assert segments(play)[-1] == ("a", "locks", False)
    play.ok("a")
    play.ok("x")
    assert locks_held(play.run) == ""
    assert "locked" not in nodes(play)["a"].marks


def test_every_source_of_a_fault_has_words():
    assert set(get_args(FaultSource)) == set(SOURCES)
    play = Play(SEAT)
    play.advance()
    assert headline(play.run).status == "compensated"


def test_a_late_effect_is_on_the_card_of_the_undo_and_in_the_timeline():
    play = Play(TWICE)
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.advance()
    play.ok("a", output={"id": 2})
    play.do(c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert "late" in nodes(play)["a"].marks
    assert nodes(play)["undo:a"].status == "compensating"
    marks = run_timeline(play.run, play.log, play.now).marks
    assert "late" in [mark.kind for mark in marks]
    play.ok("a")
    play.ok("x")
    assert play.run.status == "completed"
    assert nodes(play)["undo:a"].status == "compensated"
    assert nodes(play)["undo:a"].subtitle.startswith("a late effect · ")
    assert verdict(play.run, play.log) == ["The run completed. Only what came too late was undone: Hotel."]


def test_a_failure_that_another_step_waits_for_is_told_as_another_way():
    play = Play(FALLBACK)
    assert edges(play)["cheap", "dear"].state == "idle"
    play.rejected("cheap")
    play.ok("dear")
    play.ok("last")
    assert nodes(play)["cheap"].status == "handled"
    taken = {pair: edge.state for pair, edge in edges(play).items()}
    assert taken["cheap", "dear"] == "taken"
    assert taken["cheap", "never"] == "dead"
    assert (edges(play)["cheap", "dear"].kind, edges(play)["cheap", "dear"].label) == ("outcome", "failed")
    assert verdict(play.run, play.log) == [
        "The run completed. Nothing was undone.",
        "Cheap failed, and the saga took another way.",
    ]


def test_numbers_count_against_the_budget_and_grow_with_a_grant():
    play = Play(
        "budget: {tokens: 100, calls: 1, on_limit: pause}\nsteps: {a: {<read>}, b: {<read>, needs: a}}"
    )
    play.ok("a", meta={"tokens": 30})
    assert headline(play.run).word == "Paused at a limit"
    cards = {number.label: number.note for number in run_numbers(play.run, play.now)}
    assert (cards["Model cost"], cards["Calls"]) == ("30 of 100 tokens", "1 of 1 forward")
    play.do(c.GrantLimit(by="bob"))
    cards = {number.label: number.note for number in run_numbers(play.run, play.now)}
    assert cards["Calls"] == "2 of 2 forward"


def test_nothing_is_priced_at_zero_that_nobody_priced():
    both = Play("steps: {a: {<book>}, b: {<book>, needs: a}, x: {<read>, needs: b}}")
    both.ok("a")
    both.ok("b")
    assert undo_price(both.run) == ("Not stated", "2 effects to undo")
    assert price_words(both.run) == "What undoing costs is not stated (2 effects to undo)."
    play = Play(SEAT)
    assert undo_price(play.run) == ("$0.00", "nothing to undo")
    assert price_words(play.run) == "Undoing costs $0.00 (nothing to undo)."
    stated = Play(
        "steps: {a: {kind: python, with: {function: book}, effect: compensatable, compensate: {kind: python,"
        " with: {function: undo}, cost_usd: '5.0'}}, b: {<book>, needs: a}, x: {<read>, needs: b}}"
    )
    stated.ok("a")
    stated.ok("b")
    assert undo_price(stated.run) == ("$5.00", "2 effects to undo, 1 unpriced")
