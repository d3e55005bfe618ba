"""What follows from the results of calls that planning anew makes: to a planner, and looks at what is kept (R2, R9)."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core import commands as c
from engine.core import events as e
from engine.core.attempts import UNCOUNTED, fault, is_final
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.probes import probe_landed
from engine.core.replan_policy import Replan
from engine.core.replan_state import Planning
from engine.core.run import Run, StepState
from engine.core.saga import sha256
from engine.core.templates import plain


def results_of(run: Run, planning: Planning) -> list[e.AttemptEnded]:
    """Return the results of the calls of the round that is under way."""
    return [call.result for call in run.plans[planning.calls_from :] if call.result is not None]


def given_up(policy: Replan, results: list[e.AttemptEnded]) -> e.AttemptEnded | None:
    """Return the failure after which a planner is not asked again in this round; None while it may be (R9)."""
    counted = [result for result in results if result.code not in UNCOUNTED]
    over = bool(counted) and (len(counted) >= policy.retry.max_attempts or is_final(counted[-1]))
    return counted[-1] if over else None


def verified(run: Run, step: StepState, ended: e.AttemptEnded) -> list[e.Event]:
    """Return what follows from a look at a kept step: what is gone no longer counts."""
    planning = run.planning
    if (
        planning is None
        or step.id not in planning.verify
        or ended.outcome != "ok"
        or step.status != "committed"
    ):
        return []
    try:
        found = probe_landed(run, step, empty=ended.empty, output=ended.output)
    except ExpressionError:
        return []  # a look that proves nothing
    if found:
        return []
    reason = f"its target does not know '{step.id}' any more"
    stale = e.StepsStale(steps=(step.id,), reason=reason, by="a look at the world")
    return [stale, *fault(run, "disruption", step.id, reason)]


def plan_reported(run: Run, command: c.Report, now: datetime) -> list[e.Event]:
    """Return what follows from the result of a call to a planner; its answer is judged next."""
    if ("", "plan", command.attempt) not in run.open_calls:
        raise CommandRejected(f"no call {command.attempt} to a planner is open")
    result = e.AttemptEnded(
        step="", phase="plan", attempt=command.attempt, outcome=command.outcome, output=plain(command.output),
        error=plain(command.error), code=plain(command.code), retryable=command.retryable, meta=plain(command.meta),
    )  # fmt: skip
    planning, policy = run.planning, run.saga.replan
    asked_now = planning is not None and command.attempt > planning.calls_from
    if (
        planning is None
        or policy is None
        or not asked_now
        or run.fault is not None
        or command.outcome == "ok"
    ):
        return [result]
    results = [*results_of(run, planning), result]
    if given_up(policy, results) is not None:
        return [result]
    jitter = int(sha256(f"{run.id}:plan:{command.attempt}")[:8], 16) / 0xFFFFFFFF
    pause = policy.retry.pause_s(len(results), jitter, command.code)
    due, reason = now + timedelta(seconds=pause), command.error or command.outcome
    return [result, e.RetryScheduled(step="", phase="plan", due=due, reason=reason)]
