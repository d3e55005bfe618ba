"""The laws of validation; see `laws` for how a law is written."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core import events as e
from engine.core.validators import ValidatorBase
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.shape import Place
from engine.rehearsal.verdict import expect


class _Validation:
    """What has been said about the present output of each step, up to a place in the log."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, e.VerdictGiven]] = {}
        self.added: dict[str, set[str]] = {}
        self.output: dict[str, object] = {}
        self.committed: set[str] = set()

    def add(self, event: e.Event) -> None:
        match event:
            case e.AttemptEnded(phase="forward", outcome="ok") | e.FallbackTaken(kind="value") | e.Gathered():
                self._begin(event.step, event.output)
            case e.AttemptResolved(phase="forward", landed=True) | e.LateLanded(counts=True):
                if event.output is not None:
                    self.output[event.step] = event.output
            case e.VerdictGiven():
                self.said.setdefault(event.step, {})[event.validator] = event
            case e.StepsRedone():
                self.committed -= set(event.steps)
            case e.OutputAugmented():
                same = self.output.get(event.step) == event.before
                expect(same, "L37", f"'{event.step}': another output was augmented")
                self.output[event.step] = event.after
                self.added.setdefault(event.step, set()).add(event.validator)

    def _begin(self, step: str, output: object) -> None:
        self.said[step], self.added[step], self.output[step] = {}, set(), output


def L37_an_output_counts_only_after_its_validators(seen: Evidence) -> int:
    """Each commit that no person vouched for follows a yes of every validator that looks at the step.

    A yes is an accept, a note, what was added, or a person's word; a rejection is never followed by one,
    and a validator that gave no verdict has not said yes.
    """
    known, judged = _Validation(), 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        known.add(event)
        if isinstance(event, e.StepCommitted):
            if not event.by and shape.step(event.step).kind not in {"approval", "wait", "activity"}:
                judged += _check(shape.place(event.step), known, event.step, recorded.seq)
            known.committed.add(event.step)
    return judged


def _check(place: Place, known: _Validation, step: str, seq: int) -> int:
    count = 0
    for validator in _over(place, known):
        count += 1
        verdict = known.said.get(step, {}).get(validator.name)
        expect(
            verdict is not None, "L37", f"'{step}' was committed unseen by {validator.name}, at event {seq}"
        )
        assert verdict is not None
        fine = {"accept", "feedback", *(["none"] if validator.on_fail == "feedback" else [])}
        added = verdict.verdict == "augment" and validator.name in known.added.get(step, ())
        expect(added or verdict.verdict in fine, "L37", f"'{step}' was committed in spite of {verdict!r}")
    return count


def _over(place: Place, known: _Validation) -> Iterable[ValidatorBase]:
    yield from place.plan.steps[place.local].validate_
    for edge in place.plan.edges:
        if edge.from_ == place.local:
            yield from edge.validate_
    for validator in place.plan.validate_:
        others = {place.peer(name) for name in validator.steps if name != place.local}
        if validator.kind != "together" and place.local in validator.steps and others <= known.committed:
            yield validator


def L38_what_belongs_together_commits_or_falls_together(seen: Evidence) -> int:
    """A completed run has all or none of the steps of a boundary."""
    if seen.ending != "completed":
        return 0
    judged = 0
    for validator in seen.saga.validate_:
        touched = _by_hand(seen)
        if validator.kind != "together" or validator.on_fail == "feedback" or touched & set(validator.steps):
            continue
        if any(choice.direction == "forward" for _, choice in seen.all(e.DirectionChosen)):
            continue  # past a pivot, or by a person's choice, the run goes on in spite of it
        judged += 1
        done = {seen.last_word[step] == "committed" for step in validator.steps}
        expect(len(done) == 1, "L38", f"{validator.steps} were to commit or fall together")
    return judged


def _by_hand(seen: Evidence) -> set[str]:
    """Return the steps that a person skipped, or said to be done."""
    skipped = {x.step for _, x in seen.all(e.StepSkipped) if x.reason.startswith("skipped by ")}
    return skipped | {x.step for _, x in seen.all(e.StepCommitted) if x.by}
