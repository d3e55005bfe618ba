"""Publish checks of how a run is planned anew: a planner that can be asked, and validators of code for its plans."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.checks_kinds import kind_problems
from engine.core.errors import Problem
from engine.core.replan_policy import LlmPlanner, Replan
from engine.core.saga import Saga
from engine.core.schema import schema_problem
from engine.core.validators import CalledValidator, SchemaValidator


def replan_problems(saga: Saga) -> Iterator[Problem]:
    """Yield what is wrong with the policy of planning anew; its expressions are checked with all others."""
    policy = saga.replan
    if policy is None:
        return
    if saga.recovery == "compensate":
        what = "`recovery: compensate` undoes everything, so nothing is ever planned anew"
        yield Problem("replan", what, "say `recovery: repair` or `ask`, or remove it", "warning")
    yield from _planner_problems(policy)
    names: set[str] = set()
    for index, validator in enumerate(policy.validate_):
        where = f"replan.validate[{index}]"
        if isinstance(validator, CalledValidator) or validator.kind == "together":
            what = f"`{validator.kind}` can't look at a plan: only code admits or refuses one"
            yield Problem(where, what, "use a rule, a schema, or another validator of code")
        elif validator.on_fail != "reject" or validator.steps:
            what = "it admits a plan or refuses it; `on_fail` and `steps` say nothing here"
            yield Problem(where, what, "remove them")
        if validator.name in names:
            yield Problem(
                f"{where}.name", f"the name '{validator.name}' is there twice", "choose another name"
            )
        names.add(validator.name)
        yield from kind_problems(where, validator)
        if isinstance(validator, SchemaValidator) and (problem := schema_problem(validator.fits)):
            yield Problem(f"{where}.schema", problem, "see json-schema.org for the keywords")


def _planner_problems(policy: Replan) -> Iterator[Problem]:
    by = policy.by
    if isinstance(by, LlmPlanner):
        if not by.with_.prompt.strip():
            yield Problem("replan.by.with.prompt", "an empty prompt", "say what a good plan looks like")
        if by.patch is not None and (problem := schema_problem(by.patch)):
            yield Problem("replan.by.patch", problem, "see json-schema.org for the keywords")
    else:
        for name in sorted({"situation", "findings"} & by.with_.args.keys()):
            yield Problem(f"replan.by.with.args.{name}", "the engine gives it", "choose another name")
