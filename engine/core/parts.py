"""The parts of a step's definition: what it calls, how it is tried, checked and undone."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any
ID_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"


class Part(BaseModel):
    """Base of everything in a definition: closed, immutable, JSON in and out."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ignored_types=(cached_property,)
    )


class CodeRetry(Part):
    """What is different for one class of errors; what is left out stays as it is."""

    max_attempts: int | None = Field(default=None, ge=1, le=100, description="tries that may end so")
    backoff_s: float | None = Field(default=None, ge=0, le=3600, description="pause before the next try")


class Retry(Part):
    """How often and how patiently the engine tries again (R9)."""

    max_attempts: int = Field(default=3, ge=1, le=100, description="tries in all, the first one included")
    backoff_s: float = Field(
        default=1.0, ge=0, le=3600, description="pause before the second try, in seconds"
    )
    factor: float = Field(default=2.0, ge=1, le=10, description="what each further pause is multiplied by")
    max_backoff_s: float = Field(default=60.0, ge=0, le=86400, description="the longest pause, in seconds")
    jitter: float = Field(
        default=0.1, ge=0, le=1, description="share of the pause that varies, from run, step and try"
    )
    per_code: dict[str, CodeRetry] = Field(
        default_factory=dict,
        description="other rules for errors of one code, such as `rate_limit`, `timeout`, `http_503`",
    )

    def pause_s(self, attempt: int, jitter: float, code: str = "") -> float:
        """Return the seconds to wait after try `attempt` (1 = the first); `jitter` is in 0..1."""
        own = self.per_code[code].backoff_s if code in self.per_code else None
        backoff_s = self.backoff_s if own is None else own
        pause = min(backoff_s * self.factor ** min(attempt - 1, 64), self.max_backoff_s)
        return float(pause * (1 + self.jitter * (2 * jitter - 1)))


UNDO_RETRY = Retry(max_attempts=8, backoff_s=0.5, factor=2, max_backoff_s=60)


class HttpCall(Part):
    """An HTTP request; which answers mean what is said here, the rest follows HTTP's own rules."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(description="`${world}/...` is the practice world; any http(s) address works")
    params: dict[str, Json] = Field(default_factory=dict, description="the query")
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Json = Field(default=None, alias="json", description="the body, sent as JSON")
    empty_on: tuple[int, ...] = Field(
        default=(404,), description="when undoing: answers that mean there was nothing to undo"
    )
    refused_on: tuple[int, ...] = Field(
        default=(), description="5xx answers that surely had no effect, such as 503"
    )


class LlmCall(Part):
    """A model call."""

    prompt: str = Field(description="the user message")
    system: str = Field(default="", description="the system message")
    model: str = Field(default="", description="a LiteLLM name; empty takes the default of the settings")
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=300, ge=1, le=32000)


class PythonCall(Part):
    """A call of a registered function."""

    function: str = Field(description="the name it was registered under")
    args: dict[str, Json] = Field(default_factory=dict)


class ApprovalPolicy(Part):
    """Who must say yes, by when, and what silence means (R33)."""

    question: str = Field(default="", description="the question in words; may hold `${...}`")
    group: str = Field(default="", description="who may decide; empty means everyone")
    expires_s: float | None = Field(
        default=None, gt=0, description="seconds until silence counts as `on_expire`"
    )
    on_expire: Literal["deny", "approve"] = "deny"
    quorum: int = Field(default=1, ge=1, le=20, description="how many distinct people must approve")
    four_eyes: bool = Field(
        default=False, description="neither the starter of the run nor the author of the version may decide"
    )


class Gate(ApprovalPolicy):
    """An approval asked for before a step runs."""

    when: str | None = Field(default=None, description="CEL; asked only where it is true")


class ApprovalAsk(ApprovalPolicy):
    """A step that is nothing but a question to a person."""

    evidence: dict[str, Json] = Field(default_factory=dict, description="what the person should see")
    on_deny: Literal["fault", "continue"] = Field(
        default="fault", description="`continue` leaves the answer to later steps"
    )


class WaitFor(Part):
    """A pause: for some time, until a moment, or for a signal; its end is fixed when it begins (R32)."""

    duration_s: float | str | None = Field(
        default=None, description="seconds, or one `${...}` that gives them"
    )
    until: str = Field(
        default="",
        description="instead: a moment such as `2026-12-24T18:00:00Z`, or one `${...}` that gives it",
    )
    event: str = Field(
        default="",
        pattern=f"{ID_PATTERN}|^$",
        description="instead: the name of a signal from outside that ends the wait; what it brings is the step's output",
    )
    key: str = Field(
        default="",
        description="of a signal: what it must be about, such as `${run.input.order}`; empty: anything",
    )
    timeout_s: float | str | None = Field(
        default=None,
        description="of a signal: seconds until the wait is given up, or one `${...}`; empty: never",
    )
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail",
        description="of a signal: `fail` lets `step.timed_out` hold, or is a fault; `continue` commits `{timed_out: true}`",
    )


class RouteRow(Part):
    """One row of a routing table."""

    when: str = Field(description="CEL; the first row that is true decides")
    to: str = Field(pattern=ID_PATTERN, description="the branch")


class RouteBy(Part):
    """A choice of one declared branch, by rules first and then, where a prompt is given, by a model."""

    branches: tuple[str, ...] = Field(min_length=2, description="every branch there is")
    rules: tuple[RouteRow, ...] = ()
    default: str | None = Field(
        default=None,
        description="the branch where no rule holds and no model is asked, or it is not sure enough",
    )
    prompt: str = Field(default="", description="asks a model where no rule held")
    model: str = ""
    about: dict[str, str] = Field(
        default_factory=dict, description="what each branch is for, in words; the model is told"
    )
    min_confidence: float | None = Field(
        default=None, gt=0, le=1, description="how sure the model must be; less sure, and `default` is taken"
    )


class Probe(Part):
    """A readonly look whether an attempt landed (R6)."""

    kind: Literal["http"] = "http"
    with_: HttpCall = Field(alias="with")
    landed: str | None = Field(
        default=None, description="CEL over `output`; without it, 2xx is yes and 404 is no"
    )
    timeout_s: float = Field(default=15, gt=0, le=3600)


class CompensationBase(Part):
    """What undoes a step's effect; it must be safe to call twice with the same key."""

    timeout_s: float = Field(default=30, gt=0, le=86400)
    retry: Retry = UNDO_RETRY
    writes: dict[str, str] = Field(
        default_factory=dict, description="S_A keys after the undo; sees `undo`, its answer"
    )
    cost_usd: str | None = Field(default=None, description="CEL over the step's `output`: what undoing costs")


class Assumed(Part):
    """Something taken for granted, as a saga declares it; people accept it or refuse it."""

    name: str = Field(pattern=ID_PATTERN)
    value: Json = Field(description="what expressions see as `assume.NAME`")
    otherwise: Json = Field(default=None, description="what they see where it is refused")
    why: str = Field(default="", max_length=500, description="where it comes from")
    owner: str = Field(default="the author", max_length=80, description="who assumes it")


class HttpCompensation(CompensationBase):
    """An undo by HTTP."""

    kind: Literal["http"]
    with_: HttpCall = Field(alias="with")


class PythonCompensation(CompensationBase):
    """An undo by a registered function."""

    kind: Literal["python"]
    with_: PythonCall = Field(alias="with")


Compensation = Annotated[HttpCompensation | PythonCompensation, Field(discriminator="kind")]
