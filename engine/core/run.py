"""The state of a run: what a fold of its events gives, and the state machines it obeys (R31)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from engine.core.attempt import Approval, Attempt, Late, Panel
from engine.core.context.tokens import ESTIMATE, TokenCounter
from engine.core.errors import IllegalTransition
from engine.core.events import (
    AssumptionJudged,
    CompensationFrozen,
    DirectionChosen,
    FallbackTaken,
    Faulted,
    HelpNeeded,
    LimitReached,
    Noted,
    OutputAugmented,
    Phase,
    PlanAmended,
    Recorded,
    SignalReceived,
    UndoPlanned,
    VerdictGiven,
)
from engine.core.frames import Frame, Frames
from engine.core.memory import Known, Learned
from engine.core.replan_state import Planning
from engine.core.saga import Saga, Step, effect_of
from engine.core.standing import Standing
from engine.core.virtual import VirtualClock

Json = Any
RunStatus = Literal[
    "running", "draining", "compensating", "repairing", "needs_attention", "completed", "compensated",
    "compensated_with_exceptions", "abandoned",
]  # fmt: skip
StepStatus = Literal[
    "pending", "ready", "awaiting_approval", "awaiting_locks", "waiting", "running", "unknown", "retry_wait", "validating",
    "committed", "skipped", "handled", "withdrawn", "failed",
    "to_compensate", "compensating", "compensated", "empty", "comp_failed", "excused",
]  # fmt: skip
CLOSED: frozenset[RunStatus] = frozenset(
    {"completed", "compensated", "compensated_with_exceptions", "abandoned"}
)
UNDONE: frozenset[StepStatus] = frozenset({"compensated", "empty", "excused"})
SETTLED: frozenset[StepStatus] = frozenset({"committed", "skipped", "handled"})
"""Done with, going forward; `handled` failed without effect, and the saga goes on another way."""

STEP_MACHINE: dict[StepStatus, frozenset[StepStatus]] = {
    "pending": frozenset({"ready", "skipped", "handled", "withdrawn", "failed"}),
    "ready": frozenset(
        {
            "awaiting_approval",
            "awaiting_locks",
            "waiting",
            "running",
            "validating",
            "skipped",
            "handled",
            "withdrawn",
            "failed",
            "to_compensate",
        }
    ),
    "awaiting_approval": frozenset({"ready", "committed", "withdrawn", "failed", "skipped", "handled"}),
    "awaiting_locks": frozenset({"ready", "withdrawn", "failed", "skipped", "handled"}),
    "waiting": frozenset({"committed", "validating", "withdrawn", "skipped", "failed", "handled"}),
    "running": frozenset({"validating", "unknown", "retry_wait", "ready", "failed", "handled"}),
    "unknown": frozenset({"running", "validating", "retry_wait", "failed", "handled", "to_compensate"}),
    "retry_wait": frozenset(
        {"ready", "running", "validating", "failed", "handled", "withdrawn", "to_compensate", "skipped"}
    ),
    "validating": frozenset(
        {"committed", "failed", "handled", "retry_wait", "ready", "withdrawn", "to_compensate"}
    ),
    "committed": frozenset({"to_compensate"}),
    "skipped": frozenset({"to_compensate"}),
    "handled": frozenset(),
    "withdrawn": frozenset({"pending", "validating", "to_compensate"}),
    "failed": frozenset({"pending", "ready", "validating", "committed", "skipped", "to_compensate"}),
    "to_compensate": frozenset({"compensating", "compensated", "empty", "comp_failed", "excused"}),
    "compensating": frozenset({"compensated", "empty", "comp_failed", "excused"}),
    "comp_failed": frozenset({"compensating", "compensated", "empty", "excused"}),
    "compensated": frozenset(),
    "empty": frozenset(),
    "excused": frozenset(),
}
RUN_MACHINE: dict[RunStatus, frozenset[RunStatus]] = {
    "running": frozenset({"completed", "draining"}),
    "draining": frozenset({"running", "compensating", "repairing", "needs_attention"}),
    "repairing": frozenset({"running", "compensating", "needs_attention"}),
    "compensating": frozenset({"compensated", "compensated_with_exceptions", "needs_attention"}),
    "needs_attention": frozenset({"running", "draining", "compensating", "repairing", "abandoned"}),
    "completed": frozenset(),
    "compensated": frozenset(),
    "compensated_with_exceptions": frozenset(),
    "abandoned": frozenset(),
}  # fmt: skip


_CALLS: Final = {"undo": "undos", "probe": "probes", "late": "late_undos", "check": "checks"}


@dataclass(slots=True)
class StepState:
    """Where one step of a run stands.

    `by_hand` is the place in the log where a person said it is done, `committed_seq` that of its commit; `before`
    counts the calls of earlier epochs by phase, so that a number stands for one call of the whole run; `left`
    says that its effect stays though it was to be undone; `gone` that its target says the effect is no more,
    `corrections` is what S_A was changed by since its facts have. `frame` is the frame of a composite step that it stands in;
    `awaits` is the signal that it waits for, with its key; `emitted` are the events that its
    end caused, with what they told.
    """

    id: str
    definition: Step
    frame: str = ""
    status: StepStatus = "pending"
    epoch: int = 1
    before: dict[Phase, int] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    undos: tuple[Attempt, ...] = ()
    probes: tuple[Attempt, ...] = ()
    lates: tuple[Late, ...] = ()
    late_undos: tuple[Attempt, ...] = ()
    checks: tuple[Attempt, ...] = ()
    approvals: tuple[Approval, ...] = ()
    verdicts: tuple[VerdictGiven, ...] = ()
    augmentations: tuple[OutputAugmented, ...] = ()
    fallbacks: tuple[FallbackTaken, ...] = ()
    panel: Panel = field(default_factory=Panel)
    evidence: dict[str, Json] = field(default_factory=dict)
    output: Json = None
    due: datetime | None = None
    wanted: tuple[str, ...] = ()
    locked: bool = False
    reason: str = ""
    timed_out: bool = False
    granted: int = 0
    granted_undo: int = 0
    by_hand: int = 0
    left: bool = False
    committed_seq: int = 0
    edited_undo: Json = None
    gone: bool = False
    corrections: dict[str, float] = field(default_factory=dict)
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    awaits: tuple[str, str] | None = None
    emitted: dict[str, Json] = field(default_factory=dict)
    emitted_seq: int = 0

    @property
    def local(self) -> str:
        """Its name in the plan that it stands in."""
        return self.id[len(self.frame) + 1 :] if self.frame else self.id

    @property
    def approval(self) -> Approval | None:
        """The latest question about it, if any."""
        return self.approvals[-1] if self.approvals else None

    @property
    def frozen(self) -> CompensationFrozen | None:
        """The undo that its first intent froze (R1, R18)."""
        return self.attempts[0].intent.compensation if self.attempts else None

    @property
    def maybe_landed(self) -> bool:
        """Whether an effect of it may be out there (R16)."""
        return effect_of(self.definition) != "readonly" and (
            self.by_hand > 0 or any(a.maybe_landed for a in self.own_attempts)
        )

    @property
    def landed(self) -> bool:
        """Whether an effect of it is surely out there."""
        return self.by_hand > 0 or any(a.surely_landed for a in self.own_attempts)

    @property
    def own_attempts(self) -> Sequence[Attempt]:
        """Its attempts but for those that landed too late: what they did is settled on its own (R25)."""
        if not self.lates:
            return self.attempts
        late = {late.attempt for late in self.lates}
        return [attempt for attempt in self.attempts if attempt.number not in late]

    @property
    def begun(self) -> int:
        """The place in the log where its effect began: its first intent, or the word of who did it by hand."""
        return self.attempts[0].seq if self.attempts else self.by_hand

    @property
    def unresolved(self) -> list[Attempt]:
        """Its attempts that may have had an effect, and nobody knows."""
        if effect_of(self.definition) == "readonly":
            return []
        return [attempt for attempt in self.attempts if attempt.unresolved]

    @property
    def settles_at(self) -> datetime | None:
        """When an unknown attempt of it can no longer land: its deadline and the settle window (R7)."""
        window = timedelta(seconds=self.definition.settle_s)
        return max((a.intent.deadline + window for a in self.unresolved), default=None)

    @property
    def undo_settles_at(self) -> datetime | None:
        """When no unknown try to undo it can take effect any more (R7)."""
        window = timedelta(seconds=self.definition.settle_s)
        return max((u.intent.deadline + window for u in self.undos if u.unresolved), default=None)

    @property
    def late(self) -> Late | None:
        """The late effect that is to be settled next, if any."""
        return next((late for late in self.lates if late.status != "settled"), None)

    @property
    def told(self) -> Json:
        """Its output as the target gave it: an undo goes by that, whatever validators added."""
        return self.augmentations[0].before if self.panel.augmented else self.output

    @property
    def judged(self) -> dict[str, VerdictGiven]:
        """The latest verdict of each validator about its present output."""
        return {verdict.validator: verdict for verdict in self.verdicts[self.panel.verdicts_from :]}

    def calls(self, phase: Phase) -> tuple[Attempt, ...]:
        """Return its attempts of one phase, oldest first."""
        if phase == "forward":  # nearly all are
            return self.attempts
        calls: tuple[Attempt, ...] = getattr(self, _CALLS[phase])
        return calls

    def add_call(self, call: Attempt) -> None:
        """Take up a call of whatever phase it is."""
        phase = call.intent.phase
        if phase == "forward":
            self.attempts += (call,)
        else:
            setattr(self, _CALLS[phase], (*self.calls(phase), call))

    def call(self, phase: Phase, number: int) -> Attempt | None:
        """Return one of its calls by its number in the run, or None where this epoch has none of it."""
        calls, index = self.calls(phase), number - self.before.get(phase, 0) - 1
        return calls[index] if 0 <= index < len(calls) else None

    def latest(self, phase: Phase = "forward") -> int:
        """Return the number of its latest call in the run, of whatever epoch; 0 before the first."""
        return self.before.get(phase, 0) + len(self.calls(phase))

    def move(self, status: StepStatus) -> None:
        """Change the status as the state machine allows.

        Raises:
            IllegalTransition: if it does not.
        """
        if status not in STEP_MACHINE[self.status]:
            raise IllegalTransition(f"step '{self.id}' can't go from {self.status} to {status}")
        self.status = status


@dataclass(slots=True)
class Run:
    """One execution of one version: the fold of its events so far.

    The queues (`fresh`, `ready`, `active`, `validating`, `judging`, `undo_active`, `late`) are what `due` looks at, so
    that a turn costs what is going on, not what the whole run has been. `facts` is what expressions see as `run`;
    `locks` names the step that took each resource, `allowed` holds the limits that a person raised, `written` what
    was written to S_A, by seq, and whether in place of all there was; `boundaries` are validators of the saga that
    can be told now. `frames` and `composites` are what composite steps opened, `turning` names those whose frames have
    all ended, or of whose frames some are to be dropped; `expected` counts the steps of items that were frozen: known
    work, which no limit on events should stop;
    `late_in` counts what is in `late` by the place that it stands in, see `late_queue`.
    `repair` is the one under way, `faults_before` counts the faults that were repaired, `stale` names steps that no
    longer count, with the reason, `past` keeps their earlier epochs; `first_plan` is the version that the run is
    pinned to, whatever was amended.
    `standing` are the disruptions that it knows of, by seq, `items_known` those of the schedule; `changed` names the
    facts that have another value, `assumed` what is taken for granted, `judged` what people said of it; `lost`,
    `constraints`, `relaxed` name what a disruption did, `cuts` the limits it set; `upset` is the reason of a change
    that still has to become a fault.
    `attention` is what a person is asked about a step, `behind` are open questions that another one came before.
    `planning` is the planning anew that is under way, `plans` are all calls to planners;
    `kept_plans` says of each plan that a planner kept which it was, who failed before that, and why.
    `signals` are the news from outside by their ids, `taken` says which step each of them served, `untaken` which
    served none yet, by name and key; `heard`
    are the events that have happened, with what the first step that caused each of them told. `memory` is what
    earlier runs left (`known_before`: with its sources), `remembers` what this one leaves.
    `count` tells the tokens of what models are shown; it is no part of the state, whoever drives the run sets it.
    """

    saga: Saga
    id: str = ""
    seq: int = 0
    status: RunStatus = "running"
    paused: bool = False
    input: dict[str, Json] = field(default_factory=dict)
    app: dict[str, Json] = field(default_factory=dict)
    starter: str = ""
    author: str = ""
    facts: dict[str, Json] = field(default_factory=dict)
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    known: dict[str, Json] = field(default_factory=dict)
    fault: Faulted | None = None
    faults: list[Faulted] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    direction: Literal["forward", "undo"] = "forward"
    direction_asked: bool = False
    plan: dict[str, UndoPlanned] = field(default_factory=dict)
    repair: DirectionChosen | None = None
    repairs: int = 0
    faults_before: int = 0
    stale: dict[str, str] = field(default_factory=dict)
    past: dict[str, list[StepState]] = field(default_factory=dict)
    amendments: list[PlanAmended] = field(default_factory=list)
    first_plan: Saga = field(init=False)
    planning: Planning | None = None
    plans: list[Attempt] = field(default_factory=list)
    kept_plans: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    attention: dict[str, HelpNeeded] = field(default_factory=dict)
    behind: dict[str, list[HelpNeeded]] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    limit: LimitReached | None = None
    allowed: dict[str, float] = field(default_factory=dict)
    output: dict[str, Json] | None = None
    left_behind: tuple[str, ...] = ()
    cost_usd: float = 0.0
    tokens: int = 0
    attempts: int = 0
    calls: int = 0
    disruptions: int = 0
    unfinished: int = 0
    unplanned: int = 0
    open_calls: dict[tuple[str, Phase, int], None] = field(default_factory=dict)
    blockers: dict[str, int] = field(default_factory=dict)
    fresh: dict[str, None] = field(default_factory=dict)
    ready: dict[str, None] = field(default_factory=dict)
    active: dict[str, None] = field(default_factory=dict)
    validating: dict[str, None] = field(default_factory=dict)
    judging: dict[str, None] = field(default_factory=dict)
    boundaries: dict[str, None] = field(default_factory=dict)
    written: list[tuple[int, dict[str, Json], bool]] = field(default_factory=list)
    lessons: dict[str, list[str]] = field(default_factory=dict)
    undo_blockers: dict[str, int] = field(default_factory=dict)
    undo_active: dict[str, None] = field(default_factory=dict)
    late: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    undo_unlocks: dict[str, list[str]] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    composites: dict[str, Frames] = field(default_factory=dict)
    turning: dict[str, None] = field(default_factory=dict)
    expected: int = 0
    clock: VirtualClock | None = None
    standing: dict[int, Standing] = field(default_factory=dict)
    items_known: dict[int, None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    assumed: dict[str, Json] = field(default_factory=dict)
    judged: dict[str, AssumptionJudged] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    constraints: dict[str, int] = field(default_factory=dict)
    relaxed: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, float] = field(default_factory=dict)
    upset: str = ""
    signals: dict[str, SignalReceived] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    heard: dict[str, Json] = field(default_factory=dict)
    memory: dict[str, Json] = field(default_factory=dict)
    known_before: dict[str, Known] = field(default_factory=dict)
    remembers: dict[str, Learned] = field(default_factory=dict)
    late_in: dict[str, dict[str, int]] = field(default_factory=dict)
    untaken: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    count: TokenCounter = field(default=ESTIMATE, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.first_plan = self.saga

    def app_at(self, seq: int) -> dict[str, Json]:
        """Return S_A as it was after an event; every commit is a checkpoint."""
        app = dict(self.saga.app)
        for at, writes, whole in self.written:
            if at <= seq:
                app = dict(writes) if whole else {**app, **writes}
        return app

    @property
    def is_closed(self) -> bool:
        """Whether the run has ended; nothing can be added then."""
        return self.status in CLOSED

    @property
    def deadline(self) -> datetime | None:
        """When the run as a whole must have ended, if it must."""
        limit = self.saga.deadline_s
        return (
            None if limit is None or self.started_at is None else self.started_at + timedelta(seconds=limit)
        )

    def step(self, name: str) -> StepState:
        """Return the state of one step.

        Raises:
            KeyError: if the saga has no such step.
        """
        return self.steps[name]

    def epoch_of(self, step: StepState, phase: Phase, number: int) -> StepState:
        """Return the epoch of a step that made a call: a past one, else the present one."""
        past = (old for old in self.past.get(step.id, ()) if old.call(phase, number) is not None)
        return next(past, step)

    def takes_back(self, step: StepState) -> bool:
        """Return whether a step is on its way back, with all others or in a repair; what that keeps only waits for it."""
        kept = self.repair is not None and step.id not in self.repair.affected
        return self.direction == "undo" and not kept

    def pivot_passed(self) -> bool:
        """Whether a point of no return is surely behind (R15)."""
        return any(self.steps[name].landed for name in self.pivots)

    @property
    def pivots(self) -> list[str]:
        """The points of no return: the saga's, and those of sagas inside it that have begun."""
        inner = (
            f"{f.id}.{name}" for f in self.frames.values() if f.status != "waiting" for name in f.plan.pivots
        )
        return [*self.saga.pivots, *inner]

    def move(self, status: RunStatus) -> None:
        """Change the status as the state machine allows.

        Raises:
            IllegalTransition: if it does not.
        """
        if status not in RUN_MACHINE[self.status]:
            raise IllegalTransition(f"run '{self.id}' can't go from {self.status} to {status}")
        self.status = status


History = list[Recorded]
