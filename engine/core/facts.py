"""The fact ledger: every outside fact that steps used, from where it is, since when it holds, who relied on it.

A pure fold of a run: inputs, what steps gave and others read, what people said, what was taken for granted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from engine.core.assumptions import Assumption, assumptions, value_at_or_none
from engine.core.disrupt_facts import has_acted, read_at
from engine.core.facts_read import How, Reading, covers, parts_of, readings
from engine.core.run import Run, StepState

Json = Any
Source = Literal["input", "step", "model", "person", "validator", "assumption", "state", "disruption"]


@dataclass(frozen=True, slots=True)
class Use:
    """A step that used a fact, and for what; `stale` where it used another value than there is now."""

    step: str
    how: How
    relies: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class KnownFact:
    """One outside fact.

    Attributes:
        path: as expressions name it; what people said is `said.STEP...`.
        by: the step, the model, the person, the validator or the owner that it comes from.
        since: when it became known, or got this value; `seq` is the place in the log, 0 for the start.
        changed: whether it has another value than it was recorded with.
        assumed: what was taken for granted, where this is such a thing.
    """

    path: str
    value: Json
    source: Source
    by: str
    since: datetime | None
    seq: int
    uses: tuple[Use, ...]
    changed: bool = False
    assumed: Assumption | None = None


def ledger(run: Run) -> list[KnownFact]:
    """Return every fact that a run knows and some step used, inputs and assumptions even where none did."""
    read = {name: readings(run, step) for name, step in run.steps.items()}
    found = (*_inputs(run, read), *_assumed(run, read), *_outputs(run, read), *_state(run, read), *_said(run))
    return list({fact.path: fact for fact in reversed(found)}.values())[::-1]


Read = dict[str, tuple[Reading, ...]]


def _inputs(run: Run, read: Read) -> Iterator[KnownFact]:
    for name in run.saga.input:
        yield _fact(run, f"run.input.{name}", "input", run.starter, run.started_at, 0, read)


def _assumed(run: Run, read: Read) -> Iterator[KnownFact]:
    for one in assumptions(run):
        at = run.steps[one.step].ended_at if one.step else run.started_at
        seq = run.steps[one.step].committed_seq if one.step else 0
        source: Source = "validator" if one.step else "assumption"
        yield _fact(run, one.path, source, one.owner, at, seq, read, one)


def _outputs(run: Run, read: Read) -> Iterator[KnownFact]:
    """Yield the parts of outputs that somebody read, or that were said to be otherwise."""
    wanted = {
        reading.path for found in read.values() for reading in found if reading.path.startswith("steps.")
    }
    for path in sorted(wanted | {path for path in run.changed if path.startswith("steps.")}):
        name = str(parts_of(path)[1])
        step = run.steps.get(name)
        if step is None or step.status != "committed" or name not in run.known:
            continue
        source, by = _source(step)
        yield _fact(run, path, source, by, step.ended_at, step.committed_seq, read)


def _source(step: StepState) -> tuple[Source, str]:
    """Return from where a step's output is: a person's word, a model, a service."""
    if step.definition.kind == "approval":
        answers = step.approval.answers if step.approval is not None else []
        return "person", answers[-1].by if answers else "the deadline"
    if step.by_hand:
        return "person", step.id
    last = step.attempts[-1].result if step.attempts else None
    model = last.meta.get("model") if last is not None else None
    return ("model", str(model)) if model else ("step", step.id)


def _state(run: Run, read: Read) -> Iterator[KnownFact]:
    paths = {r.path for found in read.values() for r in found if r.path.startswith("app.") and r.relies}
    for path in sorted(paths | {path for path in run.changed if path.startswith("app.")}):
        key = str(parts_of(path)[1])
        if key not in run.app:
            continue
        seq = max((at for at, writes, _ in run.written if key in writes), default=0)
        writer = next((s for s in run.steps.values() if s.committed_seq == seq and seq), None)
        at = writer.ended_at if writer is not None else run.updated_at if seq else run.started_at
        yield _fact(run, path, "state", writer.id if writer is not None else "the saga", at, seq, read)


def _said(run: Run) -> Iterator[KnownFact]:
    """Yield what people said: approvals, verdicts, what they did by hand."""
    for step in run.steps.values():
        for approval in step.approvals[-1:]:
            for answer in approval.answers:
                if step.definition.kind != "approval":
                    use = Use(step.id, "approval", relies=True, stale=approval.status == "withdrawn")
                    uses = (use,) if has_acted(step) else ()
                    path, value = f"said.{step.id}.{answer.by}", answer.decision
                    yield KnownFact(path, value, "person", answer.by, approval.ended_at, approval.seq, uses)
        for verdict in step.judged.values():
            if verdict.by:
                use = Use(step.id, "check", relies=False, stale=False)
                path = f"said.{step.id}.{verdict.validator}"
                yield KnownFact(
                    path, verdict.verdict, "person", verdict.by, step.ended_at, step.committed_seq, (use,)
                )


def _fact(  # noqa: PLR0917 - one place where a fact's parts come together
    run: Run,
    path: str,
    source: Source,
    by: str,
    since: datetime | None,
    seq: int,
    read: Read,
    assumed: Assumption | None = None,
) -> KnownFact:
    changed = max((at for other, at in run.changed.items() if covers(other, path)), default=0)
    said = run.judged.get(path)
    if changed > seq and path not in {one.path for one in (assumed,) if one is not None}:
        source, by = "disruption", said.by if said is not None else by
    uses = tuple(_uses(run, path, read, changed))
    return KnownFact(
        path, value_at_or_none(run, path), source, by, since, max(seq, changed), uses, changed > seq, assumed
    )  # fmt: skip


def _uses(run: Run, path: str, read: Read, changed: int) -> Iterator[Use]:
    for name, found in read.items():
        step = run.steps[name]
        if not (has_acted(step) or step.approvals):
            continue
        for how in dict.fromkeys(r.how for r in found if covers(r.path, path)):
            relies = next(r.relies for r in found if r.how == how)
            if how == "writes" and step.status != "committed":
                continue
            yield Use(name, how, relies=relies, stale=relies and 0 < read_at(step) < changed)


def users_of(run: Run, path: str) -> tuple[str, ...]:
    """Return the steps that have acted on a fact."""
    return tuple(
        name for name, step in run.steps.items()
        if has_acted(step) and any(r.relies and covers(r.path, path) for r in readings(run, step))
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """Why a step is in the lineage of data: from whom it read, and which fact; empty for where it begins."""

    step: str
    source: str = ""
    path: str = ""


def lineage(run: Run, culprits: tuple[str, ...]) -> dict[str, Line]:
    """Return the steps that read, near or far, what the culprits gave: what a change reaches by its data alone.

    What is undone goes by the dependencies (R26), which may reach further; this says why, and where it would not.
    """
    found = {name: Line(name) for name in culprits}
    queue = deque(culprits)
    read = {name: readings(run, step) for name, step in run.steps.items()}
    while queue:
        source = queue.popleft()
        given = [f"steps.{source}.output", *(f"app.{key}" for key in run.steps[source].definition.writes)]
        for name, paths in read.items():
            if name in found or not _comes_after(run, name, source):
                continue
            hit = next((r.path for r in paths if r.relies and any(covers(g, r.path) for g in given)), None)
            if hit is not None:
                found[name] = Line(name, source, hit)
                queue.append(name)
    return found


def _comes_after(run: Run, name: str, source: str) -> bool:
    first = run.steps[source].begun or run.steps[source].committed_seq
    mine = run.steps[name].begun or run.steps[name].committed_seq
    return not first or not mine or mine > first
