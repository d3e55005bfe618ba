"""Runs as the core makes them, as changes for a store; and one event of every type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.core import events as e
from engine.core.commands import Command, Decide, Pause, Resume, Start
from engine.core.decide import turn
from engine.core.disruption_kinds import ChangedFact
from engine.core.document import parse_saga
from engine.core.events import Event, Recorded
from engine.core.memory import Learned
from engine.core.run import Run
from engine.core.saga import Saga
from engine.ports import Change
from engine.projection import project

T0 = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
TRIP = """
saga: trip
title: A trip
input: {note: {type: string, default: ""}}
steps:
  ask: {kind: approval, with: {question: "Really?", group: desk, expires_s: 3600}}
  rest: {kind: wait, needs: ask, with: {duration_s: 60}}
"""
NAP = "saga: nap\nsteps: {rest: {kind: wait, with: {duration_s: 60}}}"


def nap(seconds: int = 60, name: str = "nap") -> Saga:
    return parse_saga(NAP.replace("60", str(seconds)).replace("nap", name))


class Told:
    """A run that is told what to do, and gives the changes that a store gets."""

    def __init__(self, run_id: str, *, text: str = NAP, driver: str = "d1", at: datetime = T0) -> None:
        self.run = Run(parse_saga(text))
        self.run_id = run_id
        self.driver = driver
        self.at = at
        self.recorded: list[Recorded] = []

    def do(self, command: Command, *, after_s: float = 0.001) -> Change:
        before = self.run.seq
        new = turn(self.run, command, self.at)
        self.at += timedelta(seconds=after_s)
        self.recorded += new
        return Change(
            run_id=self.run_id,
            driver=self.driver,
            expected_seq=before,
            events=tuple(new),
            row=project(self.run),
        )

    def start(self, **values: str) -> Change:
        return self.do(Start(run_id=self.run_id, input=values, by="ada"))

    def pause(self) -> Change:
        return self.do(Resume(by="ada") if self.run.paused else Pause(by="ada"))

    def say(self, decision: str = "approved") -> Change:
        return self.do(
            Decide.model_validate({"step": "ask", "decision": decision, "by": "eve", "groups": ("desk",)})
        )


LATER = T0 + timedelta(days=400, microseconds=1)
WORDS = "Zürich → 東京 🚆 \t \"'\\ % _"
VALUE = {
    "text": WORDS,
    "nul": "\x00",
    "n": None,
    "list": [1, 2.5, True, {"ä": []}],
    "big": 2**70,
    "small": -1e-300,
}
FROZEN = e.CompensationFrozen(kind="http", key="k", request=None, scope={"output": VALUE})
EVERY_EVENT: list[Event] = [
    e.RunStarted(run_id="r", saga="trip", saga_hash="h", input={"v": VALUE}, by=WORDS),
    e.RunPaused(by="ada"),
    e.RunResumed(by="ada"),
    e.Faulted(source="validator", step=None, reason=WORDS, by="ada"),
    e.Noted(text=WORDS, step="a"),
    e.DirectionChosen(direction="undo", reason="why", plan=(e.UndoPlanned(step="a", after=("b", "c"), why="w"),)),
    e.DirectionAsked(),
    e.RunCompleted(output={"v": VALUE}),
    e.RunCompleted(output={}, memory_key=WORDS, remembers={"v": Learned(value=VALUE, steps=("a",), seq=3)}),
    e.RunCompensated(exceptions=("a", "b")),
    e.RunAbandoned(by="ada", reason="r", left_behind=("a",)),
    e.StepSkipped(step="a", reason="r"),
    e.StepReady(step="a", evidence={"v": VALUE}),
    e.WaitBegun(step="a", until=LATER),
    e.WaitBegun(step="a", until=None, event="paid", key=WORDS),
    e.SignalReceived(id="s1", name="paid", key=WORDS, payload=VALUE, by="ada"),
    e.ApprovalRequested(
        step="a", question=WORDS, group="desk", request=VALUE, request_hash="h", quorum=2, four_eyes=True,
        expires_at=LATER, on_expire="deny",
    ),
    e.ApprovalGiven(step="a", decision="denied", by="ada", reason="r", request_hash="h", final=True),
    e.ApprovalEnded(step="a", how="superseded", reason="r"),
    e.AttemptIntended(
        step="a", phase="forward", epoch=1, attempt=1, key="k", request=VALUE, request_hash="h", deadline=LATER,
        compensation=FROZEN, injection="delay", delay_s=0.1,
    ),
    e.AttemptEnded(step="a", phase="undo", attempt=3, outcome="unknown", output=VALUE, error="e", meta={"m": VALUE}),
    e.AttemptResolved(step="a", phase="forward", attempt=1, landed=False, how="person", output=[VALUE], by="ada"),
    e.RetryScheduled(step="a", phase="probe", due=LATER, reason="r"),
    e.HelpNeeded(step="a", kind="comp_failed", reason="r"),
    e.VerdictGiven(step="a", attempt=1, validator="v", verdict="feedback", evidence=WORDS),
    e.StepCommitted(step="a", output=VALUE, writes={"v": VALUE}, by="ada", evidence="seen"),
    e.StepFailed(step="a", reason="r"),
    e.StepUndone(step="a", empty=True, reason="r", writes={"v": 1}),
    e.StepExcused(step="a", how="done", by="ada", reason="r"),
    e.RetryAsked(step="a", by="ada", request=VALUE),
    e.Disrupted(what=ChangedFact(kind="fact", path="steps.a.output.v", value=VALUE), by="ada", effective_from=LATER),
    e.LateLanded(step="a", attempt=2, output=VALUE, counts=False, reason=WORDS),
    e.LateUndone(step="a", attempt=2, how="done", reason="r", by="ada"),
    e.LimitReached(limit="cost_usd", spent=1.5, allowed=1.0, response="ask"),
    e.LimitGranted(limit="cost_usd", allowed=2.5, by="ada", reason="r"),
    e.LocksWanted(step="a", keys=("seat:1", WORDS), until=LATER),
    e.LocksTaken(step="a", keys=("seat:1", WORDS)),
    e.ValidationBegun(step="a", attempt=1, validators=("v", "w")),
    e.OutputAugmented(step="a", attempt=1, validator="v", before=None, after=VALUE, by=WORDS),
    e.FallbackTaken(step="a", number=1, kind="value", reason="r", output=VALUE),
    e.AppRestored(app={"v": VALUE}, at_seq=3, by=WORDS, reason="r"),
    e.DirectionChosen(
        direction="repair", reason=WORDS, plan=(e.UndoPlanned(step="a", after=(), why="w"),), culprits=("a",),
        affected=("a", "b"), by="ada",
    ),
    e.StepsStale(steps=("a", "b"), reason=WORDS, by="ada"),
    e.StepsRedone(steps=("a", "b"), round=2),
    e.ClockSet(at=780.5, speed=2.5, by=WORDS),
    e.ActivityBegun(step="a", at=720, until=760),
    e.TimesChanged(
        name="alert", kind="travel_time_multiplier", text=WORDS, scope={"legs_touching": "B"}, magnitude=3, at=780,
        since=780, until=900, ends={"a": 800}, by="ada",
    ),
    e.ActivityRevised(step="a", until=790.25, reason=WORDS, by="ada"),
    e.DisruptionStruck(disruption=3, path="app.v", before=1, value=VALUE, writes={"v": VALUE}, stale=("a",), reason=WORDS),
    e.DisruptionEnded(disruption=3, reason=WORDS, by="ada"),
    e.AssumptionJudged(path="assume.v", accepted=False, before=30, value=0, by=WORDS, reason="r"),
    e.ReplanBegun(culprits=("b",), affected=("b", "c"), reason=WORDS, verify=("a",)),
    e.PlanProposed(attempt=1, round=1, scope="local", patch={"b": {"title": WORDS}}, changed=("b",), reason=WORDS, by="the planner"),
    e.PlanRefused(round=1, scope="local", findings=(WORDS,), then="neighbourhood", stalled=True),
    e.PlanKept(reason=WORDS, by="the planner"),
    e.PlanAmended(document={"saga": "t", "steps": {}}, added=("c",), changed=("b",), reason=WORDS, by="ada"),
    e.FramesOpened(
        step="m", concurrency=2,
        frames=(e.FrameOpened(name="1", values={"item": WORDS, "index": 1}), e.FrameOpened(name="b", body="b", after=("1",))),
    ),
    e.FrameDropped(step="m", frame="m.1", reason=WORDS),
    e.RoundEnded(step="l", round=2, output={"text": WORDS}, score=7.5, stop="stall", best=1),
    e.Gathered(step="m", output={"results": [WORDS, None], "count": 2}, ask=WORDS),
]  # fmt: skip


def changed(change: Change, *events: Event, driver: str | None = None) -> Change:
    """Return a change with these events in place of its own."""
    first = change.expected_seq + 1
    recorded = tuple(Recorded(seq=first + n, at=T0, event=event) for n, event in enumerate(events))
    row = change.row.model_copy(update={"last_seq": recorded[-1].seq})
    return Change(
        run_id=change.run_id,
        driver=driver or change.driver,
        expected_seq=change.expected_seq,
        events=recorded,
        row=row,
    )
