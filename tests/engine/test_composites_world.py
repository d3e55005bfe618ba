"""Composite steps through the real engine, looked at in the practice world: done, failed in the middle, cut off in the middle."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.core.document import parse_saga
from engine.core.evolve import replay
from engine.memory import MemoryStore
from engine.ports import Performer
from engine.runtime.engine import Engine
from engine.sandbox.faults import Fault
from engine.sandbox.world import World
from engine.scripted import ScriptedLlm
from engine.steps.checks import CheckPerformer
from engine.steps.python import Functions, PythonPerformer
from engine.steps.registry import performers
from tests.engine.conftest import Bench
from tests.waiting import eventually

Json = dict[str, Any]
HOTELS = "${world}/hotels/bookings"
RULES = [
    {"when": "Cologne", "reply": {"tool": "answer", "answer": "both are booked"}},
    {"when": "Berlin", "reply": {"tool": "book", "arguments": {"city": "Cologne"}}},
    {"reply": {"tool": "book", "arguments": {"city": "Berlin"}}},
]


def booking(city: str, **more: Any) -> Json:
    """Return a step that books a night."""
    body = {"city": city, "check_in": "2027-06-08", "nights": 1, "stars": 3, "guest": "Robin"}
    undo = {"method": "DELETE", "url": HOTELS, "params": {"key": "${key}"}, "refused_on": [503]}
    return {
        "kind": "http", "effect": "compensatable", "timeout_s": 8, "settle_s": 0.1, "retry": {"max_attempts": 1},
        "with": {"method": "POST", "url": HOTELS, "json": body, "refused_on": [503]},
        "probe": {"with": {"url": HOTELS, "params": {"key": "${key}"}}},
        "compensate": {"kind": "http", "with": undo, "timeout_s": 8}, **more,
    }  # fmt: skip


PATIENT, HASTY = '"timeout_s": 8, "settle_s"', '"timeout_s": 2, "settle_s"'
"""What a crash left open is looked at when its call can no longer land (R7): soon, where a test waits for it."""
CITIES = {
    "map": {
        "kind": "map", "with": {"over": ["Berlin", "Cologne"], "concurrency": 1}, "body": {"steps": {"book": booking("${item}")}}
    },
    "loop": {
        "kind": "loop", "with": {"until": "round >= 2", "max_rounds": 3},
        "body": {"steps": {"book": booking("${round == 1 ? 'Berlin' : 'Cologne'}")}},
    },
    "saga": {
        "kind": "saga", "with": {"saga": "stay"},
        "definition": {"saga": "stay", "steps": {"one": booking("Berlin"), "two": booking("Cologne", needs="one")}},
    },
    "team": {
        "kind": "team", "workers": {"clerk": {"steps": {"book": booking("${task.city}")}}},
        "with": {"tasks": [{"id": "a", "role": "clerk", "city": "Berlin"}, {"id": "b", "role": "clerk", "city": "Cologne", "needs": ["a"]}]},
    },
    "agent": {
        "kind": "agent", "with": {"prompt": "Book two nights."},
        "tools": {"book": {"description": "Books a night.", "input": {"type": "object", "required": ["city"]}, "step": booking("${args.city}")}},
    },
}  # fmt: skip
BOOKED = {
    "map": ["c.1.book", "c.2.book"], "loop": ["c.1.book", "c.2.book"], "saga": ["c.one", "c.two"],
    "team": ["c.a.book", "c.b.book"], "agent": ["c.2.book", "c.4.book"],
}  # fmt: skip


def saga_with(kind: str, **last: Json) -> str:
    """Return a saga of a booking, a composite step of that kind, and what comes last."""
    steps: Json = {"flat": booking("Munich"), "c": {**CITIES[kind], "needs": "flat"}, **last}
    return json.dumps({"saga": "composed", "steps": steps})


def deeds(world: World, run_id: str) -> list[tuple[str, str]]:
    """Return what the world's ledger has, in order: the action and the key, without the run in it."""
    return [(entry.action, str(entry.key).replace(f"{run_id}:", "")) for entry in world.ledger()]


def keys(kind: str) -> list[tuple[str, str]]:
    return [("book", f"{name}:1") for name in ["flat", *BOOKED[kind]]]


@pytest.fixture
def made(sandbox: tuple[World, str], functions: Functions) -> dict[str, Performer]:
    found = performers(ScriptedLlm(RULES), "scripted", {"sandbox.internal": sandbox[1]})
    return {**found, "python": PythonPerformer(functions), "check": CheckPerformer(functions)}


@pytest.mark.parametrize("kind", CITIES)
def test_what_is_inside_is_done_once_in_the_world(bench: Bench, kind: str) -> None:
    run = bench.to_end(bench.start(saga_with(kind)))
    assert run.status == "completed"
    assert deeds(bench.world, run.id) == keys(kind)


@pytest.mark.parametrize("kind", [name for name in CITIES if name != "agent"])
def test_a_failure_in_the_middle_leaves_nothing_behind(bench: Bench, kind: str) -> None:
    bench.world.add_fault(
        Fault.model_validate({"kind": "refuse", "resource": "hotels/bookings", "match": {"city": "Cologne"}})
    )
    run = bench.to_end(bench.start(saga_with(kind)))
    first = BOOKED[kind][0]
    assert run.status == "compensated"
    assert deeds(bench.world, run.id) == [
        ("book", "flat:1"), ("book", f"{first}:1"), ("cancel", f"c:{first}:1"), ("cancel", "c:flat:1"),
    ]  # fmt: skip
    assert bench.world.state().clean


def test_a_failure_behind_an_agent_undoes_what_its_tools_did_the_last_first(bench: Bench) -> None:
    last = {"kind": "python", "needs": "c", "with": {"function": "fails"}, "retry": {"max_attempts": 1}}

    @bench.functions.register("fails")
    def fails() -> None:
        raise ValueError("no")

    run = bench.to_end(bench.start(saga_with("agent", last=last)))
    assert run.status == "compensated"
    undone = [deed for deed in deeds(bench.world, run.id) if deed[0] == "cancel"]
    assert undone == [("cancel", f"c:{name}:1") for name in ("c.4.book", "c.2.book", "flat")]
    assert bench.world.state().clean


def test_what_fails_and_is_tolerated_leaves_nothing_behind_while_the_rest_stays(bench: Bench) -> None:
    longer = booking("${item}", needs="book")
    longer["with"]["json"]["nights"] = 2
    body = {"steps": {"book": booking("${item}"), "more": longer}}
    step = {"kind": "map", "with": {"over": ["Berlin", "Cologne"], "tolerate": 1}, "body": body}
    match = {"city": "Cologne", "nights": 2}
    refuse = {"kind": "refuse", "resource": "hotels/bookings", "match": match}
    bench.world.add_fault(Fault.model_validate(refuse))
    run = bench.to_end(bench.start(json.dumps({"saga": "some", "steps": {"c": step}})))
    assert run.status == "completed"
    done = deeds(bench.world, run.id)
    assert sorted(done) == [
        ("book", "c.1.book:1"), ("book", "c.1.more:1"), ("book", "c.2.book:1"), ("cancel", "c:c.2.book:1:late1"),
    ]  # fmt: skip


def ended(store: MemoryStore, run_id: str) -> bool:
    row = store.row(run_id)
    return row is not None and row.ended_at is not None


@pytest.fixture
def slow(sandbox: tuple[World, str]) -> World:
    """A world in which the night in Cologne is booked, and the answer does not come."""
    kind = {
        "kind": "timeout_but_land",
        "resource": "hotels/bookings",
        "match": {"city": "Cologne"},
        "delay_s": 20,
    }
    sandbox[0].add_fault(Fault.model_validate(kind))
    return sandbox[0]


@pytest.mark.parametrize("kind", CITIES)
def test_an_engine_that_dies_in_the_middle_is_followed_by_one_that_ends_it(
    slow: World, made: dict[str, Performer], kind: str
) -> None:
    store = MemoryStore()
    first = Engine(store, made).start()
    text = saga_with(kind).replace(PATIENT, HASTY)
    run_id = first.start_run(parse_saga(text), {}, "me")
    eventually(lambda: len(slow.ledger()) == 3)
    first.stop()
    assert not ended(store, run_id)
    with Engine(store, made) as second:
        eventually(lambda: ended(store, run_id))
        run = replay(second.saga(store.row(run_id).saga_hash), store.history(run_id))
    assert run.status == "completed"
    assert deeds(slow, run_id) == keys(kind)
    tries = [attempt.outcome for attempt in run.steps[BOOKED[kind][1]].attempts]
    assert tries[0] == "unknown"
