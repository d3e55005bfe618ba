"""R28: what a model is asked stays below its bound of 2,000 tokens, on every template, wherever it goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

import engine.planning.functions  # noqa: F401 - timetables call them
from engine import templates as catalogue
from engine.core import commands as c
from engine.core import events as e
from engine.core.context.tokens import estimated
from engine.core.decide import turn
from engine.core.document import saga_from_document
from engine.core.embed import embed
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.evolve import replay
from engine.core.replan_request import plan_request
from engine.core.run import Run
from engine.core.saga import Saga
from engine.templates import Template, examples, templates
from tests.engine.conftest import Bench

BOUND = 2000
BY = {"by": {"kind": "llm", "with": {"prompt": "Find another way."}}, "rounds": 3}
LONG = {
    "steps": {"a_new_step": {"kind": "wait", "with": {"duration_s": 0}, "needs": ["nowhere_" + "x" * 100]}}
}
SHIPPED = [*templates(), *examples()]


def planned(entry: Template) -> Saga:
    """Return a template whose repairs are planned anew; its own planner, where it has one, stays."""
    document = entry.saga.document()
    if "clock" in document:
        document["clock"]["speed"] = 100_000
    own = document.get("replan") or BY
    anew = saga_from_document({**document, "recovery": "repair", "replan": {**own, "tokens": BOUND}})
    return embed(anew, catalogue.shipped)


def finish(run: Run, now: Any) -> list[e.AttemptIntended]:
    """Let undos and looks go well and refuse every plan; return all that a planner was asked."""
    asked: list[e.AttemptIntended] = []
    for _ in range(200):
        now = max(now, run.updated_at or now)
        if run.open_calls:
            step, phase, number = next(iter(run.open_calls))
            if phase == "plan":
                asked.append(run.plans[number - 1].intent)
                output: Any = {"reason": "x", "steps": {f"n{number}": LONG["steps"]["a_new_step"]}}
            else:
                output = run.steps[step].output or {}
            turn(run, c.Report(step=step, phase=phase, attempt=number, outcome="ok", output=output), now)
        elif run.planning is None or run.planning.asked:
            return asked
    raise AssertionError("it does not end")


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.name)
@pytest.mark.usefixtures("shipped")
def test_R28_a_round_never_costs_a_model_more_than_its_bound(bench: Bench, entry: Template) -> None:
    saga = planned(entry)
    run_id = bench.start(saga)
    bench.until(run_id, lambda run: run.is_closed or run.attention or run.direction_asked or _rests(run))
    history = bench.store.history(run_id)
    intents = (r.event for r in history if isinstance(r.event, e.AttemptIntended))
    rounds = _within([intent for intent in intents if intent.phase == "plan"])
    for length in range(2, len(history)):
        if not any(
            isinstance(told.event, e.StepCommitted) for told in e.spelled_out(history[length - 1 : length])
        ):
            continue
        before = replay(saga, history[:length])
        for culprit in [name for name, step in before.steps.items() if step.status == "committed"]:
            run = replay(saga, history[:length])
            try:
                turn(
                    run,
                    c.MarkStale(steps=(culprit,), reason="it changed " * 60, by="bob"),
                    history[length].at,
                )
            except CommandRejected:
                continue  # a point of no return is in it
            rounds += _within(finish(run, history[length].at))
    assert rounds > 0


def _within(asked: list[e.AttemptIntended]) -> int:
    """Return how many requests these are, each of which is within the bound."""
    for intent in asked:
        assert intent.request["tokens"] <= BOUND
        assert estimated(f"{intent.request['system']}\n{intent.request['prompt']}") <= BOUND
    return len(asked)


def _rests(run: Run) -> bool:
    return any(step.status == "awaiting_approval" for step in run.steps.values())


def test_R28_goals_constraints_and_findings_are_whole_and_the_bound_is_kept_by_saying_less_of_steps(
    bench: Bench,
) -> None:
    entry = next(entry for entry in templates() if entry.name == "trip-to-germany")
    saga = planned(entry)
    run_id = bench.start(saga)
    bench.until(run_id, _rests)
    history = bench.store.history(run_id)
    run = replay(saga, history)
    turn(run, c.MarkStale(steps=("flight_out",), reason="the flight was moved", by="bob"), history[-1].at)
    asked = finish(run, history[-1].at)
    last = asked[-1].request["prompt"]
    assert "All of it together costs at most 5000 USD." in last
    assert "Every night between the flights has a bed" in last
    assert "the flight was moved" in last
    assert "which is not a step" in last
    assert set(asked[0].request["may_change"]) == set(run.steps)


def test_R28_what_can_not_be_said_within_the_bound_is_not_sent(bench: Bench) -> None:
    entry = next(entry for entry in templates() if entry.name == "replanned-trip")
    document = planned(entry).document()
    document["replan"] = {**document["replan"], "tokens": 300}
    saga = saga_from_document(document)
    run_id = bench.start(saga)
    bench.until(run_id, _rests)
    history = bench.store.history(run_id)
    run = replay(saga, history)
    turn(run, c.MarkStale(steps=("hotel",), reason="it closed", by="bob"), history[-1].at)
    assert finish(run, history[-1].at) == []
    assert "it may have 300" in run.attention["hotel"].reason
    assert run.planning is not None
    assert run.saga.replan is not None
    with pytest.raises(ExpressionError, match="it may have 300"):
        plan_request(run, run.saga.replan, run.planning)
