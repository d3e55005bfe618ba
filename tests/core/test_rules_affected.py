"""R26, R27 and L17, L18: partial rollback as a function, and what a new plan may not touch."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.affected import affected, affected_paths, amendment_problems
from engine.core.errors import CommandRejected
from engine.rehearsal.laws_affected import L18_the_affected_set_is_monotone_and_idempotent
from engine.rehearsal.sagas import saga_at
from engine.rehearsal.tape import Tape, chance
from tests.core.harness import Play, saga_of

DIAMOND = "steps: {a: {<book>}, b: {<book>, needs: a}, c: {<book>, needs: a}, d: {<book>, needs: [b, c]}, e: {<book>}}"


def played(text=DIAMOND, **more):
    play = Play(text, **more)
    while play.open() and len(play.open()) and play.run.unfinished > 1:
        play.ok(play.open()[0])
    return play


def test_R26_what_depends_on_the_culprit_goes_and_the_rest_stays():
    run = played().run
    found = affected(run, ["b"])
    assert found.steps == ("b", "d")
    assert found.because == {"b": ("b",), "d": ("b", "d")}
    assert set(found.kept) == {s.id for s in run.steps.values() if s.maybe_landed} - {"b", "d"}
    assert [entry.step for entry in found.undo] == [s for s in ("d", "b") if run.steps[s].maybe_landed]
    assert {entry.step: entry.after for entry in found.undo}["b"] == ("d",)


def test_R26_what_never_landed_is_affected_and_has_nothing_to_undo():
    play = Play(DIAMOND)
    play.ok("a")
    found = affected(play.run, ["a"])
    assert found.steps == ("a", "b", "c", "d")
    assert {entry.step for entry in found.undo} == {"a", "b", "c"}
    assert found.kept == ("e",)


def test_R26_a_set_with_a_landed_pivot_is_refused_with_the_path():
    play = Play("steps: {a: {<book>}, p: {<pay>, needs: a}, z: {<send>, needs: p}}")
    play.ok("a", "p")
    with pytest.raises(CommandRejected, match=r"'p' is a point of no return that is passed \(a -> p\)"):
        affected(play.run, ["a"])
    assert affected(play.run, ["z"]).steps == ("z",)
    with pytest.raises(CommandRejected, match="no step 'q'"):
        affected(play.run, ["q"])


@st.composite
def graphs(draw):
    count = draw(st.integers(2, 9))
    lines = []
    for n in range(count):
        needs = draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else []
        lines.append(f"s{n}: {{<book>, needs: [{', '.join(f's{m}' for m in needs)}]}}")
    return saga_of("steps: {" + ", ".join(lines) + "}"), count


@settings(derandomize=True, max_examples=120, deadline=None, database=None)
@given(graphs(), st.sets(st.integers(0, 8)), st.sets(st.integers(0, 8)))
def test_L17_the_affected_set_is_closed_and_minimal_L18_monotone_and_idempotent(drawn, some, more):
    saga, count = drawn
    culprits = {f"s{n}" for n in some if n < count}
    assume(culprits)
    run = Play(saga).run
    found = set(affected_paths(run, culprits))
    needs = saga.graph.needs
    assert culprits <= found
    for name, before in needs.items():
        assert name in found or not set(before) & found, "closed: nothing kept depends on a member"
        if name in found - culprits:
            assert set(before) & found, "minimal: each member is a culprit or depends on one"
    assert set(affected_paths(run, found)) == found
    assert found <= set(affected_paths(run, culprits | {f"s{n}" for n in more if n < count}))


CHAIN = "steps: {a: {<book>}, b: {<book>, needs: a}, c: {<read>, needs: b}}"


def test_R27_a_plan_may_change_only_what_has_not_begun():
    play = Play(CHAIN)
    play.ok("a")
    same = saga_of(CHAIN.replace("c: {<read>", "x: {<read>, needs: a}, c: {<read>, title: New"))
    assert amendment_problems(play.run, same) == []
    other = saga_of(CHAIN.replace("a: {<book>}", "a: {<book>, timeout_s: 3}"))
    assert amendment_problems(play.run, other) == ["'a' has begun and its `timeout_s` differs"]
    gone = saga_of("steps: {a: {<book>}}")
    assert amendment_problems(play.run, gone) == ["'b' has begun and is missing"]


def test_R27_an_edge_into_the_past_is_a_change_of_the_past():
    play = Play("steps: {a: {<book>}, b: {<book>}}")
    moved = saga_of("steps: {a: {<book>}, b: {<book>, needs: a}}")
    assert amendment_problems(play.run, moved) == ["'b' has begun and its `needs` differs"]


def test_L18_the_affected_set_is_monotone_and_idempotent_on_random_graphs():
    judged = 0
    for index in range(40):
        tape = Tape(chance("culprits", 7, index).randbytes(80))
        judged += L18_the_affected_set_is_monotone_and_idempotent(saga_at(7, index), tape)
    assert judged > 100
