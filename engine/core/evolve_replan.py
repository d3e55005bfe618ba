"""The fold of planning anew: what a planner is asked, what it answered, and how a planning ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core import events as e
from engine.core.attempt import Attempt
from engine.core.errors import IllegalTransition
from engine.core.queues import relieve
from engine.core.replan_state import Answer, Planning
from engine.core.run import Run


def _replan_begun(run: Run, _recorded: e.Recorded, event: e.ReplanBegun) -> None:
    run.planning = Planning(
        event.culprits, event.affected, event.reason, dict.fromkeys(event.verify), len(run.plans)
    )


def plan_intended(run: Run, recorded: e.Recorded, event: e.AttemptIntended) -> None:
    """Take up a call to a planner."""
    run.plans.append(Attempt(event, recorded.at, recorded.seq))
    if run.planning is not None:
        run.planning.due = None


def plan_ended(run: Run, recorded: e.Recorded, event: e.AttemptEnded) -> None:
    """Take the result of a call to a planner; it waits to be judged, if anybody still wants to know."""
    call = run.plans[event.attempt - 1] if 1 <= event.attempt <= len(run.plans) else None
    if call is None or call.result is not None:
        raise IllegalTransition(f"no call {event.attempt} to a planner is open")
    call.result, call.ended_at, call.ended_seq = event, recorded.at, recorded.seq
    planning = run.planning
    if planning is not None and event.outcome == "ok" and event.attempt > planning.calls_from:
        planning.answer = Answer(event.attempt, event.output)


def plan_delayed(run: Run, event: e.RetryScheduled) -> None:
    """Hold the next call to a planner back until it is due."""
    if run.planning is not None:
        run.planning.due = event.due


def kept_seen(run: Run, event: e.AttemptEnded) -> None:
    """Note that a kept step has been looked for; a look that was interrupted is taken again."""
    if run.planning is not None and event.code != "interrupted":
        run.planning.verify.pop(event.step, None)


def _plan_proposed(run: Run, _recorded: e.Recorded, event: e.PlanProposed) -> None:
    if run.planning is None:
        raise IllegalTransition("a plan is proposed, and nobody asked for one")
    run.planning.answer, run.planning.proposal = None, event


def _plan_refused(run: Run, _recorded: e.Recorded, event: e.PlanRefused) -> None:
    planning = run.planning
    if planning is None or planning.proposal is None:
        raise IllegalTransition("a plan is refused, and none was proposed")
    planning.refused.append(event)
    planning.patches.append(planning.proposal.patch)
    planning.proposal, planning.calls_from = None, len(run.plans)
    if event.then == "person":
        planning.done = True
    else:
        planning.scope = event.then


def _plan_kept(run: Run, _recorded: e.Recorded, _event: e.PlanKept) -> None:
    if run.planning is not None:
        run.kept_plans.append((run.saga.hash, run.planning.culprits, run.planning.reason))
    end_planning(run)


def ask_again(run: Run) -> None:
    """Begin the rounds anew: a person has more hope for the planner than it had itself."""
    if run.planning is None:
        raise IllegalTransition("a planner is asked again that nobody asked")
    old = run.planning
    run.planning = Planning(old.culprits, old.affected, old.reason, {}, len(run.plans))


def help_asked(run: Run, event: e.HelpNeeded) -> None:
    """Note under which step a person is asked for a plan."""
    if run.planning is not None:
        run.planning.asked = event.step


def end_planning(run: Run) -> None:
    """End a planning, with the question to a person that it may have left open."""
    asked = run.steps.get(run.planning.asked) if run.planning is not None else None
    if asked is not None:
        relieve(run, asked, "replan")
    run.planning = None


HANDLERS: dict[type[Any], Callable[[Run, e.Recorded, Any], None]] = {
    e.ReplanBegun: _replan_begun, e.PlanProposed: _plan_proposed, e.PlanRefused: _plan_refused, e.PlanKept: _plan_kept
}  # fmt: skip
