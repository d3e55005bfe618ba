"""What the page that drafts sagas keeps and shows: proposals beside each other, and the record of their rounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from engine.planning.words.answers import Spec, Undo
from engine.planning.words.assemble import Document
from engine.planning.words.drafting import Drafting, Round
from engine.planning.words.finding import WORDS
from engine.planning.words.measures import best, slacks
from engine.planning.words.schemas import Schemas, schemas
from ui.models.draft_defaults import free_name
from ui.models.draft_marks import accept, marks


@dataclass(frozen=True)
class Board:
    """The proposals of one problem, as a session keeps them."""

    proposals: tuple[Drafting, ...] = field(default=())

    @property
    def best(self) -> int | None:
        """Which proposal is best; None where none is ready."""
        return best(self.proposals)

    def revised(self, index: int, drafting: Drafting) -> Board:
        """Return the board with one proposal in another's place."""
        found = list(self.proposals)
        found[index] = drafting
        return replace(self, proposals=tuple(found))


def round_lines(done: Round) -> list[tuple[str, str]]:
    """Return what a round found: the kind of finding in words, and the finding."""
    return [(WORDS[finding.code], str(finding)) for finding in done.findings]


def round_title(done: Round) -> str:
    """Return what a round was, in a few words."""
    count = len(done.findings)
    found = "nothing was found" if not count else f"{count} finding{'s' * (count > 1)}"
    return f"Round {done.number}: {len(done.asked)} asked, {found}"


def profiles(drafting: Drafting) -> list[dict[str, str]]:
    """Return a row for each node: who does it with what, from what to what, what is logged, and how it is undone."""
    outline, slack = drafting.outline, slacks(drafting.outline)
    return [
        {
            "Step": node.title,
            "Role": node.role,
            "Tool": node.tool,
            "Takes": ", ".join(entry.name for entry in spec.args),
            "Gives": ", ".join(outline.gives(node) or ()),
            "On record": ", ".join(spec.log),
            "Undo": _undo_words(outline.undos.get(node.id)),
            "Minutes": f"{node.minutes:g}",
            "Slack": f"{slack[node.id]:g}" if node.id in slack else "",
        }
        for node in outline.in_order()
        for spec in [outline.specs.get(node.id, Spec())]
    ]


def schemas_by_step(drafting: Drafting) -> dict[str, Schemas]:
    """Return what goes into each node, comes out of it and is put on record, by its title."""
    return {node.title: schemas(drafting.outline, node) for node in drafting.outline.in_order()}


def _undo_words(undo: Undo | None) -> str:
    if undo is None or not undo.action:
        return ""
    if undo.action == "none":
        return f"none: {undo.reason}"
    return f"{undo.action} by {', '.join(entry.name for entry in undo.inputs)}"


def approved(document: Document, taken: Iterable[str]) -> Document:
    """Return a draft as a person takes it over: every part accepted, under a name that is still free."""
    return named(accept(document, marks(document)), taken)


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a field that are not empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def named(document: Document, taken: Iterable[str]) -> Document:
    """Return a draft under a name that is still free."""
    return {**document, "saga": free_name(str(document["saga"]), set(taken), "-")}
