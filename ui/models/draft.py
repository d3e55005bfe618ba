"""A saga in the making, as the JSON document that its YAML file holds, and what people do to it.

Every operation takes a document and returns a new one; none needs the document to be a valid saga.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from ui.models.draft_defaults import default_step, default_undo, new_id
from ui.models.draft_names import needs_list, rename_in_document, terms, without

Json = Any
Document = dict[str, Any]
Path = tuple[str | int, ...]
UNSET: Final = object()


def new(name: str, title: str = "") -> Document:
    """Return a saga without steps."""
    return {"saga": name, **({"title": title} if title else {}), "steps": {}}


def steps_of(document: Document) -> dict[str, Document]:
    """Return the steps that are mappings; what else stands there is a problem, not a step."""
    steps = document.get("steps")
    return {k: v for k, v in steps.items() if isinstance(v, dict)} if isinstance(steps, dict) else {}


def name_of(document: Document) -> str:
    """Return the saga's name as text, whatever is written there."""
    return str(document.get("saga") or "")


def title_of(document: Document) -> str:
    """Return what people call the saga: its title, or its name."""
    return str(document.get("title") or name_of(document) or "Untitled saga")


def step_title(document: Document, step: str) -> str:
    """Return what people call a step: its title, or its id."""
    return str(steps_of(document).get(step, {}).get("title") or step)


def dotted(path: Path) -> str:
    """Return a path as problems write it: `steps.pay.validate[0].rule`."""
    text = "".join(f"[{piece}]" if isinstance(piece, int) else f".{piece}" for piece in path)
    return text.removeprefix(".")


def get(document: Json, path: Path, default: Json = None) -> Json:
    """Return what stands at a path, or the default."""
    for piece in path:
        try:
            document = document[piece]
        except (KeyError, IndexError, TypeError):
            return default
    return document


def put(document: Document, path: Path, value: Json) -> Document:
    """Return the document with a value at a path; `UNSET` removes it and the mappings it leaves empty.

    Mappings on the way are made where they are missing.
    """
    changed = deepcopy(document)
    where: Json = changed
    for piece in path[:-1]:
        if isinstance(where, dict) and not isinstance(where.get(piece), dict | list):
            if value is UNSET:
                return changed
            where[piece] = {}
        where = where[piece]
    if value is UNSET:
        _remove(where, path[-1])
        return _pruned(changed, path[:-1])
    where[path[-1]] = deepcopy(value)
    return changed


def _remove(where: Json, piece: str | int) -> None:
    if isinstance(where, dict):
        where.pop(piece, None)
    elif isinstance(where, list) and isinstance(piece, int) and piece < len(where):
        del where[piece]


def _pruned(document: Document, path: Path) -> Document:
    """Drop the empty options on the way: `retry: {}` says no more than no `retry`."""
    while path:
        here = get(document, path)
        keeps = path[-1] in {"with", "steps"} or (path[0] == "steps" and len(path) == 2)
        if here or not isinstance(here, dict | list) or keeps or isinstance(path[-1], int):
            return document
        _remove(get(document, path[:-1]), path[-1])
        path = path[:-1]
    return document


def add_step(document: Document, kind: str, after: str | None = None) -> tuple[Document, str]:
    """Return the document with one more step, and the step's id; it comes after `after`, if given."""
    steps = steps_of(document)
    step = new_id(kind, steps)
    body = default_step(kind, step)
    if after in steps:
        rest = {key: body.pop(key) for key in list(body) if key not in {"kind", "title"}}
        body |= {"needs": [_term(document, str(after))], **rest}
    return put(document, ("steps", step), body), step


def _term(document: Document, source: str) -> str:
    """Return how to need a step: a route by its first branch that nobody needs yet."""
    branches = branches_of(document, source)
    taken = {b for s in steps_of(document).values() for a, b in terms(s.get("needs")) if a == source}
    free = [branch for branch in branches if branch not in taken] or branches
    return f"{source}.{free[0]}" if free else source


def branches_of(document: Document, step: str) -> list[str]:
    """Return the branches of a route; none for every other step."""
    body = steps_of(document).get(step, {})
    found = get(body, ("with", "branches"), []) if body.get("kind") == "route" else []
    return [str(branch) for branch in found] if isinstance(found, list) else []


def rename_step(document: Document, old: str, new: str) -> Document:
    """Return the document with a step renamed in its place, in needs, conditions and expressions."""
    return rename_in_document(document, old, new)


def delete_step(document: Document, step: str) -> Document:
    """Return the document without a step and without its mentions in needs.

    A step that needed only the deleted one takes over its needs: a chain stays a chain.
    """
    before = needs_list(steps_of(document).get(step, {}).get("needs")) or []
    changed = put(document, ("steps", step), UNSET)
    for name, body in steps_of(changed).items():
        if any(source == step for source, _ in terms(body.get("needs"))):
            rest = without(body["needs"], step) or [term for term in before if term != name]
            changed = put(changed, ("steps", name, "needs"), rest or UNSET)
    return changed


def connect(document: Document, source: str, target: str, branch: str | None = None) -> Document:
    """Return the document with `target` coming after `source` too; a condition gets one more part."""
    term = f"{source}.{branch}" if branch else source
    needs = steps_of(document).get(target, {}).get("needs")
    if (source, branch) in terms(needs) or source == target or target not in steps_of(document):
        return document
    listed = needs_list(needs)
    value = [*listed, term] if listed is not None else f"({needs}) && {term}"
    return put(document, ("steps", target, "needs"), value)


def disconnect(document: Document, source: str, target: str, branch: str | None = None) -> Document:
    """Return the document without one arrow."""
    needs = steps_of(document).get(target, {}).get("needs")
    if (source, branch) not in terms(needs):
        return document
    rest = without(needs, source, branch, exact=True)
    return put(document, ("steps", target, "needs"), rest or UNSET)


def downstream(document: Document, step: str) -> set[str]:
    """Return the steps that come after a step, itself included; they can't come before it as well."""
    after = {step}
    steps = steps_of(document)
    while True:
        more = {
            n for n, s in steps.items() if n not in after and after & {a for a, _ in terms(s.get("needs"))}
        }
        if not more:
            return after
        after |= more


def set_effect(document: Document, step: str, effect: str) -> Document:
    """Return the document with a step's effect; one that can be undone gets an undo to start from."""
    changed = put(document, ("steps", step, "effect"), effect)
    body = steps_of(changed)[step]
    if effect == "compensatable" and body.get("compensate") is None:
        for key, value in default_undo(body).items():
            changed = put(changed, ("steps", step, key), value)
    elif effect == "readonly":
        for key in ("compensate", "compensate_reason", "probe"):
            changed = put(changed, ("steps", step, key), UNSET)
    return changed


def readdress(document: Document, step: str, url: str) -> Document:
    """Return the document with a step's call going elsewhere; an undo and a probe at the same place follow."""
    old = get(document, ("steps", step, "with", "url"))
    changed = put(document, ("steps", step, "with", "url"), url)
    for part in ("compensate", "probe"):
        path = ("steps", step, part, "with", "url")
        if old and get(document, path) == old:
            changed = put(changed, path, url)
    return changed


def set_undo(document: Document, step: str, how: str) -> Document:
    """Return the document with another way to undo a step: `http`, `python`, `none`, or "" for not said."""
    body = steps_of(document)[step]
    path = ("steps", step, "compensate")
    if how == "none":
        changed = put(document, path, "none")
        reason = body.get("compensate_reason") or "what it did can't be taken back"
        return put(changed, ("steps", step, "compensate_reason"), reason)
    changed = put(document, ("steps", step, "compensate_reason"), UNSET)
    if not how:
        return put(changed, path, UNSET)
    return put(changed, path, default_undo({**body, "kind": how})["compensate"])
