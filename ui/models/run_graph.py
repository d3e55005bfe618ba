"""A run as a graph: its steps with statuses, and below them what undoes each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from engine.core.attempt import Attempt
from engine.core.choreography import event_in
from engine.core.frames import known_of
from engine.core.parts import HttpCall
from engine.core.run import Run, StepState
from engine.core.saga import Step, effect_of, undo_of
from ui.models.draft_needs import edge_label, is_outcome
from ui.models.graph import EdgeKind, EdgeState, Graph, GraphEdge, GraphNode
from ui.models.layout import CARD_H, CARD_W, Layout
from ui.models.run_checks import check_mark, edge_check
from ui.models.run_disrupt import planted_on
from ui.models.run_places import plan_at, steps_at
from ui.models.run_tally import GOING_BACK, has_undo_inside, inside_words, stack_of, undo_tally
from ui.models.run_verdicts import fallbacks
from ui.models.run_words import epoch_words, epochs, money, rounded, title_of
from ui.models.status import effect_look, kind_look
from ui.models.step_words import (
    FOR_A_SIGNAL,
    checked_by,
    shown_status,
    undecided,
    waits_for_signal,
    waits_for_verdict,
)
from ui.models.timeline import duration_words

NO_TIME = timedelta(0)

UNDO: Final = "undo:"
"""What the id of a compensation's card begins with."""

SHORT: Final = {"fallback": "Done by fallback", "awaiting_verdict": "Needs a decision"}
"""Words that fit on a card, where those of the status map do not."""
LATE: Final = {"to_undo": "to_compensate", "undoing": "compensating", "failed": "comp_failed"}
"""How the undo of a late effect stands, as a key of the status map."""


def run_graph(run: Run, now: datetime, place: str = "") -> Graph:
    """Return the graph of a run at one place, as it is at `now`; its shape depends on the saga only.

    A composite step is one card, whatever is inside it.
    """
    here = steps_at(run, place)
    steps = [_node(run, step, now) for step in here]
    undone = [step for step in here if undo_of(step.definition) is not None or has_undo_inside(step)]
    undos = [_undo_node(run, step, now) for step in undone]
    mirrors = [
        GraphEdge(f"{step.id}>{UNDO}{step.id}", step.id, UNDO + step.id, kind="undo") for step in undone
    ]
    return Graph((*steps, *undos), (*_arrows(run, place), *mirrors))


def step_of(card: str) -> str:
    """Return the step that a card belongs to, be it its own or its compensation's."""
    return card.removeprefix(UNDO)


def extent(positions: Layout) -> tuple[float, float]:
    """Return how wide and how high a graph is, in its own units."""
    xs = [point.x for point in positions.at.values()]
    ys = [point.y for point in positions.at.values()]
    return (max(xs) - min(xs) + CARD_W, max(ys) - min(ys) + CARD_H) if xs else (CARD_W, CARD_H)


def _node(run: Run, step: StepState, now: datetime) -> GraphNode:
    return GraphNode(
        id=step.id,
        title=title_of(step),
        subtitle=inside_words(run, step) or _subtitle(run, step, now),
        kind=step.definition.kind,
        status=shown_status(run, step),
        effect=effect_of(step.definition),
        attempts=len(step.attempts),
        marks=_marks(run, step),
        word=FOR_A_SIGNAL if waits_for_signal(step) else SHORT.get(shown_status(run, step), ""),
        count=stack_of(run, step),
    )


def _marks(run: Run, step: StepState) -> tuple[str, ...]:
    marks = []
    turned = run.faults[run.faults_before :]  # what repairs have settled turned nothing around for good
    if turned and turned[0].step == step.id:
        marks.append("fault")
    if run.repair is not None and step.id in run.repair.affected:
        marks.append("affected")
    elif step.epoch > 1:
        marks.append("anew")
    if step.id in run.stale:
        marks.append("stale")
    if planted_on(run, step) or any(a.intent.injection for a in step.attempts):
        marks.append("disrupted")
    marks += check_mark(run, step)
    if step.lates:
        marks.append("late")
    if step.locked and not run.is_closed:
        marks.append("locked")
    if step.definition.compensate == "none" and effect_of(step.definition) == "compensatable":
        marks.append("irreversible")
    return tuple(marks)


def _waiting(step: StepState, now: datetime) -> str:
    """Return what a step waits for, and how long it does."""
    what = " · ".join(part for part in step.awaits or () if part)
    if step.due is None:
        return what
    if what:
        return f"{what} · {rounded(max(step.due - now, NO_TIME))} left"
    return f"in {rounded(step.due - now)}" if step.due > now else "now"


def _subtitle(run: Run, step: StepState, now: datetime) -> str:
    """Return the one line that tells most about a step in its state."""
    if step.status == "validating":
        return _checking(run, step)
    if step.status == "awaiting_approval" and step.approval is not None:
        asked = step.approval.request.group or "anyone"
        return f"{asked} · {rounded(now - step.approval.asked_at)}"
    if step.status == "awaiting_locks" and step.due is not None:
        return f"{', '.join(step.wanted)} · {rounded(step.due - now)} left"
    if step.status in {"retry_wait", "waiting"}:
        return _waiting(step, now)
    if step.status in {"skipped", "failed", "handled"}:
        return step.reason
    if step.attempts:
        simpler = fallbacks(step)[0].what if step.fallbacks else ""
        again = epoch_words(step.epoch) if step.epoch > 1 else ""
        parts = (again, simpler, spent(step.attempts, now), cost_of(step))
        return " · ".join(part for part in parts if part)
    if step.status == "committed" and step.approval is not None and step.approval.answers:
        again = f"{epoch_words(step.epoch)} · " if step.epoch > 1 else ""
        return f"{again}by {step.approval.answers[-1].by}"
    return _to_come(step) if step.status == "pending" else ""


def _to_come(step: StepState) -> str:
    return epoch_words(step.epoch) if step.epoch > 1 else effect_look(effect_of(step.definition)).word


def _checking(run: Run, step: StepState) -> str:
    if waits_for_verdict(run, step):
        return undecided(run, step)
    return f"by {checked_by(run, step)}" if step.id in run.judging else ""


def spent(attempts: Sequence[Attempt], now: datetime) -> str:
    """Return how long some attempts took together, the open one until now."""
    if not attempts:
        return ""
    total = sum(((a.ended_at or now) - a.started_at for a in attempts), timedelta(0))
    return duration_words(max(total, timedelta(0)))


def cost_of(step: StepState) -> str:
    """Return what a step's calls cost, in words; "" where they cost nothing."""
    return cost_of_all([step])


def cost_of_all(steps: Sequence[StepState]) -> str:
    """Return what the calls of some steps cost together, in words; "" where they cost nothing."""
    results = [attempt.result for step in steps for attempt in step.attempts if attempt.result]
    usd = sum(float(result.meta.get("cost_usd", 0) or 0) for result in results)
    tokens = sum(int(result.meta.get("tokens", 0) or 0) for result in results)
    return " · ".join(
        part for part in (money(usd) if usd else "", f"{tokens:,} tokens" if tokens else "") if part
    )


def _undo_node(run: Run, step: StepState, now: datetime) -> GraphNode:
    if undo_of(step.definition) is None:
        return _undo_inside(run, step)
    calls = [*step.undos, *step.late_undos]
    before = sum(bool(old.undos) for old in epochs(run, step)[:-1])
    took = spent(calls, now) if calls else undo_words(step.definition)
    if before and not calls:
        took = f"undone by a repair · {took}"
    if step.late_undos:
        took = f"a late effect · {took}"
    return GraphNode(
        id=UNDO + step.id,
        title=f"Undo: {title_of(step)}",
        subtitle=took,
        kind="undo",
        status=undo_status(run, step),
        lane="undo",
        attempts=len(calls),
    )


def _undo_inside(run: Run, step: StepState) -> GraphNode:
    status, words = undo_tally(run, step)
    count = 0 if step.definition.kind == "saga" else stack_of(run, step)
    return GraphNode(
        UNDO + step.id, f"Undo: {title_of(step)}", words, kind="undo", status=status, lane="undo", count=count
    )


def undo_status(run: Run, step: StepState) -> str:
    """Return the status of a step's compensation: a key of the status map."""
    if step.status in GOING_BACK:
        return step.status
    if step.late is not None:
        return LATE[step.late.status]
    if step.late_undos:
        return "compensated"
    going_back = run.direction == "undo" and run.repair is None
    return "unneeded" if run.is_closed or going_back else "standby"


def undo_words(step: Step) -> str:
    """Return in a few words what undoes a step: "DELETE /hotels/bookings", "Python: cancel"."""
    undo = undo_of(step)
    if undo is None:
        return ""
    if isinstance(undo.with_, HttpCall):
        return f"{undo.with_.method} {_path(undo.with_.url)}"
    return f"{kind_look(undo.kind).word}: {undo.with_.function}"


def request_words(kind: str, request: Any) -> str:
    """Return in a few words what a rendered request does; "" where it tells nothing."""
    if not isinstance(request, dict):
        return ""
    if kind == "http" and request.get("url"):
        return f"{request.get('method', 'GET')} {_path(str(request['url']))}"
    if kind == "python" and request.get("function"):
        return f"{kind_look(kind).word}: {request['function']}"
    return ""


def _path(url: str) -> str:
    plain = url.removeprefix("${world}")
    return urlsplit(plain).path or plain


def _arrows(run: Run, place: str) -> list[GraphEdge]:
    arrows = []
    plan, prefix = plan_at(run, place), f"{place}." if place else ""
    for local, condition in plan.graph.conditions.items():
        needs, name = plan.steps[local].needs, prefix + local
        for other, branch in dict.fromkeys(condition.terms):
            source = prefix + other
            if source not in run.steps or name not in run.steps:
                continue
            kind = _kind(branch)
            state = _state(run, source, branch, name)
            label = event_in(branch) or edge_label(branch, needs)
            check = edge_check(run, source, name)
            arrows.append(
                GraphEdge(f"{source}.{branch or ''}>{name}", source, name, label, kind, state, check)
            )
    return arrows


def _kind(branch: str | None) -> EdgeKind:
    if event_in(branch):
        return "event"
    return "outcome" if is_outcome(branch) else "branch" if branch else "needs"


def _state(run: Run, source: str, branch: str | None, target: str) -> EdgeState:
    """Return whether an arrow was taken. What is known of a step stays known after it was undone."""
    known = known_of(run, run.steps[source]).get(run.steps[source].local)
    if known is None:
        return "idle"
    event = event_in(branch)
    held = event in run.steps[source].emitted if event else _held(known, branch)
    if held and run.steps[target].status == "skipped":
        return "dead"
    return "taken" if held else "dead"


def _held(known: dict[str, Any], branch: str | None) -> bool:
    if is_outcome(branch):
        failed = str(known["status"]) == "failed"
        ends = {"failed": failed, "timed_out": failed and bool(known.get("timed_out"))}
        return ends.get(str(branch), str(known["status"]) == "skipped")
    if known["status"] != "committed":
        return False
    output = known.get("output")
    return branch is None or (isinstance(output, dict) and output.get("branch") == branch)
