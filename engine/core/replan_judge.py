"""Judging a proposed plan: code admits it, or refuses it with all that is wrong (R12, R27, R28).

1. A proposal is a JSON merge patch (RFC 7396) of the plan's steps: a step is changed by the keys that differ, added
   whole, removed by null. Nothing else of the saga can be proposed: no invariant, no budget, no validator of it.
2. What has begun is immutable; of the rest only the steps in scope, and new ones, may differ.
3. What people decided about a step stays: its validators, its question to people, what its effect is. Whoever has
   to say yes is asked in any plan.
4. A model can't reach farther than the plan did: no new host, function or compensation (R18).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.core.affected import amendment, amendment_problems, has_begun
from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid, ExpressionError
from engine.core.parts import HttpCall, PythonCall
from engine.core.replan_policy import LlmPlanner, Replan
from engine.core.run import Run
from engine.core.saga import Saga, Step, canonical_json, undo_of
from engine.core.schema import mismatch
from engine.core.scope import forward_scope
from engine.core.validation import examine

Json = Any
MAX_PATCH_CHARS = 20_000
MAX_FINDINGS = 6
MAX_FINDING_CHARS = 240
KEPT_KEYS = ("validate", "approval", "effect", "states")
"""What a proposal can't change about a step: who checks it and who is asked belongs to people."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal as it was understood: the plan that it makes, where it makes one, and what is wrong with it."""

    findings: tuple[str, ...]
    plan: Saga | None = None
    differences: dict[str, tuple[str, ...]] = field(default_factory=dict)


def merged(target: Json, patch: Json) -> Json:
    """Return a value with a JSON merge patch applied (RFC 7396): null removes a key, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    base = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged(base.get(key), value)
    return base


def judge(run: Run, policy: Replan, patch: Json, may_change: Collection[str]) -> Judged:
    """Return the plan that a proposal makes, and every reason for which it can't be admitted."""
    wrong = _misshapen(policy, patch)
    if wrong:
        return Judged((_short(wrong),))
    document = run.saga.document()
    document["steps"] = merged(document["steps"], patch)
    try:
        plan = saga_from_document(document)
    except DefinitionInvalid as invalid:
        return Judged(_first(str(problem) for problem in invalid.problems))
    if plan.canonical == run.saga.canonical:
        return Judged(())
    found = [*amendment_problems(run, plan), *_outside(run, patch, may_change)]
    found = found or [*_loosened(run, plan), *_reaches(run, policy, plan)]
    found = found or [str(p) for p in publish_problems(plan) if p.severity == "error"]
    return Judged(_first(found or _unfulfilled(run, policy, plan)), plan, amendment(run, plan))


def _first(found: Collection[str] | Iterator[str]) -> tuple[str, ...]:
    every = list(dict.fromkeys(_short(each) for each in found))
    more = [f"and {len(every) - MAX_FINDINGS} more"] if len(every) > MAX_FINDINGS else []
    return (*every[:MAX_FINDINGS], *more)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_FINDING_CHARS else line[: MAX_FINDING_CHARS - 1] + "…"


def _misshapen(policy: Replan, patch: Json) -> str:
    if not isinstance(patch, dict) or not all(
        value is None or isinstance(value, dict) for value in patch.values()
    ):
        return "`steps` is no mapping from step ids to what changes about each, or null to remove it"
    if len(canonical_json(patch)) > MAX_PATCH_CHARS:
        return f"more than {MAX_PATCH_CHARS:,} characters; give only the keys that change"
    schema = policy.by.patch if isinstance(policy.by, LlmPlanner) else None
    wrong = mismatch(schema, patch) if schema is not None else None
    return "" if wrong is None else f"steps{wrong[0].removeprefix('$')}: {wrong[1]}"


def _outside(run: Run, patch: dict[str, Json], may_change: Collection[str]) -> Iterator[str]:
    """Yield the steps of the plan that a proposal names and that this round does not let change."""
    for name in patch:
        if name in run.steps and name not in may_change and not has_begun(run.steps[name]):
            yield f"'{name}' can't change in this round; {', '.join(may_change) or 'no step'} may, and new steps"


def _loosened(run: Run, plan: Saga) -> Iterator[str]:
    """Yield what a proposal would take out of people's hands."""
    for name, old in run.saga.steps.items():
        new = plan.steps.get(name)
        if new is None:
            if old.kind == "approval" or old.approval is not None:
                yield f"'{name}' asks people, so a planner can't remove it"
            continue
        was, now = (step.model_dump(mode="json", by_alias=True) for step in (old, new))
        for key in KEPT_KEYS:
            if canonical_json(was.get(key)) != canonical_json(now.get(key)):
                yield f"'{name}': a planner can't change its `{key}`"
        if old.kind == "approval" and canonical_json(was) != canonical_json(now):
            yield f"'{name}' asks people, so a planner can't change it"


def _reaches(run: Run, policy: Replan, plan: Saga) -> Iterator[str]:
    """Yield where a model's plan would call somebody, or undo in a way, that the plan of people did not."""
    if not isinstance(policy.by, LlmPlanner):
        return
    known = {target for step in run.saga.steps.values() for target in _targets(step)}
    undos = {_undo_text(step) for step in run.saga.steps.values()} | {""}
    for name, step in plan.steps.items():
        yield from (
            f"'{name}' calls {t}, which nothing in the plan does" for t in sorted(_targets(step) - known)
        )
        if _undo_text(step) not in undos:
            yield f"'{name}' is undone in a way that was never rehearsed; use a `compensate` that another step has"


def _targets(step: Step) -> set[str]:
    """Return whom a step calls: hosts and functions, going forward, looking and undoing."""
    undo = undo_of(step)
    calls = [step.with_, *([step.probe.with_] if step.probe else []), *([undo.with_] if undo else [])]
    return {target for call in calls if (target := _target(call))}


def _target(call: object) -> str:
    if isinstance(call, HttpCall):
        head, _, rest = call.url.partition("://")
        return f"{head}://{rest.partition('/')[0]}" if rest else call.url.partition("/")[0]
    return f"the function `{call.function}`" if isinstance(call, PythonCall) else ""


def _undo_text(step: Step) -> str:
    undo = undo_of(step)
    return canonical_json(undo.model_dump(mode="json", by_alias=True)) if undo is not None else ""


def _unfulfilled(run: Run, policy: Replan, plan: Saga) -> list[str]:
    """Return what the validators of the policy have against a plan."""
    changes = {how: list(steps) for how, steps in amendment(run, plan).items()}
    scope = {**forward_scope(run), "output": {**plan.document(), **changes}, "request": None}
    found = []
    for validator in policy.validate_:
        try:
            finding = examine(validator, scope)  # type: ignore[arg-type] # calls are refused when it is published
            held, evidence = finding.held, finding.evidence
        except ExpressionError as error:
            held, evidence = False, str(error)
        if not held:
            found.append(f"{validator.name}: {evidence}")
    return found
