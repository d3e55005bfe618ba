"""Publish checks of composite steps: what they go over, what is inside them, and what may not be (R12, R35, R36)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.core.checks_expressions import Scene
from engine.core.composites import COMPOSITES, INSIDE, AgentStep, MapStep, SagaStep, TeamStep
from engine.core.errors import Problem
from engine.core.saga import Saga, Step, bodies_of, inner_effects, written_by
from engine.core.schema import schema_problem

_UNUSED = ("probe", "compensate", "fallback", "states", "writes", "commutative", "key_ttl_s")


def composite_problems(saga: Saga) -> Iterator[Problem]:
    """Check what composite steps say of themselves; what is inside is checked by `scenes`."""
    for name, step in saga.steps.items():
        if step.kind in COMPOSITES:
            path = f"steps.{name}"
            yield from _unheard(path, step)
            yield from _inside(path, step)
            yield from _lists(path, step)
            if isinstance(step, SagaStep):
                yield from _nested(path, step)
            if isinstance(step, AgentStep):
                yield from _tools(path, step)


def scenes(saga: Saga, scene: Scene) -> Iterator[tuple[str, Saga, Scene]]:
    """Yield each body of a saga's composite steps with its path and what its expressions may speak of."""
    for name, step in saga.steps.items():
        for body, plan in bodies_of(step).items():
            path = _body_path(f"steps.{name}", step, body)
            if isinstance(step, SagaStep):
                yield path, plan, Scene()
                continue
            around = frozenset(o for o in saga.steps if o != name and saga.graph.comes_before(o, name))
            names = scene.names | INSIDE[step.kind]
            root = saga if scene.root is None else scene.root
            yield path, plan, replace(scene, names=names, around=scene.around | around, root=root)


def _body_path(path: str, step: Step, body: str) -> str:
    if isinstance(step, TeamStep):
        return f"{path}.workers.{body}"
    if isinstance(step, AgentStep):
        return f"{path}.with" if body in {"think", "conclude"} else f"{path}.tools"
    return f"{path}.definition" if isinstance(step, SagaStep) else f"{path}.body"


def _unheard(path: str, step: Step) -> Iterator[Problem]:
    for key in _UNUSED:
        if key in step.model_fields_set:
            yield Problem(
                f"{path}.{key}", f"`kind: {step.kind}` takes no `{key}`", "put it on a step inside it"
            )
    if "timeout_s" in step.model_fields_set and step.kind != "loop":
        yield Problem(
            f"{path}.timeout_s", f"`kind: {step.kind}` takes no `timeout_s`", "put it on a step inside it"
        )
    if "retry" in step.model_fields_set and not isinstance(step, AgentStep):
        yield Problem(f"{path}.retry", f"`kind: {step.kind}` takes no `retry`", "put it on a step inside it")
    for index, validator in enumerate(step.validate_):
        if validator.on_fail == "retry":
            what = f"`kind: {step.kind}` can't be tried again as a whole"
            yield Problem(f"{path}.validate[{index}].on_fail", what, "use reject, ask, augment or feedback")


def _inside(path: str, step: Step) -> Iterator[Problem]:
    effects = inner_effects(step)
    if "pivot" in effects and not isinstance(step, SagaStep):
        what = f"a point of no return inside a {step.kind}: there would be several"
        yield Problem(path, what, "put it behind, as a step of its own")
    if isinstance(step, MapStep | TeamStep):
        for key in sorted(set(written_by(step))):
            what = f"steps that run side by side write `app.{key}`"
            yield Problem(path, what, "make the step that writes it `commutative: true`, or write it after")


def _lists(path: str, step: Step) -> Iterator[Problem]:
    """Yield what is surely no list where a list is gone over; what an expression gives is seen when it runs."""
    key = {"map": "over", "team": "tasks"}.get(step.kind)
    value = getattr(step.with_, key) if key is not None else []
    if not isinstance(value, list) and not (isinstance(value, str) and value.strip().startswith("${")):
        remedy = "write a list such as [a, b], or one expression such as ${run.input.cities}"
        yield Problem(f"{path}.with.{key}", f"`{value}` is no list", remedy)


def _nested(path: str, step: SagaStep) -> Iterator[Problem]:
    inner = step.definition
    if inner is None:
        what = f"there is no saga '{step.with_.saga}'"
        yield Problem(f"{path}.with.saga", what, "publish it first, or write it under `definition`")
        return
    if inner.saga != step.with_.saga:
        what = f"its definition is that of '{inner.saga}'"
        yield Problem(f"{path}.with.saga", what, f"name '{inner.saga}', or remove `definition`")
    for key in sorted(set(step.with_.input) - set(inner.input)):
        known = ", ".join(inner.input) or "none"
        yield Problem(
            f"{path}.with.input.{key}", f"'{inner.saga}' has no input '{key}'", f"inputs are {known}"
        )
    for key, schema in inner.input.items():
        if key not in step.with_.input and "default" not in schema:
            yield Problem(f"{path}.with.input", f"'{inner.saga}' needs the input '{key}'", "give it")
    if inner.assumptions:
        what = f"nobody can refuse the assumptions of '{inner.saga}' while it stands inside another saga"
        remedy = "assume them here, and hand them over as inputs"
        yield Problem(f"{path}.definition.assumptions", what, remedy, "warning")
    for key in ("budget", "deadline_s"):
        if getattr(inner, key) is not None:
            what = f"the `{key}` of '{inner.saga}' does not count inside another saga"
            yield Problem(f"{path}.definition.{key}", what, "state one for the whole", "warning")


def _tools(path: str, step: AgentStep) -> Iterator[Problem]:
    for name, tool in step.tools.items():
        where = f"{path}.tools.{name}"
        if name in {"answer", "think", "conclude"}:
            yield Problem(where, f"'{name}' can't name a tool", "choose another name")
        if tool.step.kind in {"approval", "wait", "route"}:
            yield Problem(f"{where}.step", f"a {tool.step.kind} step is no tool", "use http, python or llm")
        problem = schema_problem(tool.input)
        if problem:
            yield Problem(f"{where}.input", problem, "see json-schema.org for the keywords")
    if not step.with_.prompt.strip():
        yield Problem(f"{path}.with.prompt", "an empty prompt", "say what the model should do")
