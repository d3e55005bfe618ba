"""The contract of what is kept about verdicts across runs, asked of every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.core import events as e
from engine.core.events import Recorded
from engine.ports import LESSONS_FROM, Change, ValidatorDay
from tests.contract.makers import NAP, T0, WORDS, Told

if TYPE_CHECKING:
    from datetime import datetime

    from engine.core.events import Event
    from engine.ports import Store

DAY = timedelta(days=1)


def said(
    verdict: str = "accept", validator: str = "fair", step: str = "rest", **more: object
) -> e.VerdictGiven:
    evidence = more.pop("evidence", f"{verdict} it")
    told = {
        "step": step,
        "attempt": 1,
        "validator": validator,
        "verdict": verdict,
        "evidence": evidence,
        **more,
    }
    return e.VerdictGiven(**told)


class Log:
    """Runs to which events are appended as they are, at moments of the test's choice."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.last: dict[str, Change] = {}

    def change(self, *events: Event, run: str = "r1", at: datetime = T0, saga: str = "nap") -> Change:
        last = self.last.get(run)
        if last is None:
            last = Told(run, text=NAP.replace("nap", saga), at=at).start()
            self.store.append(last).result(timeout=60)
        seq = last.row.last_seq
        new = tuple(Recorded(seq + n, at, event) for n, event in enumerate(events, 1))
        row = last.row.model_copy(update={"last_seq": seq + len(new)})
        self.last[run] = Change(run, "d1", seq, new, row)
        return self.last[run]

    def add(self, *events: Event, **where: object) -> None:
        self.store.append(self.change(*events, **where)).result(timeout=60)  # type: ignore[arg-type]


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


def test_a_store_without_verdicts_says_nothing(log: Log) -> None:
    log.add(e.RunPaused(by="ada"))
    assert log.store.validators() == []
    assert log.store.verdict_days("nap", "rest", "fair") == []
    assert log.store.lessons("nap") == {}


def test_what_a_validator_did_is_counted_by_what_it_said(log: Log) -> None:
    costs = {"cost_usd": 0.25, "tokens": 10, "kind": "judge", "check": "semantic"}
    for number, verdict in enumerate(
        ("accept", "reject", "retry", "ask", "augment", "feedback", "none", "accept")
    ):
        log.add(
            said(verdict, latency_s=float(number), **costs),
            run=f"r{number}",
            at=T0 + timedelta(seconds=number),
        )
    (stats,) = log.store.validators()
    assert (stats.saga, stats.step, stats.validator, stats.kind) == ("nap", "rest", "fair", "judge")
    assert (stats.check, stats.tier, stats.edge) == ("semantic", "intra", "")
    assert (stats.ran, stats.accepted, stats.caught, stats.augmented) == (8, 2, 4, 1)
    assert (stats.fed_back, stats.no_verdict, stats.overruled) == (1, 1, 0)
    assert (stats.cost_usd, stats.tokens) == (2.0, 80)
    assert (stats.mean_latency_s, stats.worst_latency_s) == (3.5, 7.0)
    assert stats.last_at == T0 + timedelta(seconds=7)
    assert stats.evidence == "augment it"


def test_validators_come_by_saga_step_and_name_and_one_saga_can_be_asked_for(log: Log) -> None:
    log.add(said(validator="b"), said(validator="a"), said(step="other", validator="z"), run="r1")
    log.add(said(), run="r2", saga="walk")
    names = [(stats.saga, stats.step, stats.validator) for stats in log.store.validators()]
    assert names == [
        ("nap", "other", "z"),
        ("nap", "rest", "a"),
        ("nap", "rest", "b"),
        ("walk", "rest", "fair"),
    ]
    assert [stats.saga for stats in log.store.validators("walk")] == ["walk"]
    assert log.store.validators("nobody") == []


def test_days_are_utc_days_and_since_counts_whole_ones(log: Log) -> None:
    midnight = T0.replace(hour=0, minute=0, second=0, microsecond=0)
    log.add(said("reject", cost_usd=1, evidence="old"), run="r1", at=midnight - timedelta(microseconds=1))
    log.add(said("accept", cost_usd=2), run="r2", at=midnight)
    log.add(said("reject", cost_usd=4, evidence="new"), run="r3", at=midnight + DAY)
    days = log.store.verdict_days("nap", "rest", "fair")
    assert days == [
        ValidatorDay(day=date(2026, 2, 28), ran=1, caught=1, overruled=0, cost_usd=1),
        ValidatorDay(day=date(2026, 3, 1), ran=1, caught=0, overruled=0, cost_usd=2),
        ValidatorDay(day=date(2026, 3, 2), ran=1, caught=1, overruled=0, cost_usd=4),
    ]
    assert log.store.verdict_days("nap", "rest", "other") == []
    (since,) = log.store.validators(since=T0)
    assert (since.ran, since.caught, since.evidence) == (2, 1, "new")
    (quiet,) = log.store.validators("nap", since=midnight)
    assert quiet == since
    assert log.store.validators(since=midnight + 2 * DAY) == []


def test_the_evidence_is_that_of_the_last_catch_not_of_the_last_verdict(log: Log) -> None:
    log.add(said("reject", evidence="too dear"), run="r1")
    log.add(said("reject", evidence=""), said(), run="r2", at=T0 + timedelta(seconds=1))
    assert log.store.validators()[0].evidence == "", "a catch without a word is the last one all the same"
    log.add(said("ask", evidence=WORDS), said("accept"), run="r3", at=T0 + DAY)
    log.add(said("accept"), run="r4", at=T0 + 2 * DAY)
    assert log.store.validators()[0].evidence == WORDS


@pytest.mark.parametrize(
    ("finding", "word", "augmented", "overruled"),
    [
        ("ask", "accept", False, 1), ("ask", "reject", False, 0), ("augment", "accept", False, 1),
        ("augment", "accept", True, 0), ("augment", "reject", False, 0), ("none", "accept", False, 0),
        ("feedback", "accept", False, 0),
    ],
)  # fmt: skip
def test_a_person_overrules_who_lets_pass_what_was_found(
    log: Log, finding: str, word: str, overruled: int, *, augmented: bool
) -> None:
    log.add(said(finding, cost_usd=1))
    added = e.OutputAugmented(step="rest", attempt=1, validator="fair", before={}, after={}, by="eve")
    log.add(*([added] if augmented else []), said(word, by="eve", evidence="I know"), at=T0 + DAY)
    (stats,) = log.store.validators()
    assert (stats.overruled, stats.ran, stats.accepted, stats.cost_usd) == (overruled, 1, 0, 1)
    days = log.store.verdict_days("nap", "rest", "fair")
    assert [(day.ran, day.overruled) for day in days] == [(1, 0), (0, overruled)]


def test_a_word_overrules_only_what_was_said_about_that_attempt_of_that_run(log: Log) -> None:
    log.add(said("ask"), said("accept", attempt=2))
    log.add(said("ask"), run="r2")
    log.add(said("accept", attempt=2, by="eve"))
    assert log.store.validators()[0].overruled == 0
    log.add(said("accept", by="eve"))
    assert log.store.validators()[0].overruled == 1


def test_finding_and_word_may_come_in_one_change(log: Log) -> None:
    log.add(said("ask"), said("accept", by="eve"))
    assert log.store.validators()[0].overruled == 1


def test_lessons_are_the_latest_notes_of_each_step_each_once(log: Log) -> None:
    notes = [("rest", "fair", "a"), ("rest", "fair", "b"), ("walk", "kind", "c"), ("rest", "fair", "a")]
    for number, (step, validator, evidence) in enumerate(notes):
        note = said("feedback", validator, step, evidence=evidence)
        log.add(note, run=f"r{number}", at=T0 + timedelta(seconds=number))
    log.add(
        said("reject", evidence="not a note"), said("feedback", "kind", evidence="a"), run="r9", at=T0 + DAY
    )
    log.add(said("feedback", evidence="elsewhere"), run="r10", at=T0 + DAY, saga="walk")
    assert log.store.lessons("nap") == {"rest": ["kind: a", "fair: a", "fair: b"], "walk": ["kind: c"]}
    assert log.store.lessons("nap", limit=1) == {"rest": ["kind: a"], "walk": ["kind: c"]}
    assert log.store.lessons("nobody") == {}


def test_lessons_look_back_so_far_and_no_further(log: Log) -> None:
    log.add(said("feedback", evidence="long ago"))
    log.add(*[said("feedback", evidence="again")] * LESSONS_FROM, run="r2", at=T0 + DAY)
    assert log.store.lessons("nap") == {"rest": ["fair: again"]}


def test_a_refused_change_counts_nothing(log: Log) -> None:
    log.add(said("feedback"))
    again = log.change(said("feedback", evidence="never stored"))
    stale = Change(again.run_id, "somebody else", again.expected_seq, again.events, again.row)
    assert log.store.append(stale).exception(timeout=60) is not None
    assert log.store.validators()[0].ran == 1
    assert log.store.lessons("nap") == {"rest": ["fair: feedback it"]}


def test_many_runs_at_once_are_all_counted(log: Log) -> None:
    names = [f"r{number}" for number in range(8)]
    for name in names:
        log.add(said(), run=name)

    def say(name: str) -> None:
        for _ in range(20):
            log.add(said("reject", cost_usd=0.5), said("feedback", "other"), run=name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, names))
    fair, other = log.store.validators()
    assert (fair.ran, fair.caught, fair.cost_usd, other.fed_back) == (168, 160, 80.0, 160)


def test_what_can_not_be_counted_or_written_loses_no_fact(log: Log) -> None:
    log.add(said("reject", evidence="nul \x00 and \ud800", cost_usd=float("nan"), latency_s=float("inf")))
    (stats,) = log.store.validators()
    assert (stats.caught, stats.cost_usd, stats.worst_latency_s) == (1, 0, 0)
