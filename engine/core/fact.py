"""What every fact of a log is: closed, JSON in and out, never changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter

Json = Any
Direction = Literal["forward", "undo", "repair"]
T = TypeVar("T")
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def fact(kind: type[T]) -> type[T]:
    """Make a class one of facts; the type checker sees to it that they are never changed.

    A run holds thousands of them until they are on disk. As pydantic models each would take three times the time and
    four times the memory, and so it would be if its slots were frozen at run time; what is read is checked all the same.
    """
    kind.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
    return dataclass(slots=True, kw_only=True)(kind)


def adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return what reads and writes facts of one kind."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def fact_json(one: object, exclude: Collection[str] = ()) -> dict[str, Json]:
    """Return a fact as JSON values, without the fields to `exclude`."""
    told: dict[str, Json] = adapter(type(one)).dump_python(one, mode="json", exclude=set(exclude))
    return told
