"""What was typed into the forms of a draft and can't be read: kept by its place in the draft until it is mended.

A draft that holds such a text is neither saved nor run: what would run is not what its forms show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.core.errors import Problem
from ui.models.draft import Document, Path, dotted, get
from ui.models.draft_problems import Finding, located


@dataclass(frozen=True)
class Typed:
    """A text, or a number, as it was typed, and what is wrong with it."""

    shown: str | float
    wrong: str


Unread = Mapping[Path, Typed]


def findings_of(document: Document, unread: Unread) -> list[Finding]:
    """Return an error for each text that can't be read, as long as what it was typed for is there."""
    return [
        replace(located(_problem(path, typed), document), unread=path)
        for path, typed in unread.items()
        if _is_there(document, path)
    ]


def _problem(path: Path, typed: Typed) -> Problem:
    return Problem(
        dotted(path),
        f"what was typed there can't be taken: {typed.wrong}",
        "mend it in its field, or reset the field to what the draft says",
    )


def _is_there(document: Document, path: Path) -> bool:
    """Return whether the steps, inputs and entries of lists that a path goes through are still in a draft."""
    ends = [
        i + 2 if piece == "steps" or (i == 0 and piece == "input") else i + 1
        for i, piece in enumerate(path)
        if piece == "steps" or isinstance(piece, int) or (i == 0 and piece == "input")
    ]
    return all(get(document, path[:end]) is not None for end in ends)


def without(unread: Unread, path: Path) -> Unread:
    """Return what is left without the texts at a path and inside it."""
    return {where: typed for where, typed in unread.items() if where[: len(path)] != path}


def moved(unread: Unread, old: Path, new: Path) -> Unread:
    """Return the texts with those at a path and inside it at another one."""
    size = len(old)
    return {(*new, *where[size:]) if where[:size] == old else where: typed for where, typed in unread.items()}


def without_entry(unread: Unread, path: Path, index: int) -> Unread:
    """Return what is left without the texts of a list's entry; those of the entries behind it move up with them."""
    size, left = len(path), {}
    for where, typed in without(unread, (*path, index)).items():
        at = where[size] if len(where) > size and where[:size] == path else None
        is_behind = isinstance(at, int) and at > index
        left[(*path, int(at) - 1, *where[size + 1 :]) if is_behind and at is not None else where] = typed
    return left
