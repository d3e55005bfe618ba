"""Random disruptions of a random run: faults of calls, changed facts, constraints, budgets, approvals, bookings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.core import commands as c
from engine.rehearsal.tape import Tape
from engine.rehearsal.world import PUNCTUAL

if TYPE_CHECKING:
    from engine.rehearsal.people import Scene

Json = Any


def disrupt_run(scene: Scene, name: str) -> None:
    """Send a random disruption, lift one, or judge an assumption."""
    tape, run = scene.tape, scene.run
    outer = name.split(".", maxsplit=1)[0]  # facts are told of the steps of the run itself
    match tape.below(12):
        case 0 if run.standing:
            scene.send(c.Lift(disruption=tape.pick(list(run.standing)), by="bob"))
        case 1:
            path = tape.pick(["assume.n", "assume.m", f"steps.{outer}.output.more"])
            accepted = tape.often(50)
            scene.send(c.JudgeAssumption(path=path, accepted=accepted, reason="so it is", by="bob"))
        case 2 | 3:
            _cancel_booking(scene, name)
        case 4 | 5 | 6 | 7:
            _send(scene, _of_the_world(tape, outer))
        case _:
            _send(scene, _of_calls(scene, name))


def _send(scene: Scene, what: dict[str, Json]) -> bool:
    until = None if scene.tape.often(70) else _later(scene)
    begins = None if scene.tape.often(80) else _later(scene)
    command = {"what": what, "until": until, "effective_from": begins, "by": "bob"}
    return scene.send(c.Disrupt.model_validate(command))


def _later(scene: Scene) -> Any:
    return scene.now + timedelta(seconds=scene.tape.pick([0.5, 4, 20, 90]))


def _of_calls(scene: Scene, name: str) -> dict[str, Json]:
    """Return a fault of calls; what lands late does so in the window that its definition states."""
    tape, step = scene.tape, scene.run.steps[name].definition
    match tape.below(7):
        case 0:
            return {
                "kind": "tool_down",
                "target": tape.pick(["book", "read", "undo"]),
                "times": tape.below(3),
            }
        case 1:
            return {"kind": "model_down"}
    kind = tape.pick(["fail", "refuse", "timeout_but_land", "delay", "garbage", "land_late"])
    phase = tape.pick(["forward", "forward", "forward", "undo", "probe"])
    what: dict[str, Json] = {"kind": kind, "step": name, "phase": phase, "times": 1 + tape.below(2)}
    if kind == "delay":
        what["delay_s"] = 3
    elif kind == "land_late":
        what["delay_s"] = step.settle_s * PUNCTUAL / 2
    return what


def _of_the_world(tape: Tape, name: str) -> dict[str, Json]:
    """Return a change of the world or of the task."""
    return tape.pick([
        {"kind": "fact", "path": f"steps.{name}.output.good", "value": False},
        {"kind": "fact", "path": f"steps.{name}.output.id", "factor": 1.0},
        {"kind": "fact", "path": f"steps.{name}.output.branch", "value": "right"},
        {"kind": "fact", "path": "app.n", "value": tape.below(4)},
        {"kind": "fact", "path": "assume.n", "value": tape.below(4)},
        {"kind": "lost_resource", "resource": tape.pick(["seat", "aisle"]), "steps": tape.pick([[], [name]])},
        {"kind": "constraint", "name": "more", "rule": tape.pick(["app.n < 2", f"steps.{name}.output.good", "app.n < 9"])},
        {"kind": "relax", "name": tape.pick(["few", "more"])},
        {"kind": "budget", "limit": tape.pick(["calls", "tokens"]), "allowed": 1 + tape.below(8)},
        {"kind": "withdraw_approval", "step": name},
    ])  # fmt: skip


def _cancel_booking(scene: Scene, name: str) -> None:
    """Let the target of a step lose what it did, and say so."""
    world, now = scene.world, scene.now
    if _send_now(scene, {"kind": "cancelled_booking", "step": name}):
        for effect in world.of(name, now):
            effect.gone_at = now
            effect.undone_by.append("the target")


def _send_now(scene: Scene, what: dict[str, Json]) -> bool:
    return scene.send(c.Disrupt.model_validate({"what": what, "by": "bob"}))


def disrupted(tape: Tape, steps: list[str]) -> dict[str, Json]:
    """Return what a random saga takes for granted, and what will strike its runs."""
    when = tape.pick(
        [{"at_s": tape.below(9)}, {"after": tape.pick(steps), "moment": tape.pick(["start", "commit"])}]
    )
    item = {"when": when, "what": _scheduled(tape, tape.pick(steps)), "from_s": tape.pick([0, 0, 2])}
    item |= tape.pick([{}, {"for_s": 5}])
    assumed = [{"name": "n", "value": 1, "otherwise": 0, "why": "it is usual"}]
    return {"disruptions": [item], "assumptions": assumed}


def _scheduled(tape: Tape, name: str) -> dict[str, Json]:
    return tape.pick([
        {"kind": "fail", "step": name, "times": 2}, {"kind": "timeout_but_land", "step": name},
        {"kind": "fact", "path": "app.n", "value": 2}, {"kind": "fact", "path": f"steps.{name}.output.good", "value": False},
        {"kind": "constraint", "name": "later", "rule": "app.n < 3"}, {"kind": "budget", "limit": "calls", "allowed": 3},
    ])  # fmt: skip
