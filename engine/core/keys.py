"""Which keys and names a definition may hold, for the answer to one that it may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Tag
from typing_extensions import TypeAliasType

from engine.core.parts import Part

Location = tuple[str | int, ...]
_SHOWN = 12


def key_remedy(root: type[Part], location: Location) -> str:
    """Return what to do about a key that is not known where pydantic found it: the likely one, or the ones there are."""
    key, there = str(location[-1]), list(parts_at(root, location[:-1]))
    keys = list(dict.fromkeys(key for part in there for key in _fields(part)))
    near = get_close_matches(key, keys, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    inside = [
        name
        for part in there
        for name, annotation in _fields(part).items()
        if any(key in _fields(inner) for inner in parts_at(annotation, ()))
    ]
    if inside:
        return f"it goes into `{inside[0]}:`"
    shown = ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
    return f"keys there are {shown}; `saga schema` has them all" if keys else "remove it; see `saga schema`"


def name_remedy(name: str, pattern: str) -> str:
    """Return what to do about a name that a pattern (`ID_PATTERN`, `NAME_PATTERN`) refuses."""
    limit = re.search(r"\{0,(\d+)\}", pattern)
    most = int(limit[1]) + 1 if limit else len(name)
    if len(name) > most:
        return f"it has {len(name)} characters; at most {most} are allowed"
    return f"use small letters, digits and {'_' if '_' in pattern else '-'}, a letter first"


def parts_at(annotation: Any, location: Location) -> Iterator[type[Part]]:
    """Yield the parts of a definition that may stand at a place of a type, as pydantic names the way there."""
    if isinstance(annotation, TypeAliasType):
        yield from parts_at(annotation.__value__, location)
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from parts_at(arguments[0], location)
    elif origin is Union or type(annotation).__name__ == "UnionType":
        yield from _member_at(arguments, location)
    elif origin in {dict, tuple, list}:
        yield from parts_at(arguments[-1 if origin is dict else 0], location[1:])
    elif isinstance(annotation, type) and issubclass(annotation, Part):
        if not location:
            yield annotation
        elif location[0] in _fields(annotation):
            yield from parts_at(_fields(annotation)[str(location[0])], location[1:])


def _member_at(members: tuple[Any, ...], location: Location) -> Iterator[type[Part]]:
    """Yield what stands at a place in one of several types; pydantic names the member first where a key tells it."""
    if location and str(location[0]).startswith("tagged-union["):
        location = location[1:]
    named = [member for member in members if location and location[0] in _names(member)]
    for member in named or members:
        yield from parts_at(member, location[1:] if named else location)


def _names(member: Any) -> set[str]:
    """Return what pydantic may call a member of a union: its tag, its kinds, or its class."""
    tags = {each.tag for each in get_args(member)[1:] if isinstance(each, Tag)}
    if tags or not (isinstance(member, type) and issubclass(member, Part)):
        return tags
    kind = member.model_fields.get("kind")
    kinds = get_args(kind.annotation) if kind and get_origin(kind.annotation) is Literal else ()
    return {member.__name__, *map(str, kinds)}


def _fields(part: type[Part]) -> dict[str, Any]:
    """Return the keys of a part as they are written, each with its type."""
    return {field.alias or name: field.annotation for name, field in part.model_fields.items()}
