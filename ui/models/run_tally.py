"""How far a composite step is: its frames counted by how they stand, in words and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from engine.core.frames import Frame, steps_in
from engine.core.run import SETTLED, UNDONE, Run, StepState
from engine.core.saga import bodies_of, undo_of
from ui.models.run_places import is_composite
from ui.models.run_words import counted

FrameStatus = Literal["pending", "running", "withdrawn", "failed", "handled", "committed", "undone"]
"""How one run of a body stands; but for `undone`, keys of the map of step statuses."""
NOUNS: Final = {"map": "item", "loop": "round", "team": "task", "agent": "call"}
GOING_BACK: Final = frozenset({"to_compensate", "compensating", "comp_failed", *UNDONE})


@dataclass(frozen=True)
class Tally:
    """The frames of a composite step, counted."""

    noun: str
    total: int
    done: int
    failed: int
    running: int
    waiting: int
    stopped: int

    @property
    def words(self) -> str:
        """What a card says: "7 of 10 done, 1 failed, 2 running"."""
        said = [f"{self.done:,} of {self.total:,} done"]
        said += [f"{self.failed:,} failed"] if self.failed else []
        said += [f"{self.running:,} running"] if self.running else []
        said += [f"{self.stopped:,} stopped"] if self.stopped else []
        return ", ".join(said)

    @property
    def short(self) -> str:
        """The same for little room: "7/10, 1 failed, 2 running"."""
        return self.words.replace(" of ", "/", 1).replace(" done", "", 1 if self.words.count(",") else 0)


def frame_status(run: Run, frame: Frame) -> FrameStatus:
    """Return how one run of a body stands."""
    if frame.status == "waiting":
        return "pending" if _goes_on(run, frame) else "withdrawn"
    if frame.status == "open":
        return "running" if _goes_on(run, frame) else ("failed" if frame.failing else "withdrawn")
    if frame.failing:
        return "handled" if frame.status in {"dropped", "barred"} else "failed"
    return "committed"


def _goes_on(run: Run, frame: Frame) -> bool:
    return run.steps[frame.composite].status == "waiting"


def tally(run: Run, step: StepState) -> Tally:
    """Return the frames of a composite step, counted by how they stand."""
    frames = run.composites.get(step.id)
    names = frames.ids if frames is not None else []
    found = Counter(frame_status(run, run.frames[name]) for name in names)
    return Tally(
        NOUNS.get(step.definition.kind, "step"), len(names), found["committed"], found["handled"] + found["failed"],
        found["running"], found["pending"], found["withdrawn"],
    )  # fmt: skip


def stack_of(run: Run, step: StepState) -> int:
    """Return how many cards a composite step stands for: its frames, or the steps of a nested saga; 1 for any other."""
    if not is_composite(step):
        return 1
    kind, frames = step.definition.kind, run.composites.get(step.id)
    if kind == "saga":
        return sum(len(body.steps) for body in bodies_of(step.definition).values())
    return len(frames.ids) if frames is not None else 1


def inside_words(run: Run, step: StepState) -> str:
    """Return in a line how far what is inside a composite step is; "" where it has not begun, or is none."""
    if step.id not in run.composites:
        return ""
    kind = step.definition.kind
    if kind == "loop":
        return _loop_words(run, step)
    if kind == "agent":
        tools = [name for name in run.composites[step.id].ids if _is_tool(run, name)]
        return counted(len(tools), "call of a tool", "calls of tools")
    if kind == "saga":
        ended = sum(one.status in SETTLED for one in _own(run, step.id))
        return f"{ended} of {counted(len(run.frames[step.id].plan.steps), 'step')} done"
    return tally(run, step).short


def _is_tool(run: Run, frame: str) -> bool:
    return run.frames[frame].body not in {"think", "conclude"}


def _own(run: Run, frame: str) -> Iterator[StepState]:
    names = (f"{frame}.{name}" for name in run.frames[frame].plan.steps)
    return (run.steps[name] for name in names if name in run.steps)


def _loop_words(run: Run, step: StepState) -> str:
    frames = run.composites[step.id]
    best = frames.rounds[frames.rounds[-1].best - 1] if frames.rounds else None
    scored = f", best {best.score:g}" if best is not None and best.score is not None else ""
    return f"{counted(len(frames.ids), 'round')}{scored}"


def inner_steps(run: Run, step: StepState) -> Iterator[StepState]:
    """Yield all steps inside a composite step, however deep."""
    frames = run.composites.get(step.id)
    for name in frames.ids if frames is not None else ():
        yield from steps_in(run, run.frames[name])


def has_undo_inside(step: StepState) -> bool:
    """Return whether something inside a composite step can be undone."""
    return any(_undoes(body) for body in bodies_of(step.definition).values())


def _undoes(body: object) -> bool:
    steps = getattr(body, "steps", {})
    return any(
        undo_of(one) is not None or any(_undoes(each) for each in bodies_of(one).values())
        for one in steps.values()
    )


def undo_tally(run: Run, step: StepState) -> tuple[str, str]:
    """Return how the undo of what is inside a composite step stands: a key of the status map, and words."""
    statuses: Counter[str] = Counter()
    for one in inner_steps(run, step):
        if undo_of(one.definition) is None:
            continue
        late = [call.status for call in one.lates]
        if one.status in GOING_BACK:
            statuses[one.status] += 1
        elif late:
            statuses["compensated" if all(each == "settled" for each in late) else "compensating"] += 1
        elif one.maybe_landed:
            statuses["standby"] += 1
    undone = sum(statuses[each] for each in UNDONE)
    total = sum(statuses.values())
    return _undo_status(run, statuses, undone), _undo_words(undone, total)


def _undo_status(run: Run, statuses: Counter[str], undone: int) -> str:
    for status in ("comp_failed", "compensating", "to_compensate"):
        if statuses[status]:
            return status
    if statuses["standby"] or not undone:
        ended = run.is_closed or (run.direction == "undo" and run.repair is None)
        return "unneeded" if ended and not undone else "standby"
    return "compensated"


def _undo_words(undone: int, total: int) -> str:
    if undone:
        return f"{undone:,} of {counted(total, 'effect')} undone"
    return counted(total, "effect") if total else "one by one"
