"""`loop`: the body again and again, until it is good enough, or better does not come of it (R36)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from engine.core.attempts import give_up
from engine.core.composite.scores import score_of
from engine.core.composites import LoopStep
from engine.core.events import Event, FrameOpened, FramesOpened, Gathered, RoundEnded
from engine.core.expressions import is_true
from engine.core.run import Run, StepState
from engine.core.scope import output_of, scope_of

Json = Any
Stop = Literal["", "until", "max_rounds", "stall", "timeout"]
WORDS = {
    "max_rounds": "its rounds are used up",
    "stall": "it makes no more progress",
    "timeout": "its time is up",
}


def begin(_run: Run, step: StepState, _request: Json) -> list[Event]:
    """Open the first round."""
    return [_round(step, 1, None)]


def _round(step: StepState, number: int, last: Json) -> FramesOpened:
    after = (str(number - 1),) if number > 1 else ()
    values = {"round": number, "last": last}
    return FramesOpened(step=step.id, frames=(FrameOpened(name=str(number), values=values, after=after),))


def turn(run: Run, step: StepState, now: datetime) -> list[Event]:
    """Judge the round that ended: another one, or the best of them."""
    frames = run.composites[step.id]
    failing = run.frames[frames.ids[-1]].failing
    if failing:
        return give_up(run, step, "rejected", failing)
    number = len(frames.ids)
    if len(frames.rounds) == number:  # recorded already, by a turn that was cut
        ended, events = frames.rounds[-1], []
    else:
        ended = _judged(run, step, number, now)
        events = [ended]
    if not ended.stop:
        return [*events, _round(step, number + 1, ended.output)]
    return [*events, *_end(run, step, [*frames.rounds[: number - 1], ended])]


def _judged(run: Run, step: StepState, number: int, now: datetime) -> RoundEnded:
    frames, call = run.composites[step.id], _definition(step).with_
    frame = run.frames[frames.ids[-1]]
    output = output_of(run, frame)
    scope = {**scope_of(run, frame), "output": output}
    score = score_of(call.score, scope) if call.score else None
    rounds = [*frames.rounds, RoundEnded(step=step.id, round=number, output=output, score=score)]
    best, since = _progress(rounds, call.min_gain)
    stop: Stop = ""
    if is_true(call.until, scope):
        stop = "until"
        best = number
    elif number >= call.max_rounds:
        stop = "max_rounds"
    elif since >= call.stall_rounds:
        stop = "stall"
    elif step.ready_at is not None and now >= step.ready_at + timedelta(seconds=step.definition.timeout_s):
        stop = "timeout"
    return RoundEnded(step=step.id, round=number, output=output, score=score, stop=stop, best=best)


def _progress(rounds: list[RoundEnded], min_gain: float) -> tuple[int, int]:
    """Return the best round, and for how many rounds nothing better came.

    Without a score a round is no progress that gives the same as the one before.
    """
    best, since = rounds[0], 0
    for before, one in pairwise(rounds):
        if one.score is None or best.score is None:
            better = one.output != before.output
            since, best = (0 if better else since + 1), one
        else:
            since = 0 if one.score > best.score + min_gain else since + 1
            best = one if one.score > best.score else best
    return best.round, since


def _end(run: Run, step: StepState, rounds: list[RoundEnded]) -> list[Event]:
    last, call = rounds[-1], _definition(step).with_
    best = rounds[last.best - 1]
    output = {"result": best.output, "score": best.score, "round": best.round, "rounds": len(rounds),
              "stopped": last.stop}  # fmt: skip
    if last.stop == "until" or call.on_end == "accept_best":
        return [Gathered(step=step.id, output=output)]
    said = f"after {len(rounds)} rounds none is good enough, and {WORDS[last.stop]}; the best is round {best.round}"
    if call.on_end == "fault":
        return give_up(run, step, "rejected", said)
    return [Gathered(step=step.id, output=output, ask=said)]


def _definition(step: StepState) -> LoopStep:
    assert isinstance(step.definition, LoopStep)
    return step.definition
