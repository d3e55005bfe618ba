"""What is checked before a version is published: the graph, the schemas, the shapes, and what its neighbours check.

Each check returns `Problem`s; a saga with a problem of severity `error` can't be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from engine.core.checks_choreography import circle_problem, event_problems, heard_problems
from engine.core.checks_composites import composite_problems, scenes
from engine.core.checks_contracts import contract_problems
from engine.core.checks_disruptions import disruption_problems
from engine.core.checks_drafted import drafted_problems
from engine.core.checks_expressions import Scene, expression_problems, holes, some
from engine.core.checks_memory import memory_problems
from engine.core.checks_pivot import pivot_problems
from engine.core.checks_replan import replan_problems
from engine.core.checks_signals import wait_problems
from engine.core.checks_state import state_problems
from engine.core.checks_time import time_problems
from engine.core.checks_validators import validator_problems
from engine.core.condition import OUTCOMES
from engine.core.errors import DefinitionInvalid, ExpressionError, Problem
from engine.core.expressions import Expression
from engine.core.saga import (
    ApprovalStep,
    HttpStep,
    LlmStep,
    RouteStep,
    Saga,
    Step,
    WaitStep,
    effect_of,
    undo_of,
)
from engine.core.schema import schema_problem


def publish_problems(saga: Saga) -> list[Problem]:
    """Return everything that is wrong or doubtful about a saga, errors first."""
    found = _problems(saga, Scene())
    if not any(problem.severity == "error" for problem in found):
        found += memory_problems(saga)
    return sorted(dict.fromkeys(found), key=lambda problem: problem.severity != "error")


def _problems(saga: Saga, scene: Scene) -> list[Problem]:
    """Return what is wrong with a saga, or with a body in its scene, and with all that is inside it."""
    found = [*_condition_problems(saga), *heard_problems(saga)] or [*_graph_problems(saga)]
    if any(problem.severity == "error" for problem in found):
        return found
    for check in _CHECKS:
        found += check(saga)
    found += expression_problems(saga, scene)
    if scene.root is None:
        found += [*pivot_problems(saga), *state_problems(saga)]
    for path, body, inner in scenes(saga, scene):
        found += [replace(problem, path=f"{path}.{problem.path}") for problem in _problems(body, inner)]
    return found


def check_publishable(saga: Saga) -> list[Problem]:
    """Return the warnings about a saga that may be run.

    Raises:
        DefinitionInvalid: with all the errors, if there are any.
    """
    found = publish_problems(saga)
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        raise DefinitionInvalid(errors)
    return found


def _condition_problems(saga: Saga) -> Iterator[Problem]:
    for name, step in saga.steps.items():
        try:
            _ = step.condition
        except ExpressionError as error:
            remedy = "list step ids, or join them by && and ||"
            yield Problem(f"steps.{name}.needs", str(error), remedy)


def _graph_problems(saga: Saga) -> Iterator[Problem]:
    for name, step in saga.steps.items():
        for other, branch in step.condition.terms:
            where = f"steps.{name}.needs"
            if other not in saga.steps:
                yield Problem(
                    where, f"it needs '{other}', which is not a step", f"steps are {some(saga.steps)}"
                )
            elif branch is not None and branch not in OUTCOMES:
                yield from _branch_problems(where, other, branch, saga.steps[other])
    circle = saga.graph.cycle()
    if circle:
        yield circle_problem(saga, circle)


def _branch_problems(where: str, name: str, branch: str, step: Step) -> Iterator[Problem]:
    if not isinstance(step, RouteStep):
        remedy = f"write '{name}' alone, or {', '.join(f'{name}.{word}' for word in sorted(OUTCOMES))}"
        yield Problem(where, f"'{name}.{branch}': '{name}' is no route", remedy)
    elif branch not in step.with_.branches:
        yield Problem(
            where, f"'{name}' has no branch '{branch}'", f"branches are {', '.join(step.with_.branches)}"
        )


def _schema_problems(saga: Saga) -> Iterator[Problem]:
    schemas = [(f"input.{key}", schema) for key, schema in saga.input.items()]
    schemas += [
        (f"steps.{name}.output", step.output) for name, step in saga.steps.items() if step.output is not None
    ]
    for where, schema in schemas:
        problem = schema_problem(schema)
        if problem:
            yield Problem(where, problem, "see json-schema.org for the keywords")


def _effect_problems(saga: Saga) -> Iterator[Problem]:
    for name, step in saga.steps.items():
        path, effect = f"steps.{name}", effect_of(step)
        if isinstance(step, HttpStep) and step.effect is None and step.with_.method != "GET":
            what = f"a {step.with_.method} without a word on its effect"
            yield Problem(f"{path}.effect", what, "say readonly, compensatable, pivot or retriable")
        if effect == "compensatable":
            yield from _undo_problems(path, step)
        elif undo_of(step) is not None and effect == "readonly":
            yield Problem(
                f"{path}.compensate", "a readonly step has nothing to undo", "remove it, or say its effect"
            )


def _undo_problems(path: str, step: Step) -> Iterator[Problem]:
    undo = undo_of(step)
    if step.compensate is None:
        remedy = "add `compensate:`, or `compensate: none` with a `compensate_reason`"
        yield Problem(f"{path}.compensate", "its effect has no undo", remedy)
    elif step.compensate == "none":
        if not step.compensate_reason.strip():
            yield Problem(f"{path}.compensate_reason", "`compensate: none` without a reason", "write why")
        else:
            reason = f"it can't be undone ({step.compensate_reason})"
            yield Problem(path, reason, "the saga is partly reversible", "warning")
    elif undo is not None and step.probe is None and _uses_output(undo.with_.model_dump(by_alias=True)):
        remedy = "undo by `${key}`, or add a `probe:` that finds it"
        what = "the undo needs the step's output, which a timed-out attempt does not have"
        yield Problem(f"{path}.compensate", what, remedy, "warning")


def _uses_output(value: Any) -> bool:
    return any(isinstance(found, Expression) and "output" in found.names for _, found in holes(value, ""))


def _shape_problems(saga: Saga) -> Iterator[Problem]:
    for name, step in saga.steps.items():
        path = f"steps.{name}"
        yield from _lock_problems(path, step)
        if isinstance(step, RouteStep):
            yield from _route_problems(path, step)
        if isinstance(step, ApprovalStep | WaitStep):
            yield from _unheard_problems(path, step)
        if isinstance(step, WaitStep):
            yield from wait_problems(path, step)
        if isinstance(step, ApprovalStep | WaitStep) and step.approval is not None:
            yield Problem(
                f"{path}.approval", f"a gate on a {step.kind} step", "put the question into an approval step"
            )
        if isinstance(step, HttpStep) and not step.with_.url.startswith(("http://", "https://", "${")):
            yield Problem(
                f"{path}.with.url",
                f"'{step.with_.url}' is no http address",
                "start with https:// or ${world}/",
            )
        if isinstance(step, LlmStep) and not step.with_.prompt.strip():
            yield Problem(f"{path}.with.prompt", "an empty prompt", "say what the model should do")


def _lock_problems(path: str, step: Step) -> Iterator[Problem]:
    if step.locks and step.kind in {"approval", "wait"}:
        yield Problem(
            f"{path}.locks", f"a {step.kind} step takes no locks", "put them on the step that follows"
        )


def _unheard_problems(path: str, step: ApprovalStep | WaitStep) -> Iterator[Problem]:
    """Yield what such a step would never look at, so that nobody relies on it."""
    for key in ("validate", "output", "probe", "compensate", "fallback", "states"):
        if key == "output" and isinstance(step, WaitStep) and step.with_.event:
            continue  # it says what the signal must bring
        if getattr(step, "validate_" if key == "validate" else key):
            yield Problem(f"{path}.{key}", f"`kind: {step.kind}` takes no `{key}`", "remove it")


def _route_problems(path: str, step: RouteStep) -> Iterator[Problem]:
    branches = set(step.with_.branches)
    for word in sorted(branches & OUTCOMES):
        what = f"'{word}' asks how a step ended, so it can't name a branch"
        yield Problem(f"{path}.with.branches", what, "choose another name")
    targets = [(f"{path}.with.rules[{i}].to", row.to) for i, row in enumerate(step.with_.rules)]
    targets += [(f"{path}.with.default", step.with_.default)] if step.with_.default is not None else []
    targets += [(f"{path}.with.about.{branch}", branch) for branch in step.with_.about]
    for where, branch in targets:
        if branch not in branches:
            yield Problem(where, f"no branch '{branch}'", f"branches are {', '.join(step.with_.branches)}")
    if not step.with_.prompt and step.with_.default is None:
        yield Problem(
            f"{path}.with.default", "no branch where no rule holds", "add `default:` or a `prompt:`"
        )
    if step.with_.min_confidence is not None and step.with_.default is None:
        what = "no branch where the model is not sure enough"
        yield Problem(f"{path}.with.default", what, "add `default:`, or remove `min_confidence`")
    if step.with_.min_confidence is not None and not step.with_.prompt:
        yield Problem(f"{path}.with.min_confidence", "no model is asked", "add a `prompt:`, or remove it")


_CHECKS: tuple[Callable[[Saga], Iterator[Problem]], ...] = (
    _schema_problems,
    _shape_problems,
    _effect_problems,
    composite_problems,
    validator_problems,
    contract_problems,
    drafted_problems,
    time_problems,
    disruption_problems,
    replan_problems,
    event_problems,
)
