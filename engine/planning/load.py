"""The loader: the one place of planning that reads files. Problems, plans, and job shops in their usual text forms."""

from __future__ import annotations

import json
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.core.document import parse_document
from engine.core.errors import DefinitionInvalid
from engine.core.errors import Problem as Finding
from engine.planning.plan import Plans
from engine.planning.problem import Problem
from engine.planning.shop_text import is_shop_text, shop_from_text

_Model = TypeVar("_Model", bound=BaseModel)
MAX_PARENTS = 5


def load_problem(source: str | Path, *, changed: bool = True) -> Problem:
    """Return the problem of a file, or the one that ships under that name.

    Unless `changed`, it is as it was before its own changes of the world, for a run in which they happen:
    what a problem overrides only because somebody is late is left out.

    Raises:
        DefinitionInvalid: with what is wrong, where, and what to do.
    """
    path = Path(source)
    if path.is_file():
        text = _read(path)
        if is_shop_text(text):
            return shop_from_text(path.stem, text)
        document = _document(path.name, text, "realm-problem/1")
        return _problem(document, path.name, path.parent, changed=changed)
    shipped = _shipped(str(source))
    if shipped is not None:
        return _problem(shipped, str(source), None, changed=changed)
    problem = "is neither a file nor a problem that ships"
    raise _invalid(str(source), problem, f"give a file, or one of {', '.join(shipped_problems())}")


def load_plans(source: str | Path) -> Plans:
    """Return the plans of a file.

    Raises:
        DefinitionInvalid: with what is wrong, where, and what to do.
    """
    path = Path(source)
    if not path.is_file():
        raise _invalid(str(source), "there is no such file", "give a realm-plans/1 file")
    document = _document(path.name, _read(path), "realm-plans/1")
    return _validated(Plans, document, path.name)


def shipped_problems() -> tuple[str, ...]:
    """Return the names of the problems that ship."""
    here = files(__package__) / "problems"
    return tuple(sorted(entry.name[:-5] for entry in here.iterdir() if entry.name.endswith(".yaml")))


def problem_from_document(document: dict[str, Any], where: str = "problem") -> Problem:
    """Return the problem of a mapping whose `extends` is resolved.

    Raises:
        DefinitionInvalid: with what is wrong, where, and what to do.
    """
    return _validated(Problem, document, where)


def _problem(document: dict[str, Any], where: str, folder: Path | None, *, changed: bool) -> Problem:
    return problem_from_document(_resolved(document, where, folder, MAX_PARENTS, changed=changed), where)


def _resolved(
    document: dict[str, Any], where: str, folder: Path | None, left: int, *, changed: bool
) -> dict[str, Any]:
    """Return the document with everything of what it extends: take the parent, then override and add."""
    name = document.get("extends")
    if name is None:
        return document
    if left == 0:
        raise _invalid(where, f"`extends: {name}` goes round or too deep", "let a problem extend another one")
    parent = _parent(str(name), where, folder)
    whole = _resolved(parent, str(name), folder, left - 1, changed=changed)
    return extended(whole, document if changed else _before_delays(whole, document))


def _before_delays(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """Return a problem without the overrides that say again whom its own delays of arrivals make late."""
    late = {
        (one.get("scope") or {}).get("person")
        for one in child.get("disruptions") or [] if one.get("kind") == "arrival_delay"
    }  # fmt: skip
    cars = {one.get("id") for one in parent.get("vehicles") or [] if one.get("driver") in late}
    of = {"people": late, "vehicles": cars}
    kept = {
        key: [
            {name: value for name, value in entry.items() if name != "available_from"}
            if entry.get("id") in of.get(key, ()) else entry
            for entry in entries
        ]
        for key, entries in (child.get("overrides") or {}).items()
    }  # fmt: skip
    return {**child, "overrides": kept}


def _parent(name: str, where: str, folder: Path | None) -> dict[str, Any]:
    beside = folder / f"{name}.yaml" if folder else None
    if beside is not None and beside.is_file():
        return _document(beside.name, _read(beside), "realm-problem/1")
    shipped = _shipped(name)
    if shipped is None:
        raise _invalid(where, f"it extends '{name}', which is not there", f"put {name}.yaml beside it")
    return shipped


def extended(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """Return `parent` with what `child` says instead.

    Constraints and open points add up, by id; `overrides` changes single entries of lists; any other
    key replaces the parent's.
    """
    whole = {**parent, **child}
    for key, name in (("constraints", "id"), ("unspecified", "item")):
        whole[key] = _merged(parent.get(key) or [], child.get(key) or [], name)
    for key, changes in (child.get("overrides") or {}).items():
        whole[key] = _merged(whole.get(key) or [], changes, "id")
    return whole


def _merged(old: list[Any], new: list[Any], name: str) -> list[Any]:
    """Return the entries of both lists; one of the same name takes the old one's other keys."""
    found = {entry.get(name): entry for entry in old}
    for entry in new:
        found[entry.get(name)] = {**found.get(entry.get(name), {}), **entry}
    return list(found.values())


def _shipped(name: str) -> dict[str, Any] | None:
    if name not in shipped_problems():
        return None
    text = (files(__package__) / "problems" / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_document(text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path.name, f"it can't be read: {error}", "give a readable UTF-8 file") from None


def _document(where: str, text: str, schema: str) -> dict[str, Any]:
    try:
        document = parse_document(text)
    except DefinitionInvalid as invalid:
        found = [Finding(f"{where}: {one.path}", one.problem, one.remedy) for one in invalid.problems]
        if found[0].problem.startswith("a saga is"):
            found = [Finding(where, "this is no mapping", f"start with `schema: {schema}`")]
        raise DefinitionInvalid(found) from None
    if document.get("schema") != schema:
        said = document.get("schema")
        problem = f"its schema is {said!r}" if said else "it has no `schema`"
        raise _invalid(where, problem, f"this file should start with `schema: {schema}`")
    return document


def _validated(model: type[_Model], document: dict[str, Any], where: str) -> _Model:
    known = {field.alias or name for name, field in model.model_fields.items()}
    for key in document:
        near = get_close_matches(key, known, n=1, cutoff=0.85) if key not in known else []
        if near and near[0] not in document:
            raise _invalid(f"{where}: {key}", "unknown key", f"did you mean `{near[0]}`?")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise DefinitionInvalid([_finding(where, dict(item)) for item in error.errors()[:50]]) from None


def _finding(where: str, item: dict[str, Any]) -> Finding:
    path = ".".join(str(piece) for piece in item["loc"])
    at = f"{where}: {path}" if path else where
    if item["type"] == "missing":
        return Finding(at, "it is missing", f"add `{item['loc'][-1]}:`")
    what = str(item["msg"]).removeprefix("Value error, ")
    shown = json.dumps(item["input"], default=str)
    what += f" (it is {shown})" if len(shown) <= 60 else ""
    return Finding(at, what, "correct this value")


def _invalid(where: str, problem: str, remedy: str) -> DefinitionInvalid:
    return DefinitionInvalid([Finding(where, problem, remedy)])
