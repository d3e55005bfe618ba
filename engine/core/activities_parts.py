"""The parts of a timetable in a definition: the virtual clock, and what an activity is."""

from __future__ import annotations

from pydantic import Field

from engine.core.moments import Moment
from engine.core.parts import ID_PATTERN, Part


class ClockPolicy(Part):
    """The virtual clock that a run's activities go by; it moves only while nothing but activities is under way."""

    start: Moment = Field(
        default="08:00",
        description="what it shows when the run starts: `HH:MM`, or a number where time has no clock",
    )
    speed: float = Field(
        default=5, ge=0, le=100_000, description="virtual minutes in a second; 0 stands still"
    )
    replan: str | None = Field(
        default=None, pattern=ID_PATTERN,
        description="the step that no longer counts when a timetable changes; it is done anew with all that needs it",
    )  # fmt: skip


class ActivityCall(Part):
    """Something that people, vehicles or machines do for a time. No call is made: the clock ends it."""

    what: str = Field(default="", max_length=200, description="the task, or what it is in words")
    kind: str = Field(
        default="work",
        max_length=40,
        description="drive, walk, pickup, errand, cook, event, operation, wait ...",
    )
    who: tuple[str, ...] = Field(default=(), description="the people who take part")
    uses: tuple[str, ...] = Field(default=(), description="the vehicles or machines that are busy with it")
    from_: str = Field(default="", alias="from", description="of a way: where it begins")
    to: str = Field(default="", description="of a way: where it ends")
    place: str = Field(default="", description="where it is done")
    minutes: float = Field(
        default=0, ge=0, le=1_000_000, description="virtual minutes; of a way, those of an undisturbed one"
    )
    start: Moment | None = Field(default=None, description="not before this moment of the virtual clock")
