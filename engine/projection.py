"""From a run to the row that lists show; its cost does not grow with the run."""

from __future__ import annotations

from engine.core.audit import audit_at
from engine.core.run import Run
from engine.core.saga import canonical_json
from engine.core.schedule import wake_at
from engine.ports import OpenApproval, RunRow

SEARCHED = 2000
"""How many characters of input and of output a search looks into."""


def project(run: Run, before: RunRow | None = None) -> RunRow:
    """Return the row of a run that has begun; with the row `before`, only what may have changed is made anew."""
    assert run.started_at is not None
    assert run.updated_at is not None
    fault = run.faults[-1].reason if run.faults else ""
    return RunRow(
        id=run.id,
        saga=run.saga.saga,
        saga_hash=run.first_plan.hash,
        amended=bool(run.amendments),
        title=run.saga.name,
        status=run.status,
        paused=run.paused,
        by=run.starter,
        started_at=run.started_at,
        updated_at=run.updated_at,
        ended_at=run.ended_at,
        steps=len(run.steps),
        done=len(run.steps) - run.unfinished,
        planned=len(run.plan),
        undone=len(run.plan) - run.unplanned,
        attention=len(run.attention) + (run.limit is not None and run.limit.response == "ask"),
        direction_asked=run.direction_asked,
        approvals=open_approvals(run),
        fault=fault,
        cost_usd=run.cost_usd,
        tokens=run.tokens,
        attempts=run.attempts,
        disruptions=run.disruptions,
        last_seq=run.seq,
        wake_at=wake_at(run) if run.ended_at is None else audit_at(run),
        text=before.text
        if before is not None and before.fault == fault and not run.output
        else _searched(run, fault),
    )


def open_approvals(run: Run) -> tuple[OpenApproval, ...]:
    """Return the questions that wait for people, in the order in which they were asked."""
    waiting = [run.steps[name] for name in run.active if run.steps[name].status == "awaiting_approval"]
    if not waiting:
        return ()
    return tuple(
        OpenApproval(
            step=step.id,
            title=step.definition.title or step.id,
            question=step.approval.request.question,
            group=step.approval.request.group,
            asked_at=step.approval.asked_at,
            expires_at=step.approval.request.expires_at,
        )
        for step in waiting
        if step.approval is not None and step.approval.status == "open"
    )


def _searched(run: Run, fault: str) -> str:
    given = canonical_json(run.input)[:SEARCHED] if run.input else ""
    result = canonical_json(run.output)[:SEARCHED] if run.output else ""
    return " ".join(part for part in (run.id, run.saga.saga, run.saga.name, given, fault, result) if part)
