"""What every fact of a log is: immutable, closed, JSON in and out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Json = Any
Direction = Literal["forward", "undo", "repair"]


class Fact(BaseModel):
    """Base of the facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")
