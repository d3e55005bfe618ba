"""What came of trying a draft, and how that is marked on each undo: an undo that a model wrote counts only then."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from engine.core.checks_drafted import undo_hash
from engine.core.saga import Saga, undo_of
from engine.planning.words.assemble import Document
from engine.planning.words.finding import Finding

WHERE = "practice world"


@dataclass(frozen=True)
class UndoTrial:
    """How one undo went.

    Attributes:
        worked: whether the step was done, undone, and nothing of it was left; None where it was not reached.
        before: the records that stood in its collection before the step; `after` likewise, after the undo.
    """

    worked: bool | None
    said: str = ""
    before: int = 0
    after: int = 0
    fee_usd: float = 0.0


@dataclass(frozen=True)
class Trial:
    """How a draft went, forward and back.

    Attributes:
        why_not: why it was not tried at all; empty where it was.
        forward: how the run to the end ended; `failed_at` and `error` say where it stopped.
        cost_usd: what the run to the end cost, by the ledger.
    """

    undos: Mapping[str, UndoTrial] = field(default_factory=dict)
    forward: str = ""
    failed_at: str = ""
    error: str = ""
    cost_usd: float = 0.0
    seconds: float = 0.0
    why_not: str = ""

    def findings(self) -> list[Finding]:
        """Return what did not work."""
        found = []
        if self.forward and self.forward != "completed":
            stage = f"spec:{self.failed_at}" if self.failed_at else "nodes"
            what = f"tried on the {WHERE}, it did not get to its end: {self.error}"
            found.append(Finding("invalid", stage, f"steps.{self.failed_at or '?'}", what, "mend this step"))
        for name, undo in self.undos.items():
            if undo.worked is False:
                what = f"tried on the {WHERE}, the undo left {undo.after - undo.before} behind: {undo.said}"
                found.append(Finding("compensation_failed", f"undo:{name}", f"steps.{name}.compensate", what))
        return found


def marked(document: Document, saga: Saga, trial: Trial) -> Document:
    """Return the draft with what was tried marked on each undo that worked; marks of earlier ones go."""
    changed = deepcopy(document)
    for name, step in saga.steps.items():
        draft = changed["steps"][name].get("drafted")
        if draft is None or undo_of(step) is None:
            continue
        draft.pop("tried", None)
        undo = trial.undos.get(name)
        if undo is not None and undo.worked:
            draft["tried"] = {"of": undo_hash(step), "where": WHERE, "fee_usd": undo.fee_usd}
    return changed
