"""A run's state in three dimensions, S_A, S_O and S_D (SagaLLM, Table 2): plain JSON, made from its log alone.

1. Application (S_A): what the steps wrote, every write as a checkpoint, and whether the invariants hold now.
2. Operations (S_O): by step, what went in and came out of each try, what a model said for itself, who judged
   and added what, and the undo with what is frozen for it.
3. Dependencies (S_D): by step, the condition and the guard with what was seen of them, and every yes, lock and
   check between steps that it went by.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core import events as e
from engine.core.attempt import Approval, Attempt
from engine.core.errors import ExpressionError
from engine.core.evolve import replay
from engine.core.expressions import is_true
from engine.core.fact import fact_json
from engine.core.frames import is_there, plan_of
from engine.core.queues import term
from engine.core.run import Run, StepState
from engine.core.saga import Invariant, Saga, effect_of
from engine.core.scope import forward_scope

Json = Any
Dimensions = dict[str, Json]
SAID = ("reasoning", "alternatives", "justification")
MAX_DIFFERENCES = 500
MAX_SHOWN = 300
Verdicts = dict[str, list[dict[str, Json]]]


def moment(saga: Saga, history: Sequence[e.Recorded], seq: int) -> Dimensions:
    """Return the three dimensions right after event `seq` (R31).

    Raises:
        ValueError: if there is no such event.
    """
    if not 1 <= seq <= len(history):
        raise ValueError(f"there is no event {seq}; the run has {len(history)} events")
    past = history[:seq]
    return dimensions(replay(saga, past), past)


def dimensions(run: Run, history: Sequence[e.Recorded]) -> Dimensions:
    """Return the three dimensions of a run; `history` is what it is the fold of, from its first event."""
    verdicts = _verdicts(history)
    return {
        "run": {"id": run.id, "seq": run.seq, "at": _time(run.updated_at), "status": run.status},
        "application": {
            "entities": dict(run.app),
            "checkpoints": list(_checkpoints(run, history)),
            "invariants": {invariant.name: _held(run, invariant) for invariant in run.saga.invariants},
        },
        "operation": {name: _operation(step, verdicts[name]) for name, step in run.steps.items()},
        "dependency": {
            "steps": {name: _dependency(run, step, verdicts[name]) for name, step in run.steps.items()},
            "locks": dict(run.locks),
            "boundaries": _boundaries(run, verdicts),
        },
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _verdicts(history: Sequence[e.Recorded]) -> Verdicts:
    found: Verdicts = defaultdict(list)
    for recorded in history:
        if isinstance(recorded.event, e.VerdictGiven):
            told = fact_json(recorded.event, {"type", "step"})
            found[recorded.event.step].append({"seq": recorded.seq, "at": _time(recorded.at), **told})
    return found


def _checkpoints(run: Run, history: Sequence[e.Recorded]) -> Iterator[dict[str, Json]]:
    for seq, writes, whole in run.written:
        recorded = history[seq - 1]
        yield {
            "seq": seq,
            "at": _time(recorded.at),
            "event": recorded.event.type,
            "step": getattr(recorded.event, "step", None),
            "by": getattr(recorded.event, "by", ""),
            "keys": sorted(writes),
            "whole": whole,
        }


def _held(run: Run, invariant: Invariant) -> dict[str, Json]:
    try:
        return {"rule": invariant.rule, "holds": is_true(invariant.rule, forward_scope(run)), "why": ""}
    except ExpressionError as error:
        return {"rule": invariant.rule, "holds": False, "why": str(error)}


# S_O


def _operation(step: StepState, verdicts: list[dict[str, Json]]) -> dict[str, Json]:
    return {
        "title": step.definition.title,
        "kind": step.definition.kind,
        "effect": effect_of(step.definition),
        "status": step.status,
        "reason": step.reason,
        "epoch": step.epoch,
        "ready_at": _time(step.ready_at),
        "ended_at": _time(step.ended_at),
        "output": step.output,
        "attempts": [_attempt(attempt) for attempt in step.attempts],
        "augmented": [fact_json(event, {"type", "step"}) for event in step.augmentations],
        "fallbacks": [fact_json(event, {"type", "step"}) for event in step.fallbacks],
        "verdicts": verdicts,
        "checks": [_attempt(attempt) for attempt in step.checks],
        "probes": [_attempt(attempt) for attempt in step.probes],
        "compensation": _compensation(step),
    }


def _attempt(attempt: Attempt) -> dict[str, Json]:
    """Return a call: what went in, what came out, when, by which model, and what it said for itself."""
    intent, result = attempt.intent, attempt.result
    meta = result.meta if result else {}
    told: dict[str, Json] = {
        "number": attempt.number,
        "seq": attempt.seq,
        "key": intent.key,
        "input": intent.request,
        "output": result.output if result else None,
        "outcome": attempt.outcome,
        "error": result.error if result else "",
        "started_at": _time(attempt.started_at),
        "ended_at": _time(attempt.ended_at),
        "deadline": _time(intent.deadline),
        "fallback": intent.fallback,
        **{
            name: meta.get(name)
            for name in ("model", "prompt_tokens", "completion_tokens", "cost_usd", *SAID)
        },
    }
    if intent.validator:
        told |= {"validator": intent.validator, "vote": intent.vote}
    if attempt.resolution is not None:
        told["resolution"] = fact_json(attempt.resolution, {"type", "step", "phase"})
    return told


def _compensation(step: StepState) -> dict[str, Json]:
    """Return how the step would be undone, or is: what is frozen for it and how far it came (R1, R18)."""
    frozen = step.frozen
    return {
        "declared": step.definition.compensate is not None and step.definition.compensate != "none",
        "reason": step.definition.compensate_reason,
        "frozen": fact_json(frozen) if frozen else None,
        "edited": step.edited_undo,
        "attempts": [_attempt(attempt) for attempt in step.undos],
        "late": [
            {"attempt": late.attempt, "output": late.output, "status": late.status} for late in step.lates
        ],
        "late_attempts": [_attempt(attempt) for attempt in step.late_undos],
    }


# S_D


def _dependency(run: Run, step: StepState, verdicts: list[dict[str, Json]]) -> dict[str, Json]:
    plan, there = plan_of(run, step), is_there(run, step)
    condition = plan.graph.conditions[step.local] if there else step.definition.condition
    return {
        "status": step.status,
        "needs": condition.source,
        "terms": {
            other if branch is None else f"{other}.{branch}": term(run, other, branch, step.frame)
            for other, branch in (condition.terms if there else ())
        },
        "holds": condition.truth(lambda other, branch: term(run, other, branch, step.frame)) if there else None,
        "guard": step.definition.when,
        "ready_at": _time(step.ready_at),
        "evidence": step.evidence,
        "approvals": [_approval(approval) for approval in step.approvals],
        "locks": {"wanted": list(step.wanted), "held": step.locked},
        "edges": {edge.to: [validator.name for validator in edge.validate_] for edge in plan.edges_from.get(step.local, ())},
        "checks": [verdict for verdict in verdicts if verdict["tier"] == "inter" or verdict["edge"]],
    }  # fmt: skip


def _approval(approval: Approval) -> dict[str, Json]:
    asked = fact_json(approval.request, {"type", "step"})
    answers = [fact_json(answer, {"type", "step"}) for answer in approval.answers]
    return {
        **asked,
        "asked_at": _time(approval.asked_at),
        "status": approval.status,
        "ended_at": _time(approval.ended_at),
        "reason": approval.reason,
        "answers": answers,
    }


def _boundaries(run: Run, verdicts: Verdicts) -> dict[str, Json]:
    """Return what is checked over several steps, each with its last verdict."""
    given = {
        verdict["validator"]: verdict
        for verdict in sorted((v for some in verdicts.values() for v in some), key=lambda v: v["seq"])
        if verdict["whole"]
    }
    return {
        validator.name: {"kind": validator.kind, "steps": list(validator.steps), "verdict": given.get(validator.name)}
        for validator in run.saga.validate_
    }  # fmt: skip


# Differences


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two moments differ; both sides as JSON text, shortened, empty where there is nothing."""

    path: str
    before: str
    after: str


def difference(before: Dimensions, after: Dimensions) -> list[Difference]:
    """Return where two moments differ, by path; the first `MAX_DIFFERENCES` of them."""
    found = _differences("", before, after)
    return [each for _, each in zip(range(MAX_DIFFERENCES), found, strict=False)]


def _differences(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differences(
                f"{path}.{key}" if path else key, before.get(key, _NOTHING), after.get(key, _NOTHING)
            )
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _differences(f"{path}[{index}]", _at(before, index), _at(after, index))
    else:
        yield Difference(path, _shown(before), _shown(after))


_NOTHING = object()


def _at(items: list[Json], index: int) -> Json:
    return items[index] if index < len(items) else _NOTHING


def _shown(value: Json) -> str:
    if value is _NOTHING:
        return ""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
