"""What may be shown besides the critical section: declared inputs, and the committed outputs of earlier steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope, compile_expression
from engine.core.frames import known_of, peer, plan_of
from engine.core.run import Run, StepState
from engine.core.saga import canonical_json
from engine.core.validators import ContextPolicy

Json = Any
Kind = Literal["inputs", "critical", "relevant", "recent"]
MAX_CANDIDATES = 200
"""How many outputs are looked at, the latest: a long run must not cost more per call."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One value that may be shown; `source` and `seq` are where to find it."""

    source: str
    title: str
    body: str
    seq: int = 0
    step: str = ""

    @property
    def text(self) -> str:
        """The piece as a model reads it."""
        return self.beginning(len(self.body))

    def beginning(self, chars: int) -> str:
        """Return the piece with so much of its body."""
        return f"[{self.source}{f', event {self.seq}' if self.seq else ''}] {self.body[:chars]}"

    def reference(self, tokens: int) -> str:
        """Return what stands in its place, or in place of its end, where `tokens` of it are left out."""
        where = f", event {self.seq}" if self.seq else ""
        return f"[{self.source}: {tokens} tokens left out{where}]"


def declared(run: Run, policy: ContextPolicy, scope: Scope) -> list[Piece]:
    """Return the declared inputs, in their order.

    Raises:
        ExpressionError: naming the input that can't be told.
    """
    found = []
    for source in policy.inputs:
        expression = compile_expression(source)
        try:
            value = expression.evaluate(scope)
        except ExpressionError as error:
            raise ExpressionError(f"an input of the context: {error}") from None
        seq = max(
            (run.steps[name].committed_seq for name in expression.steps if name in run.steps), default=0
        )
        found.append(Piece(source, source, _written(value), seq))
    return found


def candidates(run: Run, step: StepState, policy: ContextPolicy) -> tuple[list[Piece], bool]:
    """Return the committed outputs that may be chosen, the latest first, and whether there are older ones.

    What was skipped, undone or rejected is none of them.
    """
    if policy.select == "none":
        return [], False
    found: list[Piece] = []
    for state in _eligible(run, step, policy):
        if len(found) == MAX_CANDIDATES:
            return found, True
        title = state.definition.title or state.local
        body = _written(known_of(run, state)[state.local].get("output"))
        found.append(Piece(f"steps.{state.local}.output", title, body, state.committed_seq, state.id))
    return found, False


def _eligible(run: Run, step: StepState, policy: ContextPolicy) -> Iterator[StepState]:
    """Yield the committed steps that a step may be shown: those beside it, then those around it, the latest first."""
    graph, shown, frame = plan_of(run, step).graph, set(policy.inputs), run.frames.get(step.frame)
    for name in reversed(known_of(run, step)):
        other = run.steps[peer(step, name)]
        if other is step or other.status != "committed" or f"steps.{name}.output" in shown:
            continue
        if policy.select == "all" or graph.comes_before(name, step.local):
            yield other
    if frame is not None and not frame.closed:
        yield from _eligible(run, run.steps[frame.composite], policy)


def _written(value: Json) -> str:
    """Return a value as it is shown: text bare, everything else as the one JSON of it."""
    return value if isinstance(value, str) else canonical_json(value)
