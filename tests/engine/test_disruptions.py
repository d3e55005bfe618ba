"""Every kind of disruption on the real engine and the practice world: was it as it says, looked at, not asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.commands import Cancel, Decide, Disrupt, JudgeAssumption, Lift
from engine.core.errors import CommandRejected
from engine.core.run import Run
from engine.memory import MemoryStore
from engine.ports import Performer, RunFilter, Unavailable
from engine.runtime.engine import Engine
from engine.runtime.outage import interruptible
from engine.sandbox.world import World
from engine.steps.python import Functions, PythonPerformer
from engine.templates import template
from storage.store import open_store
from tests.engine.conftest import Bench
from tests.engine.test_repair_world import anew, asked, deeds, standing
from tests.trips import trip
from tests.waiting import eventually

BOOK = """
    kind: http
    effect: compensatable
    settle_s: {settle_s}
    timeout_s: {timeout_s}
    retry: {{max_attempts: 3, backoff_s: 0.05}}
    with: {{method: POST, url: "${{world}}/tickets", json: {{title: t, severity: low}}}}
    output: {{type: object, required: [confirmation]}}
    compensate: {{kind: http, with: {{method: DELETE, url: "${{world}}/tickets", params: {{key: "${{key}}"}}}}, timeout_s: 0.5}}
    probe: {{with: {{url: "${{world}}/tickets", params: {{key: "${{key}}"}}}}}}
"""


def booking(timeout_s: float = 2, settle_s: float = 0.3) -> str:
    book = BOOK.format(timeout_s=timeout_s, settle_s=settle_s)
    return f"saga: one\nsteps:\n  ask: {{kind: approval}}\n  book:\n    needs: ask{book}"


def disrupt(bench: Bench, run_id: str, kind: str, **what: Any) -> None:
    command = Disrupt.model_validate({"what": {"kind": kind, **what}, "by": "bob"})
    bench.engine.submit(run_id, command).result(timeout=60)


def struck(bench: Bench, text: str, kind: str, **what: Any) -> Run:
    run_id = bench.start(text)
    disrupt(bench, run_id, kind, step="book", **what)
    return bench.to_end(run_id)


def outcomes(run: Run) -> list[str | None]:
    return [attempt.outcome for attempt in run.steps["book"].attempts]


# Calls


def test_what_fails_was_never_sent(bench: Bench) -> None:
    run = struck(bench, booking(), "fail", times=2)
    assert (run.status, outcomes(run)) == ("completed", ["failed", "failed", "ok"])
    assert len(bench.world.ledger()) == 1


def test_what_is_refused_was_never_sent_and_is_not_tried_again(bench: Bench) -> None:
    run = struck(bench, booking(), "refuse")
    assert (run.status, outcomes(run)) == ("compensated", ["rejected"])
    assert bench.world.ledger() == []


def test_what_lands_without_an_answer_is_there_once(bench: Bench) -> None:
    run = struck(bench, booking(), "timeout_but_land")
    assert (run.status, outcomes(run)) == ("completed", ["unknown", "ok"])
    assert len(bench.world.ledger()) == 1, "the key made the second try the same effect"


def test_what_lands_late_in_its_window_is_made_after_the_deadline(bench: Bench) -> None:
    run = struck(bench, booking(timeout_s=0.3), "land_late", delay_s=0.1)
    assert run.status == "completed"
    (entry,) = bench.world.ledger()
    assert entry.at >= run.steps["book"].attempts[0].intent.deadline


def test_what_lands_after_its_window_is_one_too_many_and_undone_by_itself(bench: Bench) -> None:
    text = booking(timeout_s=0.3, settle_s=0.1).replace("max_attempts: 3", "max_attempts: 1")
    run_id = bench.start(
        text.replace("retry:", "key_ttl_s: 0\n    retry:") + "  end: {kind: approval, needs: book}\n"
    )
    disrupt(bench, run_id, "land_late", step="book", delay_s=1.2)
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    eventually(lambda: bench.world.ledger() or bench.store.incidents(run_id))
    eventually(lambda: bench.world.state().clean or bench.store.incidents(run_id))


def test_a_delay_past_the_time_limit_is_an_unknown_outcome(bench: Bench) -> None:
    run = struck(bench, booking(timeout_s=0.4), "delay", delay_s=3)
    assert (run.status, outcomes(run)[0]) == ("completed", "unknown")
    assert len(bench.world.ledger()) == 1


def test_an_answer_that_takes_a_multiple_is_still_the_answer(bench: Bench) -> None:
    run = struck(bench, booking(), "delay", factor=3)
    assert (run.status, outcomes(run)) == ("completed", ["ok"])


def test_garbage_is_what_the_validator_sees_while_the_effect_is_real(bench: Bench) -> None:
    run = struck(bench, booking(), "garbage", output={"note": "???"})
    assert run.status == "compensated"
    assert run.steps["book"].attempts[0].result.output == {"note": "???"}
    assert run.faults[0].source == "validator"
    assert [entry.action for entry in bench.world.ledger()][-1] != "book", "it had landed, and was undone"
    assert bench.world.state().clean


def test_an_undo_that_loses_its_answer_is_undone_once(bench: Bench) -> None:
    run_id = bench.start(booking() + "  end: {kind: approval, needs: book}\n")
    disrupt(bench, run_id, "timeout_but_land", step="book", phase="undo")
    bench.until(run_id, _approve(bench, run_id, "ask"))
    bench.until(run_id, lambda run: run.steps["end"].status == "awaiting_approval")
    bench.engine.submit(run_id, Cancel(by="bob")).result()
    run = bench.to_end(run_id)
    assert run.status == "compensated"
    assert [u.outcome for u in run.steps["book"].undos] == ["unknown", "ok"]
    assert bench.world.state().clean


def _approve(bench: Bench, run_id: str, step: str) -> Any:
    bench.engine.submit(run_id, Decide(step=step, decision="approved", by="boss")).result()
    return lambda run: run.steps[step].status == "committed"


def test_a_service_is_down_until_somebody_ends_it(bench: Bench) -> None:
    text = booking().replace(
        "max_attempts: 3, backoff_s: 0.05", "max_attempts: 99, backoff_s: 0.02, max_backoff_s: 0.02"
    )
    run_id = bench.start(text)
    disrupt(bench, run_id, "tool_down", target="tickets")
    _approve(bench, run_id, "ask")
    run = bench.until(run_id, lambda run: len(run.steps["book"].attempts) >= 3)
    assert bench.world.ledger() == []
    number = next(iter(run.standing))
    bench.engine.submit(run_id, Lift(disruption=number, by="bob")).result()
    assert bench.to_end(run_id).status == "completed"


def test_a_model_is_down_for_one_call_and_then_answers(bench: Bench) -> None:
    text = (
        "saga: m\ndisruptions: [{when: {at_s: 0}, what: {kind: model_down, times: 1}}]\n"
        "steps: {a: {kind: llm, with: {prompt: Say hello.}, retry: {backoff_s: 0.05}}}"
    )
    run = bench.to_end(bench.start(text))
    assert run.status == "completed"
    assert [a.result.code for a in run.steps["a"].attempts if a.result] == ["down", ""]


def test_a_python_step_is_struck_like_any_other(bench: Bench, functions: Functions) -> None:
    called: list[int] = []
    functions.register("do")(lambda: called.append(1))
    text = (
        "saga: p\ndisruptions: [{when: {at_s: 0}, what: {kind: fail, step: a, times: 2}}]\n"
        "steps: {a: {kind: python, with: {function: do}, retry: {backoff_s: 0.05}}}"
    )
    run = bench.to_end(bench.start(text))
    assert (run.status, len(called), len(run.steps["a"].attempts)) == ("completed", 1, 3)


def test_what_is_planted_strikes_after_a_restart(
    made: dict[str, Performer], sandbox: tuple[World, str]
) -> None:
    store = MemoryStore()
    with Engine(store, made) as engine:
        bench = Bench(store, engine, sandbox[0], Functions())
        run_id = bench.start(booking())
        disrupt(bench, run_id, "refuse", step="book")
    with Engine(store, made) as engine:
        run = Bench(store, engine, sandbox[0], Functions()).to_end(run_id)
    assert (run.status, outcomes(run)) == ("compensated", ["rejected"])
    store.close()


# The world and the task


def test_a_changed_fact_undoes_and_does_anew_only_what_used_it(bench: Bench) -> None:
    text = trip("repair").replace(
        "check_in: '2027-06-08'", 'check_in: "${add_days(steps.flight.output.arrives, 0)}"', 1
    )
    run_id = asked(bench, text)
    before = deeds(bench, run_id)
    disrupt(
        bench,
        run_id,
        "fact",
        path="steps.flight.output.arrives",
        value="2027-06-09T10:00",
        reason="a day late",
    )
    bench.until(run_id, anew)
    assert deeds(bench, run_id)[len(before) :] == [
        ("cancel", "c:dinner:1"), ("cancel", "c:hotel:1"), ("book", "hotel:2"), ("book", "dinner:2"),
    ]  # fmt: skip
    assert standing(bench, run_id) == {"flight:1", "train:1", "hotel:2", "dinner:2"}
    run = bench.run(run_id)
    assert run.steps["hotel"].attempts[0].intent.request["json"]["check_in"] == "2027-06-09"
    assert bench.to_end(run_id).status == "completed"


def test_a_booking_that_was_cancelled_over_there_is_made_again_and_nothing_is_undone_twice(
    bench: Bench,
) -> None:
    run_id = asked(bench, trip("repair"))
    train = next(entry for entry in bench.world.ledger() if str(entry.key).endswith("train:1"))
    bench.world.cancel("trains/bookings", record_id=train.id, key=None)
    disrupt(bench, run_id, "cancelled_booking", step="train", reason="the train does not run")
    run = bench.until(run_id, anew)
    assert run.past["train"][0].status in {"empty", "compensated"}
    cancelled = [entry for entry in bench.world.ledger() if entry.action == "cancel" and entry.id == train.id]
    assert len(cancelled) == 1
    assert "train:2" in standing(bench, run_id)
    run = bench.to_end(run_id)
    assert run.status == "completed"


def test_a_constraint_that_comes_late_undoes_what_breaks_it(bench: Bench) -> None:
    run_id = asked(bench, trip("compensate"))
    disrupt(bench, run_id, "constraint", name="near", rule="steps.dinner.output.cost_usd < 1")
    run = bench.to_end(run_id)
    assert (run.status, run.faults[0].source) == ("compensated", "disruption")
    assert bench.world.state().clean


def test_a_price_that_rises_is_in_the_sum_and_breaks_the_budget(bench: Bench) -> None:
    limits = "invariants: [{name: within, rule: app.spent_usd <= 2500}]\nmax_repairs: 1\n"
    run_id = asked(bench, trip("repair", limits))
    spent = bench.run(run_id).app["spent_usd"]
    price = bench.run(run_id).steps["train"].output["cost_usd"]
    disrupt(bench, run_id, "fact", path="steps.train.output.cost_usd", value=price + 5)
    assert bench.run(run_id).app["spent_usd"] == pytest.approx(spent + 5)
    disrupt(bench, run_id, "fact", path="steps.train.output.cost_usd", value=9000)
    run = bench.until(run_id, anew)
    assert "c:train:1" in {key for _, key in deeds(bench, run_id)}
    assert run.steps["flight"].epoch == 1


def test_an_assumption_that_is_refused_makes_its_users_do_it_again(bench: Bench) -> None:
    text = (
        trip("repair")
        .replace(
            "app: {", "assumptions: [{name: nights, value: 2, otherwise: 3, why: two are enough}]\napp: {", 1
        )
        .replace("nights: 2", "nights: '${assume.nights}'", 1)
    )
    run_id = asked(bench, text)
    command = JudgeAssumption(path="assume.nights", accepted=False, reason="three are better", by="bob")
    bench.engine.submit(run_id, command).result()
    run = bench.until(run_id, anew)
    assert (run.steps["hotel"].output["nights"], run.steps["train"].epoch) == (3, 1)
    assert standing(bench, run_id) == {"flight:1", "train:1", "hotel:2", "dinner:2"}


# The process


@pytest.fixture
def away(made: dict[str, Performer], sandbox: tuple[World, str]) -> Iterator[Bench]:
    store = interruptible(MemoryStore())
    with Engine(store, made) as engine:
        yield Bench(store, engine, sandbox[0], Functions())  # type: ignore[arg-type]
    store.close()


def test_while_the_database_is_away_facts_wait_and_reads_fail(away: Bench) -> None:
    run_id = away.start(
        "saga: d\nsteps: {w: {kind: wait, with: {duration_s: 0.2}}, ask: {kind: approval, needs: w}}"
    )
    disrupt(away, run_id, "database_away", seconds=1.5)
    eventually(lambda: away.store.trouble)
    with pytest.raises(Unavailable, match="planted outage"):
        away.store.row(run_id)
    eventually(lambda: not away.store.trouble)
    run = away.until(run_id, lambda run: run.steps["ask"].status == "awaiting_approval")
    assert run.steps["w"].status == "committed"
    assert away.to_end(run_id).status == "completed"


def test_an_outage_that_is_recorded_during_another_one_follows_it_and_the_engine_lives(away: Bench) -> None:
    run_id = away.start("saga: d\nsteps: {ask: {kind: approval}}")
    disrupt(away, run_id, "database_away", seconds=0.5)
    disrupt(away, run_id, "database_away", seconds=0.5)
    assert away.store.trouble
    eventually(lambda: not away.store.trouble)
    assert away.to_end(run_id).status == "completed"


def test_a_crash_is_refused_where_the_deployment_does_not_allow_it(bench: Bench) -> None:
    run_id = bench.start(booking())
    with pytest.raises(CommandRejected, match="SAGA_ALLOW_CRASH"):
        disrupt(bench, run_id, "crash")
    with pytest.raises(CommandRejected, match="can't be taken away"):
        disrupt(bench, run_id, "database_away", seconds=1)


CRASHES = """
    import sys
    from engine.core.document import parse_saga
    from engine.runtime.engine import Engine
    from engine.steps.python import PythonPerformer, Functions
    from storage.store import open_store
    functions = Functions()
    functions.register("do")(lambda: None)
    engine = Engine(open_store(sys.argv[1]), {"python": PythonPerformer(functions)}, may_crash=True).start()
    saga = parse_saga(sys.argv[2])
    print(engine.start_run(saga, {}, "ann"), flush=True)
    engine._thread.join(30)
"""
CRASHING = (
    "saga: c\ndisruptions: [{when: {after: a}, what: {kind: crash}}]\n"
    "steps: {a: {kind: python, with: {function: do}}, b: {kind: python, needs: a, with: {function: do}}}"
)


def test_a_crash_kills_the_process_once_it_is_on_disk_and_the_next_one_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'saga.db'}"
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CRASHES), url, CRASHING],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ},
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr
    functions = Functions()
    functions.register("do")(lambda: None)
    store = open_store(url)
    with Engine(store, {"python": PythonPerformer(functions)}, may_crash=True) as engine:
        (row,) = store.rows(RunFilter())
        eventually(lambda: store.row(row.id).ended_at)  # type: ignore[union-attr]
        log = [recorded.event.type for recorded in store.history(row.id)]
        assert engine.id
    assert log.count("disruption_struck") == 1
    assert log[-1] == "run_completed"
    store.close()


def test_the_trip_with_a_delay_books_anew_only_what_used_the_arrival(bench: Bench) -> None:
    shipped = template("trip-with-delay")
    assert shipped is not None
    run = bench.to_end(bench.start(shipped.saga))
    assert (run.status, run.repairs) == ("completed", 1)
    assert standing(bench, run.id) == {"flight:1", "train:1", "night:1", "hotel:2"}
    assert [deed for deed in deeds(bench, run.id) if deed[0] == "cancel"] == [("cancel", "c:hotel:1")]
    assert run.app["spent_usd"] == pytest.approx(sum(entry.amount_usd for entry in bench.world.ledger()))
