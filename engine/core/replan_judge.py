"""Judging a proposed plan: code admits it, or refuses it with all that is wrong (R12, R27, R28).

1. A proposal is a JSON merge patch (RFC 7396) of the plan's steps: a step is changed by the keys that differ, added
   whole, removed by null. Nothing else of the saga can be proposed: no invariant, no budget, no validator of it.
2. What has begun is immutable; of the rest only the steps in scope, and new ones, may differ.
3. What people decided about a step stays: its validators, its question to people, what its effect is. Whoever has
   to say yes is asked in any plan.
4. A model can't reach farther than the plan did: no new host, function or compensation (R18). Both hold for the
   steps inside composite ones as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.core.affected import amendment, amendment_problems, has_begun
from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid, ExpressionError
from engine.core.replan_fence import loosened, reaches
from engine.core.replan_policy import LlmPlanner, Replan
from engine.core.run import Run
from engine.core.saga import Saga, canonical_json
from engine.core.schema import mismatch
from engine.core.scope import forward_scope
from engine.core.validation import examine

Json = Any
MAX_PATCH_CHARS = 20_000
MAX_FINDINGS = 6
MAX_FINDING_CHARS = 240


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
    found = found or [*loosened(run, plan), *reaches(run, policy, plan)]
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
