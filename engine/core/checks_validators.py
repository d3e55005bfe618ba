"""Publish checks of validators: where they may stand, how they may respond, and what each kind needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core.checks_expressions import some
from engine.core.checks_kinds import kind_problems
from engine.core.errors import Problem
from engine.core.saga import LlmStep, RouteStep, Saga, Step, effect_of
from engine.core.schema import schema_problem
from engine.core.validators import (
    CalledValidator,
    JudgeValidator,
    LlmFallback,
    SchemaValidator,
    Validator,
    ValueFallback,
    type_of,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A validator with its path and the steps whose outputs it looks at; `of` is where it stands."""

    path: str
    validator: Validator
    steps: tuple[str, ...]
    of: str


def standing(saga: Saga) -> Iterator[Standing]:
    """Yield every validator of a saga; steps that do not exist are left out."""
    for name, step in saga.steps.items():
        for index, validator in enumerate(step.validate_):
            yield Standing(f"steps.{name}.validate[{index}]", validator, (name,), "step")
    for index, edge in enumerate(saga.edges):
        known = (edge.from_,) if edge.from_ in saga.steps else ()
        for number, validator in enumerate(edge.validate_):
            yield Standing(f"edges[{index}].validate[{number}]", validator, known, "edge")
    for index, validator in enumerate(saga.validate_):
        over = tuple(name for name in validator.steps if name in saga.steps)
        yield Standing(f"validate[{index}]", validator, over, "saga")


def validator_problems(saga: Saga) -> Iterator[Problem]:
    """Check every validator, edge and fallback of a saga."""
    yield from _edge_problems(saga)
    yield from _name_problems(saga)
    for each in standing(saga):
        yield from _place_problems(saga, each)
        yield from _unheard_problems(saga, each)
        yield from _response_problems(saga, each)
        yield from kind_problems(each.path, each.validator)
        if isinstance(each.validator, SchemaValidator):
            problem = schema_problem(each.validator.fits)
            if problem:
                yield Problem(f"{each.path}.schema", problem, "see json-schema.org for the keywords")
        if isinstance(each.validator, JudgeValidator):
            yield from _judge_problems(saga, each, each.validator)
    for name, step in saga.steps.items():
        yield from _fallback_problems(f"steps.{name}.fallback", step)


def _edge_problems(saga: Saga) -> Iterator[Problem]:
    for index, edge in enumerate(saga.edges):
        for key, name in (("from", edge.from_), ("to", edge.to)):
            if name not in saga.steps:
                yield Problem(
                    f"edges[{index}].{key}", f"there is no step '{name}'", f"steps are {some(saga.steps)}"
                )
        both = edge.from_ in saga.steps and edge.to in saga.steps
        if both and not saga.graph.comes_before(edge.from_, edge.to):
            what = f"'{edge.to}' does not depend on '{edge.from_}'"
            yield Problem(f"edges[{index}]", what, f"add '{edge.from_}' to `steps.{edge.to}.needs`")


def _name_problems(saga: Saga) -> Iterator[Problem]:
    """Yield names that two validators of one output share: a verdict must say whose it is."""
    taken = {
        (name, "schema"): "the output schema" for name, step in saga.steps.items() if step.output is not None
    }
    for each in standing(saga):
        for step in each.steps:
            first = taken.setdefault((step, each.validator.name), f"`{each.path}`")
            if first != f"`{each.path}`":
                what = f"the name '{each.validator.name}' is that of {first}, too, about '{step}'"
                yield Problem(f"{each.path}.name", what, "choose another name")


def _unheard_problems(saga: Saga, each: Standing) -> Iterator[Problem]:
    """Yield validators that would look at what a person or the clock gives: nothing of it is validated."""
    for name in () if each.of == "step" or each.validator.kind == "together" else each.steps:
        kind = saga.steps[name].kind
        if kind in {"approval", "wait", "activity"}:
            remedy = "let the validator look at the step that follows"
            yield Problem(
                each.path, f"'{name}' is a step of kind {kind}, which no validator looks at", remedy
            )


def _place_problems(saga: Saga, each: Standing) -> Iterator[Problem]:
    validator, path = each.validator, f"{each.path}.steps"
    if each.of != "saga":
        if validator.steps:
            yield Problem(
                path,
                "`steps` is for validators of the saga",
                "remove it, or move the validator to the saga's",
            )
        if validator.kind == "together":
            yield Problem(
                f"{each.path}.kind", "`together` is about several steps", "move it to the saga's `validate:`"
            )
        return
    for name in validator.steps:
        if name not in saga.steps:
            yield Problem(path, f"there is no step '{name}'", f"steps are {some(saga.steps)}")
    least = 2 if validator.kind == "together" else 1
    if len(set(validator.steps)) < least:
        what = (
            "it does not say which steps it looks at" if least == 1 else "`together` needs two steps at least"
        )
        yield Problem(path, what, "list them, such as `steps: [hotel, train]`")


def _response_problems(saga: Saga, each: Standing) -> Iterator[Problem]:
    validator, where = each.validator, f"{each.path}.on_fail"
    if validator.kind == "together":
        if validator.on_fail not in {"reject", "feedback"}:
            what = f"`together` can't `{validator.on_fail}`: its steps have ended"
            yield Problem(where, what, "use `reject` or `feedback`")
    elif validator.on_fail == "retry":
        for name in each.steps:
            if effect_of(saga.steps[name]) != "readonly":
                what = "`retry` on a step with an effect" + ("" if each.of == "step" else f", '{name}'")
                yield Problem(where, what, "use `reject`: the effect is undone first")
    yield from _addition_problems(each)


def _addition_problems(each: Standing) -> Iterator[Problem]:
    validator, augments = each.validator, each.validator.on_fail == "augment"
    may_add = validator.may_add if isinstance(validator, JudgeValidator) else ()
    if validator.add and isinstance(validator, CalledValidator):
        remedy = "use `may_add`" if isinstance(validator, JudgeValidator) else "let the function return `add`"
        yield Problem(f"{each.path}.add", f"a {validator.kind} says itself what it adds", remedy)
    elif validator.add and not augments:
        yield Problem(
            f"{each.path}.add", "nothing is added without `augment`", "say `on_fail: augment`, or remove it"
        )
    if may_add and not augments:
        what = "nothing is added without `augment`"
        yield Problem(f"{each.path}.may_add", what, "say `on_fail: augment`, or remove it")
    if augments and isinstance(validator, JudgeValidator) and not may_add:
        yield Problem(
            f"{each.path}.may_add", "a judge that augments must know which keys", "list them in `may_add`"
        )
    elif augments and not isinstance(validator, CalledValidator) and not validator.add:
        what = "`augment` does not say what is added"
        yield Problem(f"{each.path}.add", what, "give `add:` with the keys and their values")


def _judge_problems(saga: Saga, each: Standing, judge: JudgeValidator) -> Iterator[Problem]:
    if not judge.rubric.strip():
        yield Problem(f"{each.path}.rubric", "an empty rubric", "say what the judge should look at")
    for name in each.steps:
        step = saga.steps[name]
        for prompt, model in _prompts(step):
            if prompt.strip() == judge.rubric.strip() and (
                not judge.model or not model or judge.model == model
            ):
                what = f"its rubric is the prompt of '{name}', so the model would judge itself"
                yield Problem(f"{each.path}.rubric", what, "say what to look at, or name another `model`")
        if type_of(judge) == "reasoning" and not (isinstance(step, LlmStep) and step.explain):
            what = f"'{name}' records no reasoning to judge"
            yield Problem(f"{each.path}.type", what, f"add `explain: true` to `steps.{name}`, an llm step")


def _prompts(step: Step) -> Iterator[tuple[str, str]]:
    if isinstance(step, LlmStep | RouteStep) and step.with_.prompt.strip():
        yield step.with_.prompt, step.with_.model
    for fallback in step.fallback:
        if isinstance(fallback, LlmFallback):
            yield fallback.with_.prompt, fallback.with_.model


def _fallback_problems(path: str, step: Step) -> Iterator[Problem]:
    if step.fallback and step.kind not in {"approval", "wait", "activity"} and effect_of(step) != "readonly":
        what = f"a fallback on a {effect_of(step)} step: what landed would be doubled, or lost"
        yield Problem(path, what, "remove it; the step is undone, or tried again")
    for index, fallback in enumerate(step.fallback):
        if isinstance(fallback, LlmFallback):
            if step.kind == "route":
                yield Problem(f"{path}[{index}]", "a route falls back on a value only", "use `kind: value`")
            if not fallback.with_.prompt.strip():
                yield Problem(
                    f"{path}[{index}].with.prompt", "an empty prompt", "say what the model should do"
                )
        elif isinstance(step, RouteStep):
            yield from _route_fallback(f"{path}[{index}].value", fallback, step)


def _route_fallback(path: str, fallback: ValueFallback, step: RouteStep) -> Iterator[Problem]:
    value = fallback.value
    branch = value.get("branch") if isinstance(value, dict) else None
    if (isinstance(value, str) and "${" in value) or (isinstance(branch, str) and "${" in branch):
        return
    if branch not in step.with_.branches:
        remedy = f"give `{{branch: NAME}}`; branches are {', '.join(step.with_.branches)}"
        yield Problem(path, "it chooses no branch of this route", remedy)
