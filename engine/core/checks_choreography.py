"""Publish checks of events: heard but never caused, caused but never heard, used before they can have happened, circles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from engine.core.checks_expressions import some, uses
from engine.core.choreography import emitters, event_in, heard_by
from engine.core.condition import parse_condition
from engine.core.errors import ExpressionError, Problem
from engine.core.saga import Saga

_EVENT = re.compile(r"(?<![\w.])events\.([A-Za-z_]\w*)")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


def heard_problems(saga: Saga) -> Iterator[Problem]:
    """Yield what keeps the events that steps hear from being compiled into conditions."""
    known = emitters(saga.steps)
    for name, step in saga.steps.items():
        where = f"steps.{name}.on"
        try:
            terms = parse_condition(step.on).terms if step.on else ()
        except ExpressionError as error:
            yield Problem(where, str(error), "join names of events by && and ||")
            continue
        for event, branch in terms:
            if branch is not None:
                yield Problem(where, f"'{event}.{branch}' is no event", "an event is one plain name")
            elif event not in known:
                close = get_close_matches(event, known, 1)
                remedy = f"perhaps '{close[0]}' is meant" if close else f"events are {some(known) or 'none'}"
                yield Problem(
                    where, f"nobody emits '{event}'", f"{remedy}; let a step emit it, or hear another one"
                )


def event_problems(saga: Saga) -> Iterator[Problem]:
    """Yield the events that nobody hears, and the uses of ones that need not have happened."""
    heard = {event for step in saga.steps.values() for event in heard_by(step)}
    for name, step in saga.steps.items():
        named = [each.event for each in step.emits]
        for event in dict.fromkeys(named):
            if event not in heard and event != step.emits_on_failure:
                remedy = "let a step hear it (`on:`), or remove it"
                yield Problem(f"steps.{name}.emits", f"nobody hears '{event}'", remedy, "warning")
            if named.count(event) > 1:
                yield Problem(
                    f"steps.{name}.emits", f"'{event}' is there twice", "join them by || in one `when`"
                )
        if step.emits_on_failure and step.emits_on_failure not in heard:
            what = f"nobody hears '{step.emits_on_failure}', so this failure is a fault"
            yield Problem(
                f"steps.{name}.emits_on_failure", what, "let a step hear it, or remove it", "warning"
            )
    yield from _use_problems(saga)


def _use_problems(saga: Saga) -> Iterator[Problem]:
    known = emitters(saga.steps)
    for use in uses(saga):
        if isinstance(use.expression, str) or "events" not in use.expression.names:
            continue
        for event in dict.fromkeys(_EVENT.findall(_QUOTED.sub("''", use.expression.source))):
            source = f"`{use.expression.source}`"
            if event not in known:
                yield Problem(
                    use.where, f"{source} names no event '{event}'", f"events are {some(known) or 'none'}"
                )
            elif use.after and not _can_have_happened(saga, known[event], use.after[0]):
                what = f"{source} uses the event '{event}', which need not have happened before"
                yield Problem(use.where, what, f"let this step hear it: `on: {event}`")


def _can_have_happened(saga: Saga, causes: Sequence[str], step: str) -> bool:
    return any(saga.graph.comes_before(cause, step) for cause in causes)


def circle_problem(saga: Saga, circle: Sequence[str]) -> Problem:
    """Return what is wrong with steps that wait for each other, with the events on the way."""
    shown, by_event = circle[0], False
    for step, after in zip(circle, [*circle[1:], circle[0]], strict=True):
        events = _between(saga, step, after)
        by_event = by_event or bool(events)
        shown += f" -({', '.join(events)})-> {after}" if events else f" -> {after}"
    remedy = "let one of these steps hear another event" if by_event else "remove one of these dependencies"
    key = "on" if _between(saga, circle[-1], circle[0]) else "needs"
    return Problem(f"steps.{circle[0]}.{key}", f"a cycle: {shown}", remedy)


def _between(saga: Saga, step: str, after: str) -> list[str]:
    terms = saga.graph.conditions[after].terms
    return [event for other, word in terms if other == step and (event := event_in(word))]
