"""What the pages say of going back: in which order, how far it is, and what it cost."""

from tests.core.harness import Play
from tests.ui.test_run_models import CHAIN, back
from ui.models.run_numbers import run_numbers
from ui.models.run_rollback import rollback_lines, verdict


def test_what_is_undone_side_by_side_is_told_so_and_what_it_cost_is_summed():
    undo = "compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}, cost_usd: "
    book = "kind: python, with: {function: book}, effect: compensatable, " + undo
    play = Play(
        f"steps: {{a: {{title: Flight, {book}'2.5'}}}}, b: {{title: Hotel, {book}'5'}}, needs: a}},"
        f" c: {{title: Train, {book}'0'}}, needs: a}}, d: {{title: Inn, {book}'70'}}, needs: [b, c]}},"
        " x: {<read>, <once>, needs: d}}"
    )
    for names in (("a",), ("b", "c"), ("d",)):
        play.ok(*names)
    play.rejected("x")
    play.ok("d")
    assert verdict(play.run, play.log)[:2] == [
        "1 of 4 effects was undone: Inn.",
        "Undoing has cost $70.00 so far, of $77.50.",
    ]
    play.ok("b", "c", "a")
    assert verdict(play.run, play.log) == [
        "All 4 effects were undone, in this order: Inn; then Train and Hotel, side by side; then Flight.",
        "Undoing cost $77.50.",
    ]
    assert [(n.value, n.note) for n in run_numbers(play.run, play.now) if n.label == "Undoing cost"] == [
        ("$77.50", "4 effects undone")
    ]


def test_a_compensation_that_is_over_is_told_in_the_past():
    play = back(Play(CHAIN))
    assert [(one.why, one.turn) for one in rollback_lines(play.run, play.now)][1] == (
        "it is done",
        "Nothing has to go before it.",
    )
    for name in ("d", "b", "a"):
        play.ok(name)
    assert [(one.why, one.turn) for one in rollback_lines(play.run, play.now)][1:] == [
        ("it had been done", "Nothing had to go before it."),
        ("it had been done", "Went after Hotel and Train."),
    ]
