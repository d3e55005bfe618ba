"""A driver for the pure core: a virtual clock, and calls answered by the test instead of the world."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.core import commands as c
from engine.core import events as e
from engine.core.checks import check_publishable
from engine.core.decide import turn
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.schedule import wake_at

T0 = datetime(2026, 1, 1, tzinfo=UTC)
_UNDO = "compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}}"
SHORT = {
    "<read>": "kind: python, with: {function: read}",
    "<book>": f"kind: python, with: {{function: book}}, effect: compensatable, {_UNDO}",
    "<pay>": "kind: python, with: {function: pay}, effect: pivot",
    "<send>": "kind: python, with: {function: send}, effect: retriable",
    "<probe>": "probe: {with: {url: 'http://world/look'}}",
    "<once>": "retry: {max_attempts: 1}",
    "<keys>": "key_ttl_s: 86400",
}
"""Words that stand for the usual steps, so that a definition in a test stays a few lines."""


def saga_of(text, *, publish=True):
    """Return the saga of a text with the SHORT words in it, published unless told otherwise."""
    for word, meaning in SHORT.items():
        text = text.replace(word, meaning)
    saga = parse_saga(text if text.lstrip().startswith("saga:") else "saga: t\n" + text)
    if publish:
        check_publishable(saga)
    return saga


class Play:
    """One run: `do` sends commands, `ok` and its like answer the open calls, `advance` moves the clock."""

    def __init__(self, text, *, publish=True, start=True, by="ann", **inputs):
        self.saga = saga_of(text, publish=publish) if isinstance(text, str) else text
        self.run = Run(self.saga)
        self.log: list[e.Recorded] = []
        self.now = T0
        if start:
            self.do(c.Start(run_id="r1", input=inputs, by=by))

    def do(self, command):
        """Apply a command at this moment; return the types of the new events."""
        new = turn(self.run, command, self.now)
        self.log += new
        return [recorded.event.type for recorded in new]

    def tick(self, seconds):
        """Let time pass and look what is due; return the types of the new events."""
        self.now += timedelta(seconds=seconds)
        return self.do(c.Advance())

    def advance(self):
        """Go to the next moment that the run waits for; return the types of the new events."""
        moment = wake_at(self.run)
        assert moment is not None, f"nothing to wait for: {self.statuses()}"
        assert moment > self.now, f"the timer of {moment} is due and does nothing: {self.statuses()}"
        self.now = moment
        return self.do(c.Advance())

    def report(self, step, outcome, **more):
        """Answer the open call of a step; return the types of the new events."""
        phase, number = next((p, n) for name, p, n in self.run.open_calls if name == step)
        return self.do(c.Report(step=step, phase=phase, attempt=number, outcome=outcome, **more))

    def ok(self, *steps, output=None, **more):
        """Let the open calls of these steps go well."""
        return [kind for step in steps for kind in self.report(step, "ok", output=output, **more)]

    def rejected(self, step, **more):
        return self.report(step, "rejected", **more)

    def failed(self, step, **more):
        return self.report(step, "failed", **more)

    def unknown(self, step, **more):
        return self.report(step, "unknown", **more)

    def decide(self, step, decision="approved", by="bob", **more):
        return self.do(c.Decide(step=step, decision=decision, by=by, **more))

    def status(self, step):
        return self.run.steps[step].status

    def statuses(self):
        return {"run": self.run.status} | {s.id: s.status for s in self.run.steps.values()}

    def open(self):
        """Return the steps with an open call, with their phase where it is not forward."""
        return [name if phase == "forward" else f"{phase} {name}" for name, phase, _ in self.run.open_calls]

    def events(self, kind):
        """Return the recorded facts of one type."""
        return [recorded.event for recorded in self.log if recorded.event.type == kind]

    def order(self, phase="forward"):
        """Return the steps in the order of their intents of one phase."""
        return [i.step for i in self.events("attempt_intended") if i.phase == phase]

    def check_replay(self):
        """Assert that the log, also after a JSON round trip, gives the live run (L8)."""
        again = [e.RECORDED.validate_json(e.RECORDED.dump_json(recorded)) for recorded in self.log]
        assert replay(self.saga, again) == self.run
        assert replay(self.saga, self.log) == self.run


def refuses(play, command, match):
    """Assert that a command is refused with these words and changes nothing (L25)."""
    before = list(play.log)
    with pytest.raises(CommandRejected, match=match):
        play.do(command)
    assert play.log == before
    assert replay(play.saga, before) == play.run


def back(text="steps: {a: {<book>}, b: {<book>}, x: {<read>, <once>}}", **more):
    """A run with two landed steps that is being undone."""
    play = Play(text, **more)
    play.ok("a", "b")
    play.rejected("x")
    return play
