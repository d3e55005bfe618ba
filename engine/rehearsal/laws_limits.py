"""The laws of what holds a step back: budgets, locks, overlapping writes; see `laws` for how a law is written."""

from __future__ import annotations

from engine.core import events as e
from engine.core.disruption_kinds import CutBudget
from engine.core.saga import Budget
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.shape import Shape
from engine.rehearsal.verdict import expect


def L30_spent_is_at_most_the_limit_and_one_attempt(seen: Evidence) -> int:
    """No forward attempt begins at the limit that is in force, unless past the pivot (R39)."""
    budget = seen.saga.budget or Budget()
    limits = {"calls": budget.calls, "tokens": budget.tokens}
    cut = any(isinstance(known.what, CutBudget) for _, known in seen.all(e.Disrupted))
    if seen.saga.budget is None and not cut:
        return 0
    allowed = {name: float(once) for name, once in limits.items() if once is not None}
    spent, judged = dict.fromkeys(limits, 0), 0
    stopped: e.LimitReached | None = None
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.DisruptionStruck | e.DisruptionEnded):
            _judge_cut(seen, event, allowed, limits)
        elif isinstance(event, e.LimitGranted):
            _judge_grant(event, allowed, spent, limits)
        elif isinstance(event, e.LimitReached):
            stopped = event
            allowed |= {event.limit: float("inf")} if event.response == "note" else {}
        elif isinstance(event, e.DirectionChosen) and stopped is not None and stopped.response == "stop":
            allowed[stopped.limit] = max(stopped.spent, stopped.allowed) + stopped.allowed
        elif isinstance(event, e.AttemptIntended) and event.phase == "forward":
            judged += len(allowed.keys() & limits)
            for name in allowed.keys() & limits:
                within = spent[name] < allowed[name]
                expect(within, "L30", f"'{event.step}' begins with {spent[name]} {name} of {allowed[name]}")
            spent["calls"] += 1
        elif isinstance(event, e.AttemptEnded):
            told = event.meta.get("tokens", 0)
            spent["tokens"] += told if isinstance(told, int) else 0
    return judged


def _judge_cut(
    seen: Evidence,
    event: e.DisruptionStruck | e.DisruptionEnded,
    allowed: dict[str, float],
    limits: dict[str, int | None],
) -> None:
    """Take a cut budget for the limit from here on, and at its end the one that there was before it."""
    what = next(known.what for recorded, known in seen.all(e.Disrupted) if recorded.seq == event.disruption)
    if not isinstance(what, CutBudget) or what.limit not in limits:
        return
    before = limits[what.limit]
    if isinstance(event, e.DisruptionStruck):
        limits[what.limit] = int(what.allowed)
        allowed[what.limit] = what.allowed
    elif before is not None and before == int(what.allowed):
        struck = [x for _, x in seen.all(e.DisruptionStruck) if x.disruption == event.disruption]
        budget = getattr(seen.saga.budget, what.limit, None)
        once = next((x.before for x in struck if x.before is not None), budget) if struck else before
        limits[what.limit] = once if once is None else int(once)
        allowed.pop(what.limit, None)
        if once is not None:
            allowed[what.limit] = float(once)


def _judge_grant(
    event: e.LimitGranted, allowed: dict[str, float], spent: dict[str, int], limits: dict[str, int | None]
) -> None:
    once = limits.get(event.limit)
    if once is not None:
        most = max(spent[event.limit], allowed[event.limit]) + once
        expect(
            event.allowed <= most, "L30", f"{event.allowed} {event.limit} granted, {most} are as much again"
        )
    allowed[event.limit] = event.allowed


def R37_a_locked_step_starts_with_its_locks(seen: Evidence) -> int:
    """A step that locks something makes no call before it has it; the locks are asked for in sorted order."""
    wanted: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.LocksWanted):
            wanted[event.step] = event.keys
            expect(list(event.keys) == sorted(set(event.keys)), "R37", f"{event.keys} are not in order")
        elif isinstance(event, e.LocksTaken):
            expect(
                event.keys == wanted.get(event.step), "R37", f"'{event.step}' took what it did not ask for"
            )
            taken.add(event.step)
        elif isinstance(event, e.AttemptIntended) and event.phase != "plan" and shape.step(event.step).locks:
            judged += 1
            expect(event.step in taken, "R37", f"'{event.step}' began without its locks")
    return judged


def R37_overlapping_writes_never_run_together(seen: Evidence) -> int:
    """While a step that writes a key is under way, no other that writes it begins (R37)."""
    under_way: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.AttemptIntended) and event.phase == "forward":
            mine = _written(shape, event.step)
            beside = (under_way - {event.step}) & shape.steps.keys()
            others = [name for name in beside if mine & _written(shape, name)]
            judged += bool(mine)
            expect(not others, "R37", f"'{event.step}' began beside {others}, which write the same")
            under_way.add(event.step)
        elif isinstance(event, e.StepCommitted | e.StepFailed | e.StepSkipped):
            under_way.discard(event.step)
        elif isinstance(event, e.FallbackTaken) and event.kind == "llm":
            under_way.discard(event.step)  # it begins again, when it may
        elif isinstance(event, e.DirectionChosen):
            under_way.clear()
    return judged


def _written(shape: Shape, step: str) -> set[tuple[str, str]]:
    definition = shape.step(step)
    own = next((frame.id for frame in shape.around(step) if frame.nested), "")  # a nested saga's S_A
    return set() if definition.commutative else {(own, key) for key in definition.writes}
