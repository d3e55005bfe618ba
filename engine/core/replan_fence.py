"""The fence of a planner: what people decided stays, and a model reaches no farther than the plan did (R18, R33).

It stands around every step, those inside composite ones too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.composites import SagaStep
from engine.core.parts import HttpCall, PythonCall
from engine.core.replan_policy import LlmPlanner, Replan
from engine.core.run import Run
from engine.core.saga import Saga, Step, bodies_of, canonical_json, undo_of
from engine.core.validators import Validator

Json = Any
KEPT_KEYS = ("validate", "approval", "effect", "states")
"""What a proposal can't change about a step: who checks it and who is asked belongs to people."""


def every_step(steps: Mapping[str, Step], within: str = "") -> Iterator[tuple[str, Step]]:
    """Yield each step with those inside it, by the names on the way to it: `items.pay`, `team.role.pay`."""
    for name, step in steps.items():
        path = f"{within}{name}"
        yield path, step
        for body, plan in bodies_of(step).items():
            yield from every_step(plan.steps, f"{path}.{body}." if body else f"{path}.")


def loosened(run: Run, plan: Saga) -> Iterator[str]:
    """Yield what a proposal would take out of people's hands."""
    proposed = dict(every_step(plan.steps))
    for path, old in every_step(run.saga.steps):
        new = proposed.get(path)
        if new is not None:
            yield from _loosened(path, old, new)
        elif old.kind == "approval" or old.approval is not None:
            yield f"'{path}' asks people, so a planner can't remove it"


def _loosened(path: str, old: Step, new: Step) -> Iterator[str]:
    was, now = (step.model_dump(mode="json", by_alias=True) for step in (old, new))
    for key in (*KEPT_KEYS, *_kept_of_a_nested_saga(old, was, now)):
        if canonical_json(_at(was, key)) != canonical_json(_at(now, key)):
            yield f"'{path}': a planner can't change its `{key}`"
    if old.kind == "approval" and canonical_json(was) != canonical_json(now):
        yield f"'{path}' asks people, so a planner can't change it"


def _kept_of_a_nested_saga(old: Step, was: Json, now: Json) -> Iterator[str]:
    """Yield what stays of a nested saga: all but its steps, as of the saga around it."""
    if isinstance(old, SagaStep) and was["definition"] is not None and now.get("definition") is not None:
        yield from (f"definition.{key}" for key in was["definition"] if key != "steps")


def _at(step: Json, key: str) -> Json:
    first, _, rest = key.partition(".")
    return _at(step.get(first, {}), rest) if rest else step.get(first)


def reaches(run: Run, policy: Replan, plan: Saga) -> Iterator[str]:
    """Yield where a model's plan would call somebody, or undo in a way, that the plan of people did not."""
    if not isinstance(policy.by, LlmPlanner):
        return
    ours = [step for _, step in every_step(run.saga.steps)]
    known = {target for step in ours for target in _targets(step)}
    undos = {_undo_text(step) for step in ours} | {""}
    for path, step in every_step(plan.steps):
        for target in sorted(_targets(step) - known):
            yield f"'{path}' calls {target}, which nothing in the plan does"
        if _undo_text(step) not in undos:
            yield f"'{path}' is undone in a way that was never rehearsed; use a `compensate` that another step has"


def _targets(step: Step) -> set[str]:
    """Return whom a step itself calls: hosts and functions, going forward, looking, checking and undoing."""
    undo, checks = undo_of(step), (getattr(each, "with_", None) for each in _validators(step))
    calls = [step.with_, step.probe.with_ if step.probe else None, undo.with_ if undo else None, *checks]
    return {target for call in calls if (target := _target(call))}


def _validators(step: Step) -> Iterator[Validator]:
    """Yield what checks a step, and what a nested saga checks besides its steps."""
    yield from step.validate_
    for plan in bodies_of(step).values():
        yield from (*plan.validate_, *(each for edge in plan.edges for each in edge.validate_))


def _target(call: object) -> str:
    if isinstance(call, HttpCall):
        head, _, rest = call.url.partition("://")
        return f"{head}://{rest.partition('/')[0]}" if rest else call.url.partition("/")[0]
    return f"the function `{call.function}`" if isinstance(call, PythonCall) else ""


def _undo_text(step: Step) -> str:
    undo = undo_of(step)
    return canonical_json(undo.model_dump(mode="json", by_alias=True)) if undo is not None else ""
