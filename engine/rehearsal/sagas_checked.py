"""Random validators and fallbacks, drawn from a tape: of code and of calls, on steps, edges and the saga."""

from __future__ import annotations

from typing import Any

from engine.rehearsal.tape import Tape

Document = dict[str, Any]


def validators(
    tape: Tape, *, readonly: bool, prefix: str = "v", where: Document | None = None
) -> list[Document]:
    """Return one to three validators; `retry` only where the step has no effect."""
    responses = ["reject", "ask", "feedback", "augment", *(["retry", "retry"] if readonly else [])]
    return [
        {**_validator(tape, f"{prefix}{index}", tape.pick(responses)), **(where or {})}
        for index in range(1 + tape.below(3))
    ]


def _validator(tape: Tape, name: str, on_fail: str) -> Document:
    match tape.below(4):
        case 0:
            judge: Document = {"name": name, "kind": "judge", "rubric": tape.pick(["Is it good?", "${app.nothing}"]),
                               "votes": 1 + tape.below(3), "on_fail": on_fail, **_patience(tape)}  # fmt: skip
            return judge | ({"may_add": ["more"]} if on_fail == "augment" else {})
        case 1:
            call = {"function": "check", "args": {}}
            return {"name": name, "kind": "python", "with": call, "on_fail": on_fail, **_patience(tape)}
        case _:
            rule = {
                "name": name,
                "rule": tape.pick(["output.good", "output.good", "has(output.more)", "output.good"]),
            }
            added = {"add": tape.pick([{"more": 1}, {"good": True}, {"more": "${app.nothing}"}])}
            return {**rule, "on_fail": on_fail, **(added if on_fail == "augment" else {})}


def _patience(tape: Tape) -> Document:
    return {
        "timeout_s": 5 + tape.below(10),
        "retry": {"max_attempts": 1 + tape.below(3), "backoff_s": tape.below(3)},
    }


def fallbacks(tape: Tape) -> list[Document]:
    """Return one or two simpler ways."""
    return [
        tape.pick([
            {"kind": "value", "value": {"good": True}}, {"kind": "value", "value": "${app.nothing}"},
            {"kind": "llm", "with": {"prompt": "simply"}},
        ])
        for _ in range(1 + tape.below(2))
    ]  # fmt: skip


def between_steps(tape: Tape, steps: Document) -> Document:
    """Return validators on an edge and over several steps, where the steps that were drawn allow any."""
    plain = [
        name
        for name, step in steps.items()
        if step["kind"] == "python" and step.get("effect") in {None, "compensatable"}
    ]
    found: Document = {}
    edges = [(need, name) for name in steps for need in plain if need in (steps[name].get("needs") or ())]
    if edges and tape.often(60):
        need, name = tape.pick(edges)
        readonly = "effect" not in steps[need]
        found["edges"] = [
            {"from": need, "to": name, "validate": validators(tape, readonly=readonly, prefix="e")}
        ]
    if len(plain) > 1:
        chosen = sorted({tape.pick(plain) for _ in range(3)})
        if len(chosen) > 1 and tape.often(50):
            found["validate"] = [{"name": "t0", "kind": "together", "steps": chosen}]
        else:
            readonly = all("effect" not in steps[name] for name in chosen)
            found["validate"] = validators(tape, readonly=readonly, prefix="w", where={"steps": chosen})
    return found
