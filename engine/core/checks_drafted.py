"""Publish checks of what a model wrote: an undo of its making counts once it was tried, or a person took it over."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.errors import Problem
from engine.core.saga import Saga, Step, canonical_json, sha256, undo_of, with_document


def drafted_problems(saga: Saga) -> Iterator[Problem]:
    """Check that every undo that a model wrote was tried as it stands."""
    for name, step in saga.steps.items():
        if undo_of(step) is None or step.drafted is None or "undo" not in step.drafted.parts:
            continue
        tried = step.drafted.tried
        if tried is None or tried.of != undo_hash(step):
            what = "never tried" if tried is None else "changed since it was tried"
            yield Problem(
                f"steps.{name}.compensate",
                f"this undo was written by a model, and {what}",
                "try it on the practice world, or accept it as yours",
            )


def undo_hash(step: Step) -> str:
    """Return what identifies an undo and the call that it undoes."""
    undo, call = undo_of(step), with_document(step)
    body = None if undo is None else undo.model_dump(mode="json", by_alias=True)
    target = {key: call.get(key) for key in ("method", "url", "function")}
    return sha256(canonical_json({"undo": body, "target": target}))
