"""Changing the plan of a run: in words, on the Run page and in a terminal."""

from __future__ import annotations

from engine.core import commands as c
from engine.core.document import to_yaml
from tests.core.harness import Play
from ui.models.run_events import words_of
from ui.models.run_plan import proposal

TRIP = "steps: {flight: {<book>}, hotel: {<book>, needs: flight}, note: {<read>, needs: hotel}}"


def started():
    play = Play(TRIP)
    play.ok("flight")
    return play


def text_of(play, **steps):
    document = play.run.saga.document()
    document["steps"] = {**document["steps"], **steps}
    return to_yaml(document)


def test_a_proposal_says_what_would_change():
    play = started()
    taxi = {"kind": "python", "with": {"function": "read"}, "needs": ["hotel"]}
    note = {"kind": "python", "with": {"function": "read"}, "needs": ["taxi"]}
    found = proposal(play.run, text_of(play, taxi=taxi, note=note), play.now)
    assert (found.refusal, found.lines) == ("", ("New: taxi", "Changed: note"))
    play.do(c.Amend(document=found.document, reason="rain", by="zoe"))
    (amended,) = play.events("plan_amended")
    assert words_of(amended) == "Plan changed by zoe: taxi added; note changed; rain"


def test_a_proposal_that_changes_the_past_or_is_no_saga_says_why():
    play = started()
    other = play.run.saga.document()["steps"]["flight"] | {"title": "Another"}
    assert (
        "'flight' has begun and its `title` differs"
        in proposal(play.run, text_of(play, flight=other), play.now).refusal
    )
    assert "nothing would change" in proposal(play.run, text_of(play), play.now).refusal
    assert proposal(play.run, "a: [", play.now).refusal.startswith("line ")
    assert (
        "can't be run"
        in proposal(play.run, text_of(play, x={"kind": "wait", "with": {"duration_s": -1}}), play.now).refusal
    )
