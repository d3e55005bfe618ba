"""What models saw: the messages of each call, and how what surrounds the prompt was chosen within its budget."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.core.attempt import Attempt
from engine.core.run import Run, StepState
from ui.models.run_places import title_in
from ui.models.run_words import money
from ui.models.status import Family

Json = Any
STATES: Final[dict[str, tuple[str, Family]]] = {
    "kept": ("Kept", "green"),
    "shortened": ("Shortened", "yellow"),
    "left_out": ("Left out", "gray"),
}
"""What became of a part of the context, by what the engine calls it."""
ORDER: Final = {
    "inputs": "what is declared",
    "critical": "goals and constraints",
    "relevant": "what is relevant",
    "recent": "what is recent",
}
REASONING: Final = {
    "reasoning": "Reasoning",
    "alternatives": "Alternatives",
    "justification": "Justification",
}
_STEP: Final = re.compile(r"steps\.([a-z][a-z0-9_]*)(?:[.\[].*)?")


@dataclass(frozen=True)
class ContextItem:
    """One part that could have been in a context. `step` is whose output it is; "" where it is no step's."""

    title: str
    kind: str
    state: str
    tokens: int
    why: str
    step: str

    @property
    def word(self) -> str:
        """What became of it, in words."""
        return STATES.get(self.state, (self.state.replace("_", " ").capitalize(), "gray"))[0]


@dataclass(frozen=True)
class ContextView:
    """What was built around a prompt: `share` is how much of the budget it takes, 0 to 1."""

    text: str
    budget: int
    tokens: int
    tokenizer: str
    order: tuple[str, ...]
    items: tuple[ContextItem, ...]

    @property
    def share(self) -> float:
        """How much of the budget is used, at most all of it: the critical section may go over."""
        return min(self.tokens / self.budget, 1.0) if self.budget else 0.0


@dataclass(frozen=True)
class ModelCall:
    """What a model was asked and what it said.

    Attributes:
        label: which call: "Try 2", "tone, vote 1".
        is_check: whether a judge was asked, not the step itself.
        reasoning: what the model said beside its output, by name; nobody but people and a judge of it sees that.
    """

    label: str
    is_check: bool
    model: str
    messages: tuple[tuple[str, str], ...]
    answer: str
    facts: tuple[tuple[str, str], ...]
    context: ContextView | None
    reasoning: tuple[tuple[str, str], ...]


def model_calls(run: Run, step: StepState) -> tuple[ModelCall, ...]:
    """Return the model calls about a step, newest first: its own, and those of its judges."""
    calls = sorted([*step.attempts, *step.checks], key=lambda attempt: attempt.seq, reverse=True)
    return tuple(call for attempt in calls if (call := _call(run, attempt)))


def _call(run: Run, attempt: Attempt) -> ModelCall | None:
    meta = attempt.result.meta if attempt.result else {}
    if not meta.get("messages"):
        return None
    intent = attempt.intent
    is_check = intent.phase == "check"
    fallback = f", fallback {intent.fallback}" if intent.fallback else ""
    return ModelCall(
        label=f"{intent.validator}, vote {intent.vote}" if is_check else f"Try {attempt.number}{fallback}",
        is_check=is_check,
        model=str(meta.get("model", "")),
        messages=tuple((str(m.get("role", "")), str(m.get("content", ""))) for m in meta["messages"]),
        answer=str(meta.get("text") or (attempt.result.error if attempt.result else "")),
        facts=tuple(_facts(meta)),
        context=context_view(
            run, intent.request.get("context") if isinstance(intent.request, dict) else None
        ),
        reasoning=tuple((word, _text(meta[key])) for key, word in REASONING.items() if meta.get(key)),
    )


def _facts(meta: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "Prompt", f"{meta.get('prompt_tokens', 0):,} tokens"
    yield "Answer", f"{meta.get('completion_tokens', 0):,} tokens"
    yield "Cost", money(float(meta.get("cost_usd", 0) or 0))
    if meta.get("latency_s") is not None:
        yield "Latency", f"{float(meta['latency_s']):.2f} s"


def _text(value: Json) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(f"- {part}" for part in value)
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def context_view(run: Run, context: Json) -> ContextView | None:
    """Return a context as the page shows it, or None where a call had none."""
    if not isinstance(context, dict):
        return None
    items = [_item(run, item) for item in context.get("items") or () if isinstance(item, dict)]
    return ContextView(
        text=str(context.get("text", "")),
        budget=int(context.get("budget_tokens", 0) or 0),
        tokens=int(context.get("tokens", 0) or 0),
        tokenizer=str(context.get("tokenizer", "")),
        order=tuple(ORDER.get(str(part), str(part)) for part in context.get("order") or ()),
        items=tuple(items),
    )


def _item(run: Run, item: dict[str, Json]) -> ContextItem:
    source = str(item.get("source", ""))
    named = _STEP.fullmatch(source)
    step = named[1] if named and named[1] in run.steps else ""
    title = str(item.get("title") or (title_in(run, step) if step else source))
    return ContextItem(
        title=title,
        kind=str(item.get("kind", "")),
        state=str(item.get("state", "")),
        tokens=int(item.get("tokens", 0) or 0),
        why=str(item.get("why", "")),
        step=step,
    )


def context_table(view: ContextView) -> dict[str, list[Any]]:
    """Return what was kept, shortened and left out as the columns of a table."""
    return {
        "What": [item.title for item in view.items],
        "Kind": [item.kind.replace("_", " ") for item in view.items],
        "State": [[item.word] for item in view.items],
        "Tokens": [item.tokens for item in view.items],
        "Why": [item.why for item in view.items],
    }


def followable(view: ContextView) -> list[str]:
    """Return the steps whose output a context holds, shortens or leaves out: what a reader may want whole."""
    return list(dict.fromkeys(item.step for item in view.items if item.step))
