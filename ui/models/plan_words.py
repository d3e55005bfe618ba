"""What the page and the command that draft sagas say of proposals: states, approaches, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.planning.words.drafting import State
from engine.planning.words.measures import Measures
from engine.planning.words.problem import Approach

STATES: Final[dict[State, str]] = {
    "ready": "ready: it was checked, and its undos were tried",
    "stalled": "stopped: two rounds came out the same, so a person is needed",
    "out_of_rounds": "stopped: no rounds are left, and findings are",
    "no_model": "stopped: the model can't be asked",
}
WHY_NOT: Final[dict[State, str]] = {
    "ready": "",
    "stalled": "What was found must be mended first",
    "out_of_rounds": "What was found must be mended first",
    "no_model": "The model could not be asked: draft it anew, or revise it, once it can",
}
"""Why a proposal can't be approved."""
_APPROACHES: Final[dict[Approach, str]] = {"side_by_side": "Side by side", "in_turn": "One after the other"}


def approach_word(approach: Approach) -> str:
    """Return what people call an approach."""
    return _APPROACHES[approach]


def measure_lines(numbers: Measures, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return a proposal's numbers, each with its name; `titles` are those of its nodes."""
    how = "by its trial" if numbers.is_measured else "estimated"
    undo = f"{numbers.reversible} of {numbers.effects} effects" if numbers.effects else "it has no effects"
    fee = f", for {numbers.fee_usd:,.2f} USD" if numbers.fee_usd else ""
    return [
        ("Cost", f"{numbers.cost_usd:,.2f} USD, {how}"),
        ("Steps", str(numbers.steps)),
        (
            "Longest way",
            f"{minutes(numbers.minutes)}: {' → '.join(titles[name] for name in numbers.critical)}",
        ),
        ("Slack", f"{minutes(numbers.slack_minutes)} over all steps"),
        ("Can be undone", undo + fee),
    ]


def minutes(count: float) -> str:
    """Return a time in words."""
    return f"{count:g} min" if count < 120 else f"{count / 60:.3g} h"
