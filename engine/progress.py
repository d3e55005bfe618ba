"""Signs of life of long calls: what they look like, and who can tell of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable


class Beat(NamedTuple):
    """A sign of life of a call that goes on: when, by the clock of `time.monotonic`, and what it said."""

    at: float
    text: str = ""
    share: float | None = None


@runtime_checkable
class TellsProgress(Protocol):
    """A performer whose calls give signs of life while they go on. Safe in threads."""

    def progress(self, run_id: str) -> dict[str, Beat]:
        """Return the latest sign of life of each call of a run that is going on here, by step."""
        ...
