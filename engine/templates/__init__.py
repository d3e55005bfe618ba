"""The sagas that ship, ready to run on the practice world and the local model."""

from __future__ import annotations

from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from engine.core.document import parse_saga
from engine.core.saga import Saga
from engine.core.validators import CheckType

Pattern = Literal[
    "saga", "chain", "route", "gather", "loop", "supervisor", "tools", "nested", "events", "change", "plan"
]  # fmt: skip
"""What a template is an example of."""


class Break(BaseModel):
    """A way to break a template: faults for the practice world."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str
    faults: tuple[dict[str, Any], ...]


class Template(BaseModel):
    """A saga that ships, with what the Gallery says about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    icon: str = Field(description="a Material Symbols name")
    when: str = Field(description="when to use it")
    pattern: Pattern = Field(default="saga", description="what it is an example of")
    check: CheckType | None = Field(default=None, description="the one type of validation that it shows")
    breaks: tuple[Break, ...] = ()

    @property
    def text(self) -> str:
        """The definition as its author wrote it."""
        folder = "" if self.check is None else "checks/"
        return (files(__package__) / f"{folder}{self.name}.yaml").read_text(encoding="utf-8")

    @cached_property
    def saga(self) -> Saga:
        """The definition, parsed."""
        return parse_saga(self.text)


def templates() -> tuple[Template, ...]:
    """Return the templates that ship, in the Gallery's order; the examples of single checks are not among them."""
    return tuple(entry for entry in _shipped() if entry.check is None)


def examples() -> tuple[Template, ...]:
    """Return the examples that ship: one for each type of validation, in the Gallery's order."""
    return tuple(entry for entry in _shipped() if entry.check is not None)


def template(name: str) -> Template | None:
    """Return the template or example of that name, or None."""
    return next((entry for entry in _shipped() if entry.name == name), None)


@cache
def _shipped() -> tuple[Template, ...]:
    listed = yaml.safe_load((files(__package__) / "gallery.yaml").read_text(encoding="utf-8"))
    return tuple(Template.model_validate(entry) for entry in listed)


def shipped(name: str) -> Saga | None:
    """Return the saga of that name that ships, or None."""
    found = template(name)
    return None if found is None else found.saga
