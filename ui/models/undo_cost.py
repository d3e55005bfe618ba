"""What undoing costs, in numbers and words: what it would cost now, and what it has cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.recovery import UndoLine, preview
from engine.core.run import Run
from ui.models.run_words import counted, money


def undo_price(run: Run) -> tuple[str, str]:
    """Return what undoing everything now would cost, and what should be said with it.

    Where no compensation states a cost, that is said: nothing is priced at zero that nobody priced.
    """
    if run.direction == "undo" or run.is_closed:
        under_way = "it is under way" if run.repair is None else "a repair is under way"
        return "—", "no longer a choice" if run.is_closed else under_way
    if run.pivot_passed():
        return "—", "past the point of no return"
    return _price(preview(run))


def _price(lines: Sequence[UndoLine]) -> tuple[str, str]:
    if not lines:
        return money(0), "nothing to undo"
    stated = [line.cost_usd for line in lines if line.cost_usd is not None]
    stuck = sum(bool(line.obstacle) for line in lines)
    if stuck == len(lines):
        return "—", f"{counted(stuck, 'effect')}, can't be undone"
    note = counted(len(lines), "effect") + (f", {stuck} can't be undone" if stuck else " to undo")
    if not stated:
        return "Not stated", note
    silent = len(lines) - len(stated)
    return money(sum(stated)), note + (f", {silent} unpriced" if silent else "")


def price_words(run: Run) -> str:
    """Return what undoing everything now would cost, as a sentence."""
    return _price_sentence(*undo_price(run))


def price_of(lines: Sequence[UndoLine]) -> str:
    """Return what some compensations would cost, as a sentence."""
    return _price_sentence(*_price(lines))


def _price_sentence(price: str, note: str) -> str:
    if price == "Not stated":
        return f"What undoing costs is not stated ({note})."
    return f"Undoing costs {price} ({note})." if price != "—" else f"{note[0].upper()}{note[1:]}."


@dataclass(frozen=True)
class UndoingCost:
    """What the compensations of a rollback say they cost, in USD: those done, and all of them.

    `unpriced` counts what was undone and said no cost.
    """

    spent: float
    whole: float
    unpriced: int


def undoing_cost(run: Run) -> UndoingCost | None:
    """Return what going back has cost so far; None where nothing is undone, or nothing says what it costs."""
    if run.direction != "undo" or run.repair is not None:
        return None
    lines = preview(run)
    done = [line.cost_usd for line in lines if run.steps[line.step].status == "compensated"]
    stated = [cost for cost in done if cost is not None]
    if not stated:
        return None
    return UndoingCost(sum(stated), sum(line.cost_usd or 0 for line in lines), len(done) - len(stated))
