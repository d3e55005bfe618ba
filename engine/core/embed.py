"""Pinning the sagas inside a saga: each `kind: saga` step gets the definition of the version that it will run (R30, R35)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid, Problem
from engine.core.saga import Saga

Json = Any
Find = Callable[[str], Saga | None]
MAX_DEPTH = 8


def embed(saga: Saga, find: Find) -> Saga:
    """Return the saga with every nested saga's definition in it, as `find` knows them by name.

    What has a definition keeps it; where there is none to be found, the publish checks say so.

    Raises:
        DefinitionInvalid: where a saga is inside itself, or they stand too deep in each other.
    """
    document = saga.document()
    return saga_from_document(document) if _fill(document, find, (saga.saga,), "") else saga


def _fill(document: dict[str, Json], find: Find, trail: tuple[str, ...], path: str) -> bool:
    """Fill in what is missing, in place; return whether something was."""
    filled = False
    for where, step in list(_nested(document.get("steps"), path)):
        name = step.get("with", {}).get("saga", "")
        if name in trail:
            circle = " -> ".join([*trail, name])
            raise DefinitionInvalid(
                [Problem(f"{where}.with.saga", f"a saga inside itself: {circle}", "break the circle")]
            )
        if len(trail) > MAX_DEPTH:
            raise DefinitionInvalid([Problem(where, f"sagas more than {MAX_DEPTH} deep", "flatten them")])
        if "definition" not in step:
            found = find(name)
            if found is None:
                continue
            step["definition"], filled = found.document(), True
        filled |= _fill(step["definition"], find, (*trail, name), f"{where}.definition")
    return filled


def _nested(steps: Json, path: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the `kind: saga` steps among some steps and in their bodies, with their paths."""
    for name, step in (steps or {}).items():
        where = f"{path}.steps.{name}".lstrip(".")
        if step["kind"] == "saga":
            yield where, step
        yield from _nested(step.get("body", {}).get("steps"), f"{where}.body")
        for role, body in step.get("workers", {}).items():
            yield from _nested(body["steps"], f"{where}.workers.{role}")
        tools = {tool: each["step"] for tool, each in step.get("tools", {}).items()}
        yield from _nested(tools, f"{where}.tools")
