"""One step of a run, as the inspector shows it: what went in and out, what was tried, what a model saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core.attempt import Attempt
from engine.core.errors import ExpressionError
from engine.core.recovery import undo_request
from engine.core.run import Run, StepState
from engine.core.saga import effect_of, undo_of
from ui.models.run_context import ModelCall, model_calls
from ui.models.run_graph import cost_of, spent, undo_status, undo_words
from ui.models.run_words import clock_ms, epoch_words, rounded, title_of
from ui.models.status import Family, step_look
from ui.models.step_words import shown_status, status_words
from ui.models.timeline import duration_words

Json = Any
OUTCOMES: Final[dict[str | None, tuple[str, str, Family]]] = {
    "ok": ("Went well", "check_circle", "green"),
    "failed": ("Failed, surely without effect", "error", "red"),
    "rejected": ("Refused, surely without effect", "block", "red"),
    "unknown": ("Outcome unknown", "help", "orange"),
    None: ("Under way", "play_circle", "blue"),
}
PHASES: Final[dict[str, str]] = {
    "forward": "Try",
    "undo": "Undo, try",
    "probe": "Look, try",
    "late": "Undo what came late, try",
    "check": "Check, try",
}
MAX_ITEMS: Final = 100
"""How many entries of a list a page shows."""
INJECTIONS: Final[dict[str, str]] = {
    "fail": "a failure was planted",
    "timeout_but_land": "a lost answer was planted: it lands, but nobody hears",
    "delay": "a delay was planted",
    "refuse": "a refusal was planted",
    "down": "an outage was planted: nothing was sent",
    "land_late": "it was planted to land after its deadline",
    "garbage": "garbage was planted in place of the answer",
}


@dataclass(frozen=True)
class Try:
    """One call, forward, back or a look."""

    title: str
    icon: str
    family: Family
    started: str
    took: str
    error: str
    code: str
    resolved: str
    planted: str
    key: str
    request: Json
    output: Json
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """What people were asked about a step, and what they said."""

    question: str
    group: str
    status: str
    asked_at: datetime
    answers: tuple[str, ...]
    quorum: int
    ends: str
    reason: str


@dataclass(frozen=True)
class UndoDetail:
    """What undoes a step. `complete` is whether `request` is all that will be sent."""

    status: str
    action: str
    key: str
    request: Json
    complete: bool
    none_because: str
    tries: tuple[Try, ...]


@dataclass(frozen=True)
class Earlier:
    """An epoch of a step that a repair ended: `fate` is what became of its effect."""

    title: str
    fate: str
    tries: tuple[Try, ...]


@dataclass(frozen=True)
class StepDetail:
    """Everything about one step of a run."""

    id: str
    title: str
    kind: str
    effect: str
    status: str
    word: str
    description: str
    reason: str
    evidence: Json
    facts: tuple[tuple[str, str], ...]
    input: Json
    output: Json
    tries: tuple[Try, ...]
    looks: tuple[Try, ...]
    model_calls: tuple[ModelCall, ...]
    questions: tuple[Question, ...]
    undo: UndoDetail | None
    earlier: tuple[Earlier, ...]


def shortened(value: Json) -> Json:
    """Return a value with long lists cut, for a page: the results of ten thousand items would hold it up."""
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        cut = [f"... and {len(value) - MAX_ITEMS:,} more"] if len(value) > MAX_ITEMS else []
        return [*(shortened(each) for each in value[:MAX_ITEMS]), *cut]
    return value


def step_detail(run: Run, name: str, now: datetime) -> StepDetail | None:
    """Return what the inspector shows of a step, or None where the run has no such step."""
    step = run.steps.get(name)
    if step is None:
        return None
    return StepDetail(
        id=step.id,
        title=title_of(step),
        kind=step.definition.kind,
        effect=effect_of(step.definition),
        status=shown_status(run, step),
        word=status_words(run, step),
        description=step.definition.description,
        reason=step.reason,
        evidence=step.evidence or None,
        facts=_facts(step, now),
        input=_input(step),
        output=step.output,
        tries=tuple(_try(attempt, now) for attempt in reversed(step.attempts)),
        looks=tuple(_try(attempt, now) for attempt in reversed(step.probes)),
        model_calls=model_calls(run, step),
        questions=_questions(step, now),
        undo=_undo(run, step, now),
        earlier=tuple(_earlier(old, now) for old in reversed(run.past.get(name, []))),
    )


def _earlier(old: StepState, now: datetime) -> Earlier:
    calls = sorted([*old.attempts, *old.probes, *old.undos, *old.late_undos], key=lambda call: -call.seq)
    return Earlier(
        epoch_words(old.epoch), step_look(old.status).word, tuple(_try(call, now) for call in calls)
    )


def _input(step: StepState) -> Json:
    if step.attempts:
        return step.attempts[-1].intent.request
    return step.approval.request.request if step.approval else None


def _facts(step: StepState, now: datetime) -> tuple[tuple[str, str], ...]:
    facts = []
    if step.attempts:
        facts += [("Tries", str(len(step.attempts))), ("Took", spent(step.attempts, now))]
    if step.due is not None and step.due > now:
        facts.append(("Next", f"in {rounded(step.due - now)}"))
    cost = cost_of(step)
    if cost:
        facts.append(("Cost", cost))
    if step.epoch > 1:
        facts.append(("Repaired", epoch_words(step.epoch)))
    return tuple(facts)


def _try(attempt: Attempt, now: datetime) -> Try:
    word, icon, family = OUTCOMES[attempt.outcome]
    result, intent = attempt.result, attempt.intent
    landed = {True: "Later it turned out: it landed", False: "Later it turned out: it did not land"}
    return Try(
        title=f"{PHASES[intent.phase]} {intent.attempt} · {word}",
        icon=icon,
        family=family,
        started=clock_ms(attempt.started_at),
        took=duration_words((attempt.ended_at or now) - attempt.started_at),
        error=result.error if result else "",
        code=result.code if result else "",
        resolved=landed[attempt.landed]
        if attempt.landed is not None and attempt.outcome == "unknown"
        else "",
        planted=INJECTIONS[intent.injection] if intent.injection else "",
        key=intent.key,
        request=intent.request,
        output=result.output if result else None,
        facts=_meta_facts(result.meta) if result else (),
    )


def _meta_facts(meta: dict[str, Json]) -> tuple[tuple[str, str], ...]:
    facts = []
    if meta.get("status"):
        facts.append(("HTTP", str(meta["status"])))
    if meta.get("replayed"):
        facts.append(("Key", "known already, nothing done twice"))
    if meta.get("latency_s") is not None:
        facts.append(("Latency", f"{float(meta['latency_s']):.3f} s"))
    return tuple(facts)


def _questions(step: StepState, now: datetime) -> tuple[Question, ...]:
    found = []
    for approval in reversed(step.approvals):
        asked = approval.request
        silence = "no" if asked.on_expire == "deny" else "yes"
        ends = ""
        if asked.expires_at is not None and approval.status == "open" and asked.expires_at > now:
            ends = f"Silence counts as {silence} in {rounded(asked.expires_at - now)}"
        answers = tuple(
            f"{answer.decision.capitalize()} by {answer.by}" + (f": {answer.reason}" if answer.reason else "")
            for answer in approval.answers
        )
        found.append(
            Question(
                question=asked.question,
                group=asked.group,
                status=approval.status,
                asked_at=approval.asked_at,
                answers=answers,
                quorum=asked.quorum,
                ends=ends,
                reason=approval.reason,
            )
        )
    return tuple(found)


def _undo(run: Run, step: StepState, now: datetime) -> UndoDetail | None:
    undo = undo_of(step.definition)
    if undo is None:
        if step.definition.compensate != "none":
            return None
        why = step.definition.compensate_reason
        return UndoDetail(undo_status(run, step), "", "", None, complete=False, none_because=why, tries=())
    frozen = step.frozen
    request: Json = None
    complete = False
    if frozen is not None:
        try:
            request, complete = undo_request(step), True
        except ExpressionError:
            request = frozen.request
    return UndoDetail(
        status=undo_status(run, step),
        action=undo_words(step.definition),
        key=frozen.key if frozen else "",
        request=request,
        complete=complete and (step.output is not None or (frozen is not None and frozen.scope is None)),
        none_because="",
        tries=tuple(_try(attempt, now) for attempt in reversed(step.undos)),
    )
