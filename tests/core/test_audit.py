"""R38: after the end the probes look once more; what is looked at, and what a finding means."""

import pytest

from engine.core.audit import audit_at, expected
from tests.core.harness import Play

RULED = "probe: {with: {url: 'http://world/look'}, landed: \"output.status == 'confirmed'\"}"


def ended(probe, *, back):
    play = Play(f"steps: {{a: {{<book>, {probe}}}, x: {{<read>, <once>, needs: a}}}}")
    play.ok("a")
    if back:
        play.rejected("x")
        play.ok("a")
    else:
        play.ok("x")
    return play


@pytest.mark.parametrize("probe", ["<probe>", RULED])
def test_R38_what_is_committed_should_be_there(probe):
    assert expected(ended(probe, back=False).run) == {"a": True}


def test_R38_what_was_undone_should_be_gone_where_the_probe_has_a_rule_that_can_tell():
    assert expected(ended(RULED, back=True).run) == {"a": False}


def test_R38_a_target_that_still_knows_what_was_cancelled_proves_nothing():
    play = ended("<probe>", back=True)
    assert play.run.status == "compensated"
    assert expected(play.run) == {}
    assert audit_at(play.run) is None
