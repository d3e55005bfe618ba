"""What people are promised and told: previews, refusals."""

from __future__ import annotations

import pytest

from engine.core.commands import Decide, Disrupt
from engine.core.errors import CommandRejected
from engine.core.recovery import preview
from tests.core.harness import Play

TEXT = """
steps:
  a: {kind: python, effect: compensatable, with: {function: f}, compensate: {kind: python, with: {function: g}}}
  p: {kind: python, effect: pivot, needs: a, settle_s: 5, with: {function: f}}
"""


def test_L11_a_preview_never_promises_to_undo_a_pivot_not_even_a_doubtful_one() -> None:
    play = Play(TEXT)
    play.ok("a")
    play.unknown("p")
    assert [line.step for line in preview(play.run)] == ["a"]


def test_the_second_of_two_deciders_reads_who_was_first() -> None:
    play = Play("steps: {a: {kind: approval, title: Pay it}}")
    play.do(Decide(by="ann", step="a", decision="approved"))
    with pytest.raises(CommandRejected, match="has ended"):
        play.do(Decide(by="bob", step="a", decision="denied"))
    play = Play("steps: {a: {<book>, title: Pay it, approval: {}}}", publish=False)
    play.do(Decide(by="ann", step="a", decision="approved"))
    with pytest.raises(CommandRejected, match="'Pay it' was approved by ann already"):
        play.do(Decide(by="bob", step="a", decision="denied"))


def test_a_disruption_is_planted_once() -> None:
    play = Play("steps: {a: {<book>, approval: {}}}", publish=False)
    play.do(Disrupt(by="ann", what={"kind": "fail", "step": "a"}))
    with pytest.raises(CommandRejected, match="waits for the next attempt"):
        play.do(Disrupt(by="ann", what={"kind": "fail", "step": "a"}))
