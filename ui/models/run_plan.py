"""A changed plan for a run: what it would change, or why the engine refuses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.affected import amendment
from engine.core.commands import Amend
from engine.core.document import parse_document, saga_from_document
from engine.core.errors import DefinitionInvalid
from engine.core.run import Run
from ui.models.run_actions import refusal
from ui.models.run_words import listed

WORDS = {"added": "New", "changed": "Changed", "removed": "Removed"}


@dataclass(frozen=True)
class Proposal:
    """What a text proposes.

    Attributes:
        lines: what it would change, for people.
        refusal: why it can't be taken; empty where it can.
    """

    document: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    refusal: str = ""


def proposal(run: Run, text: str, now: datetime) -> Proposal:
    """Return what a text would change about the rest of a run."""
    try:
        document = parse_document(text)
    except DefinitionInvalid as invalid:
        return Proposal(refusal=str(invalid.problems[0]))
    refused = refusal(run, Amend(document=document, reason="?", by="?"), now)
    if refused:
        return Proposal(refusal=refused)
    changes = amendment(run, saga_from_document(document))
    lines = tuple(f"{WORDS[how]}: {listed(steps)}" for how, steps in changes.items() if steps)
    return Proposal(document, lines or ("No step changes, but what holds for all of them does.",))
