"""Counting tokens: the seam through which the core is told, and an estimate that needs nothing.

Imports nothing of the engine: a run carries its counter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

ESTIMATE_NAME = "estimate"
_REMEMBERED_CHARS = 20_000
_PIECES = re.compile(r"[A-Z]?[a-z]{1,4}|[A-Z]{1,2}|\d|[\x80-\u07ff]|[^\sA-Za-z\d]|\n|\s{2,}")
_WIDE = re.compile(r"[^\x00-\u07ff]")


class TokenCounter(Protocol):
    """Counts the tokens of texts. Safe in threads."""

    def tokenizer(self, model: str) -> str:
        """Return the name of the tokenizer to count with for a model by now, at once; empty is the default model."""
        ...

    def count(self, text: str, tokenizer: str) -> int:
        """Return how many tokens a text has for a tokenizer of that name; the same for ever."""
        ...


def estimated(text: str) -> int:
    """Return a cautious guess: above what models count for prose, JSON and code, by a fifth to a half.

    A digit, a sign or up to five letters are a token; a letter of a script without short encodings is two.
    """
    return _estimated(text) if len(text) <= _REMEMBERED_CHARS else _estimated.__wrapped__(text)


@lru_cache(maxsize=1024)  # the outputs of a run are counted again for every later prompt
def _estimated(text: str) -> int:
    return len(_PIECES.findall(text)) + len(_WIDE.findall(text))


class Estimate:
    """The counter that is always there."""

    def tokenizer(self, model: str) -> str:  # noqa: ARG002 - one guess for all models
        """Return the estimate's name, whatever the model."""
        return ESTIMATE_NAME

    def count(self, text: str, tokenizer: str) -> int:  # noqa: ARG002 - it knows one way only
        """Return the estimate."""
        return estimated(text)


@dataclass(frozen=True, slots=True)
class Pinned:
    """Another counter, held to the tokenizer that a record names, so that the same comes out again."""

    counter: TokenCounter
    name: str

    def tokenizer(self, model: str) -> str:  # noqa: ARG002 - pinned
        """Return the pinned name."""
        return self.name

    def count(self, text: str, tokenizer: str) -> int:
        """Return what the other counter says."""
        return self.counter.count(text, tokenizer)


ESTIMATE = Estimate()
