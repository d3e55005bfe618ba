"""Partial rollback: what a fault or a changed fact touches, and what may stay (R26, R27).

1. The affected set is the least set that holds the culprits and is closed under "depends on a member".
2. Only steps that may have landed are undone; what is kept is closed under dependencies.
3. A set with a landed pivot is refused: the point of no return has no way back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.core.errors import CommandRejected
from engine.core.events import UndoPlanned
from engine.core.frames import in_dropped, is_there, outermost
from engine.core.recovery import affected_paths, undo_plan
from engine.core.run import Run, StepState
from engine.core.saga import Saga, Step, canonical_json, effect_of


@dataclass(frozen=True, slots=True)
class Affected:
    """What a partial rollback would touch.

    Attributes:
        steps: every affected step, landed or not, in the saga's own order.
        undo: the frozen plan: those that may have landed, in reverse order of their start.
        kept: the steps with an effect that stays.
        because: for each affected step the dependency path from a culprit to it.
    """

    steps: tuple[str, ...]
    undo: tuple[UndoPlanned, ...]
    kept: tuple[str, ...]
    because: dict[str, tuple[str, ...]]


def affected(run: Run, culprits: Collection[str]) -> Affected:
    """Return what must be undone and done anew when these steps no longer count (R26).

    Raises:
        CommandRejected: if a culprit is no step, or a pivot that landed is in the set.
    """
    unknown = sorted(set(culprits) - set(run.steps))
    if unknown:
        raise CommandRejected(f"saga '{run.saga.saga}' has no step '{unknown[0]}'")
    gone = next((name for name in culprits if not is_there(run, run.steps[name])), None)
    if gone is not None:
        raise CommandRejected(f"'{gone}' is gone, as what it stands in begins anew; name that")
    dropped = next((name for name in culprits if in_dropped(run, run.steps[name])), None)
    if dropped is not None:
        raise CommandRejected(
            f"'{dropped}' failed with all around it, and that was undone; name what it stands in"
        )
    because = affected_paths(run, culprits)
    passed = [name for name in run.pivots if name in because and run.steps[name].landed]
    if passed:
        path = " -> ".join(because[passed[0]])
        raise CommandRejected(
            f"'{passed[0]}' is a point of no return that is passed ({path}); it can't be undone"
        )
    plan = undo_plan(run, among=because)
    kept = tuple(name for name, step in run.steps.items() if step.maybe_landed and name not in because)
    return Affected(tuple(because), plan, kept, because)


def amendment_problems(run: Run, proposed: Saga) -> list[str]:
    """Return what a proposed plan would change about the past; empty where it may be taken (R27).

    A step with an intent, or one that a person has answered for, stays as it was, with all that it needed. One that
    begins anew may go, unless an earlier try of it, or inside it, may still land: only a step can take that back (R25).
    """
    found = [
        f"the saga's `{key}` differs" for key in ("saga", "input", "app")
        if _text(getattr(run.saga, key)) != _text(getattr(proposed, key))
    ]  # fmt: skip
    for name, state in run.steps.items():
        if state.frame or not (has_begun(state) or name in run.composites):
            continue
        new = proposed.steps.get(name)
        if new is None:
            found.append(f"'{name}' has begun and is missing")
            continue
        changed = _differences(state.definition, new)
        found += [f"'{name}' has begun and its `{key}` differs" for key in changed]
    gone = [name for name in run.saga.steps if name not in proposed.steps]
    found += [
        f"'{name}' is missing, and {why}; keep it, with `when: 'false'`"
        for name in gone
        if (why := owed(run, name))
    ]
    return found


def owed(run: Run, name: str) -> str:
    """Return what may still come of earlier tries of a step of the plan, or inside it; empty where nothing does (R25)."""
    for one, epochs in run.past.items():
        if outermost(one) == name and any(_may_still_land(epoch) for epoch in epochs):
            return f"an earlier try of {_named(one, name)} may still land"
    late = (one for one, step in run.steps.items() if step.frame and step.lates and outermost(one) == name)
    return next((f"an earlier try of {_named(one, name)} landed late" for one in late), "")


def _named(one: str, name: str) -> str:
    return "it" if one == name else f"'{one}'"


def _may_still_land(epoch: StepState) -> bool:
    """Return whether a try of a step was lost: a look that found nothing then is no answer of its own."""
    return effect_of(epoch.definition) != "readonly" and any(attempt.lost for attempt in epoch.attempts)


def has_begun(step: StepState) -> bool:
    """Return whether a step is past changing: called, asked about, waiting for something, or settled."""
    touched = bool(step.attempts or step.approvals or step.by_hand or step.lates)
    return touched or step.status not in {"pending", "ready", "withdrawn"}


def _differences(old: Step, new: Step) -> list[str]:
    was, now = (step.model_dump(mode="json", by_alias=True) for step in (old, new))
    return sorted(key for key in was.keys() | now.keys() if _text(was.get(key)) != _text(now.get(key)))


def amendment(run: Run, proposed: Saga) -> dict[str, tuple[str, ...]]:
    """Return the steps that a proposed plan would add, change and remove."""
    both = [name for name in proposed.steps if name in run.steps]
    return {
        "added": tuple(name for name in proposed.steps if name not in run.steps),
        "changed": tuple(
            name for name in both if _differences(run.steps[name].definition, proposed.steps[name])
        ),
        "removed": tuple(name for name in run.saga.steps if name not in proposed.steps),
    }


def _text(value: object) -> str:
    return canonical_json(value)
