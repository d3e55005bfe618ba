"""`map`: the body once for each item; the items are frozen before the first one begins (R36)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from engine.core.amounts import is_number
from engine.core.composite.scores import score_of
from engine.core.composite.tolerance import too_many_failed
from engine.core.composites import MapStep
from engine.core.errors import ExpressionError
from engine.core.events import Event, FrameOpened, FramesOpened, Gathered
from engine.core.expressions import compile_expression
from engine.core.run import Run, StepState
from engine.core.saga import canonical_json
from engine.core.scope import output_of, scope_of

Json = Any


def begin(_run: Run, step: StepState, request: Json) -> list[Event]:
    """Freeze the items: one frame each."""
    call = _definition(step).with_
    items = request["over"]
    if not isinstance(items, list):
        raise ExpressionError(f"`{call.over}` gave no list; a map needs the items to go over")
    if len(items) > call.max_items:
        raise ExpressionError(f"{len(items)} items; `max_items` is {call.max_items}")
    frames = tuple(
        FrameOpened(name=str(index), values={"item": item, "index": index})
        for index, item in enumerate(items, start=1)
    )
    return [FramesOpened(step=step.id, frames=frames, concurrency=call.concurrency)]


def turn(run: Run, step: StepState, _now: datetime) -> list[Event]:
    """Gather the results; those of failed items are null. Where too many failed, so does the map."""
    if too_many := too_many_failed(run, step):
        return too_many
    call = _definition(step).with_
    results: list[Json] = []
    failed: list[Json] = []
    good: list[tuple[Json, float]] = []
    for frame_id in run.composites[step.id].ids:
        frame = run.frames[frame_id]
        if frame.failing:
            failed.append(
                {"index": frame.values["index"], "item": frame.values["item"], "reason": frame.failing}
            )
            results.append(None)
            continue
        output = output_of(run, frame)
        results.append(output)
        if call.gather != "list":
            scope = {**scope_of(run, frame), "output": output}
            value = compile_expression(call.value).evaluate(scope)
            good.append((value, score_of(call.score, scope) if call.score else 1.0))
    output = {"results": results, "failed": failed, "count": len(results)}
    if call.gather != "list":
        output["gathered"] = _GATHER[call.gather](good)
    return [Gathered(step=step.id, output=output)]


def _concat(found: Sequence[tuple[Json, float]]) -> Json:
    values = [value for value, _ in found]
    if all(isinstance(value, list) for value in values):
        return [one for value in values for one in value]
    return "\n".join(value if isinstance(value, str) else canonical_json(value) for value in values)


def _merge(found: Sequence[tuple[Json, float]]) -> Json:
    if not all(isinstance(value, dict) for value, _ in found):
        raise ExpressionError("`gather: merge` needs objects; use `concat`, or say which `value`")
    return {key: one for value, _ in found for key, one in value.items()}


def _vote(found: Sequence[tuple[Json, float]]) -> Json:
    votes: dict[str, list[Json]] = {}
    for value, _ in found:
        votes.setdefault(canonical_json(value), []).append(value)
    if not votes:
        return None
    most = max(votes.values(), key=len)  # of equal ones the first
    return {"value": most[0], "votes": len(most), "of": len(found)}


def _best(found: Sequence[tuple[Json, float]]) -> Json:
    return max(found, key=lambda each: each[1])[0] if found else None


def _weighted(found: Sequence[tuple[Json, float]]) -> Json:
    if not all(is_number(value) for value, _ in found):
        raise ExpressionError("`gather: weighted` needs numbers; say which `value`")
    weight = sum(score for _, score in found)
    try:
        mean = sum(value * score for value, score in found) / weight if weight else None
    except OverflowError:
        mean = math.inf
    if mean is not None and not math.isfinite(mean):
        raise ExpressionError("`gather: weighted` gave no number that can be kept; say which `value`")
    return mean


_GATHER: dict[str, Callable[[Sequence[tuple[Json, float]]], Json]] = {
    "concat": _concat, "merge": _merge, "vote": _vote, "best": _best, "weighted": _weighted,
}  # fmt: skip


def _definition(step: StepState) -> MapStep:
    assert isinstance(step.definition, MapStep)
    return step.definition
