"""Making intents and reading results: requests, retries, unknown outcomes (R1-R9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.core.choreography import failure
from engine.core.context.build import build
from engine.core.dropped import point_passed, taken_back
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptResolved,
    CompensationFrozen,
    Event,
    FallbackTaken,
    Faulted,
    FaultSource,
    HelpNeeded,
    Noted,
    Phase,
    RetryScheduled,
    StepFailed,
    Told,
)
from engine.core.expressions import Scope, is_true
from engine.core.fixed import hash_of, rendered
from engine.core.frames import is_answered, tolerated
from engine.core.parts import Retry
from engine.core.run import Run, StepState
from engine.core.saga import (
    HttpStep,
    LlmStep,
    RouteStep,
    effect_of,
    sha256,
    undo_of,
    with_document,
)
from engine.core.scope import forward_scope, key_of, late_key_of, undo_key_of
from engine.core.standing import strikes
from engine.core.templates import as_text, expressions_in, names_in, render
from engine.core.validators import LlmFallback, ValueFallback

Json = Any
DAY_S = 86400.0
UNCOUNTED = frozenset({"interrupted", "too_late"})
"""Ends of calls for which nobody but the engine and its machine can be blamed."""
TOO_LONG = frozenset({"timeout", "heartbeat"})
"""Ends of calls of which nothing was heard for too long."""
MAX_LESSONS = 5
PROBE_PAUSE = Retry(max_attempts=5, backoff_s=1, factor=2, max_backoff_s=30)


def request_of(run: Run, step: StepState) -> Json:
    """Return what a forward attempt sends; a retry with an effect sends the same again (R4).

    Raises:
        ExpressionError: if a placeholder can't be filled.
    """
    if step.attempts and effect_of(step.definition) != "readonly":
        return step.attempts[0].intent.request
    scope = forward_scope(run, step)
    simpler = simpler_prompt(step)
    if isinstance(step.definition, RouteStep):
        request = _route_request(step.definition, with_document(simpler or step.definition), scope)
        return request | _shown(run, step, request, scope) if request["prompt"] else request
    if simpler is None and not isinstance(step.definition, LlmStep):
        return rendered(step.definition, scope)
    request = render(with_document(simpler or step.definition), scope)
    request |= {"output_schema": step.definition.output, "feedback": _feedback(step)}
    return request | _shown(run, step, request, scope)


def _shown(run: Run, step: StepState, request: Json, scope: Scope) -> dict[str, Json]:
    """Return what a model is shown and asked besides its prompt: only what there is."""
    definition = step.definition
    policy = definition.context if isinstance(definition, LlmStep) else None
    prompt, model = as_text(request["prompt"]), as_text(request["model"])
    query = as_text(render(policy.query, scope)) if policy and policy.query else prompt
    context = build(run, step, policy, query, scope=scope, model=model, tokenizer=_approved_tokenizer(step))
    more: dict[str, Json] = {} if context is None else {"context": context}
    if isinstance(definition, LlmStep) and definition.explain:
        more["explain"] = True
    if lessons := run.lessons.get(step.id):
        more["lessons"] = lessons[-MAX_LESSONS:]
    return more


def _approved_tokenizer(step: StepState) -> str:
    """Return by which tokenizer the request was counted that people were asked about; another one would be drift (R33)."""
    asked = step.approval.request.request if step.approval is not None else None
    known = (asked.get("context") or {}) if isinstance(asked, dict) else {}
    return str(known.get("tokenizer", ""))


def simpler_prompt(step: StepState) -> LlmFallback | None:
    """Return the fallback that now makes the step's calls, or None while the step does itself."""
    taken = step.definition.fallback[step.fallbacks[-1].number - 1] if step.fallbacks else None
    return taken if isinstance(taken, LlmFallback) else None


def _route_request(route: RouteStep, document: dict[str, Json], scope: Scope) -> Json:
    rows = [{"to": row.to, "when": row.when, "held": is_true(row.when, scope)} for row in route.with_.rules]
    return {**document, "rules": rows, "prompt": render(route.with_.prompt, scope)}


def _feedback(step: StepState) -> list[str]:
    """Return what was wrong with earlier answers, so that the next prompt can say it."""
    said = [
        f"{v.validator}: {v.evidence}" for v in step.verdicts if v.verdict in {"retry", "feedback", "reject"}
    ]
    said += [a.result.error for a in step.attempts if a.result and a.result.code == "invalid_output"]
    return said[-3:]


def intend(
    run: Run,
    step: StepState,
    phase: Phase,
    request: Json,
    now: datetime,
    *,
    timeout_s: float | None = None,
    evidence: dict[str, Json] | None = None,
) -> AttemptIntended:
    """Return the intent of a call: everything that must be on disk before it is made (R1).

    With `evidence` it also says that the step is ready, and why (R10).

    Raises:
        ExpressionError: if the compensation's inputs can't be rendered.
    """
    timeout = _timeout_s(step, phase) if timeout_s is None else timeout_s
    seq, struck = strikes(run, step.id, phase, request, now) or (0, {})
    return AttemptIntended(
        step=step.id,
        phase=phase,
        epoch=step.epoch,
        attempt=step.latest(phase) + 1,
        key=_key(run, step, phase),
        request=request,
        request_hash=hash_of(step.definition, request),
        deadline=now + timedelta(seconds=timeout),
        compensation=_freeze(run, step, request) if phase == "forward" and not step.attempts else None,
        fallback=step.fallbacks[-1].number if phase == "forward" and step.fallbacks else 0,
        disruption=seq,
        evidence=evidence,
        **struck,
    )


def _timeout_s(step: StepState, phase: Phase) -> float:
    undo, probe = undo_of(step.definition), step.definition.probe
    if phase in {"undo", "late"} and undo is not None:
        return undo.timeout_s
    return probe.timeout_s if phase == "probe" and probe is not None else step.definition.timeout_s


def _key(run: Run, step: StepState, phase: Phase) -> str:
    if phase == "late" and step.late is not None:
        return late_key_of(run, step, step.late.attempt)
    if phase == "check":
        return f"v:{key_of(run, step)}"
    return undo_key_of(run, step) if phase == "undo" else key_of(run, step)


def _freeze(run: Run, step: StepState, request: Json) -> CompensationFrozen | None:
    """Return the undo with its inputs as they are now; nothing decides them later (R18)."""
    undo = undo_of(step.definition)
    if undo is None or effect_of(step.definition) == "readonly":
        return None
    document = with_document(undo)
    scope = {**forward_scope(run, step), "request": request}
    key = undo_key_of(run, step)
    if "output" not in names_in(document):
        return CompensationFrozen(kind=undo.kind, key=key, request=rendered(undo, scope))
    return CompensationFrozen(kind=undo.kind, key=key, scope=_only_used(document, scope))


def _only_used(document: Json, scope: dict[str, Json]) -> dict[str, Json]:
    names, steps = names_in(document), {s for _, found in expressions_in(document) for s in found.steps}
    kept = {name: _copied(scope[name]) for name in names if name in scope}
    if "steps" in kept and steps:
        kept["steps"] = {name: run_step for name, run_step in scope["steps"].items() if name in steps}
    return kept


def _copied(value: Json) -> Json:
    """Return a mapping as it is now: S_A and the known outputs are changed in place later."""
    return dict(value) if isinstance(value, Mapping) else value


def probe_request(run: Run, step: StepState) -> Json:
    """Return what a probe sends.

    Raises:
        ExpressionError: if a placeholder can't be filled.
    """
    assert step.definition.probe is not None
    scope = {**forward_scope(run, step), "request": step.attempts[-1].intent.request}
    return rendered(step.definition.probe, scope)


def is_final(ended: AttemptEnded) -> bool:
    """Return whether a call that ended so is not to be made again: it was refused, or nothing else can come of it (R3)."""
    return ended.outcome == "rejected" or not ended.retryable


def can_retry(step: StepState, phase: Phase = "forward", code: str = "") -> bool:
    """Return whether the retry policy leaves a try after one that ended with `code` (R9).

    Calls that a crash interrupted, or that were never sent, are not counted; errors with a limit of their own
    count for that only.
    """
    policy = _policy(step, phase)
    own = {name for name, rule in policy.per_code.items() if rule.max_attempts is not None} - {code}
    rule = policy.per_code.get(code)
    later = step.calls(phase)[_granted(step, phase) :]
    codes = [code if a.result is None else a.result.code for a in later]
    if rule is not None and rule.max_attempts is not None:
        return codes.count(code) < rule.max_attempts
    return sum(each not in UNCOUNTED and each not in own for each in codes) < policy.max_attempts


def _policy(step: StepState, phase: Phase) -> Retry:
    undo = undo_of(step.definition)
    if phase == "probe":
        return PROBE_PAUSE
    return undo.retry if phase in {"undo", "late"} and undo is not None else step.definition.retry


def _granted(step: StepState, phase: Phase) -> int:
    """Return how many calls were made before the present round of tries."""
    if phase == "late" and step.late is not None:
        return step.late.before
    return step.granted_undo if phase == "undo" else step.granted


def key_ttl_s(step: StepState) -> float:
    """Return for how long the step's target remembers a key at least, in seconds; 0: not at all (R5)."""
    stated = step.definition.key_ttl_s
    if stated is None:
        return DAY_S if isinstance(step.definition, HttpStep) else 0.0
    return stated


def honours_key(step: StepState, now: datetime) -> bool:
    """Return whether the target knows the key of the first attempt for as long as a call made now may take (R5)."""
    ttl = key_ttl_s(step)
    if not step.attempts or not ttl:
        return False
    return now - step.attempts[0].started_at < timedelta(seconds=ttl - step.definition.timeout_s)


def schedule_retry(
    run: Run,
    step: StepState,
    phase: Phase,
    reason: str,
    now: datetime,
    *,
    unknown: bool = False,
    code: str = "",
    policy: Retry | None = None,
) -> RetryScheduled:
    """Return when the next try is due: after the back-off and, after an unknown one, the settle window (R7, R9)."""
    calls = step.calls(phase)
    number = max(len(calls) - _granted(step, phase), 1)
    patience = policy or _policy(step, phase)
    at = now + timedelta(seconds=patience.pause_s(number, _jitter(run, step, phase, len(calls)), code))
    if unknown:
        at = max(at, calls[-1].intent.deadline + timedelta(seconds=step.definition.settle_s))
    return RetryScheduled(step=step.id, phase=phase, due=at, reason=reason)


def _jitter(run: Run, step: StepState, phase: Phase, number: int) -> float:
    """Return a number in 0..1 that is the same on every replay."""
    return int(sha256(f"{run.id}:{step.id}:{phase}:{number}")[:8], 16) / 0xFFFFFFFF


def give_up(
    run: Run, step: StepState, source: FaultSource, reason: str, ended: AttemptEnded | None = None
) -> list[Event]:
    """Return the events of a step that failed for good: it, and the fault or, later ones, a note (R13).

    A readonly step that has a fallback left takes that instead.
    There is no fault where other steps wait for this failure, as long as surely no effect of it is out
    there; what a composite step did inside is undone then. `ended` is the result that leads here, where that is
    about to be recorded.
    """
    simpler = fall_back(run, step, source, reason)
    if simpler is not None:
        return [simpler]
    last = ended or (step.attempts[-1].result if step.attempts else None)
    timed_out = source == "expired" or (last is not None and last.code in TOO_LONG)
    going = run.fault is None and run.direction == "forward" and _can_go_on(run, step, ended)
    handled = going and (is_answered(run, step, timed_out=timed_out) or tolerated(run, step))
    emits = failure(step.definition, step.local, reason, timed_out=timed_out) if handled else {}
    failed = StepFailed(step=step.id, reason=reason, timed_out=timed_out, handled=handled, emits=emits)
    return [failed, *(taken_back(run, step, reason) if handled else fault(run, source, step.id, reason))]


def fall_back(run: Run, step: StepState, source: FaultSource, reason: str) -> FallbackTaken | None:
    """Return the next fallback of a readonly step that would fail, or None where there is none."""
    going = run.fault is None and run.direction == "forward" and effect_of(step.definition) == "readonly"
    if not going or source not in {"rejected", "exhausted", "validator"}:
        return None
    taken = len(step.fallbacks)
    for number, fallback in enumerate(step.definition.fallback[taken:], taken + 1):
        try:
            value = (
                render(fallback.value, forward_scope(run, step))
                if isinstance(fallback, ValueFallback)
                else None
            )
        except ExpressionError as error:
            reason = f"{reason}; fallback {number}: {error}"
            continue
        return FallbackTaken(step=step.id, number=number, kind=fallback.kind, reason=reason, output=value)
    return None


def _can_go_on(run: Run, step: StepState, ended: AttemptEnded | None) -> bool:
    """Return whether others may go on after a failure: nothing is out there, or all of it can be taken back."""
    return not point_passed(run, step) and _surely_without_effect(step, ended)


def _surely_without_effect(step: StepState, ended: AttemptEnded | None) -> bool:
    if ended is None or effect_of(step.definition) == "readonly":
        return not step.maybe_landed
    others = [attempt for attempt in step.attempts if attempt.number != ended.attempt]
    return ended.outcome in {"rejected", "failed"} and not any(a.maybe_landed for a in others)


def fault(run: Run, source: FaultSource, step: str | None, reason: str, by: str = "") -> list[Event]:
    """Return the run's fault, or a note where an earlier one already won (R13)."""
    if run.fault is None and run.direction == "forward":
        return [Faulted(source=source, step=step, reason=reason, by=by)]
    return [Noted(text=f"{source}: {reason}", step=step, by=by)]


def resolve_all(
    step: StepState, *, landed: bool, how: Told, output: Json, evidence: str, by: str
) -> list[Event]:
    """Return the resolution of every unknown attempt of a step: they share one key, so one answer fits all."""
    return [
        AttemptResolved(
            step=step.id, phase="forward", attempt=attempt.number, landed=landed, how=how, output=output,
            evidence=evidence, by=by,
        )
        for attempt in step.unresolved
    ]  # fmt: skip


def not_landed(run: Run, step: StepState, reason: str, now: datetime) -> list[Event]:
    """Return what follows when an unknown attempt turns out to have had no effect.

    What a repair keeps is tried again behind it (R14). Where no try is left it waits: once the run goes forward, its
    failure is a fault of its own, or others go on with it; before, it would be neither (R13).
    """
    if step.status in {"ready", "withdrawn"}:
        return []
    if step.status == "failed":
        stuck = run.fault is None and run.direction == "forward"
        return [HelpNeeded(step=step.id, kind="stuck_after_pivot", reason=reason)] if stuck else []
    kept = run.repair is not None and not run.takes_back(step)
    if (kept or run.fault is None) and can_retry(step):
        return [schedule_retry(run, step, "forward", reason, now)]
    return [] if kept else give_up(run, step, "exhausted", reason)


def out_of_tries(step: StepState) -> str:
    """Return why a step is given up of which no call is to be made any more."""
    landed = "one landed, and did not count" if step.maybe_landed else "none landed"
    known = "whether one landed is unknown" if step.unresolved else landed
    return f"gave up after {len(step.attempts)} attempts; {known}"


def named_step(run: Run, name: str) -> StepState:
    """Return the state of a step that a command names.

    Raises:
        CommandRejected: if the saga has no such step.
    """
    if name not in run.steps:
        raise CommandRejected(f"saga '{run.saga.saga}' has no step '{name}'")
    return run.steps[name]
