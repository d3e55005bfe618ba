"""The Gallery's templates by pattern, and which of them a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from engine.templates import Pattern, Template, template
from ui.models.gallery import CHECKS, signs

Shelf = Pattern | Literal["checks"]


@dataclass(frozen=True)
class Words:
    """What a pattern is called, and what it is for."""

    title: str
    icon: str
    note: str


PATTERNS: Final[dict[Shelf, Words]] = {
    "saga": Words("Undo", "undo", "Bookings, orders and changes that are taken back, in the right order, when a late step fails."),
    "chain": Words("Prompt chain", "linear_scale", "Narrow prompts in a row, each with a form and a check, in place of a large one."),
    "route": Words("Routing", "alt_route", "Rules first, then a model, choose who does it. What was not chosen is skipped."),
    "gather": Words("Scatter and gather", "call_split", "The same for many, or several views of one thing, side by side; then one result."),
    "loop": Words("Evaluate and refine", "autorenew", "Round after round, until a rubric is met or nothing gets better."),
    "supervisor": Words("Supervisor", "groups", "A model plans the tasks, workers of declared roles do them."),
    "tools": Words("Tools", "handyman", "A model calls tools; each call is a step that can be approved and undone."),
    "nested": Words("Sagas in sagas", "account_tree", "A whole saga as a step, with its own budget. Going back goes through it."),
    "events": Words("Choreography", "hub", "Steps that hear events and cause others. Nobody conducts."),
    "change": Words("Plans that change", "update", "The world changes under way: what used it is done anew, the rest stays."),
    "plan": Words("Timetables", "calendar_month", "Work with hours, places and helpers, planned and planned again."),
    "checks": Words("Checks", "fact_check", "An example for each type of validation."),
}  # fmt: skip
"""The shelves of the Gallery, in their order."""


@dataclass(frozen=True)
class Section:
    """Templates of one pattern."""

    pattern: Pattern
    words: Words
    entries: tuple[Template, ...]


def sections(entries: Sequence[Template], shelf: Shelf | None = None, search: str = "") -> list[Section]:
    """Return the templates that a search finds, by pattern; with a shelf only those on it."""
    found = []
    for pattern, words in PATTERNS.items():
        if pattern == "checks" or shelf not in {None, pattern}:
            continue
        members = tuple(entry for entry in entries if entry.pattern == pattern and finds(entry, search))
        if members:
            found.append(Section(pattern, words, members))
    return found


def rows(found: Sequence[Section]) -> list[tuple[Section, ...]]:
    """Return sections by the row that they begin in: two neighbours of one template each share one."""
    listed: list[tuple[Section, ...]] = []
    for section in found:
        before = listed[-1] if listed else ()
        if len(before) == len(section.entries) == 1 and len(before[0].entries) == 1:
            listed[-1] = (before[0], section)
        else:
            listed.append((section,))
    return listed


def shelves(entries: Sequence[Template]) -> list[Shelf]:
    """Return the shelves that hold something."""
    there = {entry.pattern for entry in entries}
    return [shelf for shelf in PATTERNS if shelf == "checks" or shelf in there]


def finds(entry: Template, search: str) -> bool:
    """Return whether each word of a search is in what the Gallery says about a template."""
    said = _said(entry.name)
    return all(word in said for word in search.casefold().split())


@cache
def _said(name: str) -> str:
    entry = template(name)
    assert entry is not None
    shelf = CHECKS[entry.check] if entry.check else PATTERNS[entry.pattern].title
    badges = " ".join(sign.word for sign in signs(entry.saga))
    breaks = " ".join(way.label for way in entry.breaks)
    return (
        f"{name} {entry.saga.name} {entry.when} {entry.saga.description} {shelf} {badges} {breaks}".casefold()
    )
