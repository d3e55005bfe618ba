"""What can happen to a run from outside, as definitions: faults of calls, changes of the world, changes of the task.

A disruption says what, where and how much; when it is known, from when it holds and until when stands beside it, so
that the same words serve a person at the page, the command line and a schedule in a saga.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from engine.core.parts import ID_PATTERN, Part

Json = Any
LimitName = Literal["cost_usd", "tokens", "calls", "minutes", "events"]
Struck = Literal["forward", "undo", "probe"]
FACT_PATH = (
    r"^(steps\.[a-z]\w*\.output(\.\w+|\[\d+\])*|run\.input\.\w+(\.\w+|\[\d+\])*|app\.\w+|assume\.\w+)$"
)


class DisruptionBase(Part):
    """What every disruption has."""

    reason: str = Field(default="", max_length=500, description="what happened, in words")

    @property
    def word(self) -> str:
        """Its kind, as people write it."""
        return str(self.__dict__["kind"])


class CallFault(DisruptionBase):
    """Something that goes wrong with the next calls of one step."""

    step: str = Field(description="whose calls are struck")
    phase: Struck = Field(default="forward", description="which of its calls")
    times: int = Field(default=1, ge=1, le=1000, description="how many calls are struck")


class Fail(CallFault):
    """Nothing is sent; it may be tried again."""

    kind: Literal["fail"]


class Refuse(CallFault):
    """Nothing is sent, as if the target had refused it for good."""

    kind: Literal["refuse"]


class TimeoutButLand(CallFault):
    """The call takes effect, its answer is lost: the outcome is unknown."""

    kind: Literal["timeout_but_land"]


class LandLate(CallFault):
    """Nobody hears of the call, which is made only after its deadline."""

    kind: Literal["land_late"]
    delay_s: float = Field(
        default=0.5, ge=0, le=3600, description="seconds after the deadline; more than `settle_s` breaks R7"
    )


class Delay(CallFault):
    """The call begins later, or its answer takes a multiple of the time; its time limit stays."""

    kind: Literal["delay"]
    delay_s: float = Field(default=0, ge=0, le=3600, description="seconds before it is sent")
    factor: float = Field(default=1, ge=1, le=100, description="how many times as long its answer takes")

    @model_validator(mode="after")
    def _says_how_much(self) -> Delay:
        if self.delay_s == 0 and self.factor == 1:
            raise ValueError("give `delay_s` or `factor`")
        return self


class Garbage(CallFault):
    """The call is made, and its answer is replaced: that is what validators see."""

    kind: Literal["garbage"]
    output: Json = Field(default="\ufffd{\ufffd", description="what stands in place of the answer")


class ModelDown(DisruptionBase):
    """Calls of a model fail, without being made."""

    kind: Literal["model_down"]
    model: str = Field(default="", description="which one, as calls name it; empty: every model")
    times: int = Field(
        default=0, ge=0, le=1000, description="how many calls are struck; 0: all, as long as it lasts"
    )


class ToolDown(DisruptionBase):
    """Calls of a service or function fail, without being made."""

    kind: Literal["tool_down"]
    target: str = Field(
        min_length=1, description="a host, the beginning of an address or of its path, or a function's name"
    )
    times: int = Field(
        default=0, ge=0, le=1000, description="how many calls are struck; 0: all, as long as it lasts"
    )


class DatabaseAway(DisruptionBase):
    """The database can't be used for some seconds, by any run of the process."""

    kind: Literal["database_away"]
    seconds: float = Field(gt=0, le=600)


class Crash(DisruptionBase):
    """The process dies at once, as by a power cut; only where the deployment allows it."""

    kind: Literal["crash"]


class ChangedFact(DisruptionBase):
    """A recorded fact has another value: what used it no longer counts."""

    kind: Literal["fact"]
    path: str = Field(
        pattern=FACT_PATH,
        description="`steps.STEP.output.KEY`, `run.input.NAME`, `app.KEY` or `assume.NAME`",
    )
    value: Json = Field(default=None, description="the new value")
    factor: float | None = Field(default=None, description="instead: what the number is multiplied by")


class LostResource(DisruptionBase):
    """A resource that steps lock can't be had any more: who holds it no longer counts, who wants it fails."""

    kind: Literal["lost_resource"]
    resource: str = Field(min_length=1, description="as in `locks`, such as `seat:12`")
    steps: tuple[str, ...] = Field(default=(), description="further steps that rely on it")


class NewConstraint(DisruptionBase):
    """Something more must hold from now on: checked like an invariant, and told to models."""

    kind: Literal["constraint"]
    name: str = Field(pattern=ID_PATTERN)
    rule: str = Field(default="", description="CEL over `app`, `run`, `steps`, `assume`; empty: only told")
    text: str = Field(default="", max_length=500, description="as models are told; the rule unless said")

    @model_validator(mode="after")
    def _says_something(self) -> NewConstraint:
        if not self.rule and not self.text:
            raise ValueError("give a `rule`, a `text`, or both")
        return self


class RelaxedConstraint(DisruptionBase):
    """Something need not hold any more."""

    kind: Literal["relax"]
    name: str = Field(
        min_length=1, description="an invariant, a constraint that was added, or the text of one"
    )


class CutBudget(DisruptionBase):
    """The run may spend less than it was said."""

    kind: Literal["budget"]
    limit: LimitName
    allowed: float = Field(gt=0, description="what it may spend in all, what is spent included")


class WithdrawnApproval(DisruptionBase):
    """Who said yes takes it back: it is asked again, or no longer counts if it was used."""

    kind: Literal["withdraw_approval"]
    step: str


class CancelledBooking(DisruptionBase):
    """The target says that the effect of a step is gone."""

    kind: Literal["cancelled_booking"]
    step: str
    answer: dict[str, Json] | None = Field(
        default=None,
        description="what it said, as an undo would have: `writes` of the compensation see it as `undo`",
    )


Disruption = Annotated[
    Fail | Refuse | TimeoutButLand | LandLate | Delay | Garbage | ModelDown | ToolDown | DatabaseAway | Crash
    | ChangedFact | LostResource | NewConstraint | RelaxedConstraint | CutBudget | WithdrawnApproval | CancelledBooking,
    Field(discriminator="kind"),
]  # fmt: skip
KINDS: dict[str, type[DisruptionBase]] = {
    kind.model_fields["kind"].annotation.__args__[0]: kind for kind in get_args(get_args(Disruption)[0])
}
OF_THE_PROCESS = (DatabaseAway, Crash)
"""What strikes not one run but the process that drives it."""
OF_CALLS = (CallFault, ModelDown, ToolDown)
"""What strikes calls, each when it is intended."""


class When(Part):
    """When a scheduled disruption becomes known: some seconds after the start, or after something of a step."""

    at_s: float | None = Field(
        default=None, ge=0, le=366 * 86400, description="seconds after the start of the run"
    )
    after: str | None = Field(default=None, description="a step")
    moment: Literal["commit", "start"] = Field(default="commit", description="of that step")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> When:
        if (self.at_s is None) == (self.after is None):
            raise ValueError("give `at_s` or `after`, and not both")
        return self


class Scheduled(Part):
    """A disruption that strikes every run of a saga at its time: to practise, to show, to test."""

    when: When
    what: Disruption
    from_s: float = Field(
        default=0, ge=0, le=366 * 86400, description="seconds after it is known until it holds"
    )
    for_s: float | None = Field(
        default=None, gt=0, le=366 * 86400, description="how long it holds; unless said, to the end"
    )
