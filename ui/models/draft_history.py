"""Undo and redo of a draft: what it was before and after this, a bounded number of times.

What was typed and can't be read is part of it: taking a change back brings such a text back, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ui.models.draft_unread import Unread

Document = dict[str, Any]
LIMIT: Final = 100


@dataclass(frozen=True)
class Sheet:
    """A draft as its forms show it: the document, and by their places the texts that can't be read."""

    document: Document
    unread: Unread = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """A draft with what it was before (oldest first) and what undo took back (nearest first)."""

    now: Sheet
    past: tuple[Sheet, ...] = ()
    future: tuple[Sheet, ...] = ()

    @classmethod
    def of(cls, document: Document) -> History:
        """Return the history of a draft that was just opened."""
        return cls(Sheet(document))

    @property
    def document(self) -> Document:
        """The draft."""
        return self.now.document

    def changed(self, document: Document, unread: Unread | None = None) -> History:
        """Return the history with a new document, and new unread texts if told; the same again is no change."""
        new = Sheet(document, self.now.unread if unread is None else unread)
        if new == self.now and list(document) == list(self.document):
            return self
        return History(new, (*self.past, self.now)[-LIMIT:])

    def undone(self) -> History:
        """Return the history one change back; where there is none, itself."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.now, *self.future))

    def redone(self) -> History:
        """Return the history one change forth; where there is none, itself."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.now), self.future[1:])

    def saved_as(self, document: Document) -> History:
        """Return the history with the document in the form it was stored in, which is no change."""
        return History(Sheet(document, self.now.unread), self.past, self.future)
