"""JSON Schema for inputs and outputs. References stay inside the schema: nothing is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.core.saga import canonical_json

Json = Any
_NOTHING: Registry[Any] = Registry()
_FORMATS = jsonschema.FormatChecker()


@lru_cache(maxsize=1024)
def _validator(schema: str, *, formats: bool) -> Any:
    checker = _FORMATS if formats else None
    return jsonschema.Draft202012Validator(json.loads(schema), registry=_NOTHING, format_checker=checker)


def schema_problem(schema: dict[str, Json]) -> str:
    """Return why this is no schema that can be used here; empty where it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        resolver = _NOTHING.with_resource("", DRAFT202012.create_resource(schema)).resolver()
        for reference in _references(schema):
            resolver.lookup(reference)
    except jsonschema.SchemaError as error:
        return f"not a JSON Schema: {error.message}"
    except Unresolvable as error:
        return f"`$ref: {error.ref}` leads nowhere inside this schema"
    return ""


def _references(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def mismatch(schema: dict[str, Json], value: Json, *, formats: bool = False) -> tuple[str, str] | None:
    """Return the path and the message of what fits worst, or None where the value fits the schema."""
    try:
        validator = _validator(canonical_json(schema), formats=formats)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError, OverflowError) as problem:
        return "$", f"its schema can't be applied: {type(problem).__name__}"
    return None if error is None else (error.json_path, error.message)
