"""What a step comes after, as a picker shows it: some steps, how each must have ended, and how many are enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from engine.core.condition import OUTCOMES
from ui.models.draft_names import Needs, needs_list

Json = Any
ENDED: Final = {
    "": "is done",
    "failed": "failed",
    "timed_out": "timed out",
    "skipped": "was skipped",
}
"""How a step may have ended, in the words of the picker, by what a term says after the dot."""
EDGE_WORDS: Final = {"failed": "failed", "timed_out": "timed out", "skipped": "skipped"}
_TERM: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_SOME: Final = re.compile(r"\s*(\d+)\s+of\s*\(([^()]*)\)\s*")


@dataclass(frozen=True)
class Picked:
    """The terms of a simple condition, and how many of them must hold; 0 stands for all."""

    terms: tuple[str, ...] = ()
    enough: int = 0


def picked(needs: Json) -> Picked | None:
    """Return a `needs` as the picker shows it, or None for a condition that it can't show."""
    listed = needs_list(needs)
    if listed is not None:
        return Picked(tuple(listed))
    some = _SOME.fullmatch(str(needs))
    enough, parts = (int(some[1]), some[2].split(",")) if some else (1, str(needs).split("||"))
    terms = tuple(part.strip() for part in parts)
    if not all(_TERM.fullmatch(term) for term in terms) or not 1 <= enough <= len(terms):
        return None
    return Picked(terms, enough)


def written(choice: Picked) -> Needs:
    """Return what the picker says as a `needs`; None where nothing is chosen."""
    terms = list(choice.terms)
    if not choice.enough or len(terms) < 2 or choice.enough >= len(terms):
        return terms or None
    return " || ".join(terms) if choice.enough == 1 else f"{choice.enough} of ({', '.join(terms)})"


def ended(term: str) -> str:
    """Return how the step of a term must have ended: a key of `ENDED`, or the branch of a route."""
    return term.partition(".")[2]


def with_end(choice: Picked, term: str, end: str) -> Picked:
    """Return the choice with another end for the step of one of its terms."""
    step = term.partition(".")[0]
    new = f"{step}.{end}" if end else step
    terms = dict.fromkeys(new if other == term else other for other in choice.terms)
    return Picked(tuple(terms), choice.enough)


def in_words(end: str) -> str:
    """Return how a step must have ended in words; a branch of a route by its name."""
    return ENDED.get(end) or f"chose {end}"


def is_outcome(branch: str | None) -> bool:
    """Return whether a term asks how a step ended, not for a branch or for its commit."""
    return branch in OUTCOMES


def edge_label(branch: str | None, needs: Json) -> str:
    """Return what stands on the arrow of a term: the end or branch it asks for, and how many are enough."""
    own = EDGE_WORDS.get(branch or "", branch or "")
    choice = picked(needs)
    if choice is not None and 1 < choice.enough < len(choice.terms):
        return " · ".join(part for part in (own, f"{choice.enough} of {len(choice.terms)}") if part)
    either = choice.enough == 1 < len(choice.terms) if choice is not None else "||" in str(needs)
    return own or ("or" if either else "")
