"""Random policies of planning anew, and what random planners propose: good, bad, and no plan at all."""

from __future__ import annotations

from typing import Any

from engine.core.events import AttemptIntended
from engine.rehearsal.tape import Tape

Json = Any
Document = dict[str, Any]
READ: Document = {"kind": "python", "with": {"function": "read"}}
BOOK: Document = {
    "kind": "python", "with": {"function": "book"}, "effect": "compensatable",
    "compensate": {"kind": "python", "with": {"function": "undo", "args": {"key": "${key}"}}},
}  # fmt: skip
NO_PLANS: tuple[Json, ...] = (
    None,
    "yes",
    [],
    {},
    {"steps": 3},
    {"steps": {"s0": "gone"}},
    {"steps": {"a b": {}}},
)


def replan_policy(tape: Tape) -> Document:
    """Return who plans anew, how often, and what a plan must fulfil."""
    by = tape.pick([
        {"kind": "python", "with": {"function": "propose", "args": tape.pick([{}, {"x": "${app.n}"}])}},
        {"kind": "llm", "with": {"prompt": tape.pick(["Mend it.", "Mend it at ${app.n}.", "${app.nothing}"])}},
    ])  # fmt: skip
    rule = tape.pick(["size(output.steps) > 2", "size(output.removed) == 0", "size(output.added) < 2"])
    validators = [{"name": "p0", "rule": rule}] if tape.often(40) else []
    return {
        "by": by, "rounds": 1 + tape.below(3), "tokens": tape.pick([2000, 2000, 700, 300]), "validate": validators,
        "timeout_s": 5 + tape.below(10), "retry": {"max_attempts": 1 + tape.below(3), "backoff_s": tape.below(3)},
    }  # fmt: skip


def proposal(intent: AttemptIntended, known: list[str], tape: Tape) -> Json:
    """Return what a planner answers to a request; `known` are the steps of every plan so far."""
    request = intent.request
    may = request["may_change"] if "may_change" in request else request["args"]["situation"]["may_change"]
    name, other = tape.pick([*may, *known[-1:]]), tape.pick(known)
    match tape.below(10):
        case 0 | 1:
            steps: Json = {name: {"when": tape.pick(["run.by == 'ann'", "run.by != 'ann'"])}}
        case 3:
            steps = {f"m{len(known)}": {**READ, "needs": tape.pick([[], [name], [other]])}}
        case 4:
            steps = {name: None}
        case 5:
            steps = {other: {"timeout_s": 7 + tape.below(3)}}
        case 6:
            return tape.pick(NO_PLANS)
        case 7:
            steps = {f"m{len(known)}": {**BOOK, "needs": [name]}, other: {"title": "another"}}
        case 8:
            steps = {name: {"needs": [name]}}
        case 9:
            steps = {name: None, f"m{len(known)}": BOOK}
        case _:
            steps = {}
    return {"steps": steps, "reason": "so"}
