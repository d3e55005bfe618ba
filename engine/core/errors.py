"""What can go wrong in the core, in words that say where and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class SagaError(Exception):
    """Base of every error that Saga Studio raises on purpose."""


class CommandRejected(SagaError):
    """A request that the run's state forbids; nothing was recorded."""


class IllegalTransition(SagaError):
    """An event that the state machines do not allow: a corrupt log or a bug, never a user's mistake."""


class ExpressionError(SagaError):
    """An expression that can't be compiled or evaluated; the message names it and what is missing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a definition: where, what, and what to do."""

    path: str
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.path}: {self.problem} - {self.remedy}"


class DefinitionInvalid(SagaError):
    """A definition with problems; nothing was stored.

    Attributes:
        problems: what is wrong, worst first, at least one.
        is_partial: whether further checks wait until these are mended, so that more may be found then.
    """

    def __init__(self, problems: list[Problem], *, is_partial: bool = False) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.is_partial = is_partial
