"""Publish checks of R12: what may come after a point of no return."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.checks_signals import late_wait_problems
from engine.core.checks_validators import Standing, standing
from engine.core.choreography import can_fail_into, event_in
from engine.core.condition import OUTCOMES
from engine.core.errors import Problem
from engine.core.saga import ApprovalStep, Saga, Step, bodies_of, effect_of, inner_effects
from engine.core.validators import TogetherValidator


def pivot_problems(saga: Saga) -> Iterator[Problem]:
    """Check R12: one pivot on a path, nothing to undo after it, nothing that could say no after it."""
    chosen = saga.pivots
    for pivot in chosen:
        after = _possible_after(saga, pivot)
        for name in after:
            yield from _after_pivot(pivot, name, saga.steps[name])
            yield from _inside_after(pivot, name, saga.steps[name])
            yield from late_wait_problems(saga, pivot, name)
        yield from _validators_after(saga, pivot, frozenset(after))
    if chosen and saga.deadline_s is not None:
        yield Problem(
            "deadline_s", f"it could stop the run after the pivot '{chosen[0]}'", "use step timeouts"
        )
    early = _possible_without_pivot(saga)
    for name, step in saga.steps.items():
        if effect_of(step) == "retriable" and name in early:
            remedy = "make it compensatable, or let it need the pivot in every case"
            yield Problem(f"steps.{name}.effect", "a retriable step that can run before any pivot", remedy)


def _possible_after(saga: Saga, pivot: str) -> list[str]:
    """Return the steps that depend on a pivot and can run once it committed; `pivot.failed` can't hold then."""
    below, never = saga.graph.descendants(pivot), set()

    def truth(other: str, word: str | None) -> bool | None:
        if other == pivot and event_in(word):
            return False if can_fail_into(saga.steps[pivot], word) else None
        if other == pivot:
            return word not in OUTCOMES
        return False if other in never and word not in OUTCOMES else None

    for name in saga.graph.order():
        if name in below and saga.graph.conditions[name].truth(truth) is False:
            never.add(name)
    return sorted(below - never, key=saga.graph.position.__getitem__)


def _possible_without_pivot(saga: Saga) -> set[str]:
    """Return the steps that can commit though no pivot did; a condition such as `pay || note` allows it."""
    possible: set[str] = set()
    for name in saga.graph.order():
        truth = saga.graph.conditions[name].truth(
            lambda other, word: None if other in possible or _can_fail(saga.steps[other], word) else False
        )
        if name not in saga.pivots and truth is not False:
            possible.add(name)
    return possible


def _can_fail(step: Step, word: str | None) -> bool:
    """Return whether a term can hold though the step does not commit."""
    return word in OUTCOMES or can_fail_into(step, word)


def _after_pivot(pivot: str, name: str, step: Step) -> Iterator[Problem]:
    effects = inner_effects(step)
    for effect in sorted(effects & {"pivot", "compensatable"}):
        what = f"a {effect} step after the pivot '{pivot}'"
        yield Problem(f"steps.{name}.effect", what, "move it before the pivot, or make it retriable")
    if "retriable" in effects and step.output is not None:
        what = f"its output schema can reject after the pivot '{pivot}', when its effect is there already"
        yield Problem(f"steps.{name}.output", what, "remove it; a `feedback` rule may look at the output")
    if step.approval is not None or (isinstance(step, ApprovalStep) and step.with_.on_deny == "fault"):
        what = f"an approval after the pivot '{pivot}' that could be denied"
        yield Problem(f"steps.{name}.approval", what, "ask before the pivot")


def _inside_after(pivot: str, name: str, step: Step) -> Iterator[Problem]:
    """Yield what inside a composite step could say no after a pivot."""
    for body in bodies_of(step).values():
        for inner, one in body.steps.items():
            stops = one.approval is not None or (
                isinstance(one, ApprovalStep) and one.with_.on_deny == "fault"
            )
            if stops or any(validator.on_fail in {"reject", "ask"} for validator in one.validate_):
                what = f"'{inner}' inside it could say no after the pivot '{pivot}'"
                yield Problem(f"steps.{name}", what, "ask and check before the pivot")
            yield from _inside_after(pivot, name, one)


def _validators_after(saga: Saga, pivot: str, after: frozenset[str]) -> Iterator[Problem]:
    """Yield the validators that could stop a run after a pivot: on steps, on edges, on the saga."""
    for each in standing(saga):
        late = [name for name in each.steps if name in after]
        if isinstance(each.validator, TogetherValidator):
            late = [name for name in late if name not in _certain(saga)]
        if late and each.validator.on_fail != "feedback":
            yield from _validator_after(saga, pivot, each, late)


def _validator_after(saga: Saga, pivot: str, each: Standing, late: list[str]) -> Iterator[Problem]:
    where, how = f"{each.path}.on_fail", each.validator.on_fail
    if each.validator.kind == "together":
        what = f"'{late[0]}' could be skipped after the pivot '{pivot}', when the others are there already"
        yield Problem(where, what, "use `feedback`, or leave such steps out of `steps`")
    elif how in {"reject", "ask"}:
        remedy = "use `feedback`, or check before the pivot"
        yield Problem(where, f"it can {how} after the pivot '{pivot}'", remedy)
    elif any(effect_of(saga.steps[name]) == "retriable" for name in late):
        what = f"it can {how} on a retriable step after the pivot '{pivot}', when its effect is there already"
        yield Problem(where, what, "use `feedback`")


def _certain(saga: Saga) -> frozenset[str]:
    """Return the steps that are never skipped: no guard, and needs that hold once these committed."""
    certain: set[str] = set()
    for name in saga.graph.order():
        step = saga.steps[name]
        holds = saga.graph.conditions[name].truth(
            lambda other, word: True if other in certain and word is None else None
        )
        if step.when is None and holds:
            certain.add(name)
    return frozenset(certain)
