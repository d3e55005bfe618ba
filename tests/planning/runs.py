"""Timetables run to the end without a clock or a thread: the core's harness, with the real performers and scripts."""

from __future__ import annotations

import asyncio
from typing import Any

import engine.planning.functions  # noqa: F401 - registers the functions of timetables
from engine.core import events as e
from engine.core.document import saga_from_document
from engine.core.saga import Saga
from engine.runtime.calls import call_of
from engine.scripted import ScriptedLlm
from engine.steps.registry import performers
from engine.templates import template
from tests.core.harness import Play

SCRIPTED = performers(ScriptedLlm(), "scripted", {})


class Timetable:
    """One run of a timetable; `answers` are those to its questions, by step."""

    def __init__(self, saga: Saga, answers: dict[str, str] | None = None, **inputs: Any) -> None:
        self.play = Play(saga, **inputs)
        self.answers = answers or {}

    def to_end(self) -> Timetable:
        """Make the calls, answer the questions and move the clock until the run ends or needs another answer."""
        run = self.play.run
        while not run.is_closed:
            asked = [name for name, step in run.steps.items() if step.status == "awaiting_approval"]
            if run.open_calls:
                self._call()
            elif asked and asked[0] in self.answers:
                self.play.decide(asked[0], self.answers[asked[0]])
            elif asked or run.direction_asked:
                return self
            else:
                self.play.advance()
        self.play.check_replay()
        return self

    def _call(self) -> None:
        run, (step, phase, number) = self.play.run, next(iter(self.play.run.open_calls))
        attempt = run.steps[step].call(phase, number)
        assert attempt is not None
        made = call_of(run, attempt.intent, 60)
        outcome = asyncio.run(SCRIPTED[made.kind].perform(made))
        self.play.report(step, **dict(vars(outcome)))

    @property
    def spans(self) -> dict[str, tuple[float, float]]:
        """When each activity began and ended."""
        assert self.play.run.clock is not None
        return {name: (span.began, span.until) for name, span in self.play.run.clock.spans.items()}

    def prompts(self) -> list[str]:
        """Return every prompt that a model was given, the checker's findings included."""
        return [
            "\n".join(message["content"] for message in event.meta["messages"])
            for event in self.play.events("attempt_ended") if "messages" in event.meta
        ]  # fmt: skip

    def rejected(self) -> list[str]:
        """Return what the checker found, in order."""
        return [event.evidence for event in self.play.events("verdict_given") if event.verdict == "retry"]


def run_template(name: str, answers: dict[str, str] | None = None, **inputs: Any) -> Timetable:
    """Return a template that was run to its end."""
    found = template(name)
    assert found is not None
    return Timetable(found.saga, answers, **inputs).to_end()


def run_document(document: dict[str, Any]) -> Timetable:
    """Return a definition that was run to its end."""
    return Timetable(saga_from_document(document)).to_end()


def log_before(run: Timetable, kind: str) -> list[e.Recorded]:
    """Return the log up to the first event of a kind."""
    at = next(n for n, recorded in enumerate(run.play.log) if recorded.event.type == kind)
    return run.play.log[:at]
