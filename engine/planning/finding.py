"""What a checker says: violations by code, with the rows, what is required and what the plan claims."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Code = Literal[
    "travel_time", "window_closed", "deadline", "duration_short", "supervision_gap",
    "history_contradiction", "availability", "continuity", "capacity", "missing",
]  # fmt: skip


class Violation(BaseModel):
    """One violation of a plan as it is written; `rows` are row numbers, empty where something is not there."""

    model_config = ConfigDict(frozen=True)
    code: Code
    rows: tuple[int, ...]
    required: str
    claimed: str


class Checked(BaseModel):
    """A plan's verdict: feasible means that nothing was found."""

    model_config = ConfigDict(frozen=True)
    id: str
    verdict: Literal["feasible", "infeasible"]
    violations: tuple[Violation, ...]
