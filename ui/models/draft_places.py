"""Bodies inside a draft: where each is, how it is drawn and changed like a saga of its own, and whose a problem is.

A place is the path to a body in the whole draft, `()` for the draft itself. A body is shown as a document with `steps`,
so that everything that works on a draft works on it, too.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from engine.core.errors import Problem
from ui.models.draft import UNSET, Document, Path, get, put, step_title, steps_of
from ui.models.draft_problems import Finding, located

BODIES: Final = {"map": "body", "loop": "body", "saga": "definition"}
_WAY: Final = re.compile(r"steps\.([^.\[]+)\.(body|definition|workers\.[^.\[]+)(?=\.|$)")


def bodies_in(step: str, body: Document) -> dict[str, Path]:
    """Return the bodies of a step, by name, each with its path from the place where the step stands."""
    kind = str(body.get("kind"))
    if kind == "team":
        workers = body.get("workers")
        names = workers if isinstance(workers, dict) else {}
        return {str(name): ("steps", step, "workers", str(name)) for name in names}
    key = BODIES.get(kind)
    there = key is not None and isinstance(body.get(key), dict)
    return {"": ("steps", step, str(key))} if there else {}


def view(document: Document, place: Path) -> Document:
    """Return what is drawn at a place: the draft, or a body as a document with steps."""
    if not place:
        return document
    body = get(document, place, {})
    return {"saga": document.get("saga"), **{key: body[key] for key in body if key != "saga"}}


def written(document: Document, place: Path, changed: Document) -> Document:
    """Return the whole draft with what was drawn at a place changed."""
    if not place:
        return changed
    before = get(document, place, {})
    body = {key: value for key, value in changed.items() if key != "saga"}
    if "saga" in before:
        body = {"saga": before["saga"], **body}
    return put(document, place, body)


def known(document: Document, place: Path) -> Path:
    """Return the place, or the nearest one around it that the draft has."""
    while place and not isinstance(get(document, place), dict):
        place = around(place)
    return place


def around(place: Path) -> Path:
    """Return the place that a body's step stands in."""
    length = 4 if len(place) >= 4 and place[-2] == "workers" else 3
    return place[:-length]


def step_at(place: Path) -> str:
    """Return the step whose body a place is."""
    return str(place[-3] if place[-2] == "workers" else place[-2])


def way(document: Document, place: Path) -> list[tuple[Path, str]]:
    """Return the way from the draft to a place, each part with what it is called."""
    parts: list[tuple[Path, str]] = []
    while place:
        outer, step = around(place), step_at(place)
        said = step_title(view(document, outer), step)
        parts.append((place, f"{said}: {place[-1]}" if place[-2] == "workers" else said))
        place = outer
    return [((), ""), *reversed(parts)]


def place_of(problem: Problem) -> tuple[Path, str]:
    """Return the innermost body that a problem is in, and the rest of its path from there."""
    place: list[str | int] = []
    rest = problem.path
    while (found := _WAY.match(rest)) and rest[found.end() :].startswith(".steps."):
        place += ["steps", found[1], *found[2].split(".")]
        rest = rest[found.end() + 1 :]
    return tuple(place), rest


def seen_at(findings: list[Finding], document: Document, place: Path) -> list[Finding]:
    """Return the findings in what is drawn at a place, as if it were a draft of its own."""
    prefix = "".join(f"{part}." for part in place)
    shown = view(document, place)
    return [
        replace(located(_inside(finding.problem, prefix), shown), unread=finding.unread)
        for finding in findings
        if finding.problem.path.startswith(prefix)
    ]


def _inside(problem: Problem, prefix: str) -> Problem:
    return replace(problem, path=problem.path[len(prefix) :])


def leads_to(finding: Finding, document: Document) -> tuple[Path, str | None, str]:
    """Return where a finding is mended: the place, the step there, and the form."""
    place, rest = place_of(finding.problem)
    place = known(document, place)
    there = located(replace(finding.problem, path=rest), view(document, place))
    return (place, there.step, there.segment) if there.step else ((), finding.step, finding.segment)


def choose_saga(document: Document, step: str, name: str) -> Document:
    """Return the document with a step that runs another saga; the definition of the one before goes with its inputs."""
    if name == get(document, ("steps", step, "definition", "saga")):
        return put(document, ("steps", step, "with", "saga"), name)
    changed = put(document, ("steps", step, "definition"), UNSET)
    return put(changed, ("steps", step, "with"), {"saga": name or ""})


def count_of(body: Any) -> int:
    """Return how many steps are inside a step of a draft."""
    found = bodies_in("x", body)
    inner = [get({"steps": {"x": body}}, path, {}) for path in found.values()]
    tools = body.get("tools") if isinstance(body.get("tools"), dict) else {}
    return sum(len(steps_of(each)) for each in inner) + len(tools)
