"""Frames: the steps that a composite step makes of a body, and how they hang together with all others.

A frame is one run of a body. Its steps are steps of the run, called `composite.frame.step`; they begin when the
composite does, and end before it does, so that whatever depends on the composite depends on them.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal

import networkx as nx

from engine.core.composites import AgentStep, MapStep, TeamStep
from engine.core.condition import EMITTED
from engine.core.saga import Saga, Step, effect_of

if TYPE_CHECKING:
    from engine.core.events_frames import RoundEnded
    from engine.core.run import Run, StepState

Json = Any
NOT_THERE: Final = frozenset({"waiting", "gone", "barred"})
"""A frame in one of these states has no steps in the run's graph."""


@dataclass(slots=True)
class Frame:
    """One run of a body.

    Attributes:
        composite: the step that it belongs to.
        body: which of the step's bodies it runs; `plan` is that body.
        values: what its steps see besides what all steps see, such as `item`.
        facts: what they see as `run`, where that is not the run's own: in a nested saga.
        app: its S_A, where it has one of its own: in a nested saga.
        known: its steps' outcomes so far, as `steps` shows them.
        left: how many of its steps are not settled.
        status: `held` means that it was open, and waits to go on with what is done anew,
            `gone` that its step begins anew, so that it no longer counts, `barred` that it
            can't begin, as one that it comes after failed.
        failing: why it fails; empty while it does not.
        heard: the events that have happened in it, with what they told.
    """

    id: str
    name: str
    composite: str
    body: str
    plan: Saga
    values: dict[str, Json]
    after: tuple[str, ...] = ()
    facts: dict[str, Json] | None = None
    app: dict[str, Json] | None = None
    known: dict[str, Json] = field(default_factory=dict)
    left: int = 0
    status: Literal["waiting", "open", "ended", "dropped", "held", "gone", "barred"] = "waiting"
    failing: str = ""
    heard: dict[str, Json] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether its steps see nothing of what is around it: it is a saga of its own."""
        return self.facts is not None


@dataclass(slots=True)
class Frames:
    """The frames of one composite step: which wait, how many are open or failed, the rounds of a loop.

    `lost` are those that failed, or can't begin any more, and are to be dropped.
    """

    concurrency: int
    ids: list[str] = field(default_factory=list)
    waiting: dict[str, None] = field(default_factory=dict)
    open: int = 0
    failing: int = 0
    lost: dict[str, None] = field(default_factory=dict)
    rounds: list[RoundEnded] = field(default_factory=list)
    only_after_good: bool = False


def plan_of(run: Run, step: StepState) -> Saga:
    """Return the graph that a step stands in: the run's, or that of its frame."""
    return run.frames[step.frame].plan if step.frame else run.saga


def peer(step: StepState, name: str) -> str:
    """Return the id in the run of a step that stands beside another one in its plan."""
    return f"{step.frame}.{name}" if step.frame else name


def known_of(run: Run, step: StepState) -> dict[str, Json]:
    """Return where a step's outcome is noted for the expressions of others."""
    return run.frames[step.frame].known if step.frame else run.known


def outermost(name: str) -> str:
    """Return the step of the run's own plan that a step is or stands in."""
    return name.partition(".")[0]


def frame_around(run: Run, frame: Frame) -> Frame | None:
    """Return the frame that the composite step of another one stands in, or None where that is the run's own plan."""
    composite = run.steps.get(frame.composite)  # in an old log, a new plan may have left it out
    return None if composite is None else run.frames.get(composite.frame)


def is_there(run: Run, step: StepState) -> bool:
    """Return whether a step stands in its plan as it is now; what is gone only waits for what may still land (R25)."""
    frame = run.frames.get(step.frame)
    return frame is None or (frame.status not in NOT_THERE and step.local in frame.plan.steps)


def nested_in(run: Run, frame: Frame | None) -> Frame | None:
    """Return the nested saga that a frame is or belongs to, or None where that is the run's own saga."""
    while frame is not None and not frame.closed:
        frame = frame_around(run, frame)
    return frame


def nested_saga(run: Run, step: StepState) -> Frame | None:
    """Return the nested saga that a step belongs to: it has an S_A and invariants of its own."""
    return nested_in(run, run.frames.get(step.frame)) if step.frame else None


def worker_around(run: Run, frame: Frame | None) -> Frame | None:
    """Return the frame of a team's worker that a frame is or stands in, or None where there is none to be seen."""
    while frame is not None and not frame.closed:
        if isinstance(run.steps[frame.composite].definition, TeamStep):
            return frame
        frame = frame_around(run, frame)
    return None


def seen_steps(run: Run, frame: Frame) -> Mapping[str, Json]:
    """Return the steps that expressions in a frame may speak of: its own, then those around it."""
    maps = [frame.known]
    while not frame.closed:
        around = frame_around(run, frame)
        maps.append(run.known if around is None else around.known)
        if around is None:
            break
        frame = around
    return ChainMap(*maps)


def steps_in(run: Run, frame: Frame) -> Iterator[StepState]:
    """Yield the steps of a frame, with those of the frames inside it."""
    for name in frame.plan.steps:
        step = run.steps.get(f"{frame.id}.{name}")
        if step is not None:
            yield step
            inner = run.composites.get(step.id)
            for deeper in inner.ids if inner is not None else ():
                yield from steps_in(run, run.frames[deeper])


def in_dropped(run: Run, step: StepState) -> bool:
    """Return whether a step stands in a frame that no longer counts, near or far."""
    frame = run.frames.get(step.frame)
    while frame is not None:
        if frame.status in {"dropped", "gone"}:
            return True
        frame = frame_around(run, frame)
    return False


def ids_within(run: Run, composite: str) -> Iterator[str]:
    """Yield the steps of all frames of a composite step, with those of the frames inside them."""
    frames = run.composites.get(composite)
    for frame in frames.ids if frames is not None else ():
        yield from (step.id for step in steps_in(run, run.frames[frame]))


def tolerated(run: Run, step: StepState) -> bool:
    """Return whether what a step stands in can go on without it, so that its failure is no fault of the run."""
    frame = run.frames.get(step.frame)
    if frame is None or any(
        one.landed and effect_of(one.definition) == "pivot" for one in steps_in(run, frame)
    ):
        return False
    composite = run.steps[frame.composite]
    definition, frames = composite.definition, run.composites[composite.id]
    if isinstance(definition, AgentStep) and frame.body not in {"think", "conclude"}:
        return True  # the model is told of it
    if _failing_with(run, frames, frame) <= tolerates(definition, len(frames.ids)):
        return True
    return is_answered(run, composite) or tolerated(run, composite)


def _failing_with(run: Run, frames: Frames, frame: Frame) -> int:
    """Return how many frames have failed if one does: those that can't begin without it, near or far, among them."""
    if not frames.only_after_good:
        return frames.failing + (not frame.failing)
    all_of_it = [run.frames[each] for each in frames.ids]
    lost = {each.name for each in all_of_it if each.failing} | {frame.name}
    while more := {each.name for each in all_of_it if not lost.isdisjoint(each.after)} - lost:
        lost |= more
    return len(lost)


def needs_failed(run: Run, frame: Frame) -> str:
    """Return which frame that one comes after has failed, by its name; empty while none has."""
    failed = (other for other in frame.after if run.frames[frame_id(frame.composite, other)].failing)
    return next(failed, "")


def is_answered(run: Run, step: StepState, *, timed_out: bool = False) -> bool:
    """Return whether a failure of a step is what others beside it wait for, by its outcome or the event that it causes."""
    words = plan_of(run, step).graph.watched.get(step.local, ())
    heard = EMITTED + step.definition.emits_on_failure
    return "failed" in words or heard in words or (timed_out and "timed_out" in words)


def tolerates(definition: Step, frames: int) -> int:
    """Return how many of its frames a composite step lets fail."""
    if isinstance(definition, MapStep):
        share = Fraction(str(definition.with_.tolerate_share))  # as it is written: 0.29 of 100 are 29
        return max(definition.with_.tolerate, int(share * frames))
    return definition.with_.tolerate if isinstance(definition, TeamStep) else 0


def digraph_of(run: Run) -> nx.DiGraph[str]:
    """Return what depends on what in the whole run, with the steps inside composite ones."""
    if not run.frames:
        return run.saga.graph.digraph
    graph: nx.DiGraph[str] = run.saga.graph.digraph.copy()
    around: dict[str, list[str]] = {}
    for frame in run.frames.values():
        if frame.status not in NOT_THERE:
            if frame.composite not in around:
                around[frame.composite] = list(graph.predecessors(frame.composite))
            _add_frame(run, graph, frame, around[frame.composite])
    return graph


def _add_frame(run: Run, graph: nx.DiGraph[str], frame: Frame, around: list[str]) -> None:
    inner = frame.plan.graph
    for name, needed in inner.needs.items():
        path = f"{frame.id}.{name}"
        graph.add_node(path)
        graph.add_edges_from((f"{frame.id}.{other}", path) for other in needed)
        if not needed:
            graph.add_edges_from((other, path) for other in around)
            graph.add_edges_from((last, path) for other in frame.after for last in _sinks(run, frame, other))
        if not inner.dependents[name]:
            graph.add_edge(path, frame.composite)


def _sinks(run: Run, frame: Frame, other: str) -> list[str]:
    before = run.frames[frame_id(frame.composite, other)]
    return [f"{before.id}.{name}" for name, after in before.plan.graph.dependents.items() if not after]


def frame_id(composite: str, name: str) -> str:
    """Return the id of a frame; that of a nested saga is that of its step."""
    return f"{composite}.{name}" if name else composite
