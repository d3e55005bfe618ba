"""The queue of effects that do not count and wait to be undone, and what may not be undone before them (R17, R25).

`run.late` holds each with the places that it stands in, from its own plan outwards; `run.late_in` counts by place what
waits there, so that a question costs what stands side by side, not the whole queue.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.run import Run

FRAMES = "/"
"""Ends the name of a place where frames of one composite step stand, instead of steps of one plan."""
UNDOING = frozenset({"undo", "late"})


def await_undo(run: Run, name: str) -> None:
    """Queue a step for what it did and does not count."""
    if name not in run.late:
        run.late[name] = tuple(_places(run, name))
        for place, one in run.late[name]:
            there = run.late_in.setdefault(place, {})
            there[one] = there.get(one, 0) + 1


def late_settled(run: Run, name: str) -> None:
    """Take a step off the queue; nothing of it waits any more."""
    for place, one in run.late.pop(name):
        there = run.late_in[place]
        there[one] -= 1
        if not there[one]:
            del there[one]


def is_built_on(run: Run, name: str) -> bool:
    """Return whether an effect that waits to be undone was built on what a step did (R17)."""
    return bool(run.late) and any(
        other != one and _depends(run, place, other, one)
        for place, one in _places(run, name)
        for other in run.late_in.get(place, ())
    )


def _places(run: Run, name: str) -> Iterator[tuple[str, str]]:
    """Yield where a step stands, each with what it is or stands in there; items of a map know no order."""
    step = run.steps.get(name)
    while step is not None:
        yield step.frame, step.id
        frame = run.frames.get(step.frame)
        step = None if frame is None else run.steps.get(frame.composite)
        if frame is not None and step is not None and step.definition.kind != "map":
            yield f"{step.id}{FRAMES}", frame.id


def _depends(run: Run, place: str, one: str, on: str) -> bool:
    if place.endswith(FRAMES):
        return _follows(run, place.removesuffix(FRAMES), one, on)
    graph = run.frames[place].plan.graph if place else run.saga.graph
    first, then = (name.removeprefix(f"{place}.") if place else name for name in (on, one))
    return {first, then} <= graph.position.keys() and graph.comes_before(first, then)


def _follows(run: Run, composite: str, frame: str, other: str) -> bool:
    """Return whether one frame of a composite step begins after another one, near or far."""
    seen, todo = {frame}, [frame]
    while todo:
        for name in run.frames[todo.pop()].after:
            before = f"{composite}.{name}"
            if before == other:
                return True
            if before not in seen:
                seen.add(before)
                todo.append(before)
    return False


def undoing(run: Run) -> int:
    """Return how many calls are open that undo something."""
    return sum(phase in UNDOING for _, phase, _ in run.open_calls) if run.open_calls else 0


def in_hand(run: Run) -> int:
    """Return how many open calls take the places of work that goes forward."""
    return len(run.open_calls) - (undoing(run) if run.late else 0)
