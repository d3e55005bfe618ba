"""What is wrong with a draft, with the question whose answer must change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "cycle",
    "missing_dependency",
    "unknown_role",
    "unknown_tool",
    "no_producer",
    "bad_argument",
    "constraint_broken",
    "constraint_lost",
    "missing_compensation",
    "compensation_inputs",
    "compensation_failed",
    "invalid",
    "no_answer",
    "comment",
]
WORDS: dict[Code, str] = {
    "cycle": "Steps wait for each other in a circle",
    "missing_dependency": "Something is used that need not be there yet",
    "unknown_role": "A role that nobody has",
    "unknown_tool": "A tool that is not there",
    "no_producer": "An output that no one can produce",
    "bad_argument": "The tool does not take this",
    "constraint_broken": "A constraint is broken",
    "constraint_lost": "A constraint got lost",
    "missing_compensation": "An effect without an undo",
    "compensation_inputs": "The undo lacks what it needs",
    "compensation_failed": "The undo did not work when it was tried",
    "invalid": "It could not run",
    "no_answer": "The model gave no usable answer",
    "comment": "A person wants it changed",
}
Stage = str
"""The question: `frame`, `roles`, `nodes`, `edges`, `chain`, or `spec:ID` and `undo:ID` for one node."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        stage: whose answer must change.
        where: the place in the draft, as publish checks name it.
    """

    code: Code
    stage: Stage
    where: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding as one line, as the model is told."""
        return f"{self.where}: {self.problem}" + (f"; {self.remedy}" if self.remedy else "")
