"""Committing an accepted output, with what it writes to S_A, and the invariants after it (R29)."""

from __future__ import annotations

from typing import Any

from engine.core import events as e
from engine.core.activities_plan import scheduled
from engine.core.attempts import fault
from engine.core.choreography import happened
from engine.core.constraints import rules_in_force
from engine.core.context.critical import HEADINGS, stated
from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, compile_expression, is_true
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
    frame, known = nested_saga(run, step), step.output if output is None else output
    broken = broken_invariant(
        run, writes, inside=frame, seen=None if step.frame else _once_committed(run, step, known)
    )
    return [committed, *planned, *(fault(run, "invariant", step.id, broken) if broken else [])]


def rules_over(run: Run, inside: Frame | None) -> list[tuple[str, str, bool]]:
    """Return what holds after each commit, by name, rule, and whether it came under way: the run's, or the nested saga's."""
    if inside is None:
        return rules_in_force(run)
    return [(invariant.name, invariant.rule, False) for invariant in inside.plan.invariants]


def _once_committed(run: Run, step: StepState, output: Json) -> Scope | None:
    """Return what constraints see that came while the run was under way: the output that is about to count, too."""
    if not run.constraints:
        return None
    scope = forward_scope(run)
    return {**scope, "steps": {**run.known, step.id: {"status": "committed", "output": output}}}


def broken_invariant(
    run: Run,
    writes: dict[str, Json],
    *,
    whole: bool = False,
    inside: Frame | None = None,
    seen: Scope | None = None,
    only: tuple[str, str] | None = None,
) -> str:
    """Return why an invariant does not hold once `writes` are applied, or with them as the `whole` S_A; empty if all hold (R29).

    `inside` is the nested saga whose invariants and S_A these are, instead of the run's. `seen` is another scope to
    look at, `only` the name and the rule of a constraint that would be added. One that came while the run was under
    way holds as long as a step it speaks of has no output.
    """
    rules = rules_over(run, inside) if only is None else [(*only, True)]
    if not rules:
        return ""
    scope = dict(seen or forward_scope(run)) | ({} if inside is None else frame_scope(run, inside))
    app = scope["app"] if inside is None else inside.app or {}
    scope["app"] = dict(writes) if whole else {**app, **writes}
    for name, rule, added in rules:
        try:
            if added and not all(
                "output" in scope["steps"].get(s, ()) for s in compile_expression(rule).steps
            ):
                continue
            held = is_true(rule, scope)
        except ExpressionError as error:
            return f"invariant '{name}': {error}"
        if not held:
            values = ", ".join(f"{key} = {as_text(value)}" for key, value in scope["app"].items())
            return f"invariant '{name}' is broken: `{rule}`{f' with {values}' if values else ''}"
    return ""
