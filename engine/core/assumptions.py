"""Assumptions: what was taken for granted, with an owner; people accept them or refuse them, and may change their mind.

1. A declared assumption is what expressions see as `assume.NAME`; refused, it is what the saga says `otherwise`.
2. What a validator added to an output is an assumption of that validator; refused, it is as it was before.
3. Either way it is a fact that changes: who used it no longer counts, and checks of it are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core import commands as c
from engine.core import events as e
from engine.core.disrupt import change
from engine.core.disrupt_facts import counts_still
from engine.core.errors import CommandRejected
from engine.core.facts_read import value_at
from engine.core.run import Run, StepState
from engine.core.scope import forward_scope
from engine.core.standing import going_forward

Json = Any


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something taken for granted; `accepted` is None until a person has said something."""

    path: str
    value: Json
    otherwise: Json
    why: str
    owner: str
    accepted: bool | None
    by: str = ""
    step: str = ""


def assumptions(run: Run) -> Iterator[Assumption]:
    """Yield what a run takes for granted: what its saga declares, then what validators added."""
    for declared in run.saga.assumptions:
        yield _judged(
            run, f"assume.{declared.name}", declared.value, declared.otherwise, declared.why, declared.owner
        )
    for step in run.steps.values():
        if step.id in run.known:
            for added in step.augmentations:
                yield from _added(run, step, added)


def _added(run: Run, step: StepState, added: e.OutputAugmented) -> Iterator[Assumption]:
    before = added.before if isinstance(added.before, dict) else {}
    for key, value in added.after.items() if isinstance(added.after, dict) else ():
        if key not in before or before[key] != value:
            path = f"steps.{step.id}.output.{key}"
            why = next((v.evidence for v in step.verdicts if v.validator == added.validator), "")
            yield _judged(run, path, value, before.get(key), why, added.validator, step.id)


def _judged(  # noqa: PLR0917 - an assumption, with what people said of it
    run: Run, path: str, value: Json, otherwise: Json, why: str, owner: str, step: str = ""
) -> Assumption:
    said = run.judged.get(path)
    if said is not None and not counts_still(run, path):
        said = None  # it was said of an earlier epoch
    accepted = None if said is None else said.accepted
    return Assumption(path, value, otherwise, why, owner, accepted, "" if said is None else said.by, step)


def judge(run: Run, command: c.JudgeAssumption, _now: datetime) -> list[e.Event]:
    """Record what a person makes of an assumption, with what follows where that changes it."""
    found = next((one for one in assumptions(run) if one.path == command.path), None)
    if found is None:
        there = ", ".join(one.path for one in assumptions(run)) or "none"
        raise CommandRejected(f"there is no assumption `{command.path}`; there is {there}")
    if found.accepted is command.accepted:
        raise CommandRejected(f"`{found.path}` is {'accepted' if command.accepted else 'refused'} already")
    if not command.reason.strip():
        raise CommandRejected("say why: whoever looks later wants to know")
    said: dict[str, Any] = {"path": found.path, "accepted": command.accepted, "by": command.by}
    value = found.value if command.accepted else found.otherwise
    before = value_at_or_none(run, found.path)
    if value == before:
        return [e.AssumptionJudged(**said, before=before, value=value, reason=command.reason)]
    if not going_forward(run):
        raise CommandRejected("the run is going back; say it when it goes forward again")
    remove = value is None and not found.path.startswith("assume.")
    fields, after = change(run, found.path, before, value, command.reason, command.by, remove=remove)
    return [e.AssumptionJudged(**{**said, **fields}), *after]


def value_at_or_none(run: Run, path: str) -> Json:
    """Return the value of a fact as expressions see it now; None where there is none."""
    try:
        return value_at(forward_scope(run), path)
    except KeyError:
        return None
