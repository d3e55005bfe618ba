"""What code says about lists: the themes of many short findings, the highest of some items, a plan of tasks."""

from __future__ import annotations

from typing import Any

from engine.core.composite.teams import task_problems
from engine.steps.python import FUNCTIONS

Json = Any


@FUNCTIONS.register("compare_points")
async def compare_points(points: list[Json]) -> Json:
    """Return themes, the most frequent first, contradictions, and both as sentences.

    Args:
        points: each with `source`, `theme` and `direction` (`up`, `down` or `same`); None is left out.
    """
    by_theme: dict[str, dict[str, list[str]]] = {}
    for point in points:
        if point is not None:
            directions = by_theme.setdefault(point["theme"], {})
            directions.setdefault(point["direction"], []).append(point["source"])
    counted = [(theme, sum(map(len, found.values()))) for theme, found in by_theme.items()]
    themes = [{"theme": theme, "reports": count} for theme, count in sorted(counted, key=lambda one: -one[1])]
    contradictions = [
        {"theme": theme, "up": found["up"], "down": found["down"]}
        for theme, found in by_theme.items()
        if {"up", "down"} <= found.keys()
    ]
    return {"themes": themes, "contradictions": contradictions, "summary": _summary(themes, contradictions)}


def _summary(themes: list[Json], contradictions: list[Json]) -> str:
    listed = ", ".join(f"{one['theme']} ({one['reports']})" for one in themes)
    told = [
        f"On {one['theme']} they contradict each other: up say {', '.join(one['up'])}; down say {', '.join(one['down'])}."
        for one in contradictions
    ]
    return " ".join([f"Themes: {listed}.", *(told or ["No report contradicts another."])])


@FUNCTIONS.register("top_of")
async def top_of(items: list[Json], by: str, count: int) -> Json:
    """Return the items with the highest numbers in a field, the highest first, with their names as a text."""
    ranked = sorted(items, key=lambda item: -float(item[by]))[:count]
    return {"items": ranked, "text": ", ".join(str(item.get("name", "")) for item in ranked)}


@FUNCTIONS.register("check_tasks")
async def check_tasks(tasks: Json, roles: list[str], max_tasks: int) -> Json:
    """Return whether a team with these roles can carry out a plan of tasks, and if not, why."""
    problems = list(task_problems(tasks, set(roles), max_tasks))
    return {"accept": not problems, "evidence": "; ".join(problems[:3])}
