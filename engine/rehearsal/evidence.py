"""What the laws may look at: the definition, the log and the world's ledger. Nothing that the engine says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from engine.core import events as e
from engine.core.disruption_kinds import CancelledBooking
from engine.core.events import AttemptEnded, AttemptIntended, Event, Phase, Recorded
from engine.core.saga import Saga, Step, effect_of
from engine.rehearsal.shape import Shape
from engine.rehearsal.world import Effect, World

E = TypeVar("E")
LONG = timedelta(days=2)
LAST_WORDS = {"step_committed": "committed", "step_skipped": "skipped", "step_excused": "excused"}


@dataclass
class Evidence:
    """One finished run as an outsider sees it.

    Attributes:
        saga: the plan at the end; `first` is the one that the run began with.
        lines: each event as JSON, written when it was made.
        told: the log with each commit as an event, also those that the end of a call tells of.
        end: the world's time at the end.
    """

    saga: Saga
    first: Saga
    log: Sequence[Recorded]
    lines: Sequence[bytes]
    world: World
    end: datetime
    told: Sequence[Recorded] = field(init=False)
    _by_kind: dict[type, list[tuple[Recorded, Event]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.told = list(e.spelled_out(self.log))
        for recorded in self.told:
            self._by_kind.setdefault(type(recorded.event), []).append((recorded, recorded.event))

    def shapes(self) -> Iterator[tuple[Recorded, Shape]]:
        """Yield each event with the steps that were there when it was recorded; one shape, which goes along."""
        shape = Shape(self.first)
        for recorded in self.told:
            yield recorded, shape
            shape.add(recorded.event)

    def plans(self) -> Iterator[tuple[Recorded, Saga]]:
        """Yield each event with the plan of the run itself that was in force when it was recorded."""
        return ((recorded, shape.plan) for recorded, shape in self.shapes())

    @cached_property
    def shape(self) -> Shape:
        """The steps that are there at the end."""
        shape = Shape(self.first)
        for recorded in self.told:
            shape.add(recorded.event)
        return shape

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Every step that there ever was, as it was last."""
        shape = Shape(self.first)
        found = dict(shape.steps)
        for recorded in self.told:
            shape.add(recorded.event)
            if isinstance(recorded.event, e.FramesOpened | e.PlanAmended):
                found |= shape.steps
        return found

    def step(self, name: str) -> Step:
        """Return the definition of a step, also of one that the plan at the end no longer has."""
        return self.steps[name]

    def all(self, kind: type[E]) -> Iterator[tuple[Recorded, E]]:
        """Yield the events of a kind with their place in the log."""
        for recorded, event in self._by_kind.get(kind, ()):
            assert isinstance(event, kind)
            yield recorded, event

    def intents(self, phase: Phase) -> Iterator[tuple[Recorded, AttemptIntended]]:
        """Yield the intents of a phase."""
        return ((at, intent) for at, intent in self.all(AttemptIntended) if intent.phase == phase)

    def results(self, phase: Phase) -> Iterator[tuple[Recorded, AttemptEnded]]:
        """Yield the results of a phase."""
        return ((at, ended) for at, ended in self.all(AttemptEnded) if ended.phase == phase)

    @cached_property
    def ending(self) -> str:
        """How the run ended, by its closing event; empty for an open one."""
        event = self.log[-1].event
        if isinstance(event, e.RunCompensated):
            return "compensated_with_exceptions" if event.exceptions else "compensated"
        return {"run_completed": "completed", "run_abandoned": "abandoned"}.get(event.type, "")

    @cached_property
    def last_word(self) -> dict[str, str]:
        """What the log says last about each step: committed, skipped, handled, undone, empty, excused, dropped."""
        words: dict[str, str] = {}
        for recorded, shape in self.shapes():
            event = recorded.event
            if isinstance(event, e.StepUndone):
                words[event.step] = "empty" if event.empty else "undone"
            elif isinstance(event, e.StepCommitted | e.StepSkipped | e.StepExcused):
                words[event.step] = LAST_WORDS[event.type]
            elif isinstance(event, e.StepFailed) and event.handled:
                words[event.step] = "handled"
            elif isinstance(event, e.FrameDropped):
                words |= dict.fromkeys(shape.inside(event.frame), "dropped")
        return words

    @cached_property
    def left(self) -> set[str]:
        """The steps that a person left as they were: a failed or late undo skipped, a failed step gone past."""
        excused = {
            x.step for _, x in self.all(e.StepExcused) if x.how == "skipped" and x.by != "the definition"
        }
        excused |= {late.step for _, late in self.all(e.LateUndone) if late.how == "skipped"}
        failed: set[str] = set()
        gone: set[str] = set()  # by its target, and nobody did it anew
        for recorded in self.told:
            if isinstance(recorded.event, e.StepsRedone):
                failed -= set(recorded.event.steps)
                gone -= set(recorded.event.steps)
            elif isinstance(recorded.event, e.DisruptionStruck):
                what = self._disruptions[recorded.event.disruption].what
                gone |= {what.step} if isinstance(what, CancelledBooking) else set()
            elif isinstance(recorded.event, e.StepFailed) and not recorded.event.handled:
                failed.add(recorded.event.step)
            elif isinstance(recorded.event, e.StepSkipped) and recorded.event.step in failed:
                excused.add(recorded.event.step)
        return excused | gone

    @cached_property
    def _disruptions(self) -> dict[int, e.Disrupted]:
        return {recorded.seq: known for recorded, known in self.all(e.Disrupted)}

    @cached_property
    def plan(self) -> dict[str, e.UndoPlanned]:
        """The frozen compensation plan; empty where nothing was undone."""
        return {x.step: x for _, chosen in self.all(e.DirectionChosen) for x in chosen.plan}

    @property
    def acting(self) -> list[str]:
        """The steps with an effect."""
        return [name for name, step in self.steps.items() if effect_of(step) != "readonly"]

    def there(self, step: str) -> list[Effect]:
        """Return the effects of a step that are still there once everything has landed."""
        return self.world.of(step, self.end + LONG)
