"""What follows where a recorded fact has another value: who used it, what is written of it, which checks fail now (R26).

1. A step that relied on it - for its request, its prompt, its condition, its approval - no longer counts.
2. What steps wrote of it to S_A is brought up to date by the difference that it makes; readers of that follow.
3. Checks and invariants that look at it are made anew. One that fails blames the steps it stands between, but not
   the one whose fact has changed, as long as there is another.
4. Past a point of no return nothing is undone: the fact counts from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core import events as e
from engine.core.affected import affected
from engine.core.amounts import is_number, total
from engine.core.attempts import fault
from engine.core.commit import broken_invariant
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.expressions import compile_expression
from engine.core.facts_read import check_paths, checks_of, covers, parts_of, paths_in, readings, with_value
from engine.core.run import Run, StepState
from engine.core.scope import forward_scope
from engine.core.validation import examine
from engine.core.validators import CalledValidator, TogetherValidator, Validator
from engine.core.verify import Placed, placed, verdict_of

Json = Any
Scope = dict[str, Json]
DONE = frozenset({"committed", "handled"})


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from a change.

    Attributes:
        writes: S_A keys with their new values.
        stale: the steps that used it, in the saga's own order, each with the reason.
        verdicts: the checks that were made anew.
        broken: an invariant that does not hold any more, where no step can be blamed for it.
    """

    writes: dict[str, Json]
    stale: dict[str, str]
    verdicts: tuple[e.VerdictGiven, ...] = ()
    broken: str = ""


def has_acted(step: StepState) -> bool:
    """Return whether a step can be stale: it was called, or is done with."""
    return bool(step.attempts) or step.status in DONE


def changed_scope(run: Run, path: str, value: Json, *, remove: bool = False) -> Scope:
    """Return what expressions see once a fact has another value."""
    return dict(with_value(forward_scope(run), parts_of(path), value, remove=remove))


def consequences(run: Run, path: str, value: Json, *, remove: bool = False) -> Consequences:
    """Return what follows where the fact at `path` has this value, or is there no more."""
    scope = changed_scope(run, path, value, remove=remove)
    writes = dict(_written(run, path, value, scope))
    scope["app"] = {**scope["app"], **writes}
    changed = (path, *(f"app.{key}" for key in writes if f"app.{key}" != path))
    stale = dict(_readers(run, path, changed))
    verdicts: list[e.VerdictGiven] = []
    for found, blamed in _checked(run, path, changed, scope):
        verdicts.append(found)
        if found.verdict not in {"accept", "feedback"}:
            stale |= {name: f"{found.validator}: {found.evidence}" for name in blamed if name not in stale}
    broken = broken_invariant(run, writes, seen=scope)
    if broken:
        blamed = blamed_for(run, path, changed)
        stale |= {name: broken for name in blamed if name not in stale}
        broken = "" if blamed else broken
    order = {name: place for place, name in enumerate(run.steps)}
    return Consequences(
        writes, {name: stale[name] for name in sorted(stale, key=order.__getitem__)}, tuple(verdicts), broken
    )


def _written(run: Run, path: str, value: Json, scope: Scope) -> Iterator[tuple[str, Json]]:
    """Yield what S_A holds now: the difference that the change makes to what steps wrote of the fact."""
    if path.startswith("app."):
        yield parts_of(path)[1], value  # type: ignore[misc] # the first key of S_A is a name
        return
    app = dict(run.app)
    for step in run.steps.values():
        if step.status != "committed" or step.frame:
            continue
        for key, source in step.definition.writes.items():
            if not any(covers(path, _own(read, step)) for read in paths_in(source)):
                continue
            now = _rewritten(run, step, key, scope, app)
            if now is not None and now != app.get(key):
                app[key] = now
                yield key, now


def _own(path: str, step: StepState) -> str:
    return f"steps.{step.id}.{path}" if path.startswith("output") else path


def _rewritten(run: Run, step: StepState, key: str, scope: Scope, app: dict[str, Json]) -> Json:
    """Return what a key should hold where what a step wrote of the fact were written anew; None where nobody can tell."""
    sees = {**scope, "app": app, "request": _request(step), "output": scope["steps"][step.id]["output"]}
    expression = compile_expression(step.definition.writes[key])
    try:
        new = expression.evaluate(sees)
        old = expression.evaluate(
            {**forward_scope(run), "app": app, "request": _request(step), "output": step.output}
        )
    except ExpressionError:
        return None
    held = app.get(key)
    if is_number(new) and is_number(old) and is_number(held):
        return total(held, -old, new)
    return new if new != old and held == old else None


def taken_back(run: Run, step: StepState) -> dict[str, Json]:
    """Return what S_A holds without what it was changed by since a step's facts have: where it still is a number."""
    numbers = ((key, run.app.get(key), by) for key, by in step.corrections.items())
    sums = ((key, total(held, -by)) for key, held, by in numbers if is_number(held))
    return {key: left for key, left in sums if left is not None}


def counts_still(run: Run, path: str) -> bool:
    """Return whether what was last said of a fact is said of its present value: no step has given it anew since."""
    step = run.steps.get(producer_of(path))
    since = step.committed_seq if step is not None else 0
    if path.startswith("app."):
        since = max((seq for seq, writes, _ in run.written if parts_of(path)[1] in writes), default=0)
    return run.changed.get(path, 0) >= since


def _request(step: StepState) -> Json:
    return step.attempts[-1].intent.request if step.attempts else None


def _readers(run: Run, path: str, changed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the steps that have acted on the fact, or on what was written of it by then."""
    for step in run.steps.values():
        if not has_acted(step) or step.id in run.stale:
            continue
        for reading in readings(run, step):
            hit = next((one for one in changed if reading.relies and covers(one, reading.path)), None)
            if hit is not None and (hit == path or _written_by_then(run, hit, step)):
                yield step.id, f"its {reading.how} used {reading.path}"
                break


def _written_by_then(run: Run, path: str, step: StepState) -> bool:
    key = parts_of(path)[1]
    first = min((seq for seq, writes, _ in run.written if key in writes), default=0)
    return read_at(step) > first


def read_at(step: StepState) -> int:
    """Return the place in the log where a step last read what it was to do by."""
    asked = step.approval.seq if step.approval is not None else 0
    return step.attempts[-1].seq if step.attempts else asked or step.committed_seq


def _checked(
    run: Run, path: str, changed: tuple[str, ...], scope: Scope
) -> Iterator[tuple[e.VerdictGiven, tuple[str, ...]]]:
    """Yield the checks of code that look at what has changed, made anew, each with whom it blames."""
    seen: set[str] = set()
    for step in run.steps.values():
        if step.status != "committed" or step.id in run.stale or step.frame:
            continue
        for where in placed(run, step):
            validator = where.validator
            if where.whole and validator.name in seen:
                continue
            if isinstance(validator, CalledValidator | TogetherValidator) or not _looks_at(
                run, step, validator, changed
            ):
                continue
            seen |= {validator.name} if where.whole else set()
            yield _again(step, where, scope), _blamed_by(run, step, where, path)


def _looks_at(run: Run, step: StepState, validator: Validator, changed: tuple[str, ...]) -> bool:
    assert validator in tuple(checks_of(run, step))
    looked = [_own(read, step) for read in check_paths(validator)]
    return any(covers(one, read) for one in changed for read in looked)


def _again(step: StepState, where: Placed, scope: Scope) -> e.VerdictGiven:
    sees = {**scope, "output": scope["steps"][step.id]["output"], "request": _request(step)}
    try:
        finding = examine(where.validator, sees)  # type: ignore[arg-type] # those that are calls are not here
        held, evidence = finding.held, finding.evidence
    except ExpressionError as error:
        held, evidence = False, str(error)
    bad: e.Verdict = "feedback" if where.validator.on_fail == "feedback" else "reject"
    return verdict_of(step, where, "accept" if held else bad, evidence)


def _blamed_by(run: Run, step: StepState, where: Placed, path: str) -> tuple[str, ...]:
    named = where.validator.steps if where.whole else (where.edge,) if where.edge else (step.id,)
    acted = [name for name in named if name in run.steps and has_acted(run.steps[name])]
    others = tuple(name for name in acted if name != producer_of(path))
    return others or tuple(acted) or (step.id,)


def producer_of(path: str) -> str:
    """Return the step whose output a path is in; empty where it is in none."""
    parts = parts_of(path)
    return str(parts[1]) if parts[0] == "steps" else ""


def blamed_for(run: Run, path: str, changed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps to do anew where an invariant breaks: whose fact it is, else who wrote what it looks at."""
    producer = producer_of(path)
    if producer and has_acted(run.steps[producer]):
        return (producer,)
    keys = {str(parts_of(one)[1]) for one in changed if one.startswith("app.")}
    return writers_of(run, keys)


def writers_of(run: Run, keys: set[str]) -> tuple[str, ...]:
    """Return the committed steps that wrote some of these keys of S_A."""
    return tuple(
        step.id
        for step in run.steps.values()
        if step.status == "committed" and keys & step.definition.writes.keys()
    )


def act_on(run: Run, stale: dict[str, str], reason: str, by: str) -> tuple[tuple[str, ...], list[e.Event]]:
    """Return the steps that no longer count, and the fault; none, with a note, past a point of no return (R15)."""
    if not stale:
        return (), []
    try:
        affected(run, tuple(stale))
    except CommandRejected as refused:
        return (), [e.Noted(text=f"{reason}; it counts from here on only: {refused}", by=by)]
    culprit = next(iter(stale))
    why = reason if len(stale) > 1 else f"{reason} ({stale[culprit]})"
    return tuple(stale), fault(run, "disruption", culprit, why, by)


def asked_anew(run: Run, changed: tuple[str, ...], reason: str) -> Iterator[e.ApprovalEnded]:
    """Yield the end of each open question that was made of what has changed; it is asked again (R33)."""
    for name in run.active:
        step = run.steps[name]
        if (
            step.status == "awaiting_approval"
            and step.approval is not None
            and step.approval.status == "open"
        ):
            read = [reading.path for reading in readings(run, step) if reading.relies]
            if any(covers(one, path) for one in changed for path in read):
                yield e.ApprovalEnded(step=name, how="superseded", reason=reason, again=True)
