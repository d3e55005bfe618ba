"""Memory in the core: pinned at the start, read by expressions, left only by a run that completes, with its source."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.checks import publish_problems
from engine.core.errors import DefinitionInvalid, ExpressionError
from engine.core.memory import Known, key_of
from engine.core.run import Run
from tests.core.harness import Play, saga_of

SAGA = """input: {who: {type: string}}
memory: {key: "${run.input.who}", writes: {tier: "${steps.a.output.tier}", visits: "${(has(memory.visits) ? memory.visits : 0) + 1}"}}
steps:
  a: {kind: python, with: {function: f, args: {before: "${has(memory.tier) ? memory.tier : 'new'}"}}}
  b: {<book>, needs: a}
"""


def play(**memory):
    made = Play(SAGA, start=False)
    known = {name: Known(value=value, run_id="r0", steps=("a",), seq=4) for name, value in memory.items()}
    made.do(c.Start(run_id="r1", input={"who": "ann"}, by="ann", memory=known))
    return made


def asked(made):
    return made.run.steps["a"].attempts[0].intent.request["args"]


def test_a_first_run_knows_nothing_and_leaves_what_it_learnt_with_its_source():
    made = play()
    assert asked(made) == {"before": "new"}
    made.ok("a", output={"tier": "gold"})
    made.ok("b")
    completed = made.events("run_completed")[0]
    assert completed.memory_key == "ann"
    assert {name: learned.value for name, learned in completed.remembers.items()} == {
        "tier": "gold",
        "visits": 1,
    }
    tier = completed.remembers["tier"]
    assert tier.steps == ("a",)
    assert made.log[tier.seq - 1].event.commits
    made.check_replay()


def test_L08_what_was_known_at_the_start_is_pinned_into_the_log():
    made = play(tier="silver", visits=3)
    assert asked(made) == {"before": "silver"}
    made.ok("a", output={"tier": "gold"})
    made.ok("b")
    assert made.run.remembers["visits"].value == 4
    made.check_replay()


def test_a_run_that_is_undone_leaves_nothing():
    made = play(tier="silver")
    made.ok("a", output={"tier": "gold"})
    made.rejected("b")
    assert made.run.status == "compensated"
    assert made.run.remembers == {}


def test_what_can_t_be_told_is_noted_and_the_rest_is_kept():
    made = play()
    made.ok("a", output={})
    made.ok("b")
    assert list(made.run.remembers) == ["visits"]
    assert "what is remembered as 'tier' stays as it was" in made.events("noted")[0].text
    assert made.run.status == "completed"


def test_null_leaves_a_fact_as_it_was_and_too_much_is_not_kept():
    made = play()
    made.ok("a", output={"tier": None})
    made.ok("b")
    assert list(made.run.remembers) == ["visits"]
    made = play()
    made.ok("a", output={"tier": "x" * 20_001})
    made.ok("b")
    assert "more than 20,000 characters" in made.events("noted")[0].text


def test_the_key_is_told_by_the_input():
    assert key_of(saga_of(SAGA).memory, {"who": "ann"}) == "ann"
    assert Run(saga_of(SAGA)).memory == {}


def test_a_key_that_is_too_long_is_refused_at_the_start_and_keeps_nothing_at_the_end():
    memory = saga_of(SAGA).memory
    assert key_of(memory, {"who": "x" * 300}) == "x" * 300
    with pytest.raises(ExpressionError, match=r"the key of memory has 301 characters; it may have 300"):
        key_of(memory, {"who": "x" * 301})
    made = Play(SAGA, who="x" * 301)
    made.ok("a", output={"tier": "gold"})
    made.ok("b")
    assert made.run.status == "completed"
    assert (made.run.remembers, made.events("run_completed")[0].memory_key) == ({}, "")
    assert "nothing is remembered: the key of memory has 301" in made.events("noted")[0].text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "memory: {writes: {x: '1'}}\nsteps: {a: {<read>, when: has(memory.y)}}",
            "reads 'y', which no run remembers",
        ),
        ("steps: {a: {<read>, when: has(memory.y)}}", "reads 'y', which no run remembers"),
        ("memory: {key: '${steps.a.output.x}', writes: {x: '1'}}\nsteps: {a: {<read>}}", "knows no `steps`"),
        ("memory: {writes: {x: '${steps.z.output}'}}\nsteps: {a: {<read>}}", "names no step 'z'"),
        ("memory: {key: '${run.input.who}', writes: {x: '1'}}\nsteps: {a: {<read>}}", "names no input 'who'"),
        ("memory: {key: k}\nsteps: {a: {<read>}}", "memory.writes"),
    ],
)
def test_what_makes_no_sense_can_t_be_published(text, words):
    with pytest.raises(DefinitionInvalid, match=words):
        saga_of(text)


def test_reading_what_a_first_run_can_t_know_is_doubtful():
    saga = saga_of("memory: {writes: {x: '1'}}\nsteps: {a: {<read>, when: memory.x == '1'}}")
    (problem,) = publish_problems(saga)
    assert problem.remedy == "ask first: `has(memory.x) ? memory.x : ...`"
