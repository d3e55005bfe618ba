"""Committing an accepted output, with what it writes to S_A, and the invariants after it (R29)."""

from __future__ import annotations

from typing import Any

from engine.core import events as e
from engine.core.activities_plan import scheduled
from engine.core.attempts import fault
from engine.core.choreography import happened
from engine.core.context.critical import HEADINGS, stated
from engine.core.errors import ExpressionError
from engine.core.expressions import compile_expression, is_true
from engine.core.frames import Frame, nested_saga
from engine.core.run import Run, StepState
from engine.core.scope import forward_scope, frame_scope
from engine.core.templates import as_text

Json = Any


def commit(run: Run, step: StepState, scope: dict[str, Json], output: Json = None) -> list[e.Event]:
    """Commit an accepted output with what it writes to S_A and the events it causes, then check the invariants (R29)."""
    for heading in HEADINGS if step.definition.states is not None else ():
        stated(step, heading)  # what can't be told to later models is found here
    writes = {k: compile_expression(source).evaluate(scope) for k, source in step.definition.writes.items()}
    emits = happened(step.definition, scope) if step.definition.emits else {}
    committed = e.StepCommitted(step=step.id, output=output, writes=writes, emits=emits)
    planned = scheduled(run, step, scope) if step.definition.schedules else []
    broken = broken_invariant(run, writes, inside=nested_saga(run, step))
    return [committed, *planned, *(fault(run, "invariant", step.id, broken) if broken else [])]


def broken_invariant(
    run: Run, writes: dict[str, Json], *, whole: bool = False, inside: Frame | None = None
) -> str:
    """Return why an invariant does not hold once `writes` are applied, or with them as the `whole` S_A; empty if all hold (R29).

    `inside` is the nested saga whose invariants and S_A these are, instead of the run's.
    """
    invariants, app = (
        (run.saga.invariants, run.app) if inside is None else (inside.plan.invariants, inside.app or {})
    )
    if not invariants:
        return ""
    scope = forward_scope(run) | ({} if inside is None else frame_scope(run, inside))
    scope["app"] = dict(writes) if whole else {**app, **writes}
    for invariant in invariants:
        try:
            held = is_true(invariant.rule, scope)
        except ExpressionError as error:
            return f"invariant '{invariant.name}': {error}"
        if not held:
            values = ", ".join(f"{key} = {as_text(value)}" for key, value in scope["app"].items())
            return f"invariant '{invariant.name}' is broken: `{invariant.rule}` with {values}"
    return ""
