"""Drafting with the scripts that ship, tried for real, and an engine with the practice world to run what comes out."""

from __future__ import annotations

from engine.planning.words.drafting import Drafting
from engine.planning.words.problem import Approach, Style, example
from engine.rehearsal.proposals import proposals
from engine.scripted import ScriptedLlm
from tests.engine.conftest import bench, functions, made, sandbox

__all__ = ["bench", "drafted", "functions", "made", "sandbox"]


def drafted(name: str, approach: Approach = "side_by_side", style: Style = "saga") -> Drafting:
    """Return what the script of an example makes of it."""
    found = example(name)
    assert found is not None
    return proposals(ScriptedLlm(), found.model, found.words(approach, style), [approach])[0]
