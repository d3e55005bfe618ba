"""What people do to the validators of a draft: on a step, on an edge, on the saga; and to its fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from ui.models.draft import UNSET, Document, Path, get, put, steps_of
from ui.models.draft_defaults import free_name

Json = Any
_DEFAULTS: Final[dict[str, dict[str, Json]]] = {
    "rule": {"rule": "output != null"},
    "schema": {"schema": {"type": "object"}},
    "facts": {"facts": {"total": "0"}, "claims": {"total": "0"}},
    "keeps": {"keep": ["run.id"]},
    "agree": {"values": {"here": "output", "there": "output"}},
    "formats": {"values": {"day": "'2026-01-01'"}, "as": "date"},
    "order": {"sequence": ["'2026-01-01'", "'2026-01-02'"]},
    "dates": {
        "cover": {"start": "'2026-01-01'", "end": "'2026-01-03'"},
        "spans": [{"start": "'2026-01-01'", "end": "'2026-01-03'"}],
    },
    "budget": {"amounts": {"all": "0"}, "total": "100"},
    "together": {},
    "judge": {
        "rubric": "Is the answer right, complete and polite? Name what is not.",
        "on_fail": "ask",
    },
    "python": {"with": {"function": "noop"}},
}
UNCHECKED: Final = frozenset({"approval", "wait", "activity"})
"""Kinds of steps that no validator looks at: they give nothing but a person's word, or time."""
_NAMES: Final = {"rule": "check", "python": "function", "schema": "fits"}
_FALLBACKS: Final[dict[str, dict[str, Json]]] = {
    "llm": {"kind": "llm", "with": {"prompt": "Answer in one short sentence."}},
    "value": {"kind": "value", "value": {"text": "no answer"}},
}


def validators_at(document: Document, path: Path) -> list[Json]:
    """Return the list of validators at a path; an empty one where there is none."""
    found = get(document, path, [])
    return found if isinstance(found, list) else []


def names_in(document: Document) -> set[str]:
    """Return the names of all validators, wherever they stand: a verdict is known by its name."""
    return {str(body["name"]) for body in _everywhere(document) if isinstance(body, dict) and "name" in body}


def _everywhere(document: Document) -> Iterator[Json]:
    yield from validators_at(document, ("validate",))
    for step in steps_of(document):
        yield from validators_at(document, ("steps", step, "validate"))
    for index in range(len(edges_of(document))):
        yield from validators_at(document, ("edges", index, "validate"))


def new_validator(document: Document, kind: str, steps: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return a validator of a kind that holds as it is, to be made stricter; `steps` for one of the saga."""
    name = free_name(_NAMES.get(kind, kind), names_in(document), "_")
    said = {"kind": kind} if kind != "rule" else {}
    about = {"steps": list(steps)} if steps else {}
    return {"name": name, **said, **deepcopy(_DEFAULTS[kind]), **about}


def checked_steps(document: Document) -> list[str]:
    """Return the steps that give an output which validators look at."""
    return [name for name, body in steps_of(document).items() if body.get("kind") not in UNCHECKED]


def add_validator(document: Document, path: Path, kind: str) -> Document:
    """Return the document with one more validator at a path."""
    steps = tuple(checked_steps(document)) if path == ("validate",) else ()
    return put(document, path, [*validators_at(document, path), new_validator(document, kind, steps)])


def remove_validator(document: Document, path: Path, index: int) -> Document:
    """Return the document without a validator; an edge without any is no longer spoken of."""
    rest = [body for number, body in enumerate(validators_at(document, path)) if number != index]
    if rest:
        return put(document, path, rest)
    if path[0] == "edges":
        edges = [edge for number, edge in enumerate(edges_of(document)) if number != path[1]]
        return put(document, ("edges",), edges or UNSET)
    return put(document, path, UNSET)


def edges_of(document: Document) -> list[Json]:
    """Return the edges that have validators, as they are written."""
    found = document.get("edges")
    return found if isinstance(found, list) else []


def edge_index(document: Document, source: str, target: str) -> int | None:
    """Return where an edge with validators stands in the document, or None where it has none."""
    for index, edge in enumerate(edges_of(document)):
        if isinstance(edge, dict) and (edge.get("from"), edge.get("to")) == (source, target):
            return index
    return None


def edge_count(document: Document, source: str, target: str) -> int:
    """Return how many validators an edge has."""
    index = edge_index(document, source, target)
    return 0 if index is None else len(validators_at(document, ("edges", index, "validate")))


def add_edge_validator(document: Document, source: str, target: str, kind: str) -> Document:
    """Return the document with one more validator on an edge."""
    index = edge_index(document, source, target)
    if index is not None:
        return add_validator(document, ("edges", index, "validate"), kind)
    edge = {"from": source, "to": target, "validate": [new_validator(document, kind)]}
    return put(document, ("edges",), [*edges_of(document), edge])


def without_step(document: Document, step: str) -> Document:
    """Return the document without what edges and the saga's validators say of a step that is gone."""
    changed = document
    edges = [
        e for e in edges_of(document) if not (isinstance(e, dict) and step in {e.get("from"), e.get("to")})
    ]
    if len(edges) != len(edges_of(document)):
        changed = put(changed, ("edges",), edges or UNSET)
    kept = [_without(body, step) for body in validators_at(document, ("validate",))]
    rest = [body for body in kept if not (isinstance(body, dict) and body.get("steps") == [])]
    if rest != validators_at(document, ("validate",)):
        changed = put(changed, ("validate",), rest or UNSET)
    return changed


def _without(body: Json, step: str) -> Json:
    if not isinstance(body, dict) or step not in (body.get("steps") or ()):
        return body
    return {**body, "steps": [name for name in body["steps"] if name != step]}


def add_fallback(document: Document, step: str, kind: str) -> Document:
    """Return the document with one more fallback of a step."""
    path = ("steps", step, "fallback")
    return put(document, path, [*validators_at(document, path), deepcopy(_FALLBACKS[kind])])
