"""Assumptions: what the source leaves open, by name, with the value taken for it; anyone may set another."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import CommandRejected
from engine.planning.problem import Problem
from engine.planning.times import read_time

# The open points that are computed with: name, the words of the source's item, and the default without one.
_COUNTED: tuple[tuple[str, str, Any], ...] = (
    ("service_minutes", r"service minutes|boarding time", 0),
    ("exit_minutes", r"exit time|exit minutes|exit \+ rental", 0),
    ("rent_minutes", r"rental \+ exit|exit \+ rental", 0),
    ("day_start", r"day start|start time$", None),
    ("seats", r"^seats$", 5),
    ("sarah_car", r"sarah.*car", False),
    ("visit_at_start", r"visit needed at", False),
    ("window_means", r"arrive or finish", "finish"),
    ("accident_passed", r"has pat passed", False),
    ("alert_end", r"end of the alert", None),
)
_ALIASES = {"exit_terminal": "exit_minutes", "rent": "rent_minutes", "service": "service_minutes"}
_TIMES = {"day_start", "alert_end"}
_NUMBERS = {"service_minutes", "exit_minutes", "rent_minutes", "seats"}


@dataclass(frozen=True)
class Assumption:
    """One open point: `counted` ones change what the checker and the solver compute."""

    name: str
    item: str
    value: Any
    effect: str = ""
    counted: bool = False
    overridden: bool = False


def assumptions_of(problem: Problem, given: Mapping[str, Any] | None = None) -> dict[str, Assumption]:
    """Return the open points of a problem by name, with their defaults or what is given instead.

    Raises:
        CommandRejected: for a name that the problem does not have open, or a value that can't be one.
    """
    found: dict[str, Assumption] = {}
    for point in problem.unspecified:
        names = [name for name, words, _ in _COUNTED if re.search(words, point.item, re.IGNORECASE)]
        for name in names or [_slug(point.item)]:
            value = _default(name, point.default) if names else point.default
            if name not in found or not names:
                found[name] = Assumption(name, point.item, value, point.effect, counted=bool(names))
    for augmentation in problem.augmentations:
        name = _ALIASES.get(augmentation.id, augmentation.id)
        found.setdefault(name, Assumption(name, augmentation.id, 0, counted=name in _NUMBERS))
    for key, value in (given or {}).items():
        name = _ALIASES.get(key, key)
        if name not in found or not found[name].counted:
            names_there = ", ".join(sorted(one.name for one in found.values() if one.counted)) or "none"
            raise CommandRejected(
                f"'{key}' is no assumption that {problem.id} is computed with; there are: {names_there}"
            )
        old = found[name]
        found[name] = Assumption(
            name, old.item, _read(name, value), old.effect, counted=True, overridden=True
        )
    return found


def known_augmentations(problem: Problem, given: Mapping[str, float]) -> dict[str, float]:
    """Return those minutes a plan adds that the problem can count."""
    there = assumptions_of(problem)
    return {key: value for key, value in given.items() if _ALIASES.get(key, key) in there}


def _default(name: str, said: Any) -> Any:
    """Return the source's default as a value; words that are none give the usual default."""
    usual = next(value for known, _, value in _COUNTED if known == name)
    if name == "window_means":
        return "arrive" if str(said).startswith("arrive") else "finish"
    try:
        return _read(name, said) if said is not None else usual
    except CommandRejected:
        return usual


def _read(name: str, value: Any) -> Any:
    if name in _TIMES:
        return None if value in {None, "never", "free"} else _time(name, value)
    if name in _NUMBERS:
        return _number(name, value)
    if name == "window_means":
        if value not in {"arrive", "finish"}:
            raise CommandRejected("assumption 'window_means' is 'arrive' or 'finish'")
        return value
    return _yes(name, value)


def _time(name: str, value: Any) -> float:
    try:
        return float(read_time(value))
    except (TypeError, ValueError):
        raise CommandRejected(
            f"assumption '{name}' can't be {json.dumps(value)}; give a time as HH:MM"
        ) from None


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 10_000:
        raise CommandRejected(
            f"assumption '{name}' can't be {json.dumps(value)}; give a number, none below 0"
        )
    return int(number) if number.is_integer() else number


def _yes(name: str, value: Any) -> bool:
    words = {"yes": True, "true": True, "no": False, "false": False, "1": True, "0": False}
    word = str(value).strip().lower().split(",")[0].split(":")[0]
    word = "no" if word.startswith("not ") else word
    if word not in words:
        raise CommandRejected(f"assumption '{name}' is 'yes' or 'no', not {json.dumps(value)}")
    return words[word]


def _slug(item: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", item.lower()).strip("_")
