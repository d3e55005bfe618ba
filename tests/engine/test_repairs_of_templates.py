"""R16, R26: in each template with several effects, a repair undoes less than a full rollback; the ledger is the judge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core.affected import affected
from engine.core.commands import Cancel, Decide, MarkStale
from engine.core.document import saga_from_document
from engine.core.recovery import undo_plan
from engine.core.run import SETTLED, Run
from engine.core.saga import Saga
from engine.templates import template
from tests.engine.conftest import Bench
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("shipped")
NAMES = (
    "trip-to-germany", "incident-response", "trip-with-tools", "infrastructure-review", "replanned-trip",
    "trip-with-delay", "deployment-feedback",
)  # fmt: skip
UNDO = {"cancel", "close", "void", "release", "refund", "correct", "revert", "restore"}


def held_open(name: str) -> Saga:
    """Return a template whose run is repaired, and waits at its end for what may come."""
    found = template(name)
    assert found is not None
    document = found.saga.document()
    steps = {**document["steps"], "hold": {"kind": "wait", "with": {"duration_s": 3600}}}
    return saga_from_document({**document, "recovery": "repair", "steps": steps})


def rested(bench: Bench, run_id: str, true: Callable[[Run], bool]) -> Run:
    """Return the run once all but its last wait has settled, with every question answered by yes."""

    def look() -> Run | None:
        row = bench.store.row(run_id)
        assert row is not None
        for asked in row.approvals:
            bench.engine.submit(run_id, Decide(by="boss", step=asked.step, decision="approved")).result()
        run = bench.run(run_id)
        done = all(step.status in SETTLED for step in run.steps.values() if step.id != "hold")
        return run if done and true(run) else None

    return eventually(look)


def standing(bench: Bench) -> set[str]:
    """Return the keys of what stands in the world."""
    ledger = bench.world.ledger()
    gone = {entry.id for entry in ledger if entry.action in UNDO}
    return {str(entry.key) for entry in ledger if entry.id not in gone and entry.action not in UNDO}


@pytest.mark.parametrize("name", NAMES)
def test_R26_a_repair_undoes_less_than_a_full_rollback(bench: Bench, name: str) -> None:
    run_id = bench.start(held_open(name))
    run = rested(bench, run_id, lambda run: len(undo_plan(run)) > 1)
    culprit = undo_plan(run)[0].step  # the effect that began last
    found, full = affected(run, [culprit]), undo_plan(run)
    assert 0 < len(found.undo) < len(full)
    kept = {f"{run_id}:{step}:{run.steps[step].epoch}" for step in found.kept}
    before, repairs = standing(bench), run.repairs
    assert kept <= before
    bench.engine.submit(run_id, MarkStale(steps=(culprit,), reason="it changed", by="bob")).result()
    rested(bench, run_id, lambda run: run.repairs == repairs + 1)
    after = standing(bench)
    assert kept <= after, "what is kept stands as it stood"
    assert {key.rsplit(":", 1)[0] for key in before - after} == {
        f"{run_id}:{each.step}" for each in found.undo
    }
    bench.engine.submit(run_id, Cancel(by="bob")).result()
    bench.until(run_id, lambda run: run.is_closed)
    assert bench.world.state().clean
