"""What was recorded before a plan was made: who was where when, who left for where, who was aboard.

Keys of a person's record: `at_<place>` and `left_<place>` with a time, `at` with the place at the moment
of the plan (`now`), `heading` with a place, `aboard` with names. A task's record has `started` with a time.
Other keys are kept in the file and not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.planning.case import Case
from engine.planning.plan import Row
from engine.planning.times import read_time


@dataclass(frozen=True)
class Past:
    """One person's record, in order of time."""

    was_at: tuple[tuple[float, str], ...] = ()
    left: tuple[tuple[float, str], ...] = ()
    heading: str | None = None
    aboard: tuple[str, ...] | None = None
    leg: tuple[str, str, float, float] | None = None

    @property
    def last(self) -> float | None:
        """The moment of the last recorded fact."""
        return max((moment for moment, _ in (*self.was_at, *self.left)), default=None)

    @property
    def place(self) -> str | None:
        """The last recorded place."""
        return max((*self.was_at, *self.left), default=(0.0, None))[1]


def past_of(history: Mapping[str, Any], case: Case, now: float | None = None) -> dict[str, Past]:
    """Return the records by person; who was aboard has been where the driver was."""
    found: dict[str, Past] = {}
    for who, record in history.items():
        if who in case.people and isinstance(record, Mapping):
            past = _past(record, case, now)
            found[who] = past
            for rider in past.aboard or ():
                if rider in case.people and past.left:
                    found.setdefault(rider, Past(left=past.left[-1:], leg=past.leg))
    return found


def begun(history: Mapping[str, Any], case: Case) -> dict[str, float]:
    """Return when tasks are recorded to have begun."""
    found: dict[str, float] = {}
    for task, record in history.items():
        if task in case.tasks and isinstance(record, Mapping) and "started" in record:
            found[task] = float(read_time(record["started"]))
    return found


def _past(record: Mapping[str, Any], case: Case, now: float | None) -> Past:
    now_at = [(now, str(record["at"]))] if now is not None and record.get("at") in case.problem.places else []
    was_at = tuple(sorted([*_timed(record, "at_", case), *now_at]))
    left = tuple(sorted(_timed(record, "left_", case)))
    heading = record.get("heading")
    goal = str(heading) if heading in case.problem.places else None
    leg = None
    if left and goal is not None and (not was_at or was_at[-1][0] <= left[-1][0]):
        start, here = left[-1]
        leg = (here, goal, start, start + (case.travel.needed(here, goal, start) or 0))
    aboard = record.get("aboard")
    return Past(was_at, left, goal, None if aboard is None else tuple(map(str, aboard)), leg)


def _timed(record: Mapping[str, Any], prefix: str, case: Case) -> list[tuple[float, str]]:
    found = []
    for key, value in record.items():
        place = str(key).removeprefix(prefix)
        if str(key).startswith(prefix) and place in case.problem.places:
            try:
                found.append((float(read_time(value)), place))
            except (TypeError, ValueError):
                continue
    return found


def said_goal(row: Row, case: Case) -> str | None:
    """Return where a `state` row says that somebody is going: `to`, `heading`, or `en route to ...` in words."""
    if row.kind != "state":
        return None
    said = row.heading or row.to
    if said is not None:
        return said if said in case.problem.places else None
    found = re.search(r"(?:\b(?:to|towards|for)\b|->|→)\s*(?:the\s+)?([\w' -]+)", row.activity)
    if found is None:
        return None
    words = re.findall(r"[\w']+", found.group(1))
    for word in words:
        for place, label in case.problem.places.items():
            if word == place or word.lower() in re.findall(r"[a-z']+", str(label).lower()):
                return place
    return None
