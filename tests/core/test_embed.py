"""R30, R35: a nested saga is pinned when the one around it is published."""

from __future__ import annotations

import pytest

from engine.core.embed import embed
from engine.core.errors import DefinitionInvalid
from tests.core.harness import saga_of

CHILD = "saga: child\nsteps: {a: {<read>}}"
PARENT = "steps: {s: {kind: saga, with: {saga: child}}, m: {kind: map, with: {over: [1]}, body: {steps: {t: {kind: saga, with: {saga: child}}}}}}"


def test_R30_each_nested_saga_gets_the_definition_that_it_will_run():
    child, parent = saga_of(CHILD), saga_of(PARENT, publish=False)
    pinned = embed(parent, {"child": child}.get)
    assert pinned.steps["s"].definition == child
    assert pinned.steps["m"].body.steps["t"].definition == child
    assert embed(pinned, {}.get) is pinned
    assert pinned.hash != parent.hash


def test_what_is_nowhere_stays_open_and_is_refused_at_publishing():
    assert embed(saga_of(PARENT, publish=False), {}.get).steps["s"].definition is None


def test_a_saga_inside_itself_is_refused():
    child = saga_of(CHILD.replace("<read>", "kind: saga, with: {saga: t}"), publish=False)
    with pytest.raises(DefinitionInvalid, match="t -> child -> t"):
        embed(saga_of(PARENT, publish=False), {"child": child}.get)
