"""The sagas that ship, ready to run on the practice world and the local model."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from engine.core.document import parse_saga
from engine.core.saga import Saga


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
    breaks: tuple[Break, ...] = ()

    @property
    def text(self) -> str:
        """The definition as its author wrote it."""
        return (files(__package__) / f"{self.name}.yaml").read_text(encoding="utf-8")

    @property
    def saga(self) -> Saga:
        """The definition, parsed."""
        return _saga(self.name)


@cache
def templates() -> tuple[Template, ...]:
    """Return the templates that ship, in the Gallery's order."""
    listed = yaml.safe_load((files(__package__) / "gallery.yaml").read_text(encoding="utf-8"))
    return tuple(Template.model_validate(entry) for entry in listed)


def template(name: str) -> Template | None:
    """Return the template of that name, or None."""
    return next((entry for entry in templates() if entry.name == name), None)


@cache
def _saga(name: str) -> Saga:
    return parse_saga((files(__package__) / f"{name}.yaml").read_text(encoding="utf-8"))
