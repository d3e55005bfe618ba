"""Changes of the world that a saga brings with it: what changes, for whom, by how much, from when on."""

from __future__ import annotations

from pydantic import Field

from engine.core.parts import ID_PATTERN, Json, Part

TIMETABLE_KINDS = ("travel_time_multiplier", "arrival_delay", "activity_delay", "machine_down")
"""Those that happen on the virtual clock; each has a moment `known_at`."""


class Disruption(Part):
    """One change of the world, as a template plans it."""

    name: str = Field(default="", pattern=rf"{ID_PATTERN}|^$", description="what it is called in the log")
    kind: str = Field(max_length=60, description="what changes, such as travel_time_multiplier")
    text: str = Field(default="", max_length=300, description="what has happened, in words")
    scope: dict[str, Json] = Field(
        default_factory=dict,
        description="for whom: `legs_touching` a place, `legs`, a `person`, a `machine`, a `step`",
    )
    magnitude: Json = Field(default=None, description="by how much: a factor or minutes; may be one `${...}`")
    known_at: Json = Field(default=None, description="from when on the run knows of it; may be one `${...}`")
    effective_from: Json = Field(default=None, description="from when on it counts; unless said, `known_at`")
    until: Json = Field(default=None, description="when it is over; unless said, never")
    at: Json = Field(default=None, description="where in the run, for what happens to steps")
