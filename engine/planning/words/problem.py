"""A problem in words, as a person gives it, and the problems that ship as examples."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Approach = Literal["in_turn", "side_by_side"]
Style = Literal["saga", "chain"]
MAX_PROBLEM = 4000
"""So many characters a problem has at most."""
APPROACHES: dict[Approach, str] = {
    "side_by_side": "do at the same time whatever does not need the other",
    "in_turn": "one thing after the other, what is easiest to take back first",
}


class Words(BaseModel):
    """What a saga is wanted for.

    Attributes:
        approach: which kind of plan is asked for: two proposals differ in it.
        style: a saga of steps with effects, or a chain of narrow prompts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    problem: str = Field(min_length=1, max_length=MAX_PROBLEM)
    constraints: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    approach: Approach = "side_by_side"
    style: Style = "saga"


class Example(BaseModel):
    """A problem that ships, with the script that answers for a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    title: str
    icon: str = Field(description="a Material Symbols name")
    problem: str
    constraints: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The scripted model that knows this problem."""
        return f"scripted/words-{self.name}"

    def words(self, approach: Approach = "side_by_side", style: Style = "saga") -> Words:
        """Return the problem, to be drafted."""
        given: dict[str, Any] = self.model_dump(include={"problem", "constraints", "metrics"})
        return Words(approach=approach, style=style, **given)


@cache
def examples() -> tuple[Example, ...]:
    """Return the problems that ship."""
    text = (files(__package__) / "examples.yaml").read_text(encoding="utf-8")
    return tuple(Example.model_validate(entry) for entry in yaml.safe_load(text))


def example(name: str) -> Example | None:
    """Return the problem of that name, or None."""
    return next((entry for entry in examples() if entry.name == name), None)
