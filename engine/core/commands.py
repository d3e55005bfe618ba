"""The closed union of requests to a run. Imperative; refused with `CommandRejected` where the state forbids."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from engine.core.disruption_kinds import Disruption
from engine.core.events import Direction, Outcome, Phase
from engine.core.memory import Known

Json = Any


class Command(BaseModel):
    """Base of the requests; `by` is the person or part that asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    by: str = "engine"


class Start(Command):
    """Begin the run."""

    type: Literal["start"] = "start"
    run_id: str
    input: dict[str, Json] = Field(default_factory=dict)
    author: str = Field(default="", description="who published the version")
    lessons: dict[str, list[str]] = Field(
        default_factory=dict, description="by step: what validators noted in earlier runs"
    )
    memory: dict[str, Known] = Field(default_factory=dict, description="what earlier runs left")


class Advance(Command):
    """Look whether something is due: a timer, or work after a restart."""

    type: Literal["advance"] = "advance"


class Recover(Command):
    """Take a run over after a crash: its open calls have an unknown outcome (R3)."""

    type: Literal["recover"] = "recover"


class Report(Command):
    """Say what came of a call."""

    type: Literal["report"] = "report"
    step: str
    phase: Phase
    attempt: int
    outcome: Outcome
    output: Json = None
    error: str = ""
    code: str = ""
    retryable: bool = True
    empty: bool = False
    meta: dict[str, Json] = Field(default_factory=dict)


class Pause(Command):
    """Hold new attempts back."""

    type: Literal["pause"] = "pause"


class Resume(Command):
    """Let new attempts start again."""

    type: Literal["resume"] = "resume"


class Cancel(Command):
    """Stop and undo (R22)."""

    type: Literal["cancel"] = "cancel"
    reason: str = ""


class Decide(Command):
    """Answer an approval (R33)."""

    type: Literal["decide"] = "decide"
    step: str
    decision: Literal["approved", "denied"]
    reason: str = ""
    groups: tuple[str, ...] | None = Field(
        default=None, description="the groups of `by`; None where nobody keeps a list"
    )
    request_hash: str | None = Field(default=None, description="what the person saw, if known")
    question: int | None = Field(
        default=None, description="the seq of the question that the person saw, if known"
    )


class GrantLocks(Command):
    """Say that the run holds the resources that a step waits for (R37)."""

    type: Literal["grant_locks"] = "grant_locks"
    step: str


class GrantLimit(Command):
    """Let a run go on that has reached a limit, by as much again (R39, R40)."""

    type: Literal["grant_limit"] = "grant_limit"
    reason: str = ""


class ChooseDirection(Command):
    """Choose where to go, where the saga says `recovery: ask` (R15)."""

    type: Literal["choose_direction"] = "choose_direction"
    direction: Direction
    reason: str = ""
    culprits: tuple[str, ...] = Field(
        default=(), description="with `repair`: the steps that no longer count, instead of those that failed"
    )
    replan: bool = Field(
        default=False, description="with `repair`: pause once it is undone, so that the rest can be amended"
    )


class TryNow(Command):
    """Retry at once: a waiting retry, or what needs attention (R9, R21)."""

    type: Literal["try_now"] = "try_now"
    step: str
    reason: str = ""
    request: Json = Field(default=None, description="an edited request, for a failed compensation (R21)")


class Skip(Command):
    """Go on without this (R21): skip a step not yet begun, or leave a failed undo as it is."""

    type: Literal["skip"] = "skip"
    step: str
    reason: str


class MarkDone(Command):
    """Say that it was done by hand (R21)."""

    type: Literal["mark_done"] = "mark_done"
    step: str
    reason: str
    output: Json = None


class Resolve(Command):
    """Answer whether an unknown attempt landed (R6)."""

    type: Literal["resolve"] = "resolve"
    step: str
    landed: bool
    reason: str
    output: Json = None


class Amend(Command):
    """Plan the rest of this run anew: a whole definition, in which whatever has begun is as it was (R27)."""

    type: Literal["amend"] = "amend"
    document: dict[str, Json]
    reason: str


class MarkStale(Command):
    """Say that what some steps relied on has changed, so that they no longer count: a disruption (R13, R26)."""

    type: Literal["mark_stale"] = "mark_stale"
    steps: tuple[str, ...] = Field(min_length=1)
    reason: str


class GiveVerdict(Command):
    """Decide about an output in a validator's place: it counts, counts with what was proposed, or does not."""

    type: Literal["give_verdict"] = "give_verdict"
    step: str
    decision: Literal["accept", "augment", "reject"]
    reason: str
    output_hash: str | None = Field(default=None, description="the output that the person saw, if known")


class RestoreApp(Command):
    """Set the application state S_A back to what it was after some event."""

    type: Literal["restore_app"] = "restore_app"
    seq: int = Field(ge=1)
    reason: str


class Abandon(Command):
    """Give the run up and list what is left behind (R22)."""

    type: Literal["abandon"] = "abandon"
    reason: str


class Disrupt(Command):
    """Let something happen from outside: to a call, to a fact, to what is asked of the run."""

    type: Literal["disrupt"] = "disrupt"
    what: Disruption
    known_at: AwareDatetime | None = Field(
        default=None, description="when it becomes known; unless said, now"
    )
    effective_from: AwareDatetime | None = Field(default=None, description="unless said, when it is known")
    until: AwareDatetime | None = Field(default=None, description="unless said, to the end of the run")


class Lift(Command):
    """End a disruption before its time."""

    type: Literal["lift"] = "lift"
    disruption: int = Field(ge=1, description="the place of its event in the log")
    reason: str = ""


class JudgeAssumption(Command):
    """Accept what was taken for granted, or refuse it."""

    type: Literal["judge_assumption"] = "judge_assumption"
    path: str
    accepted: bool
    reason: str


class SetClock(Command):
    """Set the virtual clock: its speed in minutes a second, or on to whatever happens next."""

    type: Literal["set_clock"] = "set_clock"
    speed: float | None = Field(default=None, ge=0, le=100_000, description="unless said, as it is")
    jump: bool = Field(default=False, description="let the next thing happen now")


class ChangeTimes(Command):
    """Say that something takes longer, or can't be done before, from now on: a disruption of a timetable."""

    type: Literal["change_times"] = "change_times"
    kind: Literal["travel_time_multiplier", "arrival_delay", "activity_delay", "machine_down"]
    scope: dict[str, Json] = Field(min_length=1)
    magnitude: float = Field(default=0, ge=0, le=100_000)
    until: str | float | None = None
    reason: str


class ReviseActivity(Command):
    """Say when an activity under way really ends."""

    type: Literal["revise_activity"] = "revise_activity"
    step: str
    until: str | float
    reason: str


class Signal(Command):
    """Bring news from outside to the step that waits for it; the same id again changes nothing."""

    type: Literal["signal"] = "signal"
    id: str = Field(min_length=1, max_length=200, description="the sender's, so that it counts once")
    name: str
    key: str = Field(default="", description="what it is about; empty: whatever the run waits for")
    payload: Json = None


AnyCommand = Annotated[
    Start | Advance | Recover | Report | Pause | Resume | Cancel | Decide | ChooseDirection | TryNow | Skip
    | MarkDone | Resolve | Abandon | Disrupt | GrantLocks | GrantLimit | GiveVerdict | RestoreApp | MarkStale | Amend
    | SetClock | ChangeTimes | ReviseActivity
    | Lift | JudgeAssumption | Signal,
    Field(discriminator="type"),
]  # fmt: skip
COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)
