"""Planning the rest of a run anew after a repair: ask, judge, widen, and at last a person (R26, R27).

1. Nothing goes forward between the beginning of a planning and its end: a plan that is admitted, kept, or
   changed by a person. What is under way is recorded, a fault ends it.
2. What is kept is looked for in the world first, where a step has a probe: what is gone is no longer kept.
3. A call to a planner is a call like any other: an intent, one result, retries as its policy says. An interrupted
   one is asked again and counts as none.
4. A plan that was kept and failed again in the same way is not kept a second time.
5. A scope has so many rounds; the same proposal or the same findings again widen it at once. Behind the widest
   scope, or where the planner can't be asked, a person goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core import events as e
from engine.core.attempts import intend, probe_request
from engine.core.errors import ExpressionError
from engine.core.fact import Json
from engine.core.frames import in_dropped
from engine.core.replan_calls import given_up, results_of
from engine.core.replan_judge import Judged, judge
from engine.core.replan_policy import Replan
from engine.core.replan_request import plan_request
from engine.core.replan_scope import in_scope, wider
from engine.core.replan_state import Planning
from engine.core.run import Run, StepState
from engine.core.saga import effect_of, request_hash

PLANNER = "the planner"
MAX_REASON = 300


def begin(run: Run, culprits: tuple[str, ...], affected: tuple[str, ...]) -> e.ReplanBegun:
    """Return the beginning of a planning, once what is affected is undone."""
    reason = run.fault.reason if run.fault is not None else "a person asked for another plan"
    kept = (step for name, step in run.steps.items() if name not in affected)
    verify = tuple(step.id for step in kept if _can_verify(step) and not in_dropped(run, step))
    return e.ReplanBegun(culprits=culprits, affected=affected, reason=reason, verify=verify)


def _can_verify(step: StepState) -> bool:
    own = step.status == "committed" and bool(step.attempts) and not step.by_hand and not step.unresolved
    return own and step.definition.probe is not None and effect_of(step.definition) != "readonly"


def verify(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Look for what a kept step did; a look that can't be made fails at once, and proves nothing."""
    step = run.step(name)
    try:
        return [intend(run, step, "probe", probe_request(run, step), now)]
    except ExpressionError as error:
        intent = intend(run, step, "probe", {}, now)
        said = f"it can't be looked for: {error}"
        return [
            intent,
            e.AttemptEnded(step=name, phase="probe", attempt=intent.attempt, outcome="failed", error=said),
        ]


def ask(run: Run, _name: str, now: datetime) -> list[e.Event]:
    """Ask the planner, or, where it can't be asked, a person."""
    planning, policy = _under_way(run)
    if planning.done:
        return [_help(run, planning, _why_done(planning))]
    failed = given_up(policy, results_of(run, planning))
    if failed is not None:
        return [_help(run, planning, f"the planner gave no answer: {failed.error or failed.outcome}")]
    try:
        request = plan_request(run, policy, planning)
    except ExpressionError as error:
        return [_help(run, planning, f"the planner could not be asked: {error}")]
    number = len(run.plans) + 1
    return [
        e.AttemptIntended(
            step="", phase="plan", epoch=run.repairs, attempt=number, request=request,
            key=f"p:{run.id}:{run.repairs}:{planning.calls_from + 1}", request_hash=request_hash(request),
            deadline=now + timedelta(seconds=policy.timeout_s),
        )
    ]  # fmt: skip


def _under_way(run: Run) -> tuple[Planning, Replan]:
    assert run.planning is not None
    assert run.saga.replan is not None
    return run.planning, run.saga.replan


def _help(run: Run, planning: Planning, reason: str) -> e.HelpNeeded:
    step = next(
        (name for name in (*planning.culprits, *planning.affected) if name in run.steps),
        next(iter(run.steps)),
    )
    return e.HelpNeeded(step=step, kind="replan", reason=reason)


def _why_done(planning: Planning) -> str:
    last = planning.refused[-1]
    return f"no plan was admitted in {len(planning.refused)} rounds; the last one: {'; '.join(last.findings)}"


def judge_plan(run: Run, _name: str, _now: datetime) -> list[e.Event]:
    """Judge what the planner answered: it is recorded as a proposal, and admitted, or refused with the findings."""
    planning, policy = _under_way(run)
    may_change = in_scope(run, planning, planning.scope)
    if planning.proposal is None:
        assert planning.answer is not None
        patch, reason = _understood(planning.answer.output)
        proposed = _proposal(run, planning, patch, reason, judge(run, policy, patch, may_change))
        return [proposed]
    proposal = planning.proposal
    judged = judge(run, policy, proposal.patch, may_change)
    findings = judged.findings or _tried_already(run, planning, judged)
    if findings:
        return [_refused(run, planning, policy, proposal, findings)]
    if judged.plan is None:
        return [e.PlanKept(reason=proposal.reason, by=proposal.by)]
    return [
        e.PlanAmended(
            document=judged.plan.document(), reason=proposal.reason, by=proposal.by,
            added=proposal.added, changed=proposal.changed, removed=proposal.removed,
        )
    ]  # fmt: skip


def _tried_already(run: Run, planning: Planning, judged: Judged) -> tuple[str, ...]:
    """Return why a plan can't be kept: it was kept before, and the same came of it."""
    same = (run.saga.hash, planning.culprits, planning.reason) in run.kept_plans
    return (
        ("this plan was done anew as it is, and failed in the same way; change it",)
        if same and judged.plan is None
        else ()
    )


def _understood(output: Json) -> tuple[Json, str]:
    """Return the patch and the reason in a planner's answer; what is none is refused like any other proposal."""
    if not isinstance(output, dict):
        return output, "no reason given"
    reason = output.get("reason")
    return output.get("steps"), (reason if isinstance(reason, str) else "")[
        :MAX_REASON
    ].strip() or "no reason given"


def _proposal(run: Run, planning: Planning, patch: Json, reason: str, judged: Judged) -> e.PlanProposed:
    assert planning.answer is not None
    call = run.plans[planning.answer.attempt - 1]
    model = call.result.meta.get("model") if call.result is not None else None
    what = judged.differences
    return e.PlanProposed(
        attempt=planning.answer.attempt, round=planning.round, scope=planning.scope, patch=patch, reason=reason,
        by=f"{PLANNER} ({model or call.intent.request.get('function') or 'a model'})", added=what.get("added", ()),
        changed=what.get("changed", ()), removed=what.get("removed", ()),
    )  # fmt: skip


def _refused(
    run: Run, planning: Planning, policy: Replan, proposal: e.PlanProposed, findings: tuple[str, ...]
) -> e.PlanRefused:
    """Return the refusal with where to go next: the same scope again, a wider one, or a person."""
    same_plan = proposal.patch in planning.patches
    here = [refused for refused in planning.refused if refused.scope == planning.scope]
    stalled = same_plan or (bool(here) and here[-1].findings == findings)
    again = not stalled and len(here) + 1 < policy.rounds
    then = planning.scope if again else wider(run, planning) or "person"
    return e.PlanRefused(
        round=planning.round, scope=planning.scope, findings=findings, then=then, stalled=stalled
    )
