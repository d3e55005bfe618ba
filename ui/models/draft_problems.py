"""What is wrong with a draft, in one list, each finding with the step and the form it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from engine.core.embed import Find, embed
from engine.core.errors import DefinitionInvalid, Problem
from engine.core.saga import Saga
from engine.templates import shipped
from ui.models.draft import Document, Path, steps_of

SEGMENTS: Final = ("Step", "Retry", "Validate", "Undo", "Approve")
_SEGMENT_OF: Final = {
    **dict.fromkeys(("retry", "timeout_s", "settle_s", "key_ttl_s"), "Retry"),
    **dict.fromkeys(("validate", "fallback", "output", "writes", "commutative"), "Validate"),
    **dict.fromkeys(("compensate", "compensate_reason", "probe"), "Undo"),
    "approval": "Approve",
}


@dataclass(frozen=True)
class Finding:
    """A problem and where to mend it; `step` is None where it is the saga's own.

    `unread` is the place of a text that can't be read, if it is about one; its field says so itself.
    """

    problem: Problem
    step: str | None = None
    segment: str = "Step"
    unread: Path | None = None

    @property
    def is_error(self) -> bool:
        """Whether the draft can't be saved as a version because of it."""
        return self.problem.severity == "error"


def problems(document: Document, find: Find = shipped) -> list[Finding]:
    """Return everything that is wrong or doubtful about a draft, errors first; `find` knows the sagas inside it."""
    return [located(problem, document) for problem in _found(document, find)]


def checked(document: Document, find: Find = shipped) -> tuple[Saga | None, list[Finding]]:
    """Return the saga, if the draft can be saved as a version, and the findings."""
    found = problems(document, find)
    ready = not any(finding.is_error for finding in found)
    return (saga_from_document(document) if ready else None), found


def form_problems(document: Document) -> list[Problem]:
    """Return what keeps a mapping from being a draft that forms can show; a saga without steps is one."""
    try:
        saga_from_document(document)
    except DefinitionInvalid as invalid:
        return [p for p in invalid.problems if not _says_no_steps(p, document)]
    return []


def at(findings: list[Finding], path: str) -> list[Finding]:
    """Return the findings about a field or about something inside it."""
    inside = re.compile(re.escape(path) + r"([.\[].*)?")
    return [finding for finding in findings if inside.fullmatch(finding.problem.path)]


def _found(document: Document, find: Find) -> list[Problem]:
    try:
        return publish_problems(embed(saga_from_document(document), find))
    except DefinitionInvalid as invalid:
        return [_reworded(problem, document) for problem in invalid.problems]


def _says_no_steps(problem: Problem, document: Document) -> bool:
    return problem.path == "steps" and document.get("steps") == {}


def _reworded(problem: Problem, document: Document) -> Problem:
    if _says_no_steps(problem, document):
        return Problem("steps", "there is no step yet", "add one with a button above the canvas")
    return problem


def located(problem: Problem, document: Document) -> Finding:
    """Return a problem with the step and the form that it belongs to."""
    match = re.match(r"steps\.([^.\[]+)(?:\.([a-z_]+))?", problem.path)
    if match is None or match.group(1) not in steps_of(document):
        return Finding(problem)
    return Finding(problem, match.group(1), _SEGMENT_OF.get(match.group(2) or "", "Step"))


def tally(findings: list[Finding]) -> tuple[int, int]:
    """Return how many errors and how many warnings there are."""
    errors = sum(finding.is_error for finding in findings)
    return errors, len(findings) - errors


def why_not_ready(findings: list[Finding]) -> str:
    """Return why the draft can't be saved as a version yet; empty if it can."""
    errors = [finding for finding in findings if finding.is_error]
    if not errors:
        return ""
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"First mend {errors[0].problem.path}: {errors[0].problem.problem}{more}"


def problem_lines(found: list[Problem]) -> str:
    """Return problems one a line, as an editor would list them."""
    return "\n".join(str(problem) for problem in found)


def sentence(text: str) -> str:
    """Return a finding's words as a sentence."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", "!")) else ".")
