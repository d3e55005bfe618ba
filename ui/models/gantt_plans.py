"""The plans of a run with a timetable: what was proposed and found, and the run's plan beside the solver's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.core.activities_ahead import forecast
from engine.core.activities_told import timetable, told
from engine.core.errors import SagaError
from engine.core.events import (
    AttemptEnded,
    Recorded,
    StepCommitted,
    TimesChanged,
    Verdict,
    VerdictGiven,
    spelled_out,
)
from engine.core.moments import read_time
from engine.core.run import Run
from engine.planning.case import Case, case_of
from engine.planning.functions import problem_of
from engine.planning.plan import Plan, Row
from engine.planning.problem import Disruption, Problem
from engine.planning.proposals import proposed
from engine.planning.robustness import robustness, slack_left, what_ifs
from engine.planning.situation import PASSED, Situation
from engine.planning.timetable import rows_of
from ui.models.run_words import has_clock, title_of

Json = Any
SOLVED = "The solver's"
ABOUT: Final = "timetable_"
"""What the names of the functions begin with that are given a problem with its timetable."""
NOTHING_ASKED: Final = (
    "No step has said yet which problem this saga solves, so there is nothing to compare with."
)
SAID: Final[dict[Verdict, str]] = {"retry": "Sent back", "reject": "Rejected", "ask": "A person is asked"}
"""What a verdict means for a plan; every other one leaves it as it is, until its step counts."""


@dataclass(frozen=True)
class Proposed:
    """One plan that was proposed in a run, and what was said of it."""

    round: int
    at: Json
    by: str
    rows: int
    verdict: str
    found: str


def proposals(run: Run, history: Sequence[Recorded]) -> list[Proposed]:
    """Return every plan that a step of the run proposed, oldest first, with what its checker said."""
    rows: list[Proposed] = []
    latest: dict[str, int] = {}
    at: Json = told(run, _start(run))
    for recorded in spelled_out(history):
        event = recorded.event
        if isinstance(event, TimesChanged):
            at = told(run, event.at)
        elif isinstance(event, AttemptEnded) and event.phase == "forward" and _has_rows(event.output):
            latest[event.step] = len(rows)
            rows.append(Proposed(len(rows) + 1, at, _by(run, event), len(event.output["rows"]), "", ""))
        elif isinstance(event, VerdictGiven | StepCommitted) and event.step in latest and _counts(event):
            place = latest[event.step]
            rows[place] = _judged(rows[place], event)
    return rows


def _counts(event: VerdictGiven | StepCommitted) -> bool:
    """Return whether an event is about what a planner proposed, not about what a person did in its place."""
    return isinstance(event, VerdictGiven) or not event.by


def _judged(row: Proposed, event: VerdictGiven | StepCommitted) -> Proposed:
    if isinstance(event, StepCommitted):
        return replace(row, verdict="Admitted")
    found = row.found if row.verdict and event.verdict == "accept" else event.evidence
    return replace(row, verdict=SAID.get(event.verdict, row.verdict), found=found)


def _start(run: Run) -> float:
    policy = run.saga.timekeeping
    return 0.0 if policy is None else float(read_time(policy.start))


def _has_rows(output: Json) -> bool:
    return isinstance(output, dict) and isinstance(output.get("rows"), list) and bool(output["rows"])


def _by(run: Run, event: AttemptEnded) -> str:
    model = event.meta.get("model")
    return str(model) if model else title_of(run.steps[event.step]) if event.step in run.steps else event.step


@dataclass(frozen=True)
class Candidates:
    """The run's plan and the solver's: figures side by side, the gap, and which survives what; or why there is none."""

    figures: list[dict[str, Json]] = field(default_factory=list)
    gap: str = ""
    robust: list[dict[str, Json]] = field(default_factory=list)
    refusal: str = ""


def candidates(run: Run) -> Candidates:
    """Return the plan of a run beside the solver's for the same problem, as it was at the start and as things went."""
    try:
        asked = _asked(run)
        if asked is None:
            return Candidates(refusal=NOTHING_ASKED)
        problem, given = asked
        case = case_of(problem, given)
        proposal = proposed(Situation(case))
        plans = [
            Plan(id=name, rows=rows) for name, rows in (*_admitted(run), (SOLVED, proposal.rows)) if rows
        ]
        trials = robustness(problem, plans, [*_changes(run), *what_ifs(case)], given)
    except SagaError as refused:
        return Candidates(refusal=str(refused))
    figures = [_figures(run, case, plan) for plan in [*plans, *_going(run)]]
    unit = " min" if has_clock(run) else ""
    robust = [
        {"Disruption": name} | {
            trial.plan: f"{'✓' if trial.survives else '✗'} {'' if trial.slack is None else f'{trial.slack:g}{unit}'}"
            for trial in trials if trial.disruption == name
        }
        for name in dict.fromkeys(trial.disruption for trial in trials)
    ]  # fmt: skip
    return Candidates(figures, _gap(figures, "minutes " if unit else ""), robust)


def world_of(run: Run) -> tuple[Json, ...]:
    """Return what a comparison depends on besides the plan: what has changed, and when each activity is to end."""
    clock = run.clock
    if clock is None:
        return ()
    return (len(clock.changes), *sorted((name, span.until) for name, span in clock.spans.items()))


def _asked(run: Run) -> tuple[Problem, dict[str, Json]] | None:
    """Return the problem and what is taken for granted, as the last call about the run's timetable had them."""
    calls = [
        attempt
        for name in run.steps
        for state in (*run.past.get(name, ()), run.steps[name])
        for attempt in state.attempts
        if attempt.outcome == "ok" and str(attempt.intent.request.get("function", "")).startswith(ABOUT)
    ]
    if not calls:
        return None
    args = max(reversed(calls), key=lambda call: call.started_at).intent.request.get("args") or {}
    given = {name: value for name, value in (args.get("assume") or {}).items() if name != PASSED}
    return problem_of(args.get("problem")), given


def _admitted(run: Run) -> list[tuple[str, tuple[Row, ...]]]:
    """Return the plan that was admitted first."""
    for name in run.steps:
        for state in (*run.past.get(name, ()), run.steps[name]):
            if _has_rows(state.output):
                rows = tuple(
                    Row.model_validate({"n": n, **row}) for n, row in enumerate(state.output["rows"], start=1)
                )
                return [("Admitted first", rows)]
    return []


def _going(run: Run) -> list[Plan]:
    """Return what comes of the run as it goes now, where its world has changed."""
    if run.clock is None or not run.clock.changes:
        return []
    whole, times = timetable(run), forecast(run)
    ahead = zip(rows_of(whole, "ahead"), whole["ahead"], strict=True)
    rows = [
        *rows_of(whole),
        *(
            row.model_copy(update=dict(zip(("start", "end"), times[entry["step"]], strict=True)))
            for row, entry in ahead
        ),
    ]
    return [
        Plan(
            id="As it goes now",
            rows=tuple(row.model_copy(update={"n": n}) for n, row in enumerate(rows, start=1)),
        )
    ]


def _figures(run: Run, case: Case, plan: Plan) -> dict[str, Json]:
    ways = [row for row in plan.rows if row.moves]
    last = max((row.ends for row in ways), default=max((row.ends for row in plan.rows), default=0))
    slack = slack_left(case, plan)
    return {
        "Plan": plan.id, "Rows": len(plan.rows), "All done": str(told(run, last)), "_done": last,
        **(
            {"Minutes on the way": sum(row.ends - row.start for row in ways), "Minutes left": slack}
            if has_clock(run)
            else {"Left": slack}
        ),
    }  # fmt: skip


def _gap(figures: list[dict[str, Json]], unit: str) -> str:
    done = {row["Plan"]: row.pop("_done") for row in figures}
    best = done.get(SOLVED)
    if best is None:
        return "The solver finds no plan for the problem as it was."
    said = [
        f"{name}: {moment - best:g} {unit}later than the solver's"
        for name, moment in done.items()
        if name != SOLVED
    ]
    return "; ".join(said)


def _changes(run: Run) -> list[Disruption]:
    return [
        Disruption(
            id=change.text or change.name, kind=change.kind, scope=change.scope, magnitude=change.magnitude,
            known_at=change.at, effective_from=change.since, until=change.until,
        )
        for change in (run.clock.changes if run.clock is not None else ())
    ]  # fmt: skip
