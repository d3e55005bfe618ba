"""The fold of disruptions: what is known, what struck and changed, what is over."""

from __future__ import annotations

from engine.core import disruption_kinds as d
from engine.core import events as e
from engine.core.amounts import is_number, total
from engine.core.evolve_calls import Handlers
from engine.core.facts_read import parts_of, with_value
from engine.core.run import Run
from engine.core.standing import Standing, heir_of


def _disrupted(run: Run, recorded: e.Recorded, event: e.Disrupted) -> None:
    run.standing[recorded.seq] = Standing(event, recorded.at)
    run.disruptions += 1
    if event.item:
        run.items_known[event.item] = None


def _struck(run: Run, recorded: e.Recorded, event: e.DisruptionStruck) -> None:
    standing = run.standing[event.disruption]
    standing.begun, standing.before = True, event.before
    what = standing.known.what
    if isinstance(what, d.LostResource):
        run.lost[what.resource] = event.disruption
    elif isinstance(what, d.NewConstraint):
        run.constraints[what.name] = event.disruption
    elif isinstance(what, d.RelaxedConstraint):
        run.relaxed[what.name] = event.disruption
    elif isinstance(what, d.CutBudget):
        _cut(run, what.limit, what.allowed)
    elif isinstance(what, d.CancelledBooking):
        run.step(what.step).gone = True
    _change(run, recorded, event)


def _cut(run: Run, limit: str, allowed: float | None) -> None:
    """Let a limit be another one; what was granted before is part of the old one (R39)."""
    run.allowed.pop(limit, None)
    run.cuts.pop(limit, None)
    if run.limit is not None and run.limit.limit == limit:
        run.limit = None  # whether the new one is reached is seen at the next call
    if allowed is not None:
        run.cuts[limit] = allowed


def _ended(run: Run, recorded: e.Recorded, event: e.DisruptionEnded) -> None:
    standing = run.standing[event.disruption]
    standing.over = True
    for held in (run.lost, run.constraints, run.relaxed):
        for name in [name for name, seq in held.items() if seq == event.disruption]:
            del held[name]
    what, heir = standing.known.what, heir_of(run, event.disruption) if standing.begun else None
    if heir is not None:
        heir.before = standing.before
    elif isinstance(what, d.CutBudget) and standing.begun and run.cuts.get(what.limit) == what.allowed:
        _cut(run, what.limit, standing.before)
    _change(run, recorded, event)


def _judged(run: Run, recorded: e.Recorded, event: e.AssumptionJudged) -> None:
    run.judged[event.path] = event
    _change(run, recorded, event)


def _change(
    run: Run, recorded: e.Recorded, event: e.DisruptionStruck | e.DisruptionEnded | e.AssumptionJudged
) -> None:
    """Let expressions see another value from here on; what was recorded stays as it was recorded."""
    if event.path:
        root, *rest = parts_of(event.path)
        remove = isinstance(event, e.AssumptionJudged) and event.value is None and not event.accepted
        if root == "steps":
            known = run.known[str(rest[0])]
            run.known[str(rest[0])] = with_value(
                known, tuple(rest[1:]), event.value, remove=remove and len(rest) > 2
            )
        elif root == "run":
            run.facts = with_value(run.facts, tuple(rest), event.value)
        elif root == "assume":
            run.assumed = with_value(run.assumed, tuple(rest), event.value)
        run.changed[event.path] = recorded.seq
    if event.writes:
        _correct(run, event)
        run.app.update(event.writes)
        run.written.append((recorded.seq, event.writes, False))
    if event.stale:
        run.stale |= dict.fromkeys(event.stale, event.reason)
        run.upset = event.reason


def _correct(run: Run, event: e.DisruptionStruck | e.DisruptionEnded | e.AssumptionJudged) -> None:
    """Keep by how much S_A is changed because of a step's fact: with the step's undo that goes, too."""
    root, *rest = parts_of(event.path) if event.path else ("",)
    step = run.steps.get(str(rest[0])) if root == "steps" else None
    for key, value in event.writes.items() if step is not None else ():
        held = run.app.get(key)
        if step is not None and is_number(value) and is_number(held):
            by = total(step.corrections.get(key, 0), -held, value)
            step.corrections[key] = 0 if by is None else by


HANDLERS: Handlers = {
    e.Disrupted: _disrupted,
    e.DisruptionStruck: _struck,
    e.DisruptionEnded: _ended,
    e.AssumptionJudged: _judged,
}
