"""The laws of planning anew; see `laws` for how a law is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.core import events as e
from engine.core.document import saga_from_document
from engine.core.saga import Saga
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.verdict import expect

Json = Any
SCOPES = 3


@dataclass
class _Planning:
    """A planning as the log tells it: what is refused, what is proposed, and under which step a person is asked."""

    rounds: int = 0
    proposed: e.PlanProposed | None = None
    refused: list[e.PlanRefused] = field(default_factory=list)
    asked: str = ""


def R27_only_an_admitted_proposal_changes_the_plan(seen: Evidence) -> int:
    """A planner's amendment is its last proposal, which was not refused, over the plan in force; nothing else is."""
    proposed: e.PlanProposed | None = None
    judged = 0
    for recorded, plan in seen.plans():
        event = recorded.event
        if isinstance(event, e.PlanProposed):
            proposed = event
        elif isinstance(event, e.PlanRefused | e.PlanKept | e.Faulted | e.ReplanBegun):
            proposed = None
        elif isinstance(event, e.PlanAmended) and event.by.startswith("the planner"):
            judged += 1
            expect(
                proposed is not None, "R27", f"the plan changes without a proposal, at event {recorded.seq}"
            )
            assert proposed is not None
            before = plan.document()
            after = {**before, "steps": _patched(before["steps"], proposed.patch)}
            same = saga_from_document(after).hash == saga_from_document(event.document).hash
            expect(same, "R27", f"another plan than the proposed one is taken, at event {recorded.seq}")
            proposed = None
    return judged


def _patched(target: Json, patch: Json) -> Json:
    """Return a value with a merge patch applied; written here once more, so that the law does not trust the engine."""
    if not isinstance(patch, dict):
        return patch
    kept = (
        {key: value for key, value in target.items() if key not in patch} if isinstance(target, dict) else {}
    )
    old = target if isinstance(target, dict) else {}
    return kept | {key: _patched(old.get(key), value) for key, value in patch.items() if value is not None}


def R26_planning_anew_is_bounded_and_holds_the_run(seen: Evidence) -> int:
    """Until a plan is admitted or kept nothing begins; rounds and tokens are bounded; findings are handed on."""
    planning: _Planning | None = None
    judged = 0
    for recorded, plan in seen.plans():
        event = recorded.event
        if isinstance(event, e.ReplanBegun):
            planning = _Planning()
        elif isinstance(event, e.PlanAmended | e.PlanKept | e.Faulted):
            planning = None
        elif planning is not None:
            judged += 1
            planning = _heard(planning, event, plan, recorded.seq)
    return judged


def _heard(planning: _Planning, event: e.Event, plan: Saga, seq: int) -> _Planning | None:
    match event:
        case e.StepReady() | e.WaitBegun() | e.ApprovalRequested():
            expect(False, "R26", f"'{event.step}' begins while the rest is planned anew, at event {seq}")
        case e.AttemptIntended(phase="plan"):
            _judge_request(planning, event, plan)
        case e.AttemptIntended(phase="forward" | "check"):
            expect(False, "R26", f"'{event.step}' begins while the rest is planned anew, at event {seq}")
        case e.PlanProposed():
            planning.rounds += 1
            assert plan.replan is not None
            most = SCOPES * plan.replan.rounds
            expect(planning.rounds <= most, "R26", f"{planning.rounds} rounds, and {most} are allowed")
        case e.PlanRefused():
            planning.refused.append(event)
        case e.HelpNeeded(kind="replan"):
            planning.asked = event.step
        case e.RetryAsked() if event.step == planning.asked:
            return _Planning()
        case e.StepSkipped() | e.StepCommitted() if event.step == planning.asked:
            return None
    return planning


def _judge_request(planning: _Planning, intent: e.AttemptIntended, plan: Saga) -> None:
    assert plan.replan is not None
    expect(not planning.asked, "R26", "a planner is asked, and so is a person")
    told = planning.refused[-1].findings if planning.refused else ()
    if "prompt" not in intent.request:
        handed_on = tuple(intent.request["args"]["findings"]) == told
    else:
        tokens, most = intent.request["tokens"], plan.replan.tokens
        expect(tokens <= most, "R26", f"a request of {tokens} tokens, and {most} are allowed")
        handed_on = all(finding.replace("</", "<\\/") in intent.request["prompt"] for finding in told)
    expect(handed_on, "R26", f"the planner is not told of {told}")
