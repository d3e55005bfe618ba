"""Validators that are calls: which vote is asked next, and what the votes come to (R9, R28).

A vote is one answer of one validator about one output. It is asked again as its policy says; when that is
used up the vote is lost. A judge accepts where more than half of all its votes do, and finds something where
so many can no longer accept; where too many are lost to tell, there is no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from engine.core import events as e
from engine.core.attempts import UNCOUNTED, intend, is_final, schedule_retry
from engine.core.context.build import build
from engine.core.errors import ExpressionError
from engine.core.run import Run, StepState
from engine.core.templates import as_text, render
from engine.core.validators import CalledValidator, JudgeValidator, PythonValidator
from engine.core.verify import Placed, find_placed, not_held, seen, verdict_of

Json = Any


@dataclass(frozen=True, slots=True)
class Vote:
    """Where one vote stands; `ended` are the results of its calls so far."""

    validator: str
    number: int
    status: Literal["to_ask", "asked", "given", "lost"]
    ended: tuple[e.AttemptEnded, ...] = ()


def votes(run: Run, step: StepState, ended: e.AttemptEnded | None = None) -> Iterator[Vote]:
    """Yield every vote about a step's present output; `ended` is a result that is about to be recorded."""
    for name in step.panel.called:
        where = find_placed(run, step, name)
        if where is not None and isinstance(where.validator, CalledValidator):
            for number in range(1, _size(where.validator) + 1):
                yield _vote(step, where.validator, number, ended)


def _size(validator: CalledValidator) -> int:
    return validator.votes if isinstance(validator, JudgeValidator) else 1


def _vote(step: StepState, validator: CalledValidator, number: int, ended: e.AttemptEnded | None) -> Vote:
    calls = [
        call for call in step.checks[step.panel.checks_from :]
        if (call.intent.validator, call.intent.vote) == (validator.name, number)
    ]  # fmt: skip
    results = tuple(
        ended if ended is not None and call.number == ended.attempt else call.result for call in calls
    )
    known = tuple(result for result in results if result is not None)
    if len(known) < len(results):
        return Vote(validator.name, number, "asked", known)
    if known and known[-1].outcome == "ok" and _is_answer(known[-1].output):
        return Vote(validator.name, number, "given", known)
    tries = sum(result.code not in UNCOUNTED for result in known)
    over = bool(known) and is_final(known[-1])
    status: Literal["lost", "to_ask"] = "lost" if over or tries >= validator.retry.max_attempts else "to_ask"
    return Vote(validator.name, number, status, known)


def _is_answer(output: Json) -> bool:
    return isinstance(output, dict) and isinstance(output.get("accept"), bool)


def next_vote(run: Run, step: StepState) -> Vote | None:
    """Return the vote that is to be asked next, or None while all are asked or known."""
    told_already = step.judged.keys()
    open_ = (vote for vote in votes(run, step) if vote.validator not in told_already)
    return next((vote for vote in open_ if vote.status == "to_ask"), None)


def check(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Ask for a vote: an intent like that of any call (R1)."""
    step = run.step(name)
    vote = next_vote(run, step)
    assert vote is not None
    where = find_placed(run, step, vote.validator)
    assert where is not None
    assert isinstance(where.validator, CalledValidator)
    try:
        request = check_request(run, step, where)
    except ExpressionError as error:
        return [verdict_of(step, where, "none", f"it could not be asked: {error}")]
    intent = intend(run, step, "check", request, now, timeout_s=where.validator.timeout_s)
    return [replace(intent, validator=vote.validator, vote=vote.number)]


def check_request(run: Run, step: StepState, where: Placed) -> Json:
    """Return what a validator that is a call is asked.

    Raises:
        ExpressionError: if a placeholder of it can't be filled.
    """
    validator = where.validator
    if isinstance(validator, PythonValidator):
        scope = seen(run, step, where)
        call = validator.with_.model_dump(mode="json", by_alias=True)
        return {"function": call["function"], "args": render(call["args"] or {"output": "${output}"}, scope)}
    assert isinstance(validator, JudgeValidator)
    return _judge_request(run, step, where, validator)


def _judge_request(run: Run, step: StepState, where: Placed, judge: JudgeValidator) -> Json:
    """Return what a judge is asked: its rubric, the output, a context of its own; not what the step was asked.

    Only one that judges the reasoning sees that.
    """
    scope = {name: value for name, value in seen(run, step, where).items() if name != "request"}
    rubric, model = as_text(render(judge.rubric, scope)), as_text(render(judge.model, scope))
    policy = judge.context
    query = as_text(render(policy.query, scope)) if policy.query else rubric
    request: dict[str, Json] = {
        "rubric": rubric,
        "output": step.output,
        "model": model,
        "may_add": list(judge.may_add) if judge.on_fail == "augment" else [],
        "temperature": judge.temperature,
        "max_tokens": judge.max_tokens,
        "context": build(run, step, policy, query, scope=scope, model=model),
    }
    if where.check == "reasoning":
        last = step.attempts[-1].result if step.attempts else None
        told = last.meta if last else {}
        request["reasoning"] = told.get("reasoning", "")
        request |= {key: told[key] for key in ("alternatives", "justification") if told.get(key)}
    return request


def check_ended(run: Run, step: StepState, ended: e.AttemptEnded, now: datetime) -> list[e.Event]:
    """Return what follows from a vote, or from a call that gave none."""
    call = step.call("check", ended.attempt)
    assert call is not None
    intent = call.intent
    current = call in step.checks[step.panel.checks_from :] and step.id in run.judging
    if not current or run.fault is not None:
        return []
    mine = [vote for vote in votes(run, step, ended) if vote.validator == intent.validator]
    if all(vote.status in {"given", "lost"} for vote in mine):
        return told(run, step, mine)
    asked = next(vote for vote in mine if vote.number == intent.vote)
    if asked.status == "to_ask":
        reason = ended.error or ended.outcome
        return [
            schedule_retry(
                run, step, "check", reason, now, code=ended.code, policy=_policy(run, step, intent)
            )
        ]
    return []


def _policy(run: Run, step: StepState, intent: e.AttemptIntended) -> Any:
    where = find_placed(run, step, intent.validator)
    assert where is not None
    assert isinstance(where.validator, CalledValidator)
    return where.validator.retry


def untold(run: Run, step: StepState) -> list[e.Event]:
    """Return the verdict of the first validator whose votes are all known, and that has none; empty if none is so."""
    for name in step.panel.called:
        mine = [vote for vote in votes(run, step) if vote.validator == name]
        if name not in step.judged and mine and all(vote.status in {"given", "lost"} for vote in mine):
            return told(run, step, mine)
    return []


def told(run: Run, step: StepState, mine: list[Vote]) -> list[e.Event]:
    """Return the verdict that the votes of one validator come to."""
    where = find_placed(run, step, mine[0].validator)
    assert where is not None
    given = [vote.ended[-1].output for vote in mine if vote.status == "given"]
    yes = sum(answer["accept"] for answer in given)
    counts = _counts(mine) | {"votes": (yes, len(given))}
    if 2 * yes > len(mine):
        return [verdict_of(step, where, "accept", _evidence(given, accept=True), **counts)]
    if 2 * (len(given) - yes) >= len(mine):
        additions: dict[str, Json] = next(
            (a["add"] for a in given if isinstance(a.get("add"), dict) and not a["accept"]), {}
        )
        return [not_held(step, where, _evidence(given, accept=False), additions, **counts)]
    errors = [vote.ended[-1].error for vote in mine if vote.status == "lost" and vote.ended]
    said = f"no verdict: {len(mine) - len(given)} of {len(mine)} answers are missing: {errors[-1] if errors else ''}"
    return [verdict_of(step, where, "none", said, **counts)]


def _evidence(given: list[Json], *, accept: bool) -> str:
    said = (str(a.get("evidence") or "") for a in given if a["accept"] is accept)
    return next((words for words in said if words), "no evidence given")


def _counts(mine: list[Vote]) -> dict[str, Json]:
    metas = [result.meta for vote in mine for result in vote.ended]
    return {
        "cost_usd": sum(_number(meta.get("cost_usd")) for meta in metas),
        "tokens": int(sum(_number(meta.get("tokens")) for meta in metas)),
        "latency_s": round(sum(_number(meta.get("latency_s")) for meta in metas), 4),
    }


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
