"""What is kept across runs, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.memories import Remembered
from ui.models.run_words import ago


def table(facts: Sequence[Remembered], titles: dict[str, str], now: datetime) -> dict[str, list[Any]]:
    """Return the columns of the facts."""
    return {
        "Saga": [titles.get(fact.saga, fact.saga) for fact in facts],
        "About": [fact.key for fact in facts],
        "Fact": [fact.name for fact in facts],
        "Value": [value_words(fact.value) for fact in facts],
        "From step": [", ".join(fact.steps) for fact in facts],
        "Run": [f"run?id={fact.run_id}" for fact in facts],
        "When": [ago(fact.at, now) for fact in facts],
    }


def value_words(value: Any) -> str:
    """Return a value as it reads in a cell: text bare, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def matching(facts: Sequence[Remembered], text: str) -> list[Remembered]:
    """Return the facts that hold a text, in what they are about, their name or value."""
    wanted = text.strip().lower()
    return [
        fact
        for fact in facts
        if wanted in f"{fact.saga} {fact.key} {fact.name} {value_words(fact.value)}".lower()
    ]


def named(fact: Remembered) -> str:
    """Return how a fact is called in a sentence."""
    return f"{fact.name} of {fact.key}" if fact.key else fact.name
