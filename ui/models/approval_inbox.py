"""Questions that wait for people: the inbox over all runs, and one question with what each answer causes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from engine.core.attempt import Approval
from engine.core.commands import Decide
from engine.core.events import Recorded
from engine.core.run import Run, StepState
from engine.core.saga import ApprovalStep, undo_of
from engine.core.scope import key_of
from engine.ports import RunRow
from ui.models.run_actions import refusal
from ui.models.run_graph import request_words
from ui.models.run_places import title_in
from ui.models.run_rollback import RollbackLine, order_to_undo, rollback_lines
from ui.models.run_words import Headline, ago, clock, counted, epochs, left, listed, row_headline
from ui.models.status import Family
from ui.models.undo_cost import price_words
from ui.models.verdict_ask import verdict_detail, verdict_questions

Json = Any
URGENT = timedelta(minutes=15)
ID_END = 6


@dataclass(frozen=True)
class InboxItem:
    """A question in the list. `family` is the colour of its deadline, `about` tells its run from others of the saga."""

    id: str
    run: str
    step: str
    title: str
    saga: str
    question: str
    group: str
    asked: str
    deadline: str
    family: Family
    about: str
    kind: Literal["approval", "verdict"] = "approval"


@dataclass(frozen=True)
class ApprovalDetail:
    """A question with what will happen if the answer is yes, and if it is no.

    Attributes:
        seq: which question it is, by its place in the log.
        about: who started the run, with what.
        wire: what will be sent, as it is sent; "" where nothing is.
        evidence: what the author of the saga wants the person to see.
        refusal: why this person can't answer; "" where they can.
    """

    run: str
    step: str
    title: str
    saga: str
    about: str
    question: str
    group: str
    hash: str
    seq: int
    asked: str
    deadline: str
    silence: str
    share: float | None
    if_yes: str
    if_no: str
    wire: str
    key: str
    request: Json
    evidence: Json
    undo: tuple[RollbackLine, ...]
    undo_cost: str
    answers: tuple[str, ...]
    refusal: str


def inbox(rows: Iterable[RunRow], now: datetime, inputs: Mapping[str, Json]) -> list[InboxItem]:
    """Return the open questions of some runs, the nearest deadline first; `inputs` are those of each run, by its id."""
    found = [(row, approval) for row in rows for approval in row.approvals]
    late = datetime.max.replace(tzinfo=now.tzinfo)
    found.sort(key=lambda pair: (pair[1].expires_at or late, pair[1].asked_at))
    return [
        InboxItem(
            id=f"{row.id}/{approval.step}",
            run=row.id,
            step=approval.step,
            title=approval.title,
            saga=row.title,
            question=approval.question,
            group=approval.group,
            asked=ago(approval.asked_at, now),
            deadline=_deadline(approval.expires_at, now),
            family=_urgency(approval.expires_at, now),
            about=about_words(row.by, inputs.get(row.id, {})),
        )
        for row, approval in found
    ]


def short_id(run_id: str) -> str:
    """Return the end of a run's id, which tells it from the runs that began beside it."""
    return f"…{run_id[-ID_END:]}"


def about_words(by: str, given: Mapping[str, Json]) -> str:
    """Return who started a run with what: "started by ann · order A-7, items 3"."""
    parts = (
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
    )
    return " · ".join(part for part in (f"started by {by}" if by else "", ", ".join(parts)) if part)


def verdict_items(
    row: RunRow, run: Run, history: Sequence[Recorded], now: datetime, me: str
) -> list[InboxItem]:
    """Return the outputs of a run that wait for a person's word, in a validator's place."""
    found = (verdict_detail(run, history, step, now, me) for step in verdict_questions(run))
    return [
        InboxItem(
            id=f"{run.id}/{detail.step}",
            run=run.id,
            step=detail.step,
            title=detail.title,
            saga=row.title,
            question="; ".join(f"{line.validator}: {line.evidence}" for line in detail.findings),
            group="",
            asked=detail.asked,
            deadline="a validator asks",
            family="yellow",
            about=about_words(row.by, run.input),
            kind="verdict",
        )
        for detail in found
        if detail is not None
    ]


def other_help(
    rows: Iterable[RunRow], verdicts: Mapping[str, int] | None = None
) -> list[tuple[str, str, Headline]]:
    """Return the runs that wait for people for something else than an answer: id, title, how they stand.

    `verdicts` says for how many outputs of a run a decision is asked: those stand in the inbox.
    """
    counts = verdicts or {}
    return [
        (row.id, row.title, row_headline(row))
        for row in rows
        if not row.approvals and (row.direction_asked or row.attention > counts.get(row.id, 0))
    ]


def _deadline(expires_at: datetime | None, now: datetime) -> str:
    return "no deadline" if expires_at is None else f"{left(expires_at, now)} left"


def _urgency(expires_at: datetime | None, now: datetime) -> Family:
    if expires_at is None:
        return "gray"
    return "red" if expires_at - now < URGENT else "yellow"


def approval_detail(
    run: Run, name: str, now: datetime, me: str, groups: tuple[str, ...] | None = None
) -> ApprovalDetail | None:
    """Return the open question about a step, or None where there is none (any more)."""
    step = run.steps.get(name)
    approval = step.approval if step else None
    if step is None or approval is None or approval.status != "open":
        return None
    asked = approval.request
    is_step = isinstance(step.definition, ApprovalStep)
    denied = tuple(rollback_lines(run, now)) if _goes_back(run, step) else ()
    key = "" if is_step else key_of(run, step)
    return ApprovalDetail(
        run=run.id,
        step=step.id,
        title=title_in(run, step.id),
        saga=run.saga.name,
        about=about_words(run.starter, run.input),
        question=asked.question,
        group=asked.group,
        hash=asked.request_hash,
        seq=approval.seq,
        asked=ago(approval.asked_at, now),
        deadline=_deadline(asked.expires_at, now),
        silence=_silence(approval),
        share=_share(approval, now),
        if_yes=_if_yes(run, step, approval),
        if_no=_if_no(run, step, len(denied)),
        wire="" if is_step else wire(step.definition.kind, asked.request, key),
        key=key,
        request=None if is_step else asked.request,
        evidence=asked.request if is_step else None,
        undo=denied,
        undo_cost=price_words(run) if denied else "",
        answers=tuple(_answer(answer) for answer in approval.answers),
        refusal=refusal(run, Decide(step=name, decision="approved", by=me, groups=groups), now),
    )


def wire(kind: str, request: Json, key: str) -> str:
    """Return a request as it goes out: the line, the key, and the body byte for byte."""
    if kind != "http" or not isinstance(request, dict):
        return json.dumps(request, indent=2, ensure_ascii=False)
    query = "&".join(f"{k}={v}" for k, v in (request.get("params") or {}).items() if v is not None)
    lines = [f"{request.get('method', 'GET')} {request.get('url', '')}{'?' + query if query else ''}"]
    lines += [f"{name}: {value}" for name, value in (request.get("headers") or {}).items()]
    lines.append(f"Idempotency-Key: {key}")
    body = request.get("json")
    if body is not None:
        lines += ["", json.dumps(body, ensure_ascii=False, separators=(",", ":"))]
    return "\n".join(lines)


def _share(approval: Approval, now: datetime) -> float | None:
    """Return how much of the time to answer is over, 0 to 1."""
    ends = approval.request.expires_at
    if ends is None or ends <= approval.asked_at:
        return None
    return min(max((now - approval.asked_at) / (ends - approval.asked_at), 0.0), 1.0)


def _silence(approval: Approval) -> str:
    if approval.request.expires_at is None:
        return ""
    return f"Silence counts as {'no' if approval.request.on_expire == 'deny' else 'yes'}."


def _if_yes(run: Run, step: StepState, approval: Approval) -> str:
    asked = approval.request
    yes = sum(answer.decision == "approved" for answer in approval.answers)
    more = asked.quorum - yes - 1
    first = f"{counted(more, 'more person', 'more people')} must agree; then " if more > 0 else ""
    if isinstance(step.definition, ApprovalStep):
        names = [title_in(run, name) for name in run.saga.graph.dependents[step.id]]
        then = f"the run goes on with {listed(names)}." if names else "the run goes on."
    else:
        action = request_words(step.definition.kind, asked.request) or "its call"
        undo = "" if undo_of(step.definition) else " It can't be undone afterwards."
        then = f"exactly this is sent, once: {action}.{undo}"
    said = first + then
    return said[0].upper() + said[1:]


def _goes_back(run: Run, step: StepState) -> bool:
    continues = isinstance(step.definition, ApprovalStep) and step.definition.with_.on_deny == "continue"
    return not continues and not run.pivot_passed()


def _if_no(run: Run, step: StepState, effects: int) -> str:
    if isinstance(step.definition, ApprovalStep) and step.definition.with_.on_deny == "continue":
        return "The run goes on, and later steps see the no."
    if run.pivot_passed():
        return "The point of no return is passed: the run stops here and asks a person how to go on."
    if run.saga.recovery == "ask":
        return "The run stops, and a person is asked whether to undo everything, to repair, or to go on."
    if not effects:
        return "The run ends. Nothing has taken effect yet, so there is nothing to undo."
    order = f"{', in this order' if effects > 1 else ''}: {order_to_undo(run)}"
    return f"The run goes back and undoes {counted(effects, 'effect')}{order}."


def _answer(answer: Any) -> str:
    said = f"{answer.decision.capitalize()} by {answer.by}"
    return f"{said}: {answer.reason}" if answer.reason else said


def has_said(run: Run, name: str, question: int, decision: str, me: str) -> bool:
    """Return whether a person has given this very answer to a question, known by its place in the log."""
    approval = _asked_at(run, name, question)
    return approval is not None and any(
        (answer.by, answer.decision) == (me, decision) for answer in approval.answers
    )


def settled_words(run: Run, name: str, question: int) -> str:
    """Return who settled a question by which answer, and when; "" where no answer has settled it."""
    approval = _asked_at(run, name, question)
    if approval is None or approval.ended_at is None or not approval.answers:
        return ""
    last = approval.answers[-1]
    title = title_in(run, name)
    return f"{last.by} {last.decision} '{title}' at {clock(approval.ended_at)} UTC; there is nothing left to decide"


def _asked_at(run: Run, name: str, question: int) -> Approval | None:
    lives = epochs(run, run.steps[name]) if name in run.steps else []
    return next((asked for life in lives for asked in life.approvals if asked.seq == question), None)
