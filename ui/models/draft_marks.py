"""The parts of a draft that a model wrote and nobody accepted yet, and accepting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.core.checks_drafted import undo_hash
from engine.core.saga import Saga
from ui.models.draft import UNSET, Document, get, put, steps_of

PART_WORDS: Final = {
    "call": "What it does",
    "output": "What it gives",
    "checks": "Its checks",
    "undo": "Its undo",
    "input": "Inputs",
    "goals": "Goals and constraints",
    "invariants": "Invariants",
    "edges": "Contracts between steps",
}
_OUTPUT_OF_SAGA: Final = "What the run gives"


@dataclass(frozen=True)
class Mark:
    """A part that waits to be accepted; `step` is None where it is the saga's own."""

    step: str | None
    part: str
    by: str

    @property
    def word(self) -> str:
        """What people call the part."""
        if self.step is None and self.part == "output":
            return _OUTPUT_OF_SAGA
        return PART_WORDS.get(self.part, self.part)


def marks(document: Document) -> list[Mark]:
    """Return every part that waits to be accepted: the saga's own first, then step by step."""
    found = _of(None, document)
    for name, body in steps_of(document).items():
        found += _of(name, body)
    return found


def marks_of(document: Document, step: str | None) -> list[Mark]:
    """Return the parts of one step, or of the saga itself, that wait to be accepted."""
    return _of(step, document if step is None else steps_of(document).get(step, {}))


def _of(step: str | None, body: Document) -> list[Mark]:
    parts, by = get(body, ("drafted", "parts"), []), str(get(body, ("drafted", "by"), "a model"))
    return [Mark(step, str(part), by) for part in parts] if isinstance(parts, list) else []


def accept(document: Document, found: list[Mark]) -> Document:
    """Return the document with some parts accepted; a step without further ones is like any other."""
    for mark in found:
        base = ("drafted",) if mark.step is None else ("steps", mark.step, "drafted")
        rest = [part for part in get(document, (*base, "parts"), []) if part != mark.part]
        if rest or mark.step is None:
            document = put(document, (*base, "parts"), rest or UNSET)
            document = put(document, (*base, "tried"), UNSET) if mark.part == "undo" else document
        else:
            document = put(document, base, UNSET)
    return document


def tried_word(document: Document, saga: Saga | None, step: str) -> str:
    """Return how the undo of a step was tried, in words; empty where it was not, or where it changed since."""
    tried = get(steps_of(document).get(step, {}), ("drafted", "tried"))
    if not isinstance(tried, dict):
        return ""
    definition = saga.steps.get(step) if saga is not None else None
    if definition is not None and undo_hash(definition) != tried.get("of"):
        return ""
    fee = tried.get("fee_usd") or 0
    kept = f"; {fee:,.2f} USD were kept" if fee else "; nothing was left"
    return f"Done and undone on the {tried.get('where')}{kept}"
