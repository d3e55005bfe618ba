"""Checking an output: code first, then the validators that are calls, then what all of it comes to (R11, R28).

1. Any rejection wins; no later verdict, of a judge or of another rule, takes it back.
2. A validator that could not be asked gave no verdict. That is never an accept: a person decides.
3. What a validator adds is kept beside what was there. Where it changes a value, or comes from a model,
   a person consents first.
4. Once the run goes back nothing more is asked: an output not yet checked does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core import events as e
from engine.core.attempts import can_retry, fault, give_up, schedule_retry
from engine.core.commit import commit, rules_over
from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.frames import nested_saga, peer, plan_of
from engine.core.run import SETTLED, Run, StepState
from engine.core.saga import effect_of
from engine.core.schema import mismatch
from engine.core.scope import output_scope
from engine.core.templates import render
from engine.core.validation import examine
from engine.core.validators import (
    CalledValidator,
    CheckType,
    Tier,
    TogetherValidator,
    Validator,
    tier_of,
    type_of,
)

Json = Any
MAX_EVIDENCE = 500
_WORST = {"reject": 0, "retry": 1}
_FELL = {"skipped": "was skipped", "handled": "failed"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A validator with where it stands: on the step itself, on the edge to `edge`, or on the saga."""

    validator: Validator
    edge: str = ""
    whole: bool = False

    @property
    def check(self) -> CheckType:
        """What it is about."""
        return type_of(self.validator, on_edge=bool(self.edge))

    @property
    def tier(self) -> Tier:
        """Whether it is about one step's output or, as on an edge or on the saga, about what passes between steps."""
        return "inter" if self.edge or self.whole else tier_of(self.check)


def placed(run: Run, step: StepState) -> Iterator[Placed]:
    """Yield the validators that look at an output of a step now: its own, its edges', and the saga's.

    One of the saga looks when the last of its steps has an output. Where one of them was skipped, or failed and
    was handled, it has nothing to look at, whichever of them came last.
    """
    for validator in step.definition.validate_:
        yield Placed(validator)
    plan = plan_of(run, step)
    for edge in plan.edges_from.get(step.local, ()):
        for validator in edge.validate_:
            yield Placed(validator, edge=edge.to)
    for validator in plan.validators_over.get(step.local, ()):
        others = (run.steps[peer(step, name)].status for name in validator.steps if name != step.local)
        if not isinstance(validator, TogetherValidator) and all(status == "committed" for status in others):
            yield Placed(validator, whole=True)


def find_placed(run: Run, step: StepState, name: str) -> Placed | None:
    """Return the validator of that name that looks at a step's output, or None."""
    return next((each for each in placed(run, step) if each.validator.name == name), None)


def seen(run: Run, step: StepState, where: Placed) -> Scope:
    """Return what a validator sees; one of the saga finds the proposed output among the steps', too."""
    scope = output_scope(run, step)
    if where.whole:
        scope["steps"] = {**scope["steps"], step.local: {"status": "committed", "output": step.output}}
    return scope


def counts_at_once(run: Run, step: StepState) -> bool:
    """Return whether an output that comes now counts with no more ado: nobody looks at it, and it changes nothing else.

    Its commit is then told together with the end of its call: one fact instead of two.
    """
    if step.local not in plan_of(run, step).unexamined or step.unresolved or not _goes_on(run):
        return False
    return not rules_over(run, nested_saga(run, step))


def _goes_on(run: Run) -> bool:
    """Return whether a run goes forward and nothing is in its way."""
    disrupted = run.standing or run.first_plan.disruptions
    return (
        run.direction == "forward" and run.fault is None and run.repair is None
        and run.clock is None and not disrupted
    )  # fmt: skip


def validate(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Return what follows from an output as it is known by now: verdicts, calls, a retry, a commit, a fault."""
    step = run.step(name)
    if step.definition.output is None and not step.judged and not any(placed(run, step)):
        return _commit(run, step)  # nobody looks at it: of most outputs that is so
    verdicts = list(_by_code(run, step))
    judged = {**step.judged, **{verdict.validator: verdict for verdict in verdicts}}
    return [*verdicts, *_follow(run, step, judged, now)]


def _by_code(run: Run, step: StepState) -> Iterator[e.VerdictGiven]:
    """Yield the verdicts of code about an output that is new; later, those of validators that look only now."""
    told = step.judged if step.panel.examined else {}
    if step.definition.output is not None and not step.panel.examined:
        yield _schema_verdict(step, step.definition.output)
    for where in placed(run, step):
        if not isinstance(where.validator, CalledValidator) and where.validator.name not in told:
            yield _code_verdict(run, step, where)


def _schema_verdict(step: StepState, schema: dict[str, Json]) -> e.VerdictGiven:
    wrong = mismatch(schema, step.output)
    bad: e.Verdict = "retry" if effect_of(step.definition) == "readonly" else "reject"
    return e.VerdictGiven(
        step=step.id, attempt=step.latest(), validator="schema", kind="schema", check="syntactic",
        verdict="accept" if wrong is None else bad,
        evidence="it fits the output schema" if wrong is None else f"{wrong[0]}: {wrong[1]}"[:MAX_EVIDENCE],
    )  # fmt: skip


def _code_verdict(run: Run, step: StepState, where: Placed) -> e.VerdictGiven:
    scope = seen(run, step, where)
    try:
        finding = examine(where.validator, scope)  # type: ignore[arg-type] # those that are calls are not here
        held, evidence = finding.held, finding.evidence
    except ExpressionError as error:
        held, evidence = False, str(error)
    if held:
        return verdict_of(step, where, "accept", evidence)
    return not_held(step, where, evidence, _additions(where.validator, scope))


def _additions(validator: Validator, scope: Scope) -> dict[str, Json]:
    if validator.on_fail != "augment":
        return {}
    try:
        return dict(render(dict(validator.add), scope))
    except ExpressionError:
        return {}  # nothing it could add: the finding stands


def not_held(
    step: StepState, where: Placed, evidence: str, additions: dict[str, Json], **counts: Any
) -> e.VerdictGiven:
    """Return the verdict of a validator that found something, as it is declared to respond."""
    verdict = where.validator.on_fail
    if verdict == "augment":
        again = where.validator.name in step.panel.augmented
        if again or not additions or not isinstance(step.output, dict):
            return verdict_of(step, where, "reject", evidence, **counts)
        return verdict_of(step, where, "augment", evidence, proposal=additions, **counts)
    return verdict_of(step, where, verdict, evidence, **counts)


def verdict_of(
    step: StepState, where: Placed, verdict: e.Verdict, evidence: str, **more: Any
) -> e.VerdictGiven:
    """Return a verdict with what it is about and where its validator stands."""
    return e.VerdictGiven(
        step=step.id, attempt=step.latest(), validator=where.validator.name, verdict=verdict,
        evidence=evidence[:MAX_EVIDENCE], kind=where.validator.kind, check=where.check, tier=where.tier, edge=where.edge,
        whole=where.whole, **more,
    )  # fmt: skip


def _follow(run: Run, step: StepState, judged: dict[str, e.VerdictGiven], now: datetime) -> list[e.Event]:
    """Return what the verdicts come to, the worst first."""
    worst = min(judged.values(), key=lambda verdict: _WORST.get(verdict.verdict, 2), default=None)
    if worst is not None and worst.verdict == "reject":
        return give_up(run, step, "validator", said(worst))
    if worst is not None and worst.verdict == "retry":
        return _try_again(run, step, said(worst), now)
    open_ = open_verdicts(run, step, judged)
    for verdict in open_:
        if verdict.verdict == "augment" and not needs_consent(step, verdict):
            return list(augmented(step, [verdict]))
    called = [where for where in placed(run, step) if isinstance(where.validator, CalledValidator)]
    unasked = tuple(w.validator.name for w in called if w.validator.name not in judged)
    if (unasked or open_) and run.fault is not None:
        return give_up(run, step, "validator", "the run went back before the output was checked")
    if unasked:
        return [e.ValidationBegun(step=step.id, attempt=step.latest(), validators=unasked)]
    if open_:
        return [e.HelpNeeded(step=step.id, kind="verdict", reason="; ".join(said(v) for v in open_))]
    return _commit(run, step)


def _commit(run: Run, step: StepState) -> list[e.Event]:
    try:
        return commit(run, step, output_scope(run, step))
    except ExpressionError as error:
        return give_up(run, step, "expression", str(error))


def _try_again(run: Run, step: StepState, reason: str, now: datetime) -> list[e.Event]:
    stands_in = bool(step.fallbacks) and step.fallbacks[-1].kind == "value"  # the same again would come of it
    if run.fault is None and not stands_in and can_retry(step):
        return [schedule_retry(run, step, "forward", reason, now)]
    return give_up(run, step, "validator", reason)


def said(verdict: e.VerdictGiven) -> str:
    """Return who found what, for people."""
    return f"{verdict.validator}: {verdict.evidence}"


def open_verdicts(
    run: Run, step: StepState, judged: dict[str, e.VerdictGiven] | None = None
) -> list[e.VerdictGiven]:
    """Return the verdicts about an output that still wait: for a person, or for what they add to be added."""
    known = step.judged if judged is None else judged
    return [verdict for verdict in known.values() if _is_open(run, step, verdict)]


def _is_open(run: Run, step: StepState, verdict: e.VerdictGiven) -> bool:
    """Return whether a verdict still waits for a person, or for what it adds to be added."""
    if verdict.verdict == "augment":
        return verdict.validator not in step.panel.augmented
    if verdict.verdict == "none":
        where = find_placed(run, step, verdict.validator)
        return where is None or where.validator.on_fail != "feedback"
    return verdict.verdict == "ask"


def needs_consent(step: StepState, verdict: e.VerdictGiven) -> bool:
    """Return whether a person must agree to what would be added: it changes a value, or a model says so."""
    proposal = verdict.proposal or {}
    changes = isinstance(step.output, dict) and any(key in step.output for key in proposal)
    return changes or verdict.kind == "judge"


def augmented(
    step: StepState, verdicts: Iterable[e.VerdictGiven], by: str = ""
) -> Iterator[e.OutputAugmented]:
    """Yield the output with what each validator adds to it, one after the other."""
    before = step.output
    for verdict in verdicts:
        after = {**before, **(verdict.proposal or {})}
        yield e.OutputAugmented(
            step=step.id, attempt=step.latest(), validator=verdict.validator, before=before, after=after, by=by
        )  # fmt: skip
        before = after


def boundary(run: Run, name: str, now: datetime) -> list[e.Event]:
    """Return the verdict about steps that commit or fall together, and the fault where some did not."""
    frame, _, local = name.rpartition(".")
    plan = run.frames[frame].plan if frame else run.saga
    validator = next(v for v in plan.validate_ if v.name == local)
    fates = {step: run.steps[f"{frame}.{step}" if frame else step].status for step in validator.steps}
    done = [step for step, status in fates.items() if status == "committed"]
    fell = [f"'{step}' {_FELL[status]}" for step, status in fates.items() if status in _FELL]
    failing = bool(frame) and bool(run.frames[frame].failing)  # then all of it is undone: it falls together
    held = failing or not (done and fell)
    evidence = "all or none of them committed" if held else f"'{done[0]}' committed, but {', '.join(fell)}"
    settled = [step for step, status in fates.items() if status in SETTLED]
    states = [run.steps[f"{frame}.{step}" if frame else step] for step in settled]
    last = max(states, key=lambda state: state.ended_at or now)
    where = Placed(validator, whole=True)
    verdict: e.Verdict = "accept" if held else "feedback" if validator.on_fail == "feedback" else "reject"
    given = verdict_of(last, where, verdict, evidence)
    return [given, *(fault(run, "validator", last.id, said(given)) if verdict == "reject" else [])]
