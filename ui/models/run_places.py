"""Where in a run a reader is: its top level, a composite step, or one run of a body; and what inner steps are called.

A place is a text: "" for the run itself, the id of a composite step, or the id of a frame. A nested saga has one frame,
called like its step: its place is its graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.core.composites import COMPOSITES
from engine.core.frames import Frame
from engine.core.run import Run, StepState
from engine.core.saga import Saga

Json = Any
TOLD_BY: Final = ("title", "name", "id", "key", "label")
"""The keys of an item, or a task, that say what it is called; the first one that is there does."""
ITEM_CHARS: Final = 32
MAX_SHOWN: Final = 300
"""How many steps a list or a box of choices shows; where there are more, those inside others are left out."""
APART: Final = " › "


@dataclass(frozen=True)
class Crumb:
    """One part of the way from the run to a place."""

    place: str
    title: str
    kind: str


def is_composite(step: StepState) -> bool:
    """Return whether a step stands for others."""
    return step.definition.kind in COMPOSITES


def local_title(step: StepState) -> str:
    """Return how people call a step where what is around it is known."""
    return step.definition.title or step.local


def title_in(run: Run, name: str) -> str:
    """Return how people call a step wherever it stands: "Offers › Berlin (3) › Book"; an unknown one by its id."""
    step = run.steps.get(name)
    if step is None:
        return name
    frame = run.frames.get(step.frame)
    return APART.join([*_around(run, frame), local_title(step)])


def _around(run: Run, frame: Frame | None) -> list[str]:
    if frame is None:
        return []
    own, composite = frame_title(run, frame), run.steps.get(frame.composite)
    if composite is None:
        return [own]
    return [*_around(run, run.frames.get(composite.frame)), local_title(composite), *([own] if own else [])]


def frame_title(run: Run, frame: Frame) -> str:
    """Return how people call one run of a body: "Berlin (3)", "Round 2", "Search (4)"; "" for a nested saga.

    In an old log, a new plan may have left out what it belongs to: then it goes by its id.
    """
    if frame.composite not in run.steps:
        return frame.id
    kind = run.steps[frame.composite].definition.kind
    if kind == "map":
        said = item_words(frame.values.get("item"))
        return f"{said} ({frame.name})" if said and said != frame.name else f"Item {frame.name}"
    if kind == "loop":
        return f"Round {frame.name}"
    if kind == "team":
        return item_words(frame.values.get("task")) or frame.name
    if kind == "agent":
        return f"{_agent_words(frame)} ({frame.name})"
    return ""


def _agent_words(frame: Frame) -> str:
    own = {"think": "Thought", "conclude": "Conclusion"}
    step = next(iter(frame.plan.steps.values()))
    return own.get(frame.body) or step.title or frame.body


def item_words(item: Json) -> str:
    """Return in a few words what an item or a task is."""
    if isinstance(item, dict):
        told = next((item[key] for key in TOLD_BY if isinstance(item.get(key), str | int)), None)
        item = told if told is not None else item
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)
    flat = " ".join(text.split())
    return flat if len(flat) <= ITEM_CHARS else flat[: ITEM_CHARS - 1].rstrip() + "…"


class Titles(Mapping[str, str]):
    """How people call each step of a run, made when it is asked for: a run may have thousands."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, name: str) -> str:
        if name not in self._run.steps:
            raise KeyError(name)
        return title_in(self._run, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.steps)

    def __len__(self) -> int:
        return len(self._run.steps)


def known_place(run: Run, wanted: str) -> str:
    """Return a place, or the nearest one around it that the run has (any more)."""
    while wanted and wanted not in run.frames:
        step = run.steps.get(wanted)
        if step is not None and is_composite(step):
            return wanted
        wanted = wanted.rpartition(".")[0]
    return wanted


def is_graph(run: Run, place: str) -> bool:
    """Return whether a place is drawn as a graph of its own steps."""
    return not place or place in run.frames


def plan_at(run: Run, place: str) -> Saga:
    """Return the graph that is drawn at a place."""
    return run.frames[place].plan if place else run.saga


def steps_at(run: Run, place: str) -> list[StepState]:
    """Return the steps that stand at a place, without those inside them; none where they have not begun."""
    prefix = f"{place}." if place else ""
    found = (run.steps.get(f"{prefix}{name}") for name in plan_at(run, place).graph.order())
    return [step for step in found if step is not None]


def way_to(run: Run, place: str) -> list[Crumb]:
    """Return the way from the run to a place, both included."""
    crumbs: list[Crumb] = []
    while place:
        frame, step = run.frames.get(place), run.steps.get(place)
        if step is not None:
            crumbs.append(Crumb(place, local_title(step), step.definition.kind))
            place = step.frame
        elif frame is not None:
            crumbs.append(Crumb(place, frame_title(run, frame), "frame"))
            place = frame.composite
        else:
            break
    return [Crumb("", run.saga.name, "run"), *reversed(crumbs)]


def choosable(run: Run) -> list[str]:
    """Return the steps that a box offers to choose from: all, or of very many those that no body made."""
    return list(run.steps) if len(run.steps) <= MAX_SHOWN else list(run.saga.steps)


def table_steps(run: Run, place: str) -> list[StepState]:
    """Return the steps of a table: all of a run, those inside behind their composite step; of very many those of a place."""
    if len(run.steps) > MAX_SHOWN:
        return steps_at(run, place if is_graph(run, place) else run.steps[place].frame)
    return list(_with_inside(run, steps_at(run, "")))


def _with_inside(run: Run, steps: list[StepState]) -> Iterator[StepState]:
    for step in steps:
        yield step
        for name in run.composites[step.id].ids if step.id in run.composites else ():
            yield from _with_inside(run, steps_at(run, name))
