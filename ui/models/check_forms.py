"""The forms of validators, fallbacks and contexts: which fields each kind has, read off the definition's own models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, get_args

from engine.core.parts import LlmCall
from engine.core.saga import LlmStep, Saga
from engine.core.step import StepBase
from engine.core.validators import (
    JUDGE_CONTEXT,
    VALIDATOR_KINDS,
    AgreeValidator,
    BudgetValidator,
    CheckType,
    ContextPolicy,
    DatesValidator,
    FactsValidator,
    FormatsValidator,
    JudgeValidator,
    KeepsValidator,
    OrderValidator,
    PythonValidator,
    RuleValidator,
    SchemaValidator,
    Span,
)
from ui.models.design_forms import FieldSpec, Path, fields_of


@dataclass(frozen=True)
class KindWords:
    """What a kind of validator is called, what it checks, and its icon."""

    word: str
    line: str
    icon: str


KINDS: Final[dict[str, KindWords]] = {
    "rule": KindWords("Rule", "a condition that must be true", "rule"),
    "schema": KindWords("Schema", "a JSON Schema that must fit", "data_object"),
    "facts": KindWords("Facts", "claims must not contradict what is recorded", "fact_check"),
    "keeps": KindWords("Keeps", "goals, limits or ids must still be there", "bookmark"),
    "agree": KindWords("Agree", "values must be the same wherever they stand", "handshake"),
    "formats": KindWords("Formats", "one format, unit or spelling for the same thing", "straighten"),
    "order": KindWords("Order", "moments must follow each other", "sort"),
    "dates": KindWords("Dates", "spans cover a stay without gap or overlap", "date_range"),
    "budget": KindWords("Budget", "totals stay under their limits", "account_balance_wallet"),
    "together": KindWords("Together", "steps commit or fall together", "link"),
    "judge": KindWords("Judge", "another model judges by a rubric", "gavel"),
    "python": KindWords("Python", "a registered function decides", "code"),
}
ON_FAIL: Final[dict[str, tuple[str, str]]] = {
    "reject": ("Reject", "The output is discarded and the step fails"),
    "retry": ("Try again", "The step is asked again with the finding; for steps that only read"),
    "augment": (
        "Add what is missing",
        "A person agrees first where a value changes or a model proposes it",
    ),
    "ask": ("Ask a person", "Somebody decides on the Approvals page"),
    "feedback": ("Only note it", "Told to later prompts of this step; the output counts"),
}
"""What follows when a validator finds something: the word, and one line of what happens."""
TYPES: Final = tuple(get_args(CheckType))


def kinds_for(place: str) -> tuple[str, ...]:
    """Return the kinds that may stand in a place: `together` is about several steps, so the saga's only."""
    return tuple(kind for kind in VALIDATOR_KINDS if place == "saga" or kind != "together")


def _as(specs: tuple[FieldSpec, ...], **widgets: str) -> tuple[FieldSpec, ...]:
    """Return fields with other widgets, by name; `json` then takes any JSON."""
    return tuple(
        replace(spec, widget=widgets[str(spec.path[-1])], shape="any")  # type: ignore[arg-type]
        if str(spec.path[-1]) in widgets
        else spec
        for spec in specs
    )


def _named(specs: tuple[FieldSpec, ...], **labels: str) -> tuple[FieldSpec, ...]:
    return tuple(replace(spec, label=labels.get(str(spec.path[-1]), spec.label)) for spec in specs)


def context_fields(base: Path, policy: ContextPolicy) -> tuple[FieldSpec, ...]:
    """Return the fields of a context policy whose defaults are those of `policy`.

    The budget is always written: a policy without any word would be none at all.
    """
    specs = _as(fields_of(ContextPolicy, base=base), inputs="lines", order="words", query="area")
    labels = {
        "budget_tokens": "Budget (tokens)",
        "inputs": "Shown first, one a line",
        "select": "Other outputs to choose from",
        "order": "Who is served first",
        "query": "Relevance is measured against",
    }
    first, *rest = _named(specs, **labels)
    return (replace(first, default=policy.budget_tokens, is_required=True), *rest)


_COVER: Final = _as(
    _named(fields_of(Span, "start", "end", base=("cover",)), start="From", end="Up to"),
    start="code",
    end="code",
)
KIND_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {
    "rule": _named(fields_of(RuleValidator, "rule", "says"), rule="Must be true", says="What to say if it is not"),
    "schema": _named(
        _as(fields_of(SchemaValidator, "of", "schema"), of="code"), of="What must fit", schema="JSON Schema"
    ),
    "facts": _as(
        fields_of(FactsValidator, "facts", "claims", "text", "look_for", "tolerance"), text="code", look_for="words"
    ),
    "keeps": _named(
        _as(fields_of(KeepsValidator, "keep", "of"), keep="lines", of="code"), keep="Must occur, one a line",
        of="Where",
    ),
    "agree": fields_of(AgreeValidator, "values", "tolerance", "ignore_case"),
    "formats": _as(
        _named(fields_of(FormatsValidator, "values", "as", "known", "pattern"), **{"as": "What they are"}),
        known="lines", pattern="code",
    ),
    "order": _named(
        _as(fields_of(OrderValidator, "sequence", "gap_s"), sequence="lines"), sequence="The earliest first, one a line",
        gap_s="At least between them (s)",
    ),
    "dates": (
        *_COVER,
        *_named(
            _as(fields_of(DatesValidator, "spans", "list", "gaps", "overlaps"), spans="json", list="code"),
            spans="Covered by", list="Or by a list", gaps="Gaps are fine", overlaps="Overlaps are fine",
        ),
    ),
    "budget": _named(
        _as(fields_of(BudgetValidator, "items", "amounts", "limits", "total"), items="code", total="code"),
        total="Limit of all together",
    ),
    "together": (),
    "judge": _as(
        fields_of(JudgeValidator, "rubric", "model", "votes", "temperature", "max_tokens", "timeout_s"), rubric="area"
    ),
    "python": (
        *_as(fields_of(PythonValidator, "timeout_s")),
        FieldSpec(("with", "function"), "Function", is_required=True),
        FieldSpec(("with", "args"), "Arguments", "json", "Without any, it gets `output`", shape="object"),
    ),
}  # fmt: skip
NAME_FIELDS: Final = (
    FieldSpec(("name",), "Name", is_required=True),
    FieldSpec(("type",), "About", "choice", "Each kind has its own unless you say", options=TYPES),
)
ADD_FIELD: Final = FieldSpec(
    ("add",),
    "What is added, by key",
    "json",
    "May hold `${...}` over what the validator sees",
    shape="object",
)
MAY_ADD_FIELD: Final = FieldSpec(
    ("may_add",), "Keys that the judge may propose", "words", "With commas", default=[]
)
ADD_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {"judge": (MAY_ADD_FIELD,), "python": ()}
"""What an augmenting validator of a kind that is called is told: it says itself what it adds."""
STEPS_FIELD: Final = FieldSpec(
    ("steps",), "Steps", "words", "Checked when the last of them has its output", default=[]
)
JUDGE_CONTEXT_FIELDS: Final = context_fields(("context",), JUDGE_CONTEXT)
CONTEXT_FIELDS: Final = context_fields(("context",), ContextPolicy())
EXPLAIN_FIELD: Final = _named(fields_of(LlmStep, "explain"), explain="Ask for its reasoning, too")[0]
STATES_FIELDS: Final = (
    FieldSpec(("states", "goals"), "Goals in its output", "code", "CEL over `output`: a text or a list of texts; every later model is told"),
    FieldSpec(("states", "constraints"), "Constraints in its output", "code", "CEL over `output`: a text or a list of texts; every later model is told"),
)  # fmt: skip
READS_FIELD: Final = replace(
    fields_of(StepBase, "reads")[0], label="Reads of the application state", default=[]
)
GOAL_FIELDS: Final = _as(fields_of(Saga, "goals", "constraints"), goals="lines", constraints="lines")
FALLBACK_FIELDS: Final[dict[str, tuple[FieldSpec, ...]]] = {
    "llm": fields_of(LlmCall, "prompt", "system", "model", "temperature", "max_tokens", base=("with",)),
    "value": (FieldSpec(("value",), "The output instead", "json", "May hold `${...}`", is_required=True),),
}
