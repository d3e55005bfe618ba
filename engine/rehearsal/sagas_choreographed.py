"""Random choreography, drawn from a tape: steps that emit, steps that hear, failures that somebody answers."""

from __future__ import annotations

from typing import Any

from engine.rehearsal.tape import Tape

Document = dict[str, Any]
EVENTS = ("e0", "e1", "e2")


def choreograph(tape: Tape, steps: Document) -> None:
    """Let some steps emit events and later ones hear them; who hears only looks back, so that there is no circle."""
    known: list[str] = []
    for step in steps.values():
        if known and tape.often(45):
            _hear(tape, step, known)
        if tape.often(50):
            step["emits"] = [_emission(tape, event) for event in dict.fromkeys(_some(tape))]
            known += [each["event"] for each in step["emits"]]
        if tape.often(25):
            step["emits_on_failure"] = tape.pick(["f0", "f0", "e0"])
            known.append(step["emits_on_failure"])


def _some(tape: Tape) -> list[str]:
    return [tape.pick(EVENTS) for _ in range(1 + tape.below(2))]


def _emission(tape: Tape, event: str) -> Document:
    when = tape.pick([None, None, "output.good", "!output.good", "app.n > 0", None, "output.nothing"])
    data = tape.pick([None, "${app.n}", {"n": "${app.n}"}, None, "${app.nothing}"])
    return {"event": event} | ({"when": when} if when else {}) | ({"data": data} if data else {})


def _hear(tape: Tape, step: Document, known: list[str]) -> None:
    heard = sorted({tape.pick(known[::-1]) for _ in range(1 + tape.below(2))})
    match tape.below(6):
        case 1:
            step["on"] = " || ".join(heard)
        case 2:
            step["on"] = f"!{heard[0]}"
        case _:
            step["on"] = " && ".join(heard)
    if tape.often(60):
        step.pop("needs", None)
    if "function" in step.get("with", {}) and tape.often(25):
        step["with"]["args"] = {**step["with"].get("args", {}), "told": f"${{events.{heard[0]}}}"}
