"""What people ask of a run, and when it is refused (R6, R9, R15, R21-R23, R33).

1. Who may decide an approval is checked in the same turn that records the answer.
2. Cancel is a fault before the direction is chosen, ignored while undoing, refused past the pivot.
3. Whatever settles something in place of the engine needs a reason in words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from engine.core import commands as c
from engine.core import events as e
from engine.core.act import approve, deny
from engine.core.attempt import Approval
from engine.core.attempts import (
    fault,
    honours_key,
    named_step,
    resolve_all,
)
from engine.core.choreography import happened_by_hand
from engine.core.errors import CommandRejected
from engine.core.limits import grant
from engine.core.recovery import back, forward, left_behind
from engine.core.repair import chosen_repair
from engine.core.results import resolved
from engine.core.run import Run, StepState
from engine.core.scope import output_scope

RESOLVABLE = frozenset({"unknown", "retry_wait", "ready", "failed", "withdrawn", "to_compensate"})


def pause(run: Run, command: c.Pause, _now: datetime) -> list[e.Event]:
    """Hold new attempts back (R23)."""
    if run.paused:
        raise CommandRejected(f"run '{run.id}' is paused already")
    return [e.RunPaused(by=command.by)]


def resume(run: Run, command: c.Resume, now: datetime) -> list[e.Event]:
    """Let new attempts start again."""
    if not run.paused:
        raise CommandRejected(f"run '{run.id}' is not paused")
    granted = [] if run.limit is None else [grant(run, command.by, "", now)]
    return [*granted, e.RunResumed(by=command.by)]


def grant_limit(run: Run, command: c.GrantLimit, now: datetime) -> list[e.Event]:
    """Let a run go on past a limit by as much again (R39, R40)."""
    if run.limit is None or run.fault is not None or run.direction == "undo":
        raise CommandRejected(f"run '{run.id}' waits at no limit")
    granted = grant(run, command.by, command.reason, now)
    paused = run.paused and run.limit.response == "pause"
    return [granted, *([e.RunResumed(by=command.by)] if paused else [])]


def grant_locks(run: Run, command: c.GrantLocks, _now: datetime) -> list[e.Event]:
    """Record that the run holds what a step waits for (R37)."""
    step = named_step(run, command.step)
    renewed = run.repair is not None and step.id in run.repair.affected
    if step.status != "awaiting_locks" or renewed:
        raise CommandRejected(f"step '{step.id}' is {step.status}; it waits for no locks")
    return [e.LocksTaken(step=step.id, keys=step.wanted)]


def cancel(run: Run, command: c.Cancel, _now: datetime) -> list[e.Event]:
    """Stop and undo: a fault, a note while undoing, refused past the pivot (R22)."""
    if run.repair is not None:
        raise CommandRejected("the run is being repaired; cancel it when it goes forward again")
    if run.direction == "undo":
        return [e.Noted(text="cancel: the run is being undone already", by=command.by)]
    if run.pivot_passed():
        raise CommandRejected("the point of no return is passed; what is left can only go forward")
    reason = f"cancelled by {command.by}" + (f": {command.reason}" if command.reason else "")
    return fault(run, "cancel", None, reason, command.by)


def decide_approval(run: Run, command: c.Decide, _now: datetime) -> list[e.Event]:
    """Record an answer to an approval, after checking who gives it (R33)."""
    step = named_step(run, command.step)
    approval = step.approval
    if approval is None or approval.status != "open":
        state = "asks nobody" if approval is None else f"was {_settled(approval)} already"
        raise CommandRejected(
            f"'{step.definition.title or step.id}' {state}; there is nothing left to decide"
        )
    expires_at = approval.request.expires_at
    if expires_at is not None and _now >= expires_at:
        raise CommandRejected(
            f"the approval of '{step.id}' expired at {expires_at:%H:%M:%S} UTC; it is too late"
        )
    _check_may_decide(run, step, approval, command)
    if command.decision == "denied":
        return deny(run, step, command.by, command.reason)
    yes = 1 + sum(1 for answer in approval.answers if answer.decision == "approved")
    return approve(run, step, command.by, command.reason, final=yes >= approval.request.quorum)


def _settled(approval: Approval) -> str:
    """Return how a question was settled, in people's words."""
    if approval.answers and approval.status in {"approved", "consumed", "denied"}:
        last = approval.answers[-1]
        return f"{last.decision} by {last.by}"
    return {"superseded": "replaced by a newer question", "consumed": "approved"}.get(
        approval.status, approval.status
    )


def _check_may_decide(run: Run, step: StepState, approval: Approval, command: c.Decide) -> None:
    asked = approval.request
    if command.question is not None and command.question != approval.seq:
        raise CommandRejected(f"'{step.id}' is asked anew since you looked; look again")
    if command.request_hash is not None and command.request_hash != asked.request_hash:
        raise CommandRejected(f"what '{step.id}' would send has changed since you looked; look again")
    if asked.group and command.groups is not None and asked.group not in command.groups:
        raise CommandRejected(f"'{step.id}' is decided by {asked.group}; {command.by} is not one of them")
    authors = {run.author, *(amended.by for amended in run.amendments)}
    if asked.four_eyes and command.by in {run.starter, *authors}:
        part = "started this run" if command.by == run.starter else "wrote this plan"
        raise CommandRejected(f"'{step.id}' needs four eyes; {command.by} {part}")
    if any(answer.by == command.by for answer in approval.answers):
        raise CommandRejected(f"{command.by} has answered already; '{step.id}' needs {asked.quorum} people")


def choose_direction(run: Run, command: c.ChooseDirection, _now: datetime) -> list[e.Event]:
    """Take the direction that a person chose (R15)."""
    if not run.direction_asked:
        raise CommandRejected("nobody asked for a direction; the run is not waiting for that")
    reason = command.reason or f"chosen by {command.by}"
    if command.direction == "undo":
        return [back(run, reason, command.by)]
    if command.direction == "repair":
        return [chosen_repair(run, command, reason)]
    return forward(run, reason, command.by)


def try_now(run: Run, command: c.TryNow, _now: datetime) -> list[e.Event]:
    """Ask for the next try at once (R9, R21)."""
    step = named_step(run, command.step)
    if _asks_about_late(run, step) or _asks_for(run, step, "verdict") or _asks_for(run, step, "replan"):
        return [e.RetryAsked(step=step.id, by=command.by, reason=command.reason)]
    stuck = step.id in run.attention and step.status in {"failed", "comp_failed"}
    waits = step.due is not None and step.status in {"retry_wait", "compensating", "validating"}
    if not stuck and not waits:
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only a waiting retry or a failed undo can be tried now"
        )
    if waits and step.status != "compensating" and run.fault is not None:
        raise CommandRejected("the run is going back; no new attempt goes forward")
    if command.request is not None and step.status != "comp_failed":
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only the request of a failed undo can be edited"
        )
    settles_at = _settles_at(step)
    if settles_at is not None and _now < settles_at:
        raise CommandRejected(
            f"an attempt of '{step.id}' may still land until {settles_at:%H:%M:%S} UTC; wait for that"
        )
    if step.maybe_landed and step.status in {"failed", "retry_wait"} and not honours_key(step, _now):
        raise CommandRejected(
            f"step '{step.id}' may have landed and its target keeps no key; look, then mark it as done or skip it"
        )
    return [e.RetryAsked(step=step.id, by=command.by, reason=command.reason, request=command.request)]


def _settles_at(step: StepState) -> datetime | None:
    """Return when neither an attempt of a step nor one of its undo can land any more (R7)."""
    moments = (step.settles_at, step.undo_settles_at)
    return max((moment for moment in moments if moment is not None), default=None)


def _asks_about_late(run: Run, step: StepState) -> bool:
    return step.id in run.attention and run.attention[step.id].kind == "late_success"


def _asks_for(run: Run, step: StepState, kind: Literal["verdict", "replan"]) -> bool:
    return step.id in run.attention and run.attention[step.id].kind == kind


def _settle_late(step: StepState, command: c.Skip | c.MarkDone) -> list[e.Event]:
    assert step.late is not None
    how: Literal["done", "skipped"] = "done" if isinstance(command, c.MarkDone) else "skipped"
    settled = e.LateUndone(
        step=step.id, attempt=step.late.attempt, how=how, by=command.by, reason=command.reason
    )
    return [settled]


def skip(run: Run, command: c.Skip, _now: datetime) -> list[e.Event]:
    """Go on without a step, or leave a failed undo as it is (R21)."""
    step = named_step(run, command.step)
    _need_reason(command.reason)
    if _asks_about_late(run, step):
        return _settle_late(step, command)
    if step.status == "comp_failed":
        return [e.StepExcused(step=step.id, how="skipped", by=command.by, reason=command.reason)]
    reason = f"skipped by {command.by}: {command.reason}"
    if step.status == "awaiting_approval":
        ended = e.ApprovalEnded(step=step.id, how="superseded", reason=reason)
        return [ended, e.StepSkipped(step=step.id, reason=reason)]
    not_begun = (
        step.status in {"pending", "ready", "awaiting_locks", "waiting", "retry_wait"}
        and not step.maybe_landed
        and step.id not in run.composites
    )
    if (
        run.fault is None
        and run.direction == "forward"
        and (not_begun or (step.id in run.attention and step.status == "failed"))
    ):
        return [e.StepSkipped(step=step.id, reason=reason)]
    began = ", and what is inside it has begun" if step.id in run.composites else ""
    raise CommandRejected(
        f"step '{step.id}' is {step.status}{began}; only what has not begun, or failed, can be skipped"
    )


def mark_done(run: Run, command: c.MarkDone, _now: datetime) -> list[e.Event]:
    """Take a person's word that it was done by hand (R21)."""
    step = named_step(run, command.step)
    _need_reason(command.reason)
    if _asks_about_late(run, step):
        return _settle_late(step, command)
    if step.status == "comp_failed":
        return [e.StepExcused(step=step.id, how="done", by=command.by, reason=command.reason)]
    if step.status == "failed" and step.id in run.attention:
        landed = resolve_all(
            step, landed=True, how="person", output=None, evidence=command.reason, by=command.by
        )
        output = step.output if command.output is None else command.output
        scope = {**output_scope(run, step), "output": output}
        emits, untold = happened_by_hand(step.definition, scope)
        done = e.StepCommitted(
            step=step.id, output=command.output, by=command.by, evidence=command.reason, emits=emits
        )
        return [*landed, done, *(e.Noted(text=text, step=step.id) for text in untold)]
    raise CommandRejected(
        f"step '{step.id}' is {step.status}; only what failed can be marked as done by hand"
    )


def resolve(run: Run, command: c.Resolve, now: datetime) -> list[e.Event]:
    """Take a person's word whether an unknown attempt landed (R6)."""
    step = named_step(run, command.step)
    _need_reason(command.reason)
    if not step.unresolved or step.status not in RESOLVABLE:
        raise CommandRejected(f"no outcome of step '{step.id}' waits for an answer")
    settles_at = step.settles_at
    if settles_at is not None and now < settles_at:
        raise CommandRejected(f"'{step.id}' may still land until {settles_at:%H:%M:%S} UTC; look again then")
    return resolved(
        run, step, landed=command.landed, how="person", output=command.output,
        evidence=command.reason, by=command.by, now=now,
    )  # fmt: skip


def abandon(run: Run, command: c.Abandon, _now: datetime) -> list[e.Event]:
    """Give the run up and list what is left behind (R22)."""
    _need_reason(command.reason)
    if run.status != "needs_attention":
        raise CommandRejected(
            f"run '{run.id}' is {run.status}; only one that needs attention can be given up"
        )
    return [e.RunAbandoned(by=command.by, reason=command.reason, left_behind=left_behind(run))]


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise CommandRejected("this needs a reason in words; it is kept with the run")
