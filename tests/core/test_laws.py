"""The laws, on random sagas with random misfortunes; the stories and the laws are engine.rehearsal's."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from engine.core import commands as c
from engine.rehearsal import crashes, twins
from engine.rehearsal.campaign import Campaign, simulate
from engine.rehearsal.rehearse import Findings
from engine.rehearsal.sagas import random_saga
from engine.rehearsal.stage import Stage
from engine.rehearsal.story import Story
from engine.rehearsal.tape import SAGA_BYTES, Tape

BOUNDED = settings(
    derandomize=True, deadline=None, database=None, max_examples=800, print_blob=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


def tape(size):
    return st.binary(min_size=size, max_size=size)


def saga_of(saga_tape):
    saga = random_saga(Tape(saga_tape))
    assume(saga is not None)
    return saga


def check(story, saga_tape=b""):
    """Play a story to its end and judge it; the tapes in hex tell it again."""
    try:
        Findings().count(story.play())
    except Exception as error:
        error.add_note(f"saga simulate --replay tapes.{saga_tape.hex()}.{story.tape.data.hex()}")
        raise


@BOUNDED
@given(tape(SAGA_BYTES), tape(90))
def test_laws_hold_whatever_happens(saga_tape, play_tape):
    """Crashes, bad answers, jumping clocks and meddling people end well, by the world's own ledger."""
    check(Story(saga_of(saga_tape), Tape(play_tape)), saga_tape)


@settings(BOUNDED, max_examples=200)
@given(tape(SAGA_BYTES), tape(12))
def test_laws_hold_for_short_troubles(saga_tape, play_tape):
    """A few misfortunes early on, then calm: reaches completion more often than the long stories do."""
    check(Story(saga_of(saga_tape), Tape(play_tape)), saga_tape)


@settings(BOUNDED, max_examples=200)
@given(tape(SAGA_BYTES), tape(60))
def test_laws_hold_through_the_real_runtime(saga_tape, play_tape):
    check(Stage(saga_of(saga_tape), Tape(play_tape)), saga_tape)


@settings(BOUNDED, max_examples=30)
@given(tape(SAGA_BYTES), tape(30))
def test_L09_a_crash_behind_any_turn_changes_no_law(saga_tape, play_tape):
    story = Story(saga_of(saga_tape), Tape(play_tape), keeps_turns=True).play()
    for seq in crashes.cuts(story, inside=False):
        check(crashes.after(story, seq, (play_tape.hex(),)))


@settings(BOUNDED, max_examples=150)
@given(tape(SAGA_BYTES), st.integers(0, 40), tape(30))
def test_L33_cancel_at_any_point_ends_the_run_and_twice_is_once(saga_tape, moment, play_tape):
    class Cancelled(Story):
        def move(self):
            if len(self.told) == moment:
                if self.send(c.Cancel(by="bob")):
                    before = len(self.log)
                    self.send(c.Cancel(by="bob"))
                    assert [r.event.type for r in self.log[before:]] in ([], ["noted"])
            else:
                super().move()

    check(Cancelled(saga_of(saga_tape), Tape(play_tape)), saga_tape)


@settings(BOUNDED, max_examples=150)
@given(tape(SAGA_BYTES), tape(40))
def test_L27_any_order_of_answers_gives_the_same_outputs(saga_tape, order):
    saga = saga_of(saga_tape)
    assume(twins.is_free_of_order(saga))
    twins.L27_any_order_of_answers_gives_the_same_outputs(saga, order)


@settings(BOUNDED, max_examples=150)
@given(tape(SAGA_BYTES))
def test_L28_an_unrelated_readonly_step_changes_nothing_for_the_others(saga_tape):
    twins.L28_an_unrelated_readonly_step_changes_nothing_for_others(saga_of(saga_tape))


@settings(BOUNDED, max_examples=150)
@given(tape(SAGA_BYTES))
def test_L26_a_definition_survives_export_and_import(saga_tape):
    twins.L26_a_definition_survives_export_and_import(saga_of(saga_tape))


@pytest.mark.parametrize("seed", range(3))
def test_the_stories_are_not_all_alike(seed):
    """A law over stories that all end the same way proves nothing: see that every ending comes up."""
    found = simulate(Campaign(sagas=300, seed=seed, crash_everywhere=False), 1, lambda _: None)
    assert set(found.endings) == {"completed", "compensated", "compensated_with_exceptions", "abandoned"}
