"""Where a draft speaks of a step: in `needs`, in CEL, and in the `${...}` of texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from engine.core.condition import parse_condition
from engine.core.errors import ExpressionError
from engine.core.templates import closing_brace

Json = Any
Needs = list[str] | str | None
_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?(?![\w.]|\s*\()")  # `of (` is no step
_VALIDATOR: Final = r"(steps/[^/]+/|edges/\d+/|replan/)?validate/\d+"
_INSIDE: Final = re.compile(r"^(steps/[^/]+/(body|workers/[^/]+)/)+")
_CEL: Final = (
    re.compile(rf"{_VALIDATOR}/(rule|of|text|items|total|list|cover/(start|end)|spans/\d+/(start|end))"),
    re.compile(
        rf"{_VALIDATOR}/((keep|sequence|context/inputs)/\d+|(facts|claims|values|amounts|limits)/[^/]+)"
    ),
    re.compile(r"steps/[^/]+/(states/(goals|constraints)|context/inputs/\d+)"),
    re.compile(r"invariants/\d+/rule"),
    re.compile(r"steps/[^/]+/((emits/\d+/)?when|schedules)"),
    re.compile(r"steps/[^/]+/with/(rules/\d+/when|until|score|value)"),
    re.compile(r"disruptions/\d+/what/path"),
    re.compile(r"steps/[^/]+/(compensate/)?writes/[^/]+"),
    re.compile(r"steps/[^/]+/(approval/when|probe/landed|compensate/cost_usd)"),
)


def terms(needs: Json) -> tuple[tuple[str, str | None], ...]:
    """Return the steps (and branches) that a `needs` speaks of; as far as one can tell where it is broken."""
    source = " && ".join(map(str, needs)) if isinstance(needs, list | tuple) else str(needs or "")
    if not source.strip():
        return ()
    try:
        return parse_condition(source).terms
    except ExpressionError:
        words = (word.partition(".") for word in _WORD.findall(source))
        return tuple(dict.fromkeys((step, branch or None) for step, _, branch in words))


def needs_list(needs: Json) -> list[str] | None:
    """Return a `needs` as a list of terms that must all hold, or None for any other condition."""
    if not needs:
        return []
    if isinstance(needs, list | tuple):
        return [str(term) for term in needs]
    parts = [part.strip() for part in str(needs).split("&&")]
    return parts if all(_PLAIN.fullmatch(part) for part in parts) else None


def needs_text(needs: Json) -> str:
    """Return a `needs` as a condition."""
    return " && ".join(map(str, needs)) if isinstance(needs, list | tuple) else str(needs or "")


def without(needs: Json, step: str, branch: str | None = None, *, exact: bool = False) -> Needs:
    """Return a `needs` without a step, or, if `exact`, without just that step or branch; None if nothing is left."""

    def goes(term: str) -> bool:
        name, _, its_branch = term.partition(".")
        return name == step and (not exact or (its_branch or None) == branch)

    listed = needs_list(needs)
    if listed is not None:
        return [term for term in listed if not goes(term)] or None
    try:
        return parse_condition(str(needs)).without(lambda term: goes(str(term))) or None
    except ExpressionError:
        return str(needs)


def rename_in_document(document: dict[str, Json], old: str, new: str) -> dict[str, Json]:
    """Return the document with a step's id changed wherever it is spoken of; the steps keep their order."""
    renamed = dict(_renamed(document, (), "steps", old, new))
    if isinstance(renamed.get("steps"), dict):
        renamed["steps"] = _rekeyed(renamed["steps"], old, new)
        for body in renamed["steps"].values():
            if isinstance(body, dict) and "needs" in body:
                body["needs"] = _in_needs(body["needs"], old, new)
    for validator in _dicts(renamed.get("validate")):
        if isinstance(validator.get("steps"), list):
            validator["steps"] = [new if name == old else name for name in validator["steps"]]
    for part, key in _mentions(renamed):
        if isinstance(part, dict) and part.get(key) == old:
            part[key] = new
    return renamed


def _mentions(document: dict[str, Json]) -> Iterator[tuple[Json, str]]:
    """Yield where a step is named by its bare id: on edges, by the clock, in what is to strike."""
    for edge in _dicts(document.get("edges")):
        yield from ((edge, "from"), (edge, "to"))
    for disruption in _dicts(document.get("disruptions")):
        yield from ((disruption.get("when"), "after"), (disruption.get("what"), "step"))
    yield document.get("clock"), "replan"


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def rename_input_in_document(document: dict[str, Json], old: str, new: str) -> dict[str, Json]:
    """Return the document with an input's name changed wherever it is spoken of."""
    renamed = dict(_renamed(document, (), "run.input", old, new))
    if isinstance(renamed.get("input"), dict):
        renamed["input"] = _rekeyed(renamed["input"], old, new)
    return renamed


def _rekeyed(mapping: dict[str, Json], old: str, new: str) -> dict[str, Json]:
    return {(new if name == old else name): value for name, value in mapping.items()}


def _in_needs(needs: Json, old: str, new: str) -> Json:
    if isinstance(needs, list | tuple):
        return [_in_needs(term, old, new) for term in needs]
    term = rf"(?<![\w.]){re.escape(old)}(?!\w|\s*\()"  # what stands before a parenthesis is the word `of`
    return re.sub(term, new, needs) if isinstance(needs, str) else needs


def _renamed(value: Json, path: tuple[str, ...], root: str, old: str, new: str) -> Json:
    """Rename `root.old` in every expression below a value."""
    if isinstance(value, dict):
        return {key: _renamed(item, (*path, str(key)), root, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(item, (*path, str(i)), root, old, new) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    place = _INSIDE.sub("", "/".join(path))
    if any(pattern.fullmatch(place) for pattern in _CEL):
        return _in_cel(value, root, old, new)
    return "".join(_in_cel(part, root, old, new) if is_hole else part for part, is_hole in _parts(value))


def _in_cel(source: str, root: str, old: str, new: str) -> str:
    """Rename `root.old` and `root['old']`; what else stands in quotes is data."""
    before, name = rf"(?<![\w.]){re.escape(root)}", re.escape(old)
    indexed = re.compile(rf"{before}\[\s*(['\"]){name}\1\s*\]")
    dotted = re.compile(rf"{before}\.{name}(?!\w)")
    source = indexed.sub(rf"{root}[\g<1>{new}\g<1>]", source)
    parts, last = [], 0
    for quoted in _STRING.finditer(source):
        parts += [dotted.sub(f"{root}.{new}", source[last : quoted.start()]), quoted.group()]
        last = quoted.end()
    return "".join([*parts, dotted.sub(f"{root}.{new}", source[last:])])


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text and whether each is a hole; an unclosed one reaches to the end."""
    position = 0
    while (start := text.find("${", position)) >= 0:
        end = _closing(text, start + 2)
        yield text[position:start], False
        yield text[start:end], True
        position = end
    yield text[position:], False


def _closing(text: str, position: int) -> int:
    try:
        return closing_brace(text, position) + 1
    except ExpressionError:
        return len(text)
