"""What a run costs grows with its steps, not with their square: calls of functions are counted, not seconds."""

from __future__ import annotations

import sys

import pytest

from engine.core import commands as c
from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.schedule import wake_at
from tests.core.harness import Play

READ = {"kind": "python", "with": {"function": "f"}}
UNDO = {"kind": "python", "with": {"function": "u", "args": {"key": "${key}"}}}
BOOK = {**READ, "effect": "compensatable", "compensate": UNDO}


def chain(count, step=READ):
    return {f"s{i}": {**step, "needs": [f"s{i - 1}"] if i else []} for i in range(count)}


def fan(count, step=READ, needs=None):
    names = [f"s{i}" for i in range(count)]
    middle = {name: {**step, "needs": ["a"]} for name in names}
    return {"a": READ, **middle, "z": {**READ, "needs": needs.join(names) if needs else names}}


def layers(count):
    first = {f"x{i}": BOOK for i in range(count // 2)}
    second = {f"y{i}": {**BOOK, "needs": ["m"]} for i in range(count // 2)}
    return {**first, "m": {**READ, "needs": list(first)}, **second, "z": {**READ, "needs": list(second)}}


SHAPES = {
    "a chain": (chain, {}),
    "a chain, undone": (lambda n: chain(n, BOOK), {"undone": True}),
    "a fan": (fan, {}),
    "a fan, undone": (lambda n: fan(n, BOOK), {"undone": True}),
    "a fan with a condition": (lambda n: fan(n, needs=" && "), {}),
    "a fan with alternatives": (lambda n: fan(n, needs=" || "), {}),
    "a fan that is skipped": (lambda n: fan(n, {**READ, "when": "false"}), {}),
    "a fan of waits": (lambda n: fan(n, {"kind": "wait", "with": {"duration_s": 5}}), {}),
    "two layers": (layers, {}),
}


def story(steps, *, undone=False):
    saga = saga_from_document({"saga": "t", "parallel": 16, "steps": steps})
    assert publish_problems(saga) == []
    play, last = Play(saga), list(steps)[-1]
    while not play.run.is_closed:
        name = next(iter(play.run.open_calls), (None,))[0]
        if name is None:
            play.advance()
        elif name == last and undone:
            play.rejected(name)
        else:
            play.ok(name, output={})
    assert replay(saga, play.log) == play.run
    return len(play.log)


def calls(work):
    """Return how many Python functions a piece of work calls, and what it gives."""
    count = 0

    def tick(_frame, event, _arg):
        nonlocal count
        count += event == "call"

    sys.setprofile(tick)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return count, result


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_steps_cost_about_twice_the_calls(shape):
    make, how = SHAPES[shape]
    story(make(10), **how)
    small, few = calls(lambda: story(make(150), **how))
    large, many = calls(lambda: story(make(300), **how))
    assert many / few == pytest.approx(2, rel=0.1)
    assert large / small < 2.5, f"{small:,} calls for 150 steps, {large:,} for 300"


def over_items(count, body, **more):
    step = {"kind": "map", "with": {"over": list(range(count)), **more}, "body": {"steps": body}}
    return saga_from_document(
        {"saga": "t", "parallel": 16, "budget": {"minutes": 1000}, "steps": {"m": step}}
    )


def mapped(count):
    play = Play(over_items(count, {"x": READ}))
    while not play.run.is_closed:
        play.ok(next(iter(play.run.open_calls))[0])
    return len(play.log)


def all_dropped(count):
    """Let every item fail once it has done something: all of it waits to be undone at once."""
    body = {"x": BOOK, "y": {**READ, "needs": ["x"], "retry": {"max_attempts": 1}}}
    play = Play(over_items(count, body, tolerate=count, concurrency=16))
    while not play.run.is_closed:
        name = next(iter(play.run.open_calls))[0]
        play.rejected(name) if name.endswith("y") else play.ok(name)
        wake_at(play.run)
    assert play.order("late") == [f"m.{n}.x" for n in range(1, count + 1)]
    return len(play.log)


def signalled(count):
    """Send every signal before its step waits, for keys that come in the other order."""
    waits = {
        f"w{i}": {"kind": "wait", "needs": ["a"], "with": {"event": "e", "key": f"k{i}"}}
        for i in range(count)
    }
    play = Play(saga_from_document({"saga": "t", "steps": {"a": READ, **waits}}))
    for i in reversed(range(count)):
        play.do(c.Signal(id=str(i), name="e", key=f"k{i}", by="x"))
    return play


def taken(play):
    play.ok("a")
    assert play.run.status == "completed"


@pytest.mark.parametrize("work", [mapped, all_dropped])
def test_twice_the_items_cost_about_twice_the_calls(work):
    work(10)
    small, few = calls(lambda: work(100))
    large, many = calls(lambda: work(200))
    assert many / few == pytest.approx(2, rel=0.1)
    assert large / small < 2.5, f"{small:,} calls for 100 items, {large:,} for 200"


def test_a_budget_that_is_not_reached_costs_no_look_at_all_frames(monkeypatch):
    monkeypatch.setattr(Run, "pivots", property(lambda run: pytest.fail(f"{run.id}: looked for pivots")))
    assert mapped(10)


def test_twice_the_signals_cost_about_twice_the_calls_to_take():
    taken(signalled(10))
    few, many = signalled(75), signalled(150)
    small, _ = calls(lambda: taken(few))
    large, _ = calls(lambda: taken(many))
    assert large / small < 2.5, f"{small:,} calls for 75 signals, {large:,} for 150"


def test_a_cycle_in_a_large_graph_is_found_and_short():
    steps = layers(1000)
    steps["x0"] = {**BOOK, "needs": ["z"]}
    count, found = calls(lambda: publish_problems(saga_from_document({"saga": "t", "steps": steps})))
    assert found[0].problem == "a cycle: x0 -> m -> y0 -> z -> x0"
    assert count < 300_000
