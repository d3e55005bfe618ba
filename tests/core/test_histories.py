"""R30, R31: event histories that are kept as files fold to their recorded states, for ever."""

from __future__ import annotations

import json

import pytest

from engine.core import evolve
from engine.core.evolve import replay
from engine.core.run import CLOSED
from tests.core.histories import FOLDER, RUNS, from_json, state_of

FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_R31_a_kept_history_folds_to_its_recorded_state(path):
    saga, history, state = from_json(json.loads(path.read_text(encoding="utf-8")))
    folded = json.loads(json.dumps(state_of(replay(saga, history))))
    assert {key: folded[key] for key in state} == state


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_every_run_is_kept_and_comes_to_an_end(make):
    play = make()
    assert play.run.status in CLOSED, play.statuses()
    assert (FOLDER / f"{make.__name__}.json").exists(), "run `python -m tests.core.histories` once"


def test_every_kind_of_event_is_in_a_kept_history():
    kept = {
        r["event"]["type"] for path in FILES for r in json.loads(path.read_text(encoding="utf-8"))["events"]
    }
    assert {kind.__dataclass_fields__["type"].default for kind in evolve.HANDLERS} - kept == set()
