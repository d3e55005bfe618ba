"""What a composite step did, as tables: the items of a map, the rounds of a loop, what an agent thought and called."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core.errors import ExpressionError
from engine.core.expressions import compile_expression
from engine.core.frames import Frame, steps_in
from engine.core.run import Run, StepState
from engine.core.scope import known_output, output_of, scope_of
from engine.core.templates import as_text
from ui.models.run_graph import cost_of_all
from ui.models.run_places import frame_title
from ui.models.run_tally import FrameStatus, frame_status
from ui.models.run_words import STOPS, counted
from ui.models.status import Look, step_look
from ui.models.timeline import duration_words

Json = Any
ORDER: Final[tuple[FrameStatus, ...]] = (
    "failed", "handled", "running", "withdrawn", "committed", "pending",
)  # fmt: skip
"""The most telling first: what failed, what is under way, then what is done and what is still to come."""
CHOICES: Final = {
    "All": ORDER,
    "Failed": ("failed", "handled"),
    "Under way": ("running",),
    "Done": ("committed",),
    "Still to come": ("pending", "withdrawn"),
}
TEXT_CHARS: Final = 160


@dataclass(frozen=True)
class ItemLine:
    """One run of a body as a line of a table."""

    frame: str
    title: str
    status: FrameStatus
    steps: str
    result: str
    score: float | None
    took: str
    cost: str

    @property
    def look(self) -> Look:
        """How its status is shown."""
        return step_look(self.status)


@dataclass(frozen=True)
class RoundLine:
    """One round of a loop: `diff` is what changed against the round before, as lines of a unified diff."""

    frame: str
    number: int
    status: FrameStatus
    score: float | None
    gain: str
    is_best: bool
    stop: str
    output: str
    diff: str
    took: str
    cost: str


@dataclass(frozen=True)
class Turn:
    """One turn of an agent: `step` is the step that made it."""

    kind: str
    title: str
    frame: str
    step: str
    status: FrameStatus
    says: Json
    result: Json
    error: str
    took: str
    cost: str


def matching(run: Run, step: StepState, text: str = "", which: str = "All") -> list[str]:
    """Return the frames of a composite step with a text in their values or failure, the most telling first."""
    frames = run.composites.get(step.id)
    wanted, allowed = text.strip().casefold(), set(CHOICES.get(which, ORDER))
    by_status: dict[str, list[str]] = {status: [] for status in ORDER}
    for name in frames.ids if frames is not None else ():
        frame = run.frames[name]
        status = frame_status(run, frame)
        if status in allowed and (not wanted or wanted in _searched(frame)):
            by_status[status].append(name)
    return [name for status in ORDER for name in by_status[status]]


def _searched(frame: Frame) -> str:
    told = json.dumps([frame.name, frame.values.get("item"), frame.failing], ensure_ascii=False, default=str)
    return told.casefold()


def item_lines(run: Run, names: Sequence[str], now: datetime) -> list[ItemLine]:
    """Return some frames as lines."""
    return [_item(run, run.frames[name], now) for name in names]


def _item(run: Run, frame: Frame, now: datetime) -> ItemLine:
    inside = list(steps_in(run, frame))
    output = _output(run, frame)
    total = len(frame.plan.steps)
    return ItemLine(
        frame=frame.id,
        title=frame_title(run, frame),
        status=frame_status(run, frame),
        steps="" if frame.status == "waiting" else f"{total - frame.left} of {total}",
        result=frame.failing or as_line(output),
        score=_score(run, frame, output),
        took=took(inside, now),
        cost=cost_of_all(inside),
    )


def _output(run: Run, frame: Frame) -> Json:
    """Return what a frame gave, or None where it gave nothing (yet)."""
    if frame.status != "ended" or frame.failing:
        return None
    try:
        return output_of(run, frame)
    except ExpressionError:
        return None


def _score(run: Run, frame: Frame, output: Json) -> float | None:
    source = str(getattr(run.steps[frame.composite].definition.with_, "score", ""))
    if not source or output is None:
        return None
    try:
        value = compile_expression(source).evaluate({**scope_of(run, frame), "output": output})
    except ExpressionError:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def took(steps: Sequence[StepState], now: datetime) -> str:
    """Return how long some steps took together on the clock, an open one until now."""
    calls = [call for step in steps for call in step.attempts]
    if not calls:
        return ""
    ended = max(call.ended_at or now for call in calls)
    return duration_words(ended - min(call.started_at for call in calls))


def as_line(value: Json) -> str:
    """Return a value in one line that fits into a table."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    flat = " ".join(text.split())
    return flat if len(flat) <= TEXT_CHARS else flat[: TEXT_CHARS - 1] + "…"


def as_words(value: Json) -> str:
    """Return a value as text to read: a text as it is, anything else as JSON over several lines."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def round_lines(run: Run, step: StepState, now: datetime) -> list[RoundLine]:
    """Return the rounds of a loop, the latest first."""
    frames = run.composites.get(step.id)
    if frames is None:
        return []
    best = frames.rounds[-1].best if frames.rounds else 0
    lines: list[RoundLine] = []
    before, scored = "", None
    for place, name in enumerate(frames.ids):
        frame = run.frames[name]
        ended = frames.rounds[place] if place < len(frames.rounds) else None
        text = as_words(ended.output) if ended is not None else ""
        score = ended.score if ended is not None else None
        inside = list(steps_in(run, frame))
        lines.append(
            RoundLine(
                frame=name, number=place + 1, status=frame_status(run, frame), score=score,
                gain=f"{score - scored:+g}" if score is not None and scored is not None else "",
                is_best=place + 1 == best, stop=STOPS.get(ended.stop, "").capitalize() if ended is not None else "",
                output=text or frame.failing, diff=text_diff(before, text) if place and text else "",
                took=took(inside, now), cost=cost_of_all(inside),
            )
        )  # fmt: skip
        before, scored = text or before, score if score is not None else scored
    return lines[::-1]


def text_diff(before: str, after: str) -> str:
    """Return what differs between two texts as the lines of a diff, without its head."""
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="", n=2)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _lines(text: str) -> list[str]:
    """Return the lines of a text; those that JSON hides in a string count, too."""
    return text.replace("\\n", "\n").splitlines()


def turns(run: Run, step: StepState, now: datetime) -> list[Turn]:
    """Return what an agent thought and called, in order."""
    frames = run.composites.get(step.id)
    return [_turn(run, run.frames[name], now) for name in frames.ids] if frames is not None else []


def task_of(run: Run, step: StepState) -> str:
    """Return the task of an agent as its model was told it; with its holes, where it was not yet."""
    frames = run.composites.get(step.id)
    first = run.frames[frames.ids[0]] if frames is not None and frames.ids else None
    asked = run.steps.get(f"{first.id}.{first.body}") if first is not None else None
    if first is None or asked is None or not asked.attempts:
        return str(getattr(step.definition.with_, "prompt", ""))
    told = as_text(asked.attempts[0].intent.request["prompt"])
    return told.removesuffix(str(first.values.get("transcript", ""))).strip()


def _turn(run: Run, frame: Frame, now: datetime) -> Turn:
    thinks = frame.body in {"think", "conclude"}
    inside = list(steps_in(run, frame))
    output = known_output(frame, frame.body)
    return Turn(
        kind="thought" if thinks else "call",
        title=frame_title(run, frame),
        frame=frame.id,
        step=f"{frame.id}.{frame.body}",
        status=frame_status(run, frame),
        says=output if thinks else frame.values.get("args"),
        result=None if thinks else output,
        error=frame.failing,
        took=took(inside, now),
        cost=cost_of_all(inside),
    )


def said(turn: Turn) -> str:
    """Return in a line what an agent decided: which tool it calls, or that it answers."""
    told = turn.says if isinstance(turn.says, dict) else {}
    if turn.kind == "call" or not told:
        return ""
    if told.get("tool") == "answer":
        return "Gives its answer"
    return f"Calls {told.get('tool')}"


def ended_words(run: Run, step: StepState) -> str:
    """Return why a loop ended, or how far it is; "" where it has not begun."""
    frames = run.composites.get(step.id)
    if frames is None or not frames.rounds:
        return ""
    last = frames.rounds[-1]
    if not last.stop:
        return f"{counted(len(frames.rounds), 'round')} so far"
    return f"{STOPS[last.stop].capitalize()} after {counted(len(frames.rounds), 'round')}; round {last.best} counts"
