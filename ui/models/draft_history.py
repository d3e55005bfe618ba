"""Undo and redo of a draft: the documents before and after this one, a bounded number of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Document = dict[str, Any]
LIMIT: Final = 100


@dataclass(frozen=True)
class History:
    """A draft with what it was before (oldest first) and what undo took back (nearest first)."""

    document: Document
    past: tuple[Document, ...] = ()
    future: tuple[Document, ...] = ()

    def changed(self, document: Document) -> History:
        """Return the history with a new document; the same one again is no change."""
        if document == self.document and list(document) == list(self.document):
            return self
        return History(document, (*self.past, self.document)[-LIMIT:])

    def undone(self) -> History:
        """Return the history one change back; where there is none, itself."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.document, *self.future))

    def redone(self) -> History:
        """Return the history one change forth; where there is none, itself."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.document), self.future[1:])

    def saved_as(self, document: Document) -> History:
        """Return the history with the document in the form it was stored in, which is no change."""
        return History(document, self.past, self.future)
