"""Sixteen people decide two hundred approvals at once, through two engines: each is decided once (L15)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from engine.core.commands import Decide
from engine.core.document import parse_saga
from engine.core.errors import CommandRejected
from engine.ports import RunFilter
from engine.runtime.engine import Engine
from storage.store import SqlStore
from tests.contract.makers import TRIP
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

APPROVALS, DECIDERS, AT_ONCE = 200, 16, 10


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    return str(path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def decide_all(engine: Engine, runs: list[str], number: int) -> list[tuple[str, str | None]]:
    """Decide every approval in an order of one's own; return by whom and why one was refused, or None."""
    chance = random.Random(number)
    order = chance.sample(runs, len(runs))
    found: list[tuple[str, str | None]] = []
    for start in range(0, len(order), AT_ONCE):
        asked = []
        for run_id in order[start : start + AT_ONCE]:
            decision = chance.choice(["approved", "denied"])
            command = Decide.model_validate(
                {"by": f"person-{number}", "groups": ["desk"], "step": "ask", "decision": decision}
            )
            asked.append((run_id, engine.submit(run_id, command)))
        for run_id, future in asked:
            try:
                future.result(timeout=300)
                found.append((run_id, None))
            except CommandRejected as refused:
                found.append((run_id, str(refused)))
    return found


def test_L15_of_sixteen_deciders_one_decides_each_approval_and_the_others_are_told_why(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runtime.mail.ANSWER_S", 300)  # whoever is told nothing proves nothing
    saga = parse_saga(TRIP)
    with ExitStack() as stack:
        engines = []
        for _ in range(2):
            store = stack.enter_context(closing(SqlStore(url)))
            engines.append(stack.enter_context(Engine(store, {})))
        runs = [
            run_id for engine in engines for run_id in engine.start_runs(saga, [{}] * (APPROVALS // 2), "ann")
        ]
        eventually(lambda: store.count(RunFilter(waiting_for_people=True)) == APPROVALS, 300)
        with ThreadPoolExecutor(DECIDERS) as pool:
            work = [pool.submit(decide_all, engines[n % 2], runs, n) for n in range(DECIDERS)]
            answers = [answer for each in work for answer in each.result()]
        decided = [run_id for run_id, refused in answers if refused is None]
        refused = [reason for _, reason in answers if reason is not None]
        assert sorted(decided) == sorted(runs)
        assert len(refused) == APPROVALS * (DECIDERS - 1)
        assert all(reason and "does not answer" not in reason for reason in refused)
        by = set()
        for run_id in runs:
            given = [r.event for r in store.history(run_id) if r.event.type == "approval_given"]
            assert len(given) == 1, run_id
            by.add(int(given[0].by.split("-")[1]) % 2)
        assert by == {0, 1}, "one engine's people were never first; this proves little"
        assert store.count(RunFilter(waiting_for_people=True)) == 0
