"""The fact ledger as rows: what, from where, since when, who relied on it, and what stands out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.core.facts import KnownFact, Line, ledger, lineage
from engine.core.recovery import affected_paths
from engine.core.run import Run
from engine.core.templates import as_text
from ui.models.run_words import clock, listed, title_of, titles_of

Json = Any
MAX_VALUE: Final = 80
SOURCES: Final = {
    "input": "Input by {by}", "step": "Step {by}", "model": "Model {by}", "person": "Person {by}",
    "validator": "Added by the validator {by}", "assumption": "Assumed by {by}", "state": "Written by {by}",
    "disruption": "Changed since ({by})",
}  # fmt: skip
FOR: Final = {
    "request": "what it sent", "prompt": "its prompt", "context": "what its model saw", "condition": "its condition",
    "approval": "its approval", "locks": "what it locked", "writes": "what it wrote", "check": "its checks",
}  # fmt: skip


@dataclass(frozen=True)
class FactRow:
    """One fact, in words."""

    path: str
    value: str
    source: str
    since: str
    relied: str
    state: str


def fact_rows(run: Run) -> list[FactRow]:
    """Return the facts of a run, in words."""
    return [_row(run, fact) for fact in ledger(run)]


def _row(run: Run, fact: KnownFact) -> FactRow:
    titles = titles_of(run)
    relied = dict.fromkeys(titles.get(use.step, use.step) for use in fact.uses if use.relies)
    since = clock(fact.since) if fact.since is not None else ""
    return FactRow(
        fact.path, short(fact.value), SOURCES[fact.source].format(by=titles.get(fact.by, fact.by)), since,
        listed(list(relied)), state_words(run, fact),
    )  # fmt: skip


def state_words(run: Run, fact: KnownFact) -> str:
    """Return what stands out about a fact: changed since it was used, or what people think of an assumption."""
    said = []
    if fact.assumed is not None:
        known = {None: "nobody has said anything of it", True: "accepted by {by}", False: "refused by {by}"}
        said.append("Assumption, " + known[fact.assumed.accepted].format(by=fact.assumed.by))
    elif fact.changed:
        said.append("Changed since it was recorded")
    old = [title_of(run.steps[use.step]) for use in fact.uses if use.stale and use.step in run.steps]
    if old:
        said.append(f"{listed(list(dict.fromkeys(old)))} used another value")
    return "; ".join(said)


def short(value: Json) -> str:
    """Return a value as one short line."""
    text = as_text(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def fact_document(fact: KnownFact) -> dict[str, Json]:
    """Return a fact as JSON."""
    assumed = fact.assumed
    return {
        "path": fact.path, "value": fact.value, "source": fact.source, "by": fact.by, "seq": fact.seq,
        "since": fact.since.isoformat() if fact.since else None, "changed": fact.changed,
        "assumption": None if assumed is None else {
            "owner": assumed.owner, "why": assumed.why, "accepted": assumed.accepted, "otherwise": assumed.otherwise,
        },
        "used_by": [
            {"step": use.step, "for": use.how, "relies": use.relies, "stale": use.stale} for use in fact.uses
        ],
    }  # fmt: skip


def use_rows(run: Run, fact: KnownFact) -> list[tuple[str, str, str]]:
    """Return who used a fact, for what, and whether it decided what they did."""
    titles = titles_of(run)
    return [
        (
            titles.get(use.step, use.step),
            FOR[use.how],
            "relies on it" if use.relies else "is made anew where it changes",
        )
        for use in fact.uses
    ]


@dataclass(frozen=True)
class Reach:
    """Why a step is reached by a change: by its dependencies (what is undone goes by that), and by data."""

    title: str
    by_dependency: str
    by_data: str


def reach(run: Run, stale: tuple[str, ...]) -> list[Reach]:
    """Return which steps a change reaches, by dependency and by data, side by side."""
    paths, data = affected_paths(run, stale), lineage(run, stale)
    titles = titles_of(run)
    return [
        Reach(titles[name], _dependency(titles, paths.get(name)), _data(titles, data.get(name)))
        for name in run.steps if name in paths or name in data
    ]  # fmt: skip


def _dependency(titles: Mapping[str, str], path: tuple[str, ...] | None) -> str:
    if path is None:
        return "not reached"
    return "it used what has changed" if len(path) == 1 else " → ".join(titles[name] for name in path)


def _data(titles: Mapping[str, str], line: Line | None) -> str:
    if line is None:
        return "reads nothing of it"
    return f"reads {line.path} of {titles[line.source]}" if line.source else "it used what has changed"
