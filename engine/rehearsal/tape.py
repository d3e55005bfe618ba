"""A tape of choices: what is random in a rehearsal, so that the same bytes tell the same story again.

Each choice reads one byte, and past the end every choice is the most harmless one (0). So a failing
example shrinks towards a short story in which nearly everything goes well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
SAGA_BYTES = 400


class Tape:
    """A finite source of choices; harmless once it is used up."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._position = 0

    @property
    def used_up(self) -> bool:
        """Whether every further choice is the first one."""
        return self._position >= len(self.data)

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1; 0 where the tape is used up."""
        if self.used_up:
            return 0
        self._position += 1
        return self.data[self._position - 1] % limit

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options; the first where the tape is used up or says 0."""
        return options[self.below(len(options))]

    def often(self, percent: int) -> bool:
        """Return true about so often; never once the tape is used up."""
        return self.below(100) >= 100 - percent


def chance(*place: object) -> random.Random:
    """Return the chance that belongs to a place, such as a seed and an index; the same on every machine."""
    return random.Random(":".join(map(str, place)))  # noqa: S311 - chance that can be repeated is the point
