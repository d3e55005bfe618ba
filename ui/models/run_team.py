"""The tasks of a team as a graph: a card for each, after those that it needs."""

from __future__ import annotations

from typing import Final

from engine.core.frames import Frame, frame_id
from engine.core.run import SETTLED, Run, StepState
from ui.models.graph import EdgeState, Graph, GraphEdge, GraphNode
from ui.models.run_places import frame_title
from ui.models.run_tally import frame_status

_ENDED: Final = frozenset({"ended", "dropped", "barred"})


def team_graph(run: Run, step: StepState) -> Graph:
    """Return the tasks of a team with what each needs."""
    frames = run.composites.get(step.id)
    tasks = [run.frames[name] for name in frames.ids] if frames is not None else []
    return Graph(tuple(_card(run, task) for task in tasks), tuple(_arrows(run, tasks)))


def _card(run: Run, task: Frame) -> GraphNode:
    return GraphNode(
        id=task.id,
        title=frame_title(run, task),
        subtitle=_subtitle(run, task),
        kind="task",
        status=frame_status(run, task),
    )


def _subtitle(run: Run, task: Frame) -> str:
    total = len(task.plan.steps)
    if task.failing:
        return task.failing
    if task.status == "waiting" or total == 1:
        return task.body
    own = [run.steps[name] for local in task.plan.steps if (name := f"{task.id}.{local}") in run.steps]
    ended = sum(step.status in SETTLED for step in own)
    return f"{task.body} · {ended} of {total} steps"


def _arrows(run: Run, tasks: list[Frame]) -> list[GraphEdge]:
    return [
        GraphEdge(
            f"{other}>{task.name}", frame_id(task.composite, other), task.id,
            state=_state(run.frames[frame_id(task.composite, other)], task),
        )
        for task in tasks
        for other in task.after
    ]  # fmt: skip


def _state(before: Frame, task: Frame) -> EdgeState:
    """Return how the arrow from a task to one that needs it is drawn: dead where that can't begin, as this one failed."""
    if before.status not in _ENDED:
        return "idle"
    return "dead" if task.status == "barred" and before.failing else "taken"
