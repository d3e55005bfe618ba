"""What a validator found about one output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether it held, and the evidence in words, with the values that were seen."""

    held: bool
    evidence: str
