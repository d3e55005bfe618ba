"""The laws of the affected set alone: on the graph of a random saga, with random culprits."""

from __future__ import annotations

from engine.core.recovery import affected_paths
from engine.core.run import Run, StepState
from engine.core.saga import Saga
from engine.rehearsal.tape import Tape
from engine.rehearsal.verdict import expect


def L18_the_affected_set_is_monotone_and_idempotent(saga: Saga, tape: Tape) -> int:
    """More culprits affect no less; what is affected affects nothing more; and it is least and closed (L17)."""
    names = list(saga.steps)
    run = Run(saga)
    run.steps = {name: StepState(name, step) for name, step in saga.steps.items()}
    for _ in names:
        few = {tape.pick(names) for _ in range(1 + tape.below(3))}
        more = few | {tape.pick(names) for _ in range(tape.below(3))}
        small, large = set(affected_paths(run, few)), set(affected_paths(run, more))
        expect(small <= large, "L18", f"{few} affect {small}, and {more} only {large}")
        expect(set(affected_paths(run, small)) == small, "L18", f"{small} affect more than themselves")
        least = _closed(saga, few)
        expect(small == least, "L17", f"{few} affect {small}; the least closed set is {least}")
    return len(names)


def _closed(saga: Saga, culprits: set[str]) -> set[str]:
    """Return the least set that holds the culprits and is closed under "depends on a member", step by step."""
    found = set(culprits)
    while more := {n for n, needed in saga.graph.needs.items() if n not in found and found & set(needed)}:
        found |= more
    return found
