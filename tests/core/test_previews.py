"""What a rollback preview promises."""

from __future__ import annotations

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
