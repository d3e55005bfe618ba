"""Which steps a run has at a place in its log, those inside composite steps too, and what depends on what.

Made from the definition and the log alone, apart from what the engine notes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from engine.core import events as e
from engine.core.composites import COMPOSITES, SagaStep
from engine.core.document import saga_from_document
from engine.core.saga import Saga, Step, bodies_of

IN_A_ROW = frozenset({"loop", "agent"})
"""Kinds whose frames follow one another: one that opens takes the place of those from its number on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One frame as the log tells of it; `after` are the frames that it waits for."""

    id: str
    composite: str
    plan: Saga
    told: e.FrameOpened
    after: tuple[str, ...]
    nested: bool

    @property
    def steps(self) -> list[str]:
        """The ids of its steps in the run."""
        return [f"{self.id}.{name}" for name in self.plan.steps]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands: in the plan of a frame, or of the run, by its name there."""

    plan: Saga
    local: str
    frame: str = ""

    def peer(self, name: str) -> str:
        """Return the id in the run of a step that stands beside it."""
        return f"{self.frame}.{name}" if self.frame else name


class Shape:
    """The plan of a run with the frames that are there."""

    def __init__(self, plan: Saga) -> None:
        self.plan = plan
        self.frames: dict[str, Opened] = {}
        self.dropped: set[str] = set()
        self._places: dict[str, Place] = {}
        self._failed: set[str] = set()

    def add(self, event: e.Event) -> None:
        """Take up what an event says about the shape."""
        match event:
            case e.PlanAmended():
                self.plan = saga_from_document(event.document)
            case e.FramesOpened():
                self._opened(event)
            case e.FrameDropped():
                self.dropped.add(event.frame)
            case e.StepReady() | e.AttemptIntended() if e.makes_ready(event):  # for the first time or anew
                self._forget(event.step)
            case e.StepSkipped() if event.step not in self._failed:
                self._forget(event.step)
            case e.StepFailed():
                self._failed.add(event.step)
            case e.StepsRedone():
                self._failed -= set(event.steps)
                self.dropped = {name for name in self.dropped if not self._is_redone(name, event)}

    def _is_redone(self, name: str, event: e.StepsRedone) -> bool:
        return bool({*self.frames[name].steps} & {*event.steps}) if name in self.frames else True

    def _opened(self, event: e.FramesOpened) -> None:
        step = self.step(event.step)
        if step.kind in IN_A_ROW:
            self._forget(event.step, since=int(event.frames[0].name) if event.frames else None)
        bodies = bodies_of(step)
        for told in event.frames:
            name = _frame_id(event.step, told.name)
            after = tuple(_frame_id(event.step, other) for other in told.after)
            plan = bodies[told.body]
            self.frames[name] = Opened(name, event.step, plan, told, after, isinstance(step, SagaStep))
            self._places |= {f"{name}.{local}": Place(plan, local, name) for local in plan.steps}

    def _forget(self, composite: str, since: int | None = 1) -> None:
        for frame in list(self.of(composite)):
            if since is None or (since > 1 and int(frame.told.name) < since):
                continue
            del self.frames[frame.id]
            self.dropped.discard(frame.id)
            for name in frame.steps:
                self._places.pop(name, None)
                self._forget(name)

    def of(self, composite: str) -> list[Opened]:
        """Return the frames of a composite step."""
        return [frame for frame in self.frames.values() if frame.composite == composite]

    def place(self, name: str) -> Place:
        """Return where a step stands."""
        return self._places.get(name) or Place(self.plan, name)

    def step(self, name: str) -> Step:
        """Return the definition of a step."""
        place = self.place(name)
        return place.plan.steps[place.local]

    @property
    def steps(self) -> dict[str, Step]:
        """Every step that is there."""
        return {**self.plan.steps, **{name: p.plan.steps[p.local] for name, p in self._places.items()}}

    def inside(self, frame: str) -> Iterator[str]:
        """Yield the steps of a frame with those of the frames in it."""
        if frame in self.frames:
            for name in self.frames[frame].steps:
                yield name
                yield from self.within(name)

    def within(self, composite: str) -> Iterator[str]:
        """Yield the steps of all frames of a composite step, with those of the frames in them."""
        for frame in self.of(composite):
            yield from self.inside(frame.id)

    def around(self, name: str) -> Iterator[Opened]:
        """Yield the frames that a step stands in, the innermost first."""
        while place := self._places.get(name):
            frame = self.frames[place.frame]
            yield frame
            name = frame.composite

    def is_dropped(self, name: str) -> bool:
        """Return whether a step stands in a frame that was dropped."""
        return any(frame.id in self.dropped for frame in self.around(name))

    def descendants(self, names: set[str]) -> set[str]:
        """Return the steps that depend on some steps, near or far, and these."""
        graph = self.graph()
        found = {name for name in names if name in graph}
        found |= {below for name in found for below in nx.descendants(graph, name)}
        return {name for name in found if not name.endswith(">")} | names

    def graph(self) -> nx.DiGraph[str]:
        """Return what depends on what; `map>` is the beginning of `map`, itself its end."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        self._add(graph, self.plan, "", [])
        for frame in self.frames.values():
            before = [f"{other}.{sink}" for other in frame.after for sink in self._sinks(other)]
            self._add(graph, frame.plan, f"{frame.id}.", [f"{frame.composite}>", *before])
            graph.add_edges_from((f"{frame.id}.{sink}", frame.composite) for sink in self._sinks(frame.id))
        return graph

    def _add(self, graph: nx.DiGraph[str], plan: Saga, prefix: str, around: list[str]) -> None:
        for name, step in plan.steps.items():
            needed = [f"{prefix}{other}" for other in sorted(plan.graph.needs[name])] or around
            ends = (prefix + name, *((f"{prefix}{name}>",) if step.kind in COMPOSITES else ()))
            graph.add_nodes_from(ends)
            graph.add_edges_from((other, end) for other in needed for end in ends)

    def _sinks(self, frame: str) -> list[str]:
        plan = self.frames[frame].plan
        needed = {other for needs in plan.graph.needs.values() for other in needs}
        return [name for name in plan.steps if name not in needed]


def _frame_id(composite: str, name: str) -> str:
    return f"{composite}.{name}" if name else composite
