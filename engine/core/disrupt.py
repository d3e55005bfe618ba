"""Disrupting a run: what a person may ask for, what strikes when its time comes, what ends again (R13, R26, R33, R39).

1. A disruption is a fact from when it is known; what follows from it is recorded when it takes hold.
2. What can't be so is refused where a person asks for it; where a schedule does, it ends with the reason.
3. A run that goes back is not changed: only its calls can still be struck.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from engine.core import commands as c
from engine.core import disruption_kinds as d
from engine.core import events as e
from engine.core.amounts import is_number, product
from engine.core.attempts import named_step
from engine.core.commit import broken_invariant
from engine.core.constraints import rules_in_force
from engine.core.disrupt_facts import (
    act_on,
    asked_anew,
    consequences,
    counts_still,
    has_acted,
    taken_back,
    writers_of,
)
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.expressions import compile_expression
from engine.core.facts_read import parts_of, paths_in, value_at
from engine.core.run import UNDONE, Run, StepState
from engine.core.saga import canonical_json, effect_of, undo_of
from engine.core.scope import forward_scope, output_scope
from engine.core.standing import CALLS_NOTHING, going_forward, heir_of

Json = Any
STILL_TO_CALL = frozenset(
    {
        "pending",
        "ready",
        "awaiting_approval",
        "awaiting_locks",
        "retry_wait",
        "running",
        "unknown",
        "validating",
    }
)
Fields = dict[str, Any]


def disrupt(run: Run, command: c.Disrupt, now: datetime) -> list[e.Event]:
    """Take note of a disruption, after checking that it can be."""
    until, begins = (
        command.until,
        max(m for m in (now, command.known_at, command.effective_from) if m is not None),
    )
    if until is not None and until <= begins:
        raise CommandRejected("it would be over before it begins; give a later end")
    _refuse_what_is_no_json(command.what)
    _refuse_what_can_not_be(run, command.what, now, later=begins > now)
    return [
        e.Disrupted(
            what=command.what, by=command.by, known_at=command.known_at, effective_from=command.effective_from,
            until=until,
        )
    ]  # fmt: skip


def _refuse_what_is_no_json(what: d.Disruption) -> None:
    """Refuse what the log could not give back as it was said (L8)."""
    try:
        canonical_json(what.model_dump()).encode()
    except (TypeError, ValueError, RecursionError):
        raise CommandRejected("what it says is no JSON, such as nan; give plain values") from None


def _refuse_what_can_not_be(run: Run, what: d.Disruption, now: datetime, *, later: bool) -> None:
    if isinstance(what, d.CallFault):
        _refuse_call(run, what, now)
    elif not isinstance(what, (*d.OF_CALLS, *d.OF_THE_PROCESS)):
        if not later and not going_forward(run):
            raise CommandRejected("the run is going back; only its calls can be disturbed")
        if not later:
            foreseen(run, what, "?")


def _refuse_call(run: Run, what: d.CallFault, now: datetime) -> None:
    step = named_step(run, what.step)
    if step.definition.kind in CALLS_NOTHING:
        raise CommandRejected(f"step '{step.id}' makes no call that could be disturbed")
    if what.phase == "undo" and (undo_of(step.definition) is None or step.status in UNDONE):
        raise CommandRejected(f"step '{step.id}' has no undo still to come")
    if what.phase == "probe" and step.definition.probe is None:
        raise CommandRejected(f"step '{step.id}' has no probe")
    if what.phase == "forward" and (run.direction == "undo" or step.status not in STILL_TO_CALL):
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only an attempt still to come can be disturbed"
        )
    same = (s.known.what for s in run.standing.values() if s.in_force(now))
    if any(
        isinstance(o, d.CallFault) and (o.step, o.phase, o.word) == (step.id, what.phase, what.word)
        for o in same
    ):
        raise CommandRejected(f"that waits for the next attempt of '{step.id}' already")


def lift(run: Run, command: c.Lift, _now: datetime) -> list[e.Event]:
    """End a disruption before its time."""
    standing = run.standing.get(command.disruption)
    if standing is None or standing.over:
        raise CommandRejected(
            f"no disruption {command.disruption} is in force; they are numbered by their event"
        )
    if standing.begun and not going_forward(run):
        raise CommandRejected("the run is going back; lift it when it goes forward again")
    return ended(run, command.disruption, command.reason or f"lifted by {command.by}", command.by)


def known(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Return the fact that a scheduled disruption is known now."""
    number = int(name)
    item = run.first_plan.disruptions[number - 1]
    assert isinstance(item, d.Scheduled), "changes of a timetable happen on its own clock"
    begins = now + timedelta(seconds=item.from_s)
    until = None if item.for_s is None else begins + timedelta(seconds=item.for_s)
    return [
        e.Disrupted(what=item.what, by="the schedule", effective_from=begins if item.from_s else None, until=until, item=number)
    ]  # fmt: skip


def strike(run: Run, name: str, _now: datetime) -> list[e.Event]:
    """Let a disruption take hold; one that can't be any more is over."""
    seq = int(name)
    known_ = run.standing[seq].known
    try:
        fields, after = foreseen(run, known_.what, known_.by)
    except CommandRejected as refused:
        return [e.DisruptionEnded(disruption=seq, reason=f"it can't be: {refused}")]
    return [e.DisruptionStruck(disruption=seq, by=known_.by, **fields), *after]


def foreseen(run: Run, what: d.Disruption, by: str) -> tuple[Fields, list[e.Event]]:
    """Return what a disruption would do now: the fields of its event, and the events that follow.

    Raises:
        CommandRejected: if it can't be, with the reason.
    """
    act = _STRIKES.get(type(what))
    return ({"reason": words(what)}, []) if act is None else act(run, what, by)


def _changed(run: Run, what: d.ChangedFact, by: str) -> tuple[Fields, list[e.Event]]:
    try:
        before = value_at(forward_scope(run), what.path)
    except KeyError:
        raise CommandRejected(
            f"there is no fact `{what.path}` by now; `saga facts {run.id}` lists them"
        ) from None
    value = what.value
    if what.factor is not None:
        if not is_number(before):
            raise CommandRejected(f"`{what.path}` is {before!r}; only a number can be multiplied")
        value = product(before, what.factor)
        if value is None:
            raise CommandRejected(f"`{what.path}` times {what.factor:g} is no number that can be kept")
    if value == before:
        raise CommandRejected(f"`{what.path}` is {before!r} already")
    return change(run, what.path, before, value, words(what), by)


def change(  # noqa: PLR0917 - a fact, what it was and is, and who says so
    run: Run, path: str, before: Json, value: Json, reason: str, by: str, *, remove: bool = False
) -> tuple[Fields, list[e.Event]]:
    """Return the fields and what follows where a fact changes; whoever asks open questions asks them anew."""
    found = consequences(run, path, value, remove=remove)
    stale, after = act_on(run, found.stale, reason, by)
    changed = (path, *(f"app.{key}" for key in found.writes))
    again = [] if stale else list(asked_anew(run, changed, reason))
    if found.broken and not stale:
        after = [*after, e.Faulted(source="invariant", step=None, reason=found.broken, by=by)]
    fields = {
        "path": path,
        "before": before,
        "value": value,
        "writes": found.writes,
        "stale": stale,
        "reason": reason,
    }
    return fields, [*found.verdicts, *again, *after]


def _lost(run: Run, what: d.LostResource, by: str) -> tuple[Fields, list[e.Event]]:
    if what.resource in run.lost:
        raise CommandRejected(f"'{what.resource}' is lost already")
    named = [named_step(run, name) for name in what.steps]
    holder = run.locks.get(what.resource)
    users = [*([run.steps[holder]] if holder in run.steps else []), *named]
    return _stale(run, users, words(what), by)


def _stale(run: Run, users: list[StepState], reason: str, by: str) -> tuple[Fields, list[e.Event]]:
    stale, after = act_on(run, {step.id: reason for step in users if has_acted(step)}, reason, by)
    return {"stale": stale, "reason": reason}, after


def _constraint(run: Run, what: d.NewConstraint, by: str) -> tuple[Fields, list[e.Event]]:
    if any(what.name == name for name, *_ in rules_in_force(run)) or what.name in run.constraints:
        raise CommandRejected(f"there is a constraint '{what.name}' already; give another name")
    if not what.rule:
        return {"reason": words(what)}, []
    try:
        compile_expression(what.rule)
    except ExpressionError as error:
        raise CommandRejected(str(error)) from None
    broken = broken_invariant(run, {}, only=(what.name, what.rule))
    if not broken:
        return {"reason": words(what)}, []
    spoken = [str(parts_of(path)[1]) for path in paths_in(what.rule) if path.startswith("steps.")]
    keys = {str(parts_of(path)[1]) for path in paths_in(what.rule) if path.startswith("app.")}
    blamed = [run.steps[name] for name in (*spoken, *writers_of(run, keys)) if name in run.steps]
    fields, after = _stale(run, blamed, broken, by)
    if not after:
        after = [e.Faulted(source="invariant", step=None, reason=broken, by=by)]
    return fields, after


def _relax(run: Run, what: d.RelaxedConstraint, _by: str) -> tuple[Fields, list[e.Event]]:
    there = (
        {invariant.name for invariant in run.saga.invariants}
        | set(run.saga.constraints)
        | set(run.constraints)
    )
    if what.name not in there - set(run.relaxed):
        known_names = ", ".join(sorted(there - set(run.relaxed))) or "none"
        raise CommandRejected(f"no constraint '{what.name}' is in force; there is {known_names}")
    return {"reason": words(what)}, []


def _budget(run: Run, what: d.CutBudget, _by: str) -> tuple[Fields, list[e.Event]]:
    return {"before": run.cuts.get(what.limit), "value": what.allowed, "reason": words(what)}, []


def _withdraw(run: Run, what: d.WithdrawnApproval, by: str) -> tuple[Fields, list[e.Event]]:
    step, reason = named_step(run, what.step), words(what)
    approval = step.approval
    if approval is None or approval.status not in {"approved", "consumed"}:
        raise CommandRejected(f"nobody's approval of '{step.id}' is in force that could be withdrawn")
    if approval.status == "approved" and not has_acted(step):
        return {"reason": reason}, [e.ApprovalEnded(step=step.id, how="withdrawn", reason=reason, again=True)]
    return _stale(run, [step], reason, by)


def _cancelled(run: Run, what: d.CancelledBooking, by: str) -> tuple[Fields, list[e.Event]]:
    step = named_step(run, what.step)
    if effect_of(step.definition) == "readonly":
        raise CommandRejected(f"step '{step.id}' has no effect that could be cancelled")
    if step.status != "committed" or step.gone:
        raise CommandRejected(
            f"step '{step.id}' is {step.status}; only an effect that counts can be reported gone"
        )
    fields, after = _stale(run, [step], words(what), by)
    return {**fields, "writes": _paid_back(run, step, what.answer)}, after


def _paid_back(run: Run, step: StepState, answer: dict[str, Json] | None) -> dict[str, Json]:
    """Return what the undo of a step would write to S_A, by what its target said."""
    undo = undo_of(step.definition)
    if undo is None or answer is None:
        return {}
    app = {**run.app, **taken_back(run, step)}
    try:
        scope = {**output_scope(run, step), "app": app, "undo": answer}
        return {key: compile_expression(source).evaluate(scope) for key, source in undo.writes.items()}
    except ExpressionError as error:
        raise CommandRejected(f"the answer does not say enough: {error}") from None


def ended(run: Run, seq: int, reason: str, by: str = "") -> list[e.Event]:
    """Return the end of a disruption; a fact that it changed is again what it was, unless it was given anew since."""
    standing = run.standing[seq]
    what = standing.known.what
    if not isinstance(what, d.ChangedFact) or not standing.begun:
        return [e.DisruptionEnded(disruption=seq, reason=reason, by=by)]
    if heir_of(run, seq) is not None:
        over = f"{reason}; it was changed again since"
        return [e.DisruptionEnded(disruption=seq, reason=over, by=by)]
    try:
        now = value_at(forward_scope(run), what.path)
    except KeyError:
        return [e.DisruptionEnded(disruption=seq, reason=reason, by=by)]
    if not counts_still(run, what.path):
        anew = f"{reason}; it has another value since"
        return [e.DisruptionEnded(disruption=seq, reason=anew, by=by)]
    fields, after = change(run, what.path, now, standing.before, reason, by)
    return [e.DisruptionEnded(disruption=seq, by=by, **fields), *after]


def lifted(run: Run, name: str, _now: datetime) -> list[e.Event]:
    """Return the end of a disruption whose time is up."""
    return ended(run, int(name), "its time is up")


def words(what: d.Disruption) -> str:
    """Return what a disruption says, in the words of who asked for it, else in ours."""
    return what.reason or _WORDS[type(what)](what)


_STRIKES: dict[type[Any], Callable[[Run, Any, str], tuple[Fields, list[e.Event]]]] = {
    d.ChangedFact: _changed, d.LostResource: _lost, d.NewConstraint: _constraint, d.RelaxedConstraint: _relax,
    d.CutBudget: _budget, d.WithdrawnApproval: _withdraw, d.CancelledBooking: _cancelled,
}  # fmt: skip


def _calls(what: d.CallFault) -> str:
    count = "call" if what.times == 1 else f"{what.times} calls"
    return f"the next {'' if what.phase == 'forward' else what.phase + ' '}{count} of '{what.step}'"


_WORDS: dict[type[Any], Callable[[Any], str]] = {
    d.Fail: lambda w: f"{_calls(w)} can't be sent",
    d.Refuse: lambda w: f"{_calls(w)} is refused" if w.times == 1 else f"{_calls(w)} are refused",
    d.TimeoutButLand: lambda w: f"the answer to {_calls(w)} is lost",
    d.LandLate: lambda w: f"{_calls(w)} lands {w.delay_s:g} s after its deadline",
    d.Delay: lambda w: (
        f"{_calls(w)} takes {f'{w.factor:g} times as long' if w.factor > 1 else f'{w.delay_s:g} s longer'}"
    ),
    d.Garbage: lambda w: f"the answer to {_calls(w)} is garbage",
    d.ModelDown: lambda w: f"{w.model or 'every model'} is down",
    d.ToolDown: lambda w: f"{w.target} is down",
    d.DatabaseAway: lambda w: f"the database is away for {w.seconds:g} s",
    d.Crash: lambda _: "the process dies",
    d.ChangedFact: lambda w: (
        f"{w.path} is {f'{w.factor:g} times what it was' if w.factor is not None else w.value!r} now"
    ),
    d.LostResource: lambda w: f"{w.resource} can't be had any more",
    d.NewConstraint: lambda w: f"from now on: {w.text or w.rule}",
    d.RelaxedConstraint: lambda w: f"{w.name} need not hold any more",
    d.CutBudget: lambda w: f"no more than {w.allowed:g} {w.limit} may be spent",
    d.WithdrawnApproval: lambda w: f"the approval of '{w.step}' is withdrawn",
    d.CancelledBooking: lambda w: f"the target of '{w.step}' says that its effect is gone",
}
