"""What holds a step back that is ready otherwise: budgets, the event limit, overlapping writes (R10, R37, R39, R40).

1. Limits are counted before a call, failed attempts included; they hold back forward attempts only.
2. Under a limit on money or tokens, calls that may cost any are made one at a time, so that a limit is
   passed by one attempt at most (L30).
3. Past the pivot a budget is only noted: what is left must be driven to its end (R12).
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from engine.core.attempts import fault
from engine.core.composites import COMPOSITES
from engine.core.events import Event, LimitGranted, LimitName, LimitReached, LimitResponse, Noted, RunPaused
from engine.core.frames import peer, plan_of
from engine.core.run import Run, StepState, StepStatus
from engine.core.saga import Budget, RouteStep

IN_HAND: frozenset[StepStatus] = frozenset({"running", "unknown", "retry_wait", "validating"})
BY = "the budget"


def held_back(run: Run, step: StepState) -> bool:
    """Return whether another step must be done first: it writes the same, or spends from the same budget."""
    others = plan_of(run, step).contended.get(step.local, ())
    if any(_in_hand(run.steps[peer(step, other)]) for other in others):
        return True
    return _may_cost(step) and one_at_a_time(run)


def _in_hand(step: StepState) -> bool:
    return step.status in IN_HAND or (step.status == "waiting" and step.definition.kind in COMPOSITES)


def one_at_a_time(run: Run) -> bool:
    """Return whether a call that may cost money or tokens has to wait for another one that does (L30)."""
    if (run.saga.budget is None and not run.cuts) or not {"cost_usd", "tokens"} & _limits(run).keys():
        return False
    return any(
        phase in {"check", "plan"} or (phase == "forward" and _may_cost(run.steps[name]))
        for name, phase, _ in run.open_calls
    )


def _may_cost(step: StepState) -> bool:
    """Return whether a call of it can cost money or tokens: a model's, or a function's that says so."""
    definition = step.definition
    return (
        definition.kind in {"llm", "python"}
        or bool(definition.fallback)
        or (isinstance(definition, RouteStep) and bool(definition.with_.prompt))
    )


def reached(run: Run, now: datetime) -> LimitReached | None:
    """Return the first limit that the run has reached, or None while it may go on."""
    budget = run.saga.budget
    if (
        budget is None
        and not run.cuts
        and run.seq < run.allowed.get("events", run.saga.max_events + run.expected)
    ):
        return None
    for limit, once in _limits(run).items():
        spent, allowed = _spent(run, limit, now), run.allowed.get(limit, once)
        if spent >= allowed:
            said: LimitResponse = "ask" if limit == "events" else _response(run)
            return LimitReached(limit=limit, spent=spent, allowed=allowed, response=said)
    return None


def _response(run: Run) -> LimitResponse:
    budget = run.saga.budget
    return "ask" if budget is None else "note" if run.pivot_passed() else budget.on_limit


def _limits(run: Run) -> dict[LimitName, float]:
    budget = run.saga.budget or Budget()
    stated: dict[LimitName, float | None] = {
        "events": run.saga.max_events + run.expected, "cost_usd": budget.cost_usd, "tokens": budget.tokens,
        "calls": budget.calls, "minutes": budget.minutes,
    }  # fmt: skip
    found = {limit: once for limit, once in stated.items() if once is not None}
    return found | cast("dict[LimitName, float]", run.cuts)


def _spent(run: Run, limit: LimitName, now: datetime) -> float:
    if limit == "minutes":
        return 0.0 if run.started_at is None else (now - run.started_at).total_seconds() / 60
    return {"events": run.seq, "cost_usd": run.cost_usd, "tokens": run.tokens, "calls": run.calls}[limit]


def grant(run: Run, by: str, reason: str, now: datetime) -> LimitGranted:
    """Return the grant of as much again as the saga states, from what is spent by now."""
    assert run.limit is not None
    limit = run.limit.limit
    allowed = max(_spent(run, limit, now), run.limit.allowed) + _limits(run)[limit]
    return LimitGranted(limit=limit, allowed=allowed, by=by, reason=reason)


def at_limit(run: Run, now: datetime) -> list[Event]:
    """Return what happens at a limit: a fault, a pause, or a question to a person (R39)."""
    limit = reached(run, now)
    assert limit is not None
    said = in_words(limit)
    if limit.response == "stop":
        return [limit, *fault(run, "budget", None, said)]
    if limit.response == "pause":
        return [limit, RunPaused(by=BY)]
    if limit.response == "note":
        return [limit, Noted(text=f"{said}; past the point of no return it only counts", by=BY)]
    return [limit]


def in_words(limit: LimitReached) -> str:
    """Return what was reached, for people."""
    unit = {"cost_usd": "USD", "tokens": "tokens", "calls": "calls", "minutes": "minutes", "events": "events"}
    return f"the limit of {limit.allowed:,.10g} {unit[limit.limit]} is reached ({limit.spent:,.10g} spent)"
