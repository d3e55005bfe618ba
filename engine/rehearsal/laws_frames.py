"""The laws of composite steps: what is frozen, how much at once, how often, and what becomes of the dropped; see `laws`."""

from __future__ import annotations

import networkx as nx

from engine.core import events as e
from engine.core.composites import AgentStep, LoopStep
from engine.core.schema import mismatch
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.shape import Shape
from engine.rehearsal.verdict import expect


def R36_items_are_frozen_before_the_first_begins(seen: Evidence) -> int:
    """Each item has its frame in one event, in order, and no more come while the map is the same; none begins before."""
    frozen: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if e.makes_ready(event):
            frozen.discard(event.step)
        if isinstance(event, e.FramesOpened) and shape.step(event.step).kind in {"map", "team"}:
            judged += len(event.frames)
            expect(
                not event.frames or event.step not in frozen, "R36", f"'{event.step}' got more items later"
            )
            frozen.add(event.step)
            if shape.step(event.step).kind == "map":
                told = [frame.values["index"] for frame in event.frames]
                expect(told == list(range(1, len(told) + 1)), "R36", f"'{event.step}' has the items {told}")
        elif isinstance(event, e.AttemptIntended) and event.phase != "plan":
            expect(event.step in shape.steps, "R36", f"'{event.step}' began, and nothing opened its frame")
    return judged


class _Work:
    """Which frames are in work, up to a place in the log: something of them was begun, and not all is settled."""

    def __init__(self) -> None:
        self.working: dict[str, set[str]] = {}
        self._over: set[str] = set()

    def add(self, event: e.Event, shape: Shape) -> str:
        """Take up an event; return the composite step in which it begins something."""
        match event:
            case e.StepReady() | e.AttemptIntended() if e.makes_ready(event):
                for frame in shape.around(event.step):
                    self.working.setdefault(frame.composite, set()).add(frame.id)
                self._over.discard(event.step)
                return next((frame.composite for frame in shape.around(event.step)), "")
            case e.StepCommitted() | e.StepSkipped():
                self._settle(event.step, shape)
            case e.StepFailed(handled=True):
                self._settle(event.step, shape)
            case e.StepsRedone():
                self._over -= set(event.steps)
                self.working.clear()
        return ""

    def _settle(self, step: str, shape: Shape) -> None:
        self._over.add(step)
        frame = next(shape.around(step), None)
        if frame is not None and self._over.issuperset(frame.steps):
            self.working.get(frame.composite, set()).discard(frame.id)


def R36_only_so_many_frames_are_in_work_at_once(seen: Evidence) -> int:
    """No step begins in one frame more than `concurrency` says."""
    work, judged = _Work(), 0
    most: dict[str, int] = {}
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.FramesOpened):
            most[event.step] = event.concurrency
        begun = work.add(event, shape)
        if begun:
            count = len(work.working[begun])
            judged += 1
            expect(count <= most[begun], "R36", f"'{begun}' has {count} frames in work, of {most[begun]}")
    return judged


def R36_no_more_rounds_and_calls_than_were_allowed(seen: Evidence) -> int:
    """A loop has at most `max_rounds` rounds, and none after its last; an agent calls declared tools, so often at most."""
    stopped: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if e.makes_ready(event):
            stopped.discard(event.step)
        elif isinstance(event, e.StepsRedone):
            stopped -= set(event.steps)
        elif isinstance(event, e.RoundEnded):
            judged += 1
            if event.stop:
                stopped.add(event.step)
        elif isinstance(event, e.FramesOpened):
            step = shape.step(event.step)
            if isinstance(step, LoopStep) and event.frames:
                number = event.frames[0].values["round"]
                fine = number <= step.with_.max_rounds and event.step not in stopped
                expect(fine, "R36", f"'{event.step}' begins round {number} of {step.with_.max_rounds}")
            elif isinstance(step, AgentStep):
                judged += len(event.frames)
                _judge_call(event, step, shape)
    return judged


def _judge_call(event: e.FramesOpened, step: AgentStep, shape: Shape) -> None:
    for frame in event.frames:
        tool = step.tools.get(frame.body)
        if tool is None:
            expect(frame.body in {"think", "conclude"}, "R36", f"'{event.step}' calls '{frame.body}'")
            continue
        wrong = mismatch(tool.input, frame.values["args"])
        expect(wrong is None, "R36", f"'{event.step}' calls '{frame.body}' with {wrong}")
        made = sum(
            f.told.body in step.tools and int(f.told.name) < int(frame.name) for f in shape.of(event.step)
        )
        expect(
            made < step.with_.max_calls,
            "R36",
            f"'{event.step}' makes call {made + 1} of {step.with_.max_calls}",
        )


def R36_what_was_dropped_is_undone_in_order(seen: Evidence) -> int:
    """Of a dropped frame what depends on another is undone first (R17); in the end no effect of it is left."""
    waits: dict[str, set[str]] = {}
    done: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.FrameDropped):
            graph, inside = shape.graph(), set(shape.inside(event.frame))
            waits |= {name: nx.descendants(graph, name) & inside & set(seen.acting) for name in inside}
            done -= inside
        elif isinstance(event, e.LateUndone):
            done.add(event.step)
        elif isinstance(event, e.StepsRedone):
            waits = {name: others for name, others in waits.items() if name not in event.steps}
        elif isinstance(event, e.AttemptIntended) and event.phase == "late" and event.step in waits:
            judged += 1
            early = {
                name for name in waits[event.step] - done if _dropped_with_effect(seen, name, recorded.seq)
            }
            expect(not early, "R17", f"'{event.step}' of a dropped frame is undone before {sorted(early)}")
    return judged


def _dropped_with_effect(seen: Evidence, name: str, seq: int) -> bool:
    """Return whether the log says that something of a step was there when its frame was dropped: it is undone later."""
    return any(x.step == name and at.seq > seq for at, x in seen.all(e.LateUndone))


def R36_a_task_begins_only_where_those_it_needs_went_well(seen: Evidence) -> int:
    """Nothing in a task of a team begins after one of those that it needs failed and was dropped."""
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if not e.makes_ready(event):
            continue
        for frame in shape.around(event.step):
            if shape.step(frame.composite).kind == "team":
                judged += len(frame.after)
                failed = sorted(shape.dropped.intersection(frame.after))
                expect(not failed, "R36", f"'{event.step}' begins, and {failed} failed, which it needs")
    return judged


def R35_a_composite_ends_after_what_is_inside_it(seen: Evidence) -> int:
    """What a composite step gathers is told when every step inside it is committed, skipped, or failed and handled."""
    over: set[str] = set()
    begun: set[str] = set()
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if e.makes_ready(event):
            begun.add(event.step)
        if isinstance(event, e.FrameDropped) and begun.isdisjoint(shape.inside(event.frame)):
            over.update(shape.inside(event.frame))  # what it needs failed, so nothing of it ever begins
        elif isinstance(event, e.StepCommitted | e.StepSkipped) or (
            isinstance(event, e.StepFailed) and event.handled
        ):
            over.add(event.step)
        elif isinstance(event, e.StepsRedone):
            over -= set(event.steps)
            begun -= set(event.steps)
        elif isinstance(event, e.Gathered):
            judged += 1
            left = set(shape.within(event.step)) - over
            expect(not left, "R35", f"'{event.step}' is gathered before {sorted(left)}")
    return judged
