"""Validators, as definitions: what is checked about an output, by whom, and what follows (R28).

A validator stands on a step, on an edge or on the saga. Those of code are evaluated where they stand; `judge`
and `python` are calls of their own, made after the code found nothing to reject.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from engine.core.parts import ID_PATTERN, Json, LlmCall, Part, PythonCall, Retry

Intra = Literal["syntactic", "semantic", "factual", "constraint", "reasoning", "context"]
Inter = Literal["contract", "dependency", "consistency", "temporal", "agreement", "boundary"]
CheckType = Literal[
    "syntactic", "semantic", "factual", "constraint", "reasoning", "context",
    "contract", "dependency", "consistency", "temporal", "agreement", "boundary",
]  # fmt: skip
Tier = Literal["intra", "inter"]
OnFail = Literal["reject", "retry", "augment", "ask", "feedback"]
INTER_TYPES = frozenset(get_args(Inter))
CHECK_RETRY = Retry(max_attempts=2, backoff_s=1)


class ContextPolicy(Part):
    """What a model sees besides its prompt: built, never the whole history.

    The critical section - goals and constraints - is always whole; the rest shares what is left of the budget.
    """

    budget_tokens: int = Field(default=2000, ge=50, le=200_000, description="tokens for all of it")
    inputs: tuple[str, ...] = Field(
        default=(), description="CEL each, such as `steps.flight.output`: what is shown first"
    )
    select: Literal["ancestors", "all", "none"] = Field(
        default="ancestors", description="which committed outputs may be chosen for relevance and recency"
    )
    order: tuple[Literal["inputs", "critical", "relevant", "recent"], ...] = Field(
        default=("inputs", "critical", "relevant", "recent"),
        description="who is served first; the critical section is whole wherever it stands",
    )
    query: str = Field(
        default="", description="what relevance is measured against; may hold `${...}`; empty: the prompt"
    )


JUDGE_CONTEXT = ContextPolicy(budget_tokens=1000)


class States(Part):
    """What a step's output tells every later model: part of the critical section from its commit on."""

    goals: str = Field(default="", description="CEL over `output`: a text or a list of texts")
    constraints: str = Field(default="", description="CEL over `output`: a text or a list of texts")


class ValidatorBase(Part):
    """What every validator has."""

    name: str = Field(pattern=ID_PATTERN)
    type: CheckType | None = Field(default=None, description="what it is about; each kind has its own")
    on_fail: OnFail = Field(
        default="reject",
        description="`reject`: the output is discarded and the step fails; `retry` (readonly steps): try again with the finding; `augment`: add what `add` or the validator says; `ask`: a person decides; `feedback`: only noted, and told to later prompts",
    )
    add: dict[str, Json] = Field(
        default_factory=dict,
        description="with `augment`: what the output gets, by key; may hold `${...}` over what the validator sees",
    )
    steps: tuple[str, ...] = Field(
        default=(),
        description="of a saga's validator: checked when the last of them has its output; not at all where one is skipped",
    )


class RuleValidator(ValidatorBase):
    """A condition over `output`, `run`, `steps`, `app`."""

    kind: Literal["rule"] = "rule"
    rule: str = Field(description="CEL that must be true")
    says: str = Field(
        default="",
        max_length=500,
        description="what people and models are told where it is not, instead of the rule; may hold `${...}`",
    )


class SchemaValidator(ValidatorBase):
    """A JSON Schema; on an edge it is the contract of what is handed over."""

    kind: Literal["schema"]
    of: str = Field(default="output", description="CEL: what must fit")
    fits: dict[str, Json] = Field(alias="schema", description="JSON Schema")


class FactsValidator(ValidatorBase):
    """Claims against recorded facts: a contradiction is named with both.

    Where a list is recorded, a claim must be one of its members.
    """

    kind: Literal["facts"]
    facts: dict[str, str] = Field(min_length=1, description="CEL by name: what is recorded")
    claims: dict[str, str] = Field(
        default_factory=dict, description="CEL by the fact's name: what the output says"
    )
    text: str = Field(default="", description="CEL that gives a text: what it names must be among the facts")
    look_for: tuple[Literal["money", "dates", "ids", "numbers"], ...] = Field(
        default=("money", "dates", "ids"), description="what is looked for in `text`"
    )
    tolerance: float = Field(default=0.0, ge=0, description="how far a number may be off")


class KeepsValidator(ValidatorBase):
    """What had to survive - goals, constraints, ids - is still there."""

    kind: Literal["keeps"]
    keep: tuple[str, ...] = Field(
        min_length=1, description="CEL each: a text, number or list of them that must occur, as whole words"
    )
    of: str = Field(default="output", description="CEL: where it must occur")


class AgreeValidator(ValidatorBase):
    """Values that must be the same wherever they are stated."""

    kind: Literal["agree"]
    values: dict[str, str] = Field(min_length=2, description="CEL by label")
    tolerance: float = Field(default=0.0, ge=0, description="how far numbers may differ")
    ignore_case: bool = False


class FormatsValidator(ValidatorBase):
    """One format, unit, zone or spelling for the same thing.

    `date` and `datetime` are ISO 8601, the offset said in the same way each time; `zone` is the same UTC offset;
    `currency` the same ISO 4217 code; `unit` and `place` the same spelling.
    """

    kind: Literal["formats"]
    values: dict[str, str] = Field(min_length=1, description="CEL by label; of a list, each item counts")
    as_: Literal["date", "datetime", "zone", "currency", "unit", "place", "pattern"] = Field(
        alias="as", description="what they are"
    )
    known: tuple[str, ...] = Field(default=(), description="the spellings there are, for `place`, `unit`")
    pattern: str = Field(
        default="", max_length=200, description="for `pattern`: a regex of the whole text, as CEL's `matches`"
    )


class OrderValidator(ValidatorBase):
    """Moments that must follow each other; a date beside a time of day stands for the whole day."""

    kind: Literal["order"]
    sequence: tuple[str, ...] = Field(
        min_length=2, description="CEL each: dates, moments or numbers, the earliest first"
    )
    gap_s: float = Field(default=0.0, description="seconds between neighbours at least; 0 lets them be equal")


class Span(Part):
    """From one date up to another; the end is not part of it, like the morning of a check-out."""

    start: str = Field(description="CEL that gives an ISO date")
    end: str = Field(description="CEL that gives an ISO date")
    label: str = ""


class DatesValidator(ValidatorBase):
    """Spans of dates that cover a stay without gap or overlap."""

    kind: Literal["dates"]
    cover: Span = Field(description="what must be covered")
    spans: tuple[Span, ...] = Field(default=(), description="by what")
    list_: str = Field(
        default="",
        alias="list",
        description="CEL that gives a list of `{start, end, label}`, instead of `spans`",
    )
    gaps: bool = Field(default=False, description="whether gaps are fine")
    overlaps: bool = Field(default=False, description="whether overlaps are fine")


class BudgetValidator(ValidatorBase):
    """Totals per category under their limits; without `total`, each category needs a limit."""

    kind: Literal["budget"]
    items: str = Field(default="", description="CEL that gives a list of `{category, amount}`")
    amounts: dict[str, str] = Field(default_factory=dict, description="CEL by category, instead of `items`")
    limits: dict[str, str] = Field(default_factory=dict, description="CEL by category")
    total: str = Field(default="", description="CEL: the limit of all together")


class TogetherValidator(ValidatorBase):
    """Steps that commit or fall together; of the saga only."""

    kind: Literal["together"]


class CalledValidator(ValidatorBase):
    """A validator that is a call: it can be down or slow, and then there is no verdict, never an accept."""

    timeout_s: float = Field(default=60, gt=0, le=3600)
    retry: Retry = CHECK_RETRY


class JudgeValidator(CalledValidator):
    """Another model, or another prompt, than the one judged.

    It never sees the step's own reasoning, but for `type: reasoning`, which is about just that.
    """

    kind: Literal["judge"]
    rubric: str = Field(description="what it should judge; may hold `${...}` over what validators see")
    model: str = Field(default="", description="a LiteLLM name; empty takes the default of the settings")
    votes: int = Field(default=1, ge=1, le=9, description="how many answers; more than half must accept")
    may_add: tuple[str, ...] = Field(default=(), description="with `augment`: keys it may propose")
    context: ContextPolicy = JUDGE_CONTEXT
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=300, ge=20, le=4000)


class PythonValidator(CalledValidator):
    """A registered function; it gives true or false, or `{accept, evidence, add}`."""

    kind: Literal["python"]
    with_: PythonCall = Field(alias="with")


def _kind(value: Any) -> Any:
    """Return which kind a validator is: without a word, a rule."""
    return value.get("kind", "rule") if isinstance(value, dict) else getattr(value, "kind", None)


CodeValidator = (
    RuleValidator | SchemaValidator | FactsValidator | KeepsValidator | AgreeValidator | FormatsValidator
    | OrderValidator | DatesValidator | BudgetValidator
)  # fmt: skip
Validator = Annotated[
    Annotated[RuleValidator, Tag("rule")]
    | Annotated[SchemaValidator, Tag("schema")]
    | Annotated[FactsValidator, Tag("facts")]
    | Annotated[KeepsValidator, Tag("keeps")]
    | Annotated[AgreeValidator, Tag("agree")]
    | Annotated[FormatsValidator, Tag("formats")]
    | Annotated[OrderValidator, Tag("order")]
    | Annotated[DatesValidator, Tag("dates")]
    | Annotated[BudgetValidator, Tag("budget")]
    | Annotated[TogetherValidator, Tag("together")]
    | Annotated[JudgeValidator, Tag("judge")]
    | Annotated[PythonValidator, Tag("python")],
    Discriminator(_kind),
]
VALIDATOR_KINDS = (
    "rule", "schema", "facts", "keeps", "agree", "formats", "order", "dates", "budget", "together", "judge", "python",
)  # fmt: skip
_TYPES: dict[str, CheckType] = {
    "rule": "constraint", "schema": "syntactic", "facts": "factual", "keeps": "context", "agree": "agreement",
    "formats": "consistency", "order": "temporal", "dates": "temporal", "budget": "constraint", "together": "boundary",
    "judge": "semantic", "python": "constraint",
}  # fmt: skip


def type_of(validator: Validator, *, on_edge: bool = False) -> CheckType:
    """Return what a validator is about: what it says, or what its kind is for."""
    if validator.type is not None:
        return validator.type
    return "contract" if on_edge and validator.kind == "schema" else _TYPES[validator.kind]


def tier_of(check: CheckType) -> Tier:
    """Return whether a check is about one step's output or about what passes between steps."""
    return "inter" if check in INTER_TYPES else "intra"


class Edge(Part):
    """What is checked about a hand-over: before the producer's output counts, for the sake of one consumer."""

    from_: str = Field(alias="from", pattern=ID_PATTERN, description="the producer")
    to: str = Field(pattern=ID_PATTERN, description="the consumer; it needs the producer")
    validate_: tuple[Validator, ...] = Field(alias="validate", min_length=1)


class LlmFallback(Part):
    """A simpler prompt, or another model."""

    kind: Literal["llm"]
    with_: LlmCall = Field(alias="with")


class ValueFallback(Part):
    """A constant, or what rules make of what is known."""

    kind: Literal["value"]
    value: Json = Field(description="the output; may hold `${...}`")


Fallback = Annotated[LlmFallback | ValueFallback, Field(discriminator="kind")]
