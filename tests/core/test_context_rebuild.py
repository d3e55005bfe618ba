"""A context comes out of the log again byte for byte: after a replay, a crash, a rollback, at every call of a run."""

from __future__ import annotations

import random

import pytest

from engine.core import commands as c
from engine.core.context.rebuild import rebuild
from engine.core.context.tokens import estimated
from engine.core.evolve import replay
from engine.core.saga import canonical_json
from engine.core.schedule import wake_at
from tests.core.harness import Play, saga_of

ASK = "kind: llm, with: {prompt: 'What of the ${steps.a.output.topic}?'}, context: {budget_tokens: 120}"
STORY = f"""
goals: [finish]
steps:
  a: {{<book>, states: {{constraints: output.limit}}}}
  b: {{<read>, needs: a}}
  ask: {{{ASK}, needs: b, validate: [{{kind: judge, name: fair, rubric: 'Is it fair?'}}]}}
  x: {{<read>, <once>, needs: ask}}
"""


def contexts(log):
    """Return the seq and the context of each call that has one."""
    return {
        r.seq: r.event.request["context"]
        for r in log
        if r.event.type == "attempt_intended" and isinstance(r.event.request, dict) and "context" in r.event.request
    }  # fmt: skip


def check(play, **how):
    found = contexts(play.log)
    for seq, recorded in found.items():
        again = rebuild(play.saga, play.log, seq, **how)
        assert canonical_json(again) == canonical_json(recorded), f"event {seq}"
    return found


def told():
    play = Play(STORY)
    play.ok("a", output={"topic": "river", "limit": "below 90 USD"})
    play.ok("b", output={"note": "river " * 300})
    return play


def test_after_a_replay():
    play = told()
    play.ok("ask", output={"text": "a"})
    assert len(check(play)) == 2


def test_after_a_crash_the_next_try_sees_the_same():
    play = told()
    play.run = replay(play.saga, play.log)
    play.do(c.Recover())
    play.advance()
    first, second = check(play).values()
    assert first == second


def test_after_a_rollback():
    play = told()
    play.ok("ask", output={"text": "a"})
    play.ok("ask", output={"accept": True})
    play.rejected("x")
    play.ok("a")
    assert play.run.status == "compensated"
    assert len(check(play)) == 2


def test_after_another_branch_fell():
    play = Play("""
constraints: [c]
steps:
  a: {<read>}
  gone: {<read>, <once>}
  instead: {<read>, needs: gone.failed}
  ask: {kind: llm, with: {prompt: p}, needs: a && instead, context: {select: all}}
""")
    play.rejected("gone")
    play.ok("instead", output={"n": 1})
    play.ok("a", output={"n": 2})
    [shown] = check(play).values()
    assert "gone" not in shown["text"]


def test_what_people_approved_is_sent_again_though_more_is_known_by_then():
    play = Play("""
steps:
  b: {<read>, states: {goals: output.goal}}
  ask: {kind: llm, with: {prompt: p}, approval: {}, context: {select: all}}
""")
    play.decide("ask")
    play.ok("b", output={"goal": "g"})
    play.failed("ask")
    play.advance()
    first, second = check(play).values()
    assert first == second


def test_a_tokenizer_that_loads_meanwhile_does_not_ask_people_again():
    class Loads:
        def __init__(self):
            self.names = ["estimate"]

        def tokenizer(self, model):
            return self.names[-1]

        def count(self, text, tokenizer):
            return estimated(text) // (1 if tokenizer == "estimate" else 2)

    play = Play("goals: [g]\nsteps: {ask: {kind: llm, with: {prompt: p}, approval: {}}}", start=False)
    play.run.count = counter = Loads()
    play.do(c.Start(run_id="r1", input={}, by="ann"))
    counter.names.append("own")
    play.decide("ask")
    assert play.status("ask") == "running"
    assert next(iter(check(play, counter=counter).values()))["tokenizer"] == "estimate"


def test_it_is_counted_by_the_tokenizer_of_then():
    class Own:
        def tokenizer(self, model):
            return f"own of {model}"

        def count(self, text, tokenizer):
            assert tokenizer == "own of m"
            return len(text)

    play = Play("goals: [g]\nsteps: {ask: {kind: llm, with: {prompt: p, model: m}}}", start=False)
    play.run.count = Own()
    play.do(c.Start(run_id="r1", input={}, by="ann"))
    check(play, counter=Own())


def test_an_event_without_a_call_has_none():
    play = told()
    with pytest.raises(ValueError, match="event 1 announces no call"):
        rebuild(play.saga, play.log, 1)
    first = next(r.seq for r in play.log if r.event.type == "attempt_intended")
    assert rebuild(play.saga, play.log, first) is None


def random_saga(dice):
    steps = []
    for number in range(dice.randint(4, 14)):
        needs = [f"s{i}" for i in range(number) if dice.random() < 0.4]
        body = [f"needs: [{', '.join(needs)}]"] if needs else []
        if dice.random() < 0.3:
            body.append("states: {goals: output.g, constraints: output.c}")
        if dice.random() < 0.5:
            body.append("kind: llm, with: {prompt: 'about word1 and word2'}")
            if dice.random() < 0.7:
                inputs = [f"steps.{need}.output" for need in needs if dice.random() < 0.3]
                select = dice.choice(["all", "ancestors", "none"])
                body.append(f"context: {{budget_tokens: {dice.choice([50, 90, 200, 900])}, select: {select}, inputs: {inputs}}}")  # fmt: skip
            if dice.random() < 0.2:
                body.append("approval: {}")
        else:
            body.append(dice.choice(["<read>", "<read>", "<book>"]))
        if dice.random() < 0.3:
            body.append(f"validate: [{{kind: judge, name: j{number}, rubric: word3, votes: {dice.randint(1, 3)}, on_fail: feedback}}]")  # fmt: skip
        steps.append(f"s{number}: {{{', '.join(body)}}}")
    return saga_of(f"goals: [win]\nsteps: {{{', '.join(steps)}}}", publish=False)


def answer(dice, phase):
    if phase == "check":
        return {"accept": dice.random() < 0.7, "evidence": "e"}
    words = " ".join(f"word{dice.randint(0, 30)}" for _ in range(dice.choice([3, 40, 300])))
    return {"g": dice.choice(["", "goal", ["g1", "g2"]]), "c": f"limit {dice.randint(0, 5)}", "words": words}


@pytest.mark.parametrize("seed", range(40))
def test_at_every_call_of_a_random_run(seed):
    dice = random.Random(seed)
    play = Play(random_saga(dice))
    for _ in range(150):
        if play.run.is_closed:
            break
        if dice.random() < 0.05:
            play.run = replay(play.saga, play.log)
            play.do(c.Recover())
        elif play.run.open_calls and dice.random() < 0.8:
            step, phase, number = dice.choice(list(play.run.open_calls))
            outcome = dice.choices(["ok", "failed", "rejected"], [20, 3, 1])[0]
            report = c.Report(
                step=step, phase=phase, attempt=number, outcome=outcome, output=answer(dice, phase)
            )
            play.do(report)
        else:
            for step in list(play.run.steps.values()):
                if step.status == "awaiting_approval":
                    play.decide(step.id)
            if (moment := wake_at(play.run)) is not None and moment > play.now:
                play.now = moment
                play.do(c.Advance())
    found = check(play)
    assert found or play.run.is_closed
