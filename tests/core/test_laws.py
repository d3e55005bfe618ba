"""The laws, on random sagas with random misfortunes: see simulation.py for the story, judge.py for the laws."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from engine.core import commands as c
from engine.core.document import saga_from_document
from tests.core.judge import judge
from tests.core.simulation import Story, Tape, random_saga

BOUNDED = settings(
    derandomize=True, deadline=None, database=None, max_examples=3000, print_blob=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


def tape(size):
    return st.binary(min_size=size, max_size=size)


def story(saga_tape, play_tape, kind=Story):
    saga = random_saga(Tape(saga_tape))
    assume(saga is not None)
    return kind(saga, Tape(play_tape))


@BOUNDED
@given(tape(120), tape(90))
def test_laws_hold_whatever_happens(saga_tape, play_tape):
    """L1-L8, L11-L14, L21-L25: crashes, bad answers and meddling people end well, by the world's own ledger."""
    judge(story(saga_tape, play_tape).play())


@settings(BOUNDED, max_examples=300)
@given(tape(120), tape(12))
def test_laws_hold_for_short_troubles(saga_tape, play_tape):
    """A few misfortunes early on, then calm: reaches completion more often than the long stories do."""
    judge(story(saga_tape, play_tape).play())


@settings(BOUNDED, max_examples=200)
@given(tape(120), tape(60))
def test_L09_a_crash_after_every_turn_changes_no_law(saga_tape, play_tape):
    class Shaky(Story):
        def move(self):
            super().move()
            if not self.run.is_closed and self.turns % 3 == 0 and self.turns < 200:
                self.crash()

    judge(story(saga_tape, play_tape, Shaky).play())


@settings(BOUNDED, max_examples=250)
@given(tape(120), st.integers(0, 40), tape(30))
def test_L33_cancel_at_any_point_ends_the_run_and_twice_is_once(saga_tape, moment, play_tape):
    class Cancelled(Story):
        def move(self):
            if self.turns == moment:
                if self.send(c.Cancel(by="bob")):
                    before = len(self.log)
                    self.send(c.Cancel(by="bob"))
                    assert [r.event.type for r in self.log[before:]] in ([], ["noted"])
            else:
                super().move()

    judge(story(saga_tape, play_tape, Cancelled).play())


@settings(BOUNDED, max_examples=150)
@given(tape(120), st.lists(st.integers(0, 7), min_size=40, max_size=40))
def test_L27_any_order_of_answers_gives_the_same_outputs(saga_tape, order):
    """A saga in which all goes well commits the same steps whatever call ends first."""

    class Calm(Story):
        def __init__(self, saga, picks):
            super().__init__(saga, Tape(b""))
            self.picks = list(picks)

        def help(self):
            calls = list(self.run.open_calls)
            if calls and not self.run.paused:
                self.answer(calls[(self.picks.pop() if self.picks else 0) % len(calls)])
            else:
                super().help()

    saga = random_saga(Tape(saga_tape))
    assume(saga is not None and all(not s.writes and s.approval is None for s in saga.steps.values()))
    assume(not any(term for s in saga.steps.values() for term in ("||", "!") if term in s.condition.source))
    straight, mixed = Calm(saga, []).play(), Calm(saga, order).play()
    assume(straight.run.status == "completed")
    assert mixed.run.status == "completed"
    assert {s.id: s.status for s in mixed.run.steps.values()} == {
        s.id: s.status for s in straight.run.steps.values()
    }
    assert mixed.run.output == straight.run.output


@settings(BOUNDED, max_examples=150)
@given(tape(120))
def test_L28_an_unrelated_readonly_step_changes_nothing_for_the_others(saga_tape):
    saga = random_saga(Tape(saga_tape))
    assume(saga is not None)
    document = saga.document()
    document["parallel"] = 250
    alone = {"kind": "wait", "with": {"duration_s": 0}}
    more = {**document, "steps": {**document["steps"], "bystander": alone}}
    plain, wider = (Story(saga_from_document(d), Tape(b"")) for d in (document, more))
    plain.play()
    wider.play()
    left = {s.id: s.status for s in wider.run.steps.values() if s.id != "bystander"}
    assert left == {s.id: s.status for s in plain.run.steps.values()}
    assert plain.run.status == wider.run.status
    assert plain.run.app == wider.run.app


@pytest.mark.parametrize("seed", range(3))
def test_the_stories_are_not_all_alike(seed):
    """A law over stories that all end the same way proves nothing: see that every ending comes up."""
    chance, endings, phases = random.Random(seed), set(), set()
    for _ in range(120):
        saga = random_saga(Tape(chance.randbytes(120)))
        if saga is not None:
            played = Story(saga, Tape(chance.randbytes(60))).play()
            endings.add(played.run.status)
            phases |= {r.event.type for r in played.log}
    assert endings == {"completed", "compensated", "compensated_with_exceptions"}
    assert phases >= {
        "help_needed",
        "attempt_resolved",
        "retry_asked",
        "step_excused",
        "approval_ended",
        "disrupted",
    }


@settings(BOUNDED, max_examples=150)
@given(tape(120), tape(40), st.integers(0, 10**6))
def test_L09_a_log_that_ends_within_a_turn_is_completed_by_who_takes_over(saga_tape, play_tape, place):
    """Cut anywhere, even where no store can: what is missing is recorded, and the run ends."""
    whole = story(saga_tape, play_tape).play()
    log = whole.log[: 1 + place % (len(whole.log) - 1)]
    torn = Story(whole.saga, Tape(b""))
    torn.take_over(log)
    torn.send(c.Recover())
    while not torn.run.is_closed:
        assert torn.turns < 300, f"no end in sight\n{torn.tell()}"
        torn.help()
