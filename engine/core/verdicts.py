"""What people decide in a validator's place, and S_A set back to a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.core import commands as c
from engine.core import events as e
from engine.core.attempts import fault, named_step
from engine.core.commit import broken_invariant
from engine.core.errors import CommandRejected
from engine.core.run import Run
from engine.core.saga import request_hash
from engine.core.verify import augmented, open_verdicts


def give_verdict(run: Run, command: c.GiveVerdict, _now: datetime) -> list[e.Event]:
    """Record a person's word on an output: on every finding that waits for one (R28)."""
    step = named_step(run, command.step)
    asked = run.attention.get(step.id)
    if asked is None or asked.kind != "verdict":
        raise CommandRejected(f"no finding about '{step.id}' waits for a person; it is {step.status}")
    if not command.reason.strip():
        raise CommandRejected("say why: whoever looks later wants to know")
    if command.output_hash is not None and command.output_hash != request_hash(step.output):
        raise CommandRejected(f"the output of '{step.id}' has changed since you looked; look again")
    waiting = open_verdicts(run, step)
    proposed = [verdict for verdict in waiting if verdict.verdict == "augment"]
    if command.decision == "augment" and not proposed:
        raise CommandRejected(f"nothing is proposed for '{step.id}'; accept or reject its output")
    verdict: e.Verdict = "reject" if command.decision == "reject" else "accept"
    given = [
        replace(
            known, verdict=verdict, by=command.by, evidence=command.reason, votes=None, cost_usd=0, tokens=0, latency_s=0
        )
        for known in waiting
    ]  # fmt: skip
    added = augmented(step, proposed, command.by) if command.decision == "augment" else ()
    return [*added, *given]


def restore_app(run: Run, command: c.RestoreApp, _now: datetime) -> list[e.Event]:
    """Set S_A back to what it was after an event; only while nothing is in flight that counts on it."""
    if command.seq > run.seq:
        raise CommandRejected(f"run '{run.id}' has {run.seq} events; there is no {command.seq}")
    if run.fault is not None or run.direction == "undo":
        raise CommandRejected("the run is going back; its undo counts on the state as it is")
    if run.open_calls or not run.paused:
        raise CommandRejected("pause the run first, and let open calls end: they count on the state as it is")
    if not command.reason.strip():
        raise CommandRejected("say why: whoever looks later wants to know")
    app = run.app_at(command.seq)
    restored = e.AppRestored(app=app, at_seq=command.seq, by=command.by, reason=command.reason)
    broken = broken_invariant(run, app, whole=True)
    return [restored, *(fault(run, "invariant", None, broken) if broken else [])]
