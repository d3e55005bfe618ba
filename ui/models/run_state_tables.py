"""The three dimensions of a run's state as rows of tables, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.core.dimensions import Difference
from engine.core.templates import as_text

Json = Any
Row = dict[str, Any]
_HOLDS: Final = {True: "Yes", False: "No", None: "Not yet known"}


def entity_rows(application: Json) -> list[Row]:
    """Return the keys of S_A with their values."""
    return [{"Key": key, "Value": as_text(value)} for key, value in application["entities"].items()]


def invariant_rows(application: Json) -> list[Row]:
    """Return the invariants and whether they held."""
    return [
        {"Invariant": name, "Holds": _HOLDS[held["holds"]], "Rule": held["rule"], "Why": held["why"]}
        for name, held in application["invariants"].items()
    ]


def checkpoint_rows(application: Json, titles: Mapping[str, str]) -> list[Row]:
    """Return every write, the latest first."""
    return [
        {
            "Event": point["seq"],
            "By": titles.get(point["step"] or "", point["by"]),
            "Wrote": "everything anew" if point["whole"] else ", ".join(point["keys"]),
            "Time, UTC": _clock(point["at"]),
        }
        for point in reversed(application["checkpoints"])
    ]


def attempt_rows(operation: Json) -> list[Row]:
    """Return the tries of a step, those of its undo behind them."""
    kinds = (
        ("Forward", operation["attempts"]),
        ("Check", operation["checks"]),
        ("Probe", operation["probes"]),
        ("Undo", operation["compensation"]["attempts"]),
        ("Undo of a late effect", operation["compensation"]["late_attempts"]),
    )
    return [
        {
            "What": kind,
            "Try": call["number"],
            "Began": _clock(call["started_at"]),
            "Ended": _clock(call["ended_at"]),
            "Outcome": call["outcome"] or "open",
            "Model": call["model"] or "",
            "Error": call["error"],
        }
        for kind, calls in kinds
        for call in calls
    ]


def condition_rows(dependency: Json, titles: Mapping[str, str]) -> list[Row]:
    """Return what each step needs, and what is known about that."""
    return [
        {
            "Step": titles[name],
            "Needs": told["needs"],
            "Holds": _HOLDS[told["holds"]],
            "Guard": told["guard"] or "",
            "Ready since": _clock(told["ready_at"]),
            "Approvals": ", ".join(asked["status"] for asked in told["approvals"]),
            "Checks between steps": ", ".join(f"{v['validator']}: {v['verdict']}" for v in told["checks"]),
        }
        for name, told in dependency["steps"].items()
    ]


def difference_rows(differences: Sequence[Difference]) -> list[Row]:
    """Return where two moments differ."""
    return [{"Where": each.path, "Before": each.before, "After": each.after} for each in differences]


def _clock(moment: str | None) -> str:
    """Return the time of day of an ISO moment, to the millisecond."""
    return "" if moment is None else moment.partition("T")[2][:12].partition("+")[0]
