"""The closed union of facts that a run's log may hold. Past tense; JSON in and out; never changed later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, TypeGuard

from pydantic import Field, TypeAdapter

from engine.core.disruption_kinds import LimitName
from engine.core.events_approvals import ApprovalEnded, ApprovalGiven, ApprovalRequested
from engine.core.events_back import (
    DirectionAsked,
    DirectionChosen,
    PlanAmended,
    StepsRedone,
    StepsStale,
    UndoPlanned,
)
from engine.core.events_checks import (
    AppRestored,
    FallbackTaken,
    OutputAugmented,
    ValidationBegun,
    Verdict,
    VerdictGiven,
)
from engine.core.events_disrupt import (
    AssumptionJudged,
    Disrupted,
    DisruptionEnded,
    DisruptionStruck,
    Injection,
)
from engine.core.events_frames import FrameDropped, FrameOpened, FramesOpened, Gathered, RoundEnded
from engine.core.events_replan import PlanKept, PlanProposed, PlanRefused, ReplanBegun
from engine.core.events_signals import SignalReceived
from engine.core.events_time import ActivityBegun, ActivityRevised, ClockSet, TimesChanged
from engine.core.fact import Direction, Json, fact
from engine.core.memory import Known, Learned

__all__ = [
    "ActivityBegun",
    "ActivityRevised",
    "AppRestored",
    "ApprovalEnded",
    "ApprovalGiven",
    "ApprovalRequested",
    "AssumptionJudged",
    "ClockSet",
    "Direction",
    "DirectionAsked",
    "DirectionChosen",
    "Disrupted",
    "DisruptionEnded",
    "DisruptionStruck",
    "FallbackTaken",
    "FrameDropped",
    "FrameOpened",
    "FramesOpened",
    "Gathered",
    "Injection",
    "Json",
    "LimitName",
    "OutputAugmented",
    "PlanAmended",
    "PlanKept",
    "PlanProposed",
    "PlanRefused",
    "ReplanBegun",
    "RoundEnded",
    "SignalReceived",
    "StepsRedone",
    "StepsStale",
    "TimesChanged",
    "UndoPlanned",
    "ValidationBegun",
    "Verdict",
    "VerdictGiven",
]  # fmt: skip
Phase = Literal["forward", "undo", "probe", "late", "check", "plan"]
"""`late` undoes one attempt that landed after it had been given up; `check` asks a validator, `plan` a planner,
which belongs to no step."""
Outcome = Literal["ok", "rejected", "failed", "unknown"]
Told = Literal["probe", "person", "retry", "late"]
"""Who or what told how an unknown outcome was."""
LimitResponse = Literal["stop", "pause", "ask", "note"]


@fact
class RunStarted:
    """A run began, pinned to one version (R30)."""

    type: Literal["run_started"] = "run_started"
    run_id: str
    saga: str
    saga_hash: str
    input: dict[str, Json]
    by: str
    author: str = ""
    lessons: dict[str, list[str]] = field(default_factory=dict)
    """By step: what validators noted in earlier runs."""
    memory: dict[str, Known] = field(default_factory=dict)
    """What earlier runs left, as it was then."""


@fact
class RunPaused:
    """New attempts are held back (R23)."""

    type: Literal["run_paused"] = "run_paused"
    by: str


@fact
class RunResumed:
    """New attempts may start again."""

    type: Literal["run_resumed"] = "run_resumed"
    by: str


FaultSource = Literal[
    "rejected", "exhausted", "validator", "denied", "expired", "invariant", "cancel", "deadline", "expression",
    "operator", "disruption", "budget", "locks",
]  # fmt: skip


@fact
class Faulted:
    """The first fault; from here on nothing new goes forward (R13, R14)."""

    type: Literal["faulted"] = "faulted"
    source: FaultSource
    step: str | None
    reason: str
    by: str = ""


@fact
class Noted:
    """Something worth keeping that changes nothing: a later fault, an ignored cancel (R13, R22)."""

    type: Literal["noted"] = "noted"
    text: str
    step: str | None = None
    by: str = ""


@fact
class RunCompleted:
    """Every step is committed or skipped (R38)."""

    type: Literal["run_completed"] = "run_completed"
    output: dict[str, Json]
    remembers: dict[str, Learned] = field(default_factory=dict)
    """What it leaves to later runs."""
    memory_key: str = ""
    """What that is about."""


@fact
class RunCompensated:
    """Every planned step is undone; `exceptions` are the ones a person excused (R38)."""

    type: Literal["run_compensated"] = "run_compensated"
    exceptions: tuple[str, ...] = ()


@fact
class RunAbandoned:
    """A person gave the run up; the effects left behind are listed (R22)."""

    type: Literal["run_abandoned"] = "run_abandoned"
    by: str
    reason: str
    left_behind: tuple[str, ...]


@fact
class StepSkipped:
    """A step will not run, and why."""

    type: Literal["step_skipped"] = "step_skipped"
    step: str
    reason: str


@fact
class StepReady:
    """A step's dependencies hold and its guard is true; both with what was seen (R10)."""

    type: Literal["step_ready"] = "step_ready"
    step: str
    evidence: dict[str, Json]


@fact
class WaitBegun:
    """A pause began; its end is fixed now, and so is the signal that it listens for (R32)."""

    type: Literal["wait_begun"] = "wait_begun"
    step: str
    until: datetime | None
    event: str = ""
    key: str = ""


@fact
class LocksWanted:
    """A step waits for resources that other runs may hold; in sorted order, until a moment (R37)."""

    type: Literal["locks_wanted"] = "locks_wanted"
    step: str
    keys: tuple[str, ...]
    until: datetime


@fact
class LocksTaken:
    """The run holds these resources until it ends (R37)."""

    type: Literal["locks_taken"] = "locks_taken"
    step: str
    keys: tuple[str, ...]


@fact
class LimitReached:
    """A limit of the run is reached: nothing new starts until a person grants as much again (R39, R40)."""

    type: Literal["limit_reached"] = "limit_reached"
    limit: LimitName
    spent: float
    allowed: float
    response: LimitResponse


@fact
class LimitGranted:
    """A person let the run go on past a limit; `allowed` is the new one."""

    type: Literal["limit_granted"] = "limit_granted"
    limit: LimitName
    allowed: float
    by: str
    reason: str = ""


@fact
class CompensationFrozen:
    """The undo of an intent with its inputs, fixed before the call (R1, R18).

    `request` is complete where the undo needs nothing of the output; else `scope` keeps what it will
    be rendered from, together with the output.
    """

    kind: str
    key: str
    request: Json = None
    scope: dict[str, Json] | None = None


@fact
class AttemptIntended:
    """A call is about to be made (R1)."""

    type: Literal["attempt_intended"] = "attempt_intended"
    step: str
    phase: Phase
    epoch: int
    attempt: int
    key: str
    request: Json
    request_hash: str
    deadline: datetime
    compensation: CompensationFrozen | None = None
    injection: Injection | None = None
    delay_s: float = 0
    validator: str = ""
    """Of a check: who is asked."""
    vote: int = 0
    """Of a check: which of its votes, from 1."""
    fallback: int = 0
    """Which fallback makes the call, from 1; 0: the step itself."""
    disruption: int = 0
    """The place in the log of the disruption that strikes it; 0: none."""
    factor: float = 1
    """How many times as long a delayed answer takes."""
    spoilt: Json = None
    """What stands in place of an answer that is garbage."""
    evidence: dict[str, Json] | None = None
    """Why the step is ready, where it begins at once; else `StepReady` tells."""


@fact
class AttemptEnded:
    """What came of a call (R3)."""

    type: Literal["attempt_ended"] = "attempt_ended"
    step: str
    phase: Phase
    attempt: int
    outcome: Outcome
    output: Json = None
    error: str = ""
    code: str = ""
    retryable: bool = True
    empty: bool = False
    meta: dict[str, Json] = field(default_factory=dict)
    """Model, tokens, cost_usd, messages, status..."""
    commits: bool = False
    """The output counts at once, as nobody looks at it; else `StepCommitted` tells."""


@fact
class AttemptResolved:
    """An unknown outcome became known (R3, R6); the unknown itself stays in the log."""

    type: Literal["attempt_resolved"] = "attempt_resolved"
    step: str
    phase: Phase
    attempt: int
    landed: bool
    how: Told
    output: Json = None
    evidence: str = ""
    by: str = ""


@fact
class LateLanded:
    """An attempt that had been given up landed after all (R3, R25).

    With `counts`, it is the step's one effect; else it is one too many and is undone by its own output.
    """

    type: Literal["late_landed"] = "late_landed"
    step: str
    attempt: int
    output: Json = None
    counts: bool
    reason: str


@fact
class LateUndone:
    """An effect that came too late is settled: undone, not there, or a person's word for it."""

    type: Literal["late_undone"] = "late_undone"
    step: str
    attempt: int
    how: Literal["undone", "empty", "done", "skipped"]
    reason: str
    by: str = ""


@fact
class RetryScheduled:
    """The next try waits until its due time (R9)."""

    type: Literal["retry_scheduled"] = "retry_scheduled"
    step: str
    phase: Phase
    due: datetime
    reason: str


@fact
class HelpNeeded:
    """Only a person can go on here; says what is asked (R6, R20)."""

    type: Literal["help_needed"] = "help_needed"
    step: str
    kind: Literal["unknown_outcome", "comp_failed", "stuck_after_pivot", "late_success", "verdict", "replan"]
    reason: str


@fact
class StepCommitted:
    """A step's output counts from now on; `writes` is what it changed in S_A."""

    type: Literal["step_committed"] = "step_committed"
    step: str
    output: Json = None
    writes: dict[str, Json] = field(default_factory=dict)
    by: str = ""
    evidence: str = ""
    signal: str = ""
    """The id of the signal that brought the output."""
    emits: dict[str, Json] = field(default_factory=dict)
    """The events that this causes, with what they tell."""


@fact
class StepFailed:
    """A step gave up; the fault follows (R13), unless it is `handled`: other steps wait for just that."""

    type: Literal["step_failed"] = "step_failed"
    step: str
    reason: str
    timed_out: bool = False
    handled: bool = False
    emits: dict[str, Json] = field(default_factory=dict)
    """The event that this causes, with what it tells."""


@fact
class StepUndone:
    """A step's effect is gone, or was never there (`empty`, R8); `writes` is what that changed in S_A."""

    type: Literal["step_undone"] = "step_undone"
    step: str
    empty: bool
    reason: str
    writes: dict[str, Json] = field(default_factory=dict)


@fact
class StepExcused:
    """A person settled a step that the engine could not (R21)."""

    type: Literal["step_excused"] = "step_excused"
    step: str
    how: Literal["done", "skipped"]
    by: str
    reason: str


@fact
class RetryAsked:
    """A person asked for the next try at once, if given with an edited request (R9, R21)."""

    type: Literal["retry_asked"] = "retry_asked"
    step: str
    by: str
    reason: str = ""
    request: Json = None


Event = Annotated[
    RunStarted | RunPaused | RunResumed | Faulted | Noted | DirectionChosen | DirectionAsked | StepsStale | StepsRedone | PlanAmended | RunCompleted
    | RunCompensated | RunAbandoned | StepSkipped | StepReady | WaitBegun | LocksWanted | LocksTaken | LimitReached
    | LimitGranted | ApprovalRequested | ApprovalGiven
    | ApprovalEnded | AttemptIntended | AttemptEnded | AttemptResolved | LateLanded
    | LateUndone | RetryScheduled | HelpNeeded | ValidationBegun | VerdictGiven
    | OutputAugmented | FallbackTaken | AppRestored | StepCommitted | StepFailed | StepUndone | StepExcused | RetryAsked
    | FramesOpened | FrameDropped | RoundEnded | Gathered
    | ClockSet | ActivityBegun | TimesChanged | ActivityRevised
    | Disrupted | DisruptionStruck | DisruptionEnded | AssumptionJudged
    | ReplanBegun | PlanProposed | PlanRefused | PlanKept | SignalReceived,
    Field(discriminator="type"),
]  # fmt: skip
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
CLOSING = ("run_completed", "run_compensated", "run_abandoned")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log and its time; `seq` counts from 1 without gaps."""

    seq: int
    at: datetime
    event: Event


RECORDED: TypeAdapter[Recorded] = TypeAdapter(Recorded)


def spelled_out(history: Iterable[Recorded]) -> Iterator[Recorded]:
    """Yield what was recorded, and after the end of a call whose output counts at once its commit, in the same place."""
    for recorded in history:
        yield recorded
        if isinstance(recorded.event, AttemptEnded) and recorded.event.commits:
            yield Recorded(recorded.seq, recorded.at, StepCommitted(step=recorded.event.step))


def makes_ready(event: Event) -> TypeGuard[StepReady | AttemptIntended]:
    """Return whether an event says that a step is ready: by itself, or with the first call of one that waits for nothing."""
    return isinstance(event, StepReady) or (isinstance(event, AttemptIntended) and event.evidence is not None)
