"""The plan model (`realm-plans/1`): rows that claim who does what, where and when, as somebody wrote them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.planning.times import Minutes

MOVING = {"drive", "walk", "move", "fly"}


class Row(BaseModel):
    """One line of a timetable; what it leaves out, it does not claim."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    n: int
    kind: str
    start: Minutes
    end: Minutes | None = None
    agent: str | None = None
    people: tuple[str, ...] = ()
    place: str | None = None
    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    heading: str | None = None
    item: str | None = None
    activity: str = ""
    vehicle: str | None = None
    job: str | None = None
    op: int | None = None
    machine: str | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Row:
        if self.kind in MOVING and (self.from_ is None or self.to is None):
            raise ValueError(f"row {self.n}: a {self.kind} has `from` and `to`")
        if self.kind == "operation" and (self.job is None or self.op is None or self.machine is None):
            raise ValueError(f"row {self.n}: an operation has `job`, `op` and `machine`")
        return self

    @property
    def moves(self) -> bool:
        """Whether the row claims a way from one place to another."""
        return self.kind in MOVING

    @property
    def ends(self) -> float:
        """When the row ends; one without `end` claims a moment."""
        return self.start if self.end is None else self.end

    @property
    def names(self) -> tuple[str, ...]:
        """Who takes part: the agent and the people, each once."""
        return tuple(dict.fromkeys([*([self.agent] if self.agent else []), *self.people]))


class Plan(BaseModel):
    """A timetable for a problem: `now` is when it was made, `history` what was recorded before that."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    id: str
    problem: str | None = None
    source: str = ""
    now: Minutes | None = None
    base: str | None = Field(default=None, description="the plan that was under way, by id in the same file")
    history: dict[str, Any] = Field(default_factory=dict)
    augmentation: dict[str, float] = Field(default_factory=dict)
    assumptions: dict[str, Any] = Field(
        default_factory=dict, description="open points, as the plan takes them"
    )
    rows: tuple[Row, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        """Read `history: null` as no history, and so on; number rows that have no number."""
        if not isinstance(value, dict):
            return value
        kept = {key: item for key, item in value.items() if item is not None}
        rows = kept.get("rows")
        if isinstance(rows, list):
            kept["rows"] = [
                {"n": n, **row} if isinstance(row, dict) else row for n, row in enumerate(rows, start=1)
            ]
        return kept


class Plans(BaseModel):
    """A file of plans."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    schema_: Literal["realm-plans/1"] = Field(alias="schema")
    plans: tuple[Plan, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Plans:
        ids = [plan.id for plan in self.plans]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the plan id '{twice[0]}' is there twice; rename one")
        return self
