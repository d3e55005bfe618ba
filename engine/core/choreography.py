"""Choreography: steps that hear events and cause others, with no central sequence.

1. An event happens when a step that declares it commits and its `when` is true, or, for the event of a failure, when
   that step fails and surely nothing of it is out there. It counts in the same fact as that end.
2. What a step hears (`on`) is compiled into its dependency condition over the steps that can cause those events. So
   order, undo, repair and every law hold as for any other dependency.
3. An event can't happen any more once each of its causes has ended without it; who waits for it is skipped.
4. A failure whose event somebody hears is no fault. One that nobody hears is a fault as ever (R13).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from engine.core.condition import EMITTED, Condition, Joint, Node, Term, parse_condition
from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, is_true
from engine.core.parts import ID_PATTERN, Part
from engine.core.templates import render

if TYPE_CHECKING:
    from engine.core.saga import Step

Json = Any


class Emission(Part):
    """An event that the end of a step may cause."""

    event: str = Field(pattern=ID_PATTERN, description="its name")
    when: str | None = Field(default=None, description="CEL over `output`; it happens only where it is true")
    data: Json = Field(
        default=None, description="what it tells those who hear it, with `${...}` over `output`"
    )


def as_emissions(value: Any) -> Any:
    """Return a list of emissions, in which a bare name stands for an event without conditions."""
    listed = [value] if isinstance(value, str | dict) else value
    if not isinstance(listed, list | tuple):
        return value
    return [{"event": item} if isinstance(item, str) else item for item in listed]


def events_of(step: Step) -> tuple[str, ...]:
    """Return the events that a step can cause, that of its failure last."""
    named = (*(each.event for each in step.emits), step.emits_on_failure)
    return tuple(dict.fromkeys(name for name in named if name))


def emitters(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """Return the steps that can cause each event, in the saga's own order."""
    found: dict[str, list[str]] = {}
    for name, step in steps.items():
        for event in events_of(step):
            found.setdefault(event, []).append(name)
    return found


def heard_by(step: Step) -> tuple[str, ...]:
    """Return the events that a step hears; none where `on` can't be read."""
    try:
        return parse_condition(step.on).steps if step.on else ()
    except ExpressionError:
        return ()


def conditions(steps: Mapping[str, Step]) -> dict[str, Condition]:
    """Return each step's dependency condition, what it hears compiled into it.

    Raises:
        ExpressionError: where `on` is no condition over events, or names one that nobody causes.
    """
    causes: dict[str, list[str]] | None = None
    found = {}
    for name, step in steps.items():
        if step.on and causes is None:
            causes = emitters(steps)
        found[name] = _compiled(step, causes or {}) if step.on else step.condition
    return found


def _compiled(step: Step, causes: Mapping[str, list[str]]) -> Condition:
    def cause(term: Term) -> Node:
        if term.branch is not None:
            raise ExpressionError(f"`{step.on}`: `{term}` is no event; an event is one plain name")
        if term.step not in causes:
            raise ExpressionError(f"no step emits '{term.step}'")
        terms = tuple(Term(each, EMITTED + term.step) for each in causes[term.step])
        return terms[0] if len(terms) == 1 else Joint("||", terms)

    heard = parse_condition(step.on).replaced(cause)
    return heard.joined(step.condition) if step.needs else heard


def happened(step: Step, scope: Scope) -> dict[str, Json]:
    """Return the events that a step's commit causes, with what they tell.

    Raises:
        ExpressionError: if a `when` or what an event tells can't be evaluated.
    """
    return {
        each.event: {} if each.data is None else render(each.data, scope)
        for each in step.emits
        if each.when is None or is_true(each.when, scope)
    }


def happened_by_hand(step: Step, scope: Scope) -> tuple[dict[str, Json], list[str]]:
    """Return the events that a person's word for a step causes, and what can't be told: that did not happen."""
    found: dict[str, Json] = {}
    untold = []
    for each in step.emits:
        try:
            found |= happened(step.model_copy(update={"emits": (each,)}), scope)
        except ExpressionError as error:
            untold.append(f"'{each.event}' did not happen: {error}")
    return found, untold


def failure(step: Step, name: str, reason: str, *, timed_out: bool) -> dict[str, Json]:
    """Return the event that a step's failure causes, with what it tells."""
    told = {"step": name, "reason": reason, "timed_out": timed_out}
    return {step.emits_on_failure: told} if step.emits_on_failure else {}


def can_fail_into(step: Step, word: str | None) -> bool:
    """Return whether a term asks for the event that this step's failure causes."""
    return bool(step.emits_on_failure) and word == EMITTED + step.emits_on_failure


def event_in(word: str | None) -> str:
    """Return the event that a term asks for; empty where it asks for something else."""
    return word.removeprefix(EMITTED) if word is not None and word.startswith(EMITTED) else ""
