"""The fold of what validators said, what they added, and the simpler ways that steps took instead."""

from __future__ import annotations

from engine.core import events as e
from engine.core.evolve_calls import Handlers, take_output
from engine.core.frames import peer
from engine.core.queues import relieve
from engine.core.run import Run


def _validation_begun(run: Run, _recorded: e.Recorded, event: e.ValidationBegun) -> None:
    step = run.step(event.step)
    step.panel.called, step.panel.checks_from = event.validators, len(step.checks)
    step.panel.examined, step.due = True, None
    run.validating.pop(step.id, None)
    run.judging[step.id] = None


def _verdict_given(run: Run, _recorded: e.Recorded, event: e.VerdictGiven) -> None:
    step = run.step(event.step)
    step.verdicts += (event,)
    if event.whole and event.kind == "together":
        run.boundaries.pop(peer(step, event.validator), None)
    elif event.by:
        step.reason = ""
        run.validating[step.id] = None
        relieve(run, step, "verdict")
    elif step.id in run.judging and step.judged.keys() >= set(step.panel.called):
        run.judging.pop(step.id)
        run.validating[step.id], step.due = None, None


def _output_augmented(run: Run, _recorded: e.Recorded, event: e.OutputAugmented) -> None:
    step = run.step(event.step)
    step.output = event.after
    step.augmentations += (event,)
    step.panel.augmented += (event.validator,)
    step.panel.examined = False
    run.validating[step.id] = None
    if event.by:
        relieve(run, step, "verdict")


def _fallback_taken(run: Run, _recorded: e.Recorded, event: e.FallbackTaken) -> None:
    step = run.step(event.step)
    step.fallbacks += (event,)
    step.granted, step.due = len(step.attempts), None
    for queue in (run.ready, run.validating, run.judging):
        queue.pop(step.id, None)
    if event.kind == "value":
        if step.status != "validating":
            step.move("validating")
        take_output(run, step, event.output)
    else:
        step.move("ready")
        run.active.pop(step.id, None)
        run.ready[step.id] = None


HANDLERS: Handlers = {
    e.ValidationBegun: _validation_begun,
    e.VerdictGiven: _verdict_given,
    e.OutputAugmented: _output_augmented,
    e.FallbackTaken: _fallback_taken,
}
