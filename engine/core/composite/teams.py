"""`team`: the tasks that a supervisor planned, each done by the worker of its role, in the order of their needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import networkx as nx

from engine.core.composite.tolerance import too_many_failed
from engine.core.composites import TeamStep
from engine.core.errors import ExpressionError
from engine.core.events import Event, FrameOpened, FramesOpened, Gathered
from engine.core.parts import ID_PATTERN
from engine.core.run import Run, StepState
from engine.core.scope import output_of

Json = Any


def begin(_run: Run, step: StepState, request: Json) -> list[Event]:
    """Freeze the tasks: one frame each, after those that it needs."""
    definition = _definition(step)
    tasks = request["tasks"]
    problems = list(task_problems(tasks, set(definition.workers), definition.with_.max_tasks))
    if problems:
        raise ExpressionError(f"the plan of tasks can't be carried out: {'; '.join(problems[:5])}")
    frames = tuple(
        FrameOpened(
            name=task["id"], body=task["role"], values={"task": task}, after=tuple(task.get("needs") or ())
        )
        for task in tasks
    )
    return [
        FramesOpened(
            step=step.id, frames=frames, concurrency=definition.with_.concurrency, only_after_good=True
        )
    ]


def task_problems(tasks: Json, roles: set[str], max_tasks: int) -> Iterator[str]:
    """Yield what is wrong with a plan of tasks: shapes, ids, roles that nobody has, needs, circles."""
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        yield "it is no list of tasks, each with `id` and `role`"
        return
    if len(tasks) > max_tasks:
        yield f"{len(tasks)} tasks, at most {max_tasks} are allowed"
        return
    ids = [task.get("id") for task in tasks]
    for task in tasks:
        name, role, needs = task.get("id"), task.get("role"), task.get("needs") or []
        if not isinstance(name, str) or not re.fullmatch(ID_PATTERN, name):
            yield f"the id {name!r} is no short word of a-z, 0-9 and _"
        elif ids.count(name) > 1:
            yield f"'{name}' is there twice"
        if not isinstance(role, str) or role not in roles:
            yield f"'{name}' is for '{role}'; there are {', '.join(sorted(roles))}"
        unknown = [other for other in needs if other not in ids] if isinstance(needs, list) else [needs]
        if unknown:
            yield f"'{name}' needs {unknown[0]!r}, which is no task"
    yield from _circle(tasks)


def _circle(tasks: list[dict[str, Json]]) -> Iterator[str]:
    edges = [
        (other, task.get("id"))
        for task in tasks
        for other in (task.get("needs") if isinstance(task.get("needs"), list) else None) or []
    ]
    try:
        found = nx.find_cycle(nx.DiGraph([(str(a), str(b)) for a, b in edges]))
    except nx.NetworkXNoCycle:
        return
    yield "they wait for each other: " + " -> ".join([found[0][0], *(end for _, end in found)])


def turn(run: Run, step: StepState, _now: datetime) -> list[Event]:
    """Gather the results by task. Where too many failed, so does the team."""
    if too_many := too_many_failed(run, step):
        return too_many
    results, failed = {}, []
    for frame_id in run.composites[step.id].ids:
        frame = run.frames[frame_id]
        if frame.failing:
            failed.append({"task": frame.values["task"], "reason": frame.failing})
        else:
            results[frame.name] = output_of(run, frame)
    output = {"results": results, "failed": failed, "count": len(results) + len(failed)}
    return [Gathered(step=step.id, output=output)]


def _definition(step: StepState) -> TeamStep:
    assert isinstance(step.definition, TeamStep)
    return step.definition
