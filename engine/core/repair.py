"""Repair: undoing only what is affected, and doing that anew while everything else stays (R15, R26).

1. Culprits are the steps that failed, that are stale, or that a person names; affected is what depends on them.
2. Doing anew begins when everything planned is undone. What could not be undone would be there twice: then the
   rest is undone, too.
3. A new epoch has new keys: nothing of the old one can be taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from engine.core import commands as c
from engine.core import events as e
from engine.core.affected import affected
from engine.core.attempts import fault, give_up, named_step, out_of_tries
from engine.core.commit import broken_invariant
from engine.core.errors import CommandRejected
from engine.core.recovery import back, culprits_of, repair
from engine.core.replan import begin
from engine.core.run import Run


def mark_stale(run: Run, command: c.MarkStale, _now: datetime) -> list[e.Event]:
    """Take the word that what some steps relied on has changed: a fault, unless none of them has begun."""
    if not command.reason.strip():
        raise CommandRejected("say what has changed; it is kept with the run")
    if run.direction == "undo" or run.fault is not None:
        raise CommandRejected("the run is going back already")
    steps = [named_step(run, name) for name in command.steps]
    begun = [step.id for step in steps if step.attempts or step.status in {"committed", "handled"}]
    if not begun:
        raise CommandRejected(f"'{steps[0].id}' has not begun; it will see what is true then")
    affected(run, begun)  # refused where a point of no return is in it
    stale = e.StepsStale(steps=tuple(begun), reason=command.reason, by=command.by)
    return [stale, *fault(run, "disruption", begun[0], command.reason, command.by)]


def chosen_repair(run: Run, command: c.ChooseDirection, reason: str) -> e.DirectionChosen:
    """Return the repair that a person chose, of the steps that they name or of those that failed."""
    culprits = command.culprits or culprits_of(run)
    if not culprits:
        raise CommandRejected("no step failed; name the steps that no longer count")
    blamed = {name for name, step in run.steps.items() if step.status == "failed"}
    if run.fault is not None and run.fault.source == "validator" and run.fault.step is not None:
        blamed.add(run.fault.step)
    left = sorted(blamed - {*affected(run, culprits).steps})
    if left:
        raise CommandRejected(f"{', '.join(left)} failed and would stay so; name what it depends on, or it")
    return repair(run, culprits, reason, command.by, replan=command.replan)


def redo(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    """Return the new beginning of what is affected, or the way back of everything where something was left."""
    assert run.repair is not None
    left = next((name for name in run.plan if run.steps[name].left), None)
    if left is not None:
        reason = f"'{left}' could not be undone, so it can't be done anew; the rest goes back as well"
        return [*_given_up(run), back(run, reason)]
    redone = e.StepsRedone(steps=run.repair.affected, round=run.repairs + 1)
    broken = broken_invariant(run, {})
    if broken:  # by what was committed on the way back, and is kept
        return [redone, e.Faulted(source="invariant", step=None, reason=broken)]
    if run.saga.replan is not None and not run.repair.replan:
        return [redone, begin(run, run.repair.culprits, run.repair.affected)]
    waits = run.repair.replan and not run.paused
    return [redone, *([e.RunPaused(by="the repair, for a new plan")] if waits else [])]


def _given_up(run: Run) -> Iterator[e.Event]:
    """Yield the end of each kept step that did not land, as became known meanwhile: no other try of it comes (R38)."""
    for step in run.steps.values():
        if step.status == "unknown" and not step.unresolved:
            yield from give_up(run, step, "exhausted", out_of_tries(step))
