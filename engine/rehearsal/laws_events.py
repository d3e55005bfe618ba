"""The laws of events and signals; see `laws` for how a law is written."""

from __future__ import annotations

from typing import Any

from engine.core import events as e
from engine.core.choreography import events_of
from engine.core.errors import ExpressionError
from engine.core.expressions import compile_expression, is_true
from engine.core.saga import Step
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.laws_calls import Done
from engine.rehearsal.verdict import expect

Json = Any
BY_OTHERS = ("skipped by ", "its condition `")
"""How the reason of a skip begins that is a person's, or its guard's."""


def R10_a_step_is_skipped_only_once_what_it_waits_for_can_t_come(seen: Evidence) -> int:
    """At each skip that is nobody's wish the step's condition is false over what has ended, and can't change."""
    done, judged = Done(), 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.StepSkipped) and not event.reason.startswith(BY_OTHERS):
            judged += 1
            held = done.holds(shape.place(event.step))
            expect(
                held is False,
                "R10",
                f"'{event.step}' is skipped at event {recorded.seq}, and could still start",
            )
        done.add(event)
    return judged


def R11_a_commit_causes_the_events_that_are_declared_and_no_other(seen: Evidence) -> int:
    """Of each event of a step its `when` over the output tells whether the commit causes it."""
    outputs: dict[str, Json] = {}
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        outputs |= _output(event)
        if isinstance(event, e.StepCommitted):
            output = outputs.get(event.step) if event.output is None else event.output
            expect(
                set(event.emits) <= set(events_of(shape.step(event.step))),
                "R11",
                f"'{event.step}' emits more",
            )
            judged += 0 if event.by else _judge(shape.step(event.step), event, output)
    return judged


def _judge(step: Step, event: e.StepCommitted, output: Json) -> int:
    told = {each.event: _held(each.when, output) for each in step.emits}
    for name, held in told.items():
        fine = held is None or held is (name in event.emits)
        expect(
            fine,
            "R11",
            f"'{name}' {'did not happen' if held else 'happened'} at the commit of '{event.step}'",
        )
    return len(told)


def _held(when: str | None, output: Json) -> bool | None:
    if when is None:
        return True
    if compile_expression(when).names - {"output"}:
        return None
    try:
        return is_true(when, {"output": output})
    except ExpressionError:
        return None


def _output(event: e.Event) -> dict[str, Json]:
    if isinstance(event, e.OutputAugmented):
        return {event.step: event.after}
    if isinstance(event, e.AttemptEnded | e.AttemptResolved) and event.phase != "forward":
        return {}
    if isinstance(event, e.AttemptEnded | e.AttemptResolved | e.FallbackTaken | e.LateLanded):
        return {} if event.output is None else {event.step: event.output}
    return {}


def R13_a_failure_that_is_heard_leaves_nothing_behind(seen: Evidence) -> int:
    """Where a failure causes an event no effect of that try of the step is, or comes to be, out there."""
    heard = [(at, failed) for at, failed in seen.all(e.StepFailed) if failed.emits]
    for at, failed in heard:
        expect(
            failed.handled, "R13", f"'{failed.step}' failed as a fault at event {at.seq}, and causes an event"
        )
        if seen.last_word.get(failed.step) == "handled":
            expect(not seen.there(failed.step), "R13", f"'{failed.step}' failed, was heard, and is out there")
    return len(heard)


def L29_a_signal_counts_once_and_serves_one_wait(seen: Evidence) -> int:
    """Each signal is recorded once, and ends at most one wait, which may be done anew: one for its name and key, after it came."""
    sent: dict[str, e.SignalReceived] = {}
    waits: dict[str, e.WaitBegun] = {}
    taken: dict[str, str] = {}
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.SignalReceived):
            expect(event.id not in sent, "L29", f"signal '{event.id}' is recorded twice")
            sent[event.id] = event
        elif isinstance(event, e.StepsRedone):
            taken = {number: step for number, step in taken.items() if step not in event.steps}
        elif isinstance(event, e.WaitBegun):
            waits[event.step] = event
        elif isinstance(event, e.StepCommitted) and event.signal:
            again = event.signal in taken
            taken[event.signal] = event.step
            news, wait = sent.get(event.signal), waits[event.step]
            expect(news is not None, "L29", f"'{event.step}' takes a signal that nobody sent")
            assert news is not None
            meets = news.name == wait.event and (not news.key or not wait.key or news.key == wait.key)
            fine = meets and not again
            expect(fine, "L29", f"'{event.step}' takes the signal '{event.signal}'")
            expect(
                event.output == news.payload,
                "L29",
                f"'{event.step}' has another output than its signal brought",
            )
    return len(sent)
