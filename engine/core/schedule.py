"""What should be done now, and when to look again. Everything the engine does by itself starts here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Literal, NamedTuple

from engine.core.activities_next import is_due, wakes_at
from engine.core.attempts import can_retry, honours_key
from engine.core.late_queue import in_hand, is_built_on, undoing
from engine.core.limits import held_back, one_at_a_time, reached
from engine.core.panel import next_vote
from engine.core.run import Run, StepState
from engine.core.saga import effect_of, undo_of, with_document
from engine.core.signals import awaited
from engine.core.standing import next_moments, to_know, to_lift, to_strike
from engine.core.templates import names_in

MAX_PROBES = 5


class Task(NamedTuple):
    """One thing to do; `carry_out` says by which events."""

    kind: Literal[
        "deadline", "validate", "check", "boundary", "turn", "open", "limit", "begin", "retry", "no_locks", "expire", "end_wait", "probe", "ask", "withdraw",
        "give_up", "choose", "undo", "undo_late", "empty", "excuse", "redo", "close", "happen", "verify", "plan", "judge_plan",
        "known", "strike", "lift",
    ]  # fmt: skip
    step: str = ""


def due(run: Run, now: datetime) -> Iterator[Task]:
    """Yield what should be done now, most urgent first; take one, do it, ask again.

    Going back waits for calls still in flight: undoing a booking while its sibling is being
    paid would leave a payment with nothing to pay for (R14, R17).
    """
    if run.seq == 0 or run.is_closed:
        return
    if run.standing or run.first_plan.disruptions:
        yield from (Task("known", str(item)) for item in to_know(run, now))
        yield from (Task("lift", str(seq)) for seq in to_lift(run, now))
        yield from (Task("strike", str(seq)) for seq in to_strike(run, now))
    for name in run.validating if run.repair is None else ():  # what a repair keeps is checked after it
        yield Task("validate", name)
    if run.late and not _late_waits(run):
        yield from (Task("undo_late", name) for name in run.late if _late_is_due(run, run.steps[name], now))
    if run.direction == "undo":
        yield from _back(run, now)
        return
    if run.saga.deadline_s is not None and run.fault is None and _deadline_passed(run, now):
        yield Task("deadline")
    yield from _forward(run, now) if run.fault is None else _drain(run, now)


def _late_is_due(run: Run, step: StepState, now: datetime) -> bool:
    """Return whether to undo an effect that landed late: at once, but not beside the step's own undo (R25)."""
    late = step.late
    if late is None:
        return False
    if step.status in {"to_compensate", "compensating"} or step.id in run.attention:
        return False
    if any(call.result is None for call in step.late_undos[-1:]):
        return False
    if not all(moment is None or now >= moment for moment in (late.due, step.undo_settles_at)):
        return False
    return not is_built_on(run, step.id)


def _late_waits(run: Run) -> bool:
    """Return whether no late effect may be undone at all now: few at a time, like any undo (R17, R23)."""
    return run.paused or undoing(run) >= run.saga.parallel_undo


def _deadline_passed(run: Run, now: datetime) -> bool:
    return (
        run.deadline is not None and now >= run.deadline and all(f.source != "deadline" for f in run.faults)
    )


def _forward(run: Run, now: datetime) -> Iterator[Task]:
    yield from _replan(run, now) if replans(run) else _begin(run, now)
    for name in run.active:
        if run.steps[name].status != "running":  # what runs has no timer of its own
            yield from _timer(run, run.steps[name], now)
    if is_due(run, now):
        yield Task("happen")
    if replans(run):
        return
    if not run.unfinished and not run.late:
        yield Task("close")


def replans(run: Run) -> bool:
    """Return whether the rest is being planned anew, so that nothing of it begins.

    A person who settled the step under which they were asked has answered in their own way.
    """
    planning = run.planning
    return planning is not None and (not planning.asked or planning.asked in run.attention)


def _replan(run: Run, now: datetime) -> Iterator[Task]:
    """Yield what comes next in planning anew: a look at the world, a call, a verdict."""
    planning = run.planning
    assert planning is not None
    if planning.answer is not None or planning.proposal is not None:
        yield Task("judge_plan")
    elif planning.asked or run.paused or run.limit is not None or in_hand(run) >= run.saga.parallel:
        return
    elif planning.verify:
        looking = {step for step, phase, _ in run.open_calls if phase == "probe"}
        yield from (Task("verify", name) for name in planning.verify if name not in looking)
    elif not _planner_waits(run) and (planning.due is None or now >= planning.due):
        yield _within_limits(run, "plan", "", now)


def _planner_waits(run: Run) -> bool:
    """Return whether the planner is being asked, or another call may spend the same money first (L30)."""
    return any(phase == "plan" for _, phase, _ in run.open_calls) or one_at_a_time(run)


def _begin(run: Run, now: datetime) -> Iterator[Task]:
    yield from (Task("boundary", name) for name in run.boundaries)
    yield from (Task("open", name) for name in run.fresh)
    yield from (Task("turn", name) for name in run.turning)
    for name in run.judging:
        if _may_check(run, run.steps[name], now):
            yield _within_limits(run, "check", name, now)
    if run.ready and _may_start(run):
        yield from _starts(run, now)


def _starts(run: Run, now: datetime) -> Iterator[Task]:
    for name in run.ready:
        step = run.steps[name]
        if step.definition.kind == "activity":
            continue  # the virtual clock says when
        if step.attempts and _blind(step, now):
            yield from _look(run, step, now)
        elif not held_back(run, step):
            yield _within_limits(run, "begin", name, now)


def begins_at_once(run: Run, step: StepState, now: datetime) -> bool:
    """Return whether a step whose first call nobody has to allow can begin now, and would be the next thing to do.

    Where others are still to be opened it waits for them: the guard of one may be a fault, before anything begins.
    """
    others = len(run.fresh) > 1 or run.turning or run.judging or run.ready
    return not others and _may_start(run) and not held_back(run, step) and reached(run, now) is None


def _within_limits(
    run: Run, kind: Literal["begin", "check", "retry", "plan"], name: str, now: datetime
) -> Task:
    """Return a new attempt, or the limit that stands before it (R39)."""
    return Task(kind if reached(run, now) is None else "limit", name)


def _may_check(run: Run, step: StepState, at: datetime) -> bool:
    """Return whether a validator may be called: a new attempt like any other (R10, R23, R39)."""
    if not _may_start(run) or one_at_a_time(run) or next_vote(run, step) is None:
        return False
    return step.due is None or at >= step.due


def _timer(run: Run, step: StepState, now: datetime) -> Iterator[Task]:
    passed = step.due is not None and now >= step.due
    if step.status == "waiting" and (passed or awaited(run, step) is not None):
        yield Task("end_wait", step.id)
    elif step.status == "awaiting_approval" and passed:
        yield Task("expire", step.id)
    elif step.status == "awaiting_locks" and passed:
        yield Task("no_locks", step.id)
    elif step.status == "unknown" or (step.status == "retry_wait" and _blind(step, now)):
        yield from _look(run, step, now)
    elif step.status == "retry_wait" and passed and _may_start(run) and not held_back(run, step):
        yield _within_limits(run, "retry", step.id, now)


def _may_start(run: Run) -> bool:
    if replans(run):
        return False
    return not run.paused and run.limit is None and in_hand(run) < run.saga.parallel


def _blind(step: StepState, at: datetime) -> bool:
    """Return whether a new try could land twice: an earlier one may have, and its key is forgotten (R5)."""
    return step.maybe_landed and not honours_key(step, at)


def _look(run: Run, step: StepState, now: datetime) -> Iterator[Task]:
    """Find out whether an unknown attempt landed: probe it once it settled, or ask a person (R6, R7)."""
    if not step.unresolved:
        yield Task("give_up", step.id)  # no try is left, or it landed and may not be sent again
        return
    moment = _look_at(run, step)
    if moment is None or now < moment:
        return
    if _can_ask_again(run, step, now):
        if _may_start(run) and not held_back(run, step):
            yield _within_limits(run, "retry", step.id, now)
    elif not _can_probe(step):
        undoable = effect_of(step.definition) == "compensatable" and not undo_needs_output(step)
        blind = run.direction == "forward" and undoable and undo_of(step.definition) is not None
        yield Task("give_up" if blind else "ask", step.id)
    elif not run.paused:
        yield Task("probe", step.id)


def _can_ask_again(run: Run, step: StepState, at: datetime) -> bool:
    """Return whether the same call with the same key tells best what became of it (R6)."""
    going = run.direction == "forward" and run.fault is None and step.status == "unknown"
    return going and can_retry(step) and honours_key(step, at)


def _can_probe(step: StepState) -> bool:
    return step.definition.probe is not None and len(step.probes) < MAX_PROBES


def _look_at(run: Run, step: StepState) -> datetime | None:
    """Return from when on an unknown attempt may be looked at; None while someone is looking already."""
    if step.id in run.attention or (step.probes and step.probes[-1].result is None):
        return None
    return max((m for m in (step.settles_at, step.due) if m is not None), default=None)


def _drain(run: Run, now: datetime) -> Iterator[Task]:
    for name in run.judging:
        if (name, "check") not in {(step, phase) for step, phase, _ in run.open_calls}:
            yield Task("validate", name)
    for name in chain(run.active, run.ready):
        approval = run.steps[name].approval
        if approval is not None and approval.status in {"open", "approved"}:
            yield Task("withdraw", name)
    if run.open_calls or (run.direction_asked and not run.pivot_passed()):
        return
    doubtful = _doubtful_pivots(run)
    for step in doubtful:
        yield from _look(run, step, now)
    if not doubtful:
        yield Task("choose")


def _doubtful_pivots(run: Run) -> list[StepState]:
    pivots = (run.steps[name] for name in run.pivots)
    return [step for step in pivots if step.unresolved and not step.landed]


def _back(run: Run, now: datetime) -> Iterator[Task]:
    slots = run.saga.parallel_undo - len(run.open_calls)
    for name in run.undo_active:
        step = run.steps[name]
        if is_built_on(run, name):
            continue  # by what failed and does not count, and is still there
        if step.status == "to_compensate":
            yield from _first_undo(run, step, now, slots)
        elif (
            step.status == "compensating"
            and step.due is not None
            and now >= step.due
            and slots > 0
            and not run.paused
        ):
            yield Task("undo", name)
        if slots <= 0:
            break
    if run.repair is not None:
        settled = _repaired_at(run)
        if settled is not None and now >= settled:
            yield Task("redo")
    elif not run.unplanned and not run.late:
        yield Task("close")


def _repaired_at(run: Run) -> datetime | None:
    """Return from when on nothing of the old epoch can land any more, neither a call nor its undo (R7)."""
    if run.repair is None or run.unplanned or run.late or run.open_calls:
        return None
    steps = [run.steps[name] for name in run.repair.affected]
    moments = [m for step in steps for m in (step.settles_at, step.undo_settles_at) if m is not None]
    return max(moments, default=run.updated_at)


def _first_undo(run: Run, step: StepState, now: datetime, slots: int) -> Iterator[Task]:
    settles_at = step.settles_at
    if settles_at is not None and now < settles_at:
        return
    if not step.maybe_landed:
        yield Task("empty", step.id)
    elif undo_of(step.definition) is None:
        yield Task("empty" if step.gone else "excuse", step.id)
    elif step.unresolved and not step.landed and undo_needs_output(step):
        yield from _look(run, step, now)
    elif slots > 0 and not run.paused:
        yield Task("undo", step.id)


def undo_needs_output(step: StepState) -> bool:
    """Return whether the compensation can't be made without the step's output."""
    undo = undo_of(step.definition)
    return undo is not None and "output" in names_in(with_document(undo))


def wake_at(run: Run) -> datetime | None:
    """Return the next moment at which a timer makes something due, or None where only news can.

    A timer that a pause, a full house or an open question holds back is none: whoever sleeps until
    `wake_at` would find nothing to do.
    """
    if run.is_closed or run.seq == 0:
        return None
    if run.direction == "undo":
        moments = [*_undo_moments(run), _repaired_at(run)]
    elif run.fault is not None:
        waits = run.open_calls or run.direction_asked
        moments = [] if waits else [_look_moment(run, step) for step in _doubtful_pivots(run)]
    else:
        moments = [_timer_at(run, run.steps[name]) for name in run.active]
        moments.append(wakes_at(run))
        moments.append(_planner_at(run))
        moments += [run.deadline] if all(f.source != "deadline" for f in run.faults) else []
    if run.late and not _late_waits(run):
        moments = [*moments, *(_late_moment(run, run.steps[name]) for name in run.late)]
    moments = [*moments, *next_moments(run)]
    return min((moment for moment in moments if moment is not None), default=None)


def _late_moment(run: Run, step: StepState) -> datetime | None:
    waits = (step.undo_settles_at, step.late.due if step.late is not None else None)
    moment = max((moment for moment in waits if moment is not None), default=None)
    return moment if moment is not None and _late_is_due(run, step, moment) else None


def _planner_at(run: Run) -> datetime | None:
    """Return when the planner may be asked again, where only that holds it back; a limit may be found then instead."""
    due = run.planning.due if run.planning is not None and replans(run) else None
    comes = due is not None and any(task.kind in {"plan", "limit"} for task in _replan(run, due))
    return due if comes else None


def _timer_at(run: Run, step: StepState) -> datetime | None:
    if step.status == "running" or step.id in run.attention:
        return None
    if step.status == "validating":
        return step.due if step.due is not None and _may_check(run, step, step.due) else None
    doubt = step.due or step.settles_at
    if step.status == "unknown" or (
        step.status == "retry_wait" and doubt is not None and _blind(step, doubt)
    ):
        return _look_moment(run, step)
    can = step.status != "retry_wait" or (_may_start(run) and not held_back(run, step))
    return step.due if can else None


def _look_moment(run: Run, step: StepState) -> datetime | None:
    moment = _look_at(run, step)
    if moment is not None and _can_ask_again(run, step, moment):
        return moment if _may_start(run) and not held_back(run, step) else None
    return None if run.paused and _can_probe(step) else moment


def _undo_moments(run: Run) -> list[datetime | None]:
    if len(run.open_calls) >= run.saga.parallel_undo:
        return []
    return [_undo_moment(run, run.steps[name]) for name in run.undo_active if not is_built_on(run, name)]


def _undo_moment(run: Run, step: StepState) -> datetime | None:
    if step.status == "to_compensate" and undo_of(step.definition) is None:
        return step.settles_at
    if step.status == "to_compensate" and step.unresolved and not step.landed and undo_needs_output(step):
        return _look_moment(run, step)
    if run.paused:
        return None
    return step.settles_at if step.status == "to_compensate" else step.due
