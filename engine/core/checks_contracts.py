"""Contracts at publishing: what a step's declared output promises, against what others expect of it.

Only what JSON Schema says plainly is decided; where references or alternatives stand, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from engine.core.checks_expressions import some, uses
from engine.core.errors import Problem
from engine.core.saga import Saga, Step
from engine.core.schema import mismatch, schema_problem
from engine.core.validators import SchemaValidator

Json = Any
Schema = dict[str, Json]
MAX_DEPTH = 20
_OPEN = frozenset({"$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "if", "not", "dependentSchemas"})
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_ASKED = re.compile(r"\bhas\(\s*[\w.]+\s*\)")
_OUTPUT = re.compile(r"(?<![\w.])steps\.([A-Za-z_]\w*)\.output((?:\.[A-Za-z_]\w*)+)(?![\w(])")
_PATH = re.compile(r"output((?:\.[A-Za-z_]\w*)*)")


def contract_problems(saga: Saga) -> Iterator[Problem]:
    """Check that what is used of an output is in its schema, and that edges' contracts can be met."""
    yield from _used(saga)
    for index, edge in enumerate(saga.edges):
        promised = saga.steps[edge.from_].output if edge.from_ in saga.steps else None
        for number, validator in enumerate(edge.validate_):
            if isinstance(validator, SchemaValidator) and _can_compare(promised, validator.fits):
                where = f"edges[{index}].validate[{number}].schema"
                yield from _contract(where, edge.from_, promised or {}, validator)


def _used(saga: Saga) -> Iterator[Problem]:
    for use in uses(saga):
        if isinstance(use.expression, str) or not use.expression.steps:
            continue
        for name, path in output_paths(use.expression.source):
            step = saga.steps.get(name)
            if step is not None and step.output is not None:
                yield from _missing(use.where, use.expression.source, name, step, path)


@lru_cache(maxsize=4096)
def output_paths(source: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what an expression uses of other steps' outputs, as step and keys; `has(...)` only asks."""
    bare = _ASKED.sub("", _QUOTED.sub("''", source))
    return tuple((name, tuple(path[1:].split("."))) for name, path in _OUTPUT.findall(bare))


def _missing(where: str, source: str, name: str, step: Step, path: tuple[str, ...]) -> Iterator[Problem]:
    schema: Json = step.output
    for depth, key in enumerate(path):
        known = _properties(schema)
        if known is None:
            return
        if key not in known:
            full = ".".join(["output", *path[: depth + 1]])
            closed = schema.get("additionalProperties") is False
            what = (
                f"`{source}` uses `{full}`, which '{name}' {'never gives' if closed else 'does not promise'}"
            )
            listed = some(known) or "no properties"
            remedy = f"its schema has {listed}; correct the name, or add it to `steps.{name}.output`"
            if closed or step.kind == "llm":
                yield Problem(where, what, remedy, "error" if closed else "warning")
            return
        schema = known[key]


def _properties(schema: Json) -> dict[str, Json] | None:
    """Return the properties of an object, or None where a schema does not plainly list them."""
    if not isinstance(schema, dict) or schema.keys() & (_OPEN | {"patternProperties"}):
        return None
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else None


def _can_compare(promised: Schema | None, wanted: Schema) -> bool:
    return promised is not None and not schema_problem(promised) and not schema_problem(wanted)


def _contract(where: str, producer: str, promised: Schema, validator: SchemaValidator) -> Iterator[Problem]:
    match = _PATH.fullmatch(validator.of.strip())
    if match is None:
        return
    schema: Json = promised
    for key in match[1].split(".")[1:]:
        schema = (_properties(schema) or {}).get(key)
    if isinstance(schema, dict):
        yield from _compare(where, producer, schema, validator.fits, validator.of.strip())


def _compare(
    where: str, producer: str, given: Schema, wanted: Schema, path: str, *, depth: int = 0
) -> Iterator[Problem]:
    if depth > MAX_DEPTH or given.keys() & _OPEN or wanted.keys() & _OPEN:
        return
    reason = _never_meet(given, wanted)
    if reason:
        what = f"`{path}` of '{producer}' can't fit: {reason}"
        yield Problem(where, what, f"change the contract, or `steps.{producer}.output`")
        return
    is_object = "object" in (given.get("type"), wanted.get("type"))
    needed = _names(given) | _names(wanted) if is_object else frozenset()
    yield from _required(where, producer, given, wanted, path)
    inner, expected = _properties(given) or {}, _properties(wanted) or {}
    for key in inner.keys() & expected.keys():
        if isinstance(inner[key], dict) and isinstance(expected[key], dict):
            found = _compare(where, producer, inner[key], expected[key], f"{path}.{key}", depth=depth + 1)
            yield from found if key in needed else map(_doubtful, found)
    if isinstance(given.get("items"), dict) and isinstance(wanted.get("items"), dict):
        found = _compare(where, producer, given["items"], wanted["items"], f"{path}[]", depth=depth + 1)
        yield from map(_doubtful, found)  # an empty list fits anything


def _doubtful(problem: Problem) -> Problem:
    return replace(problem, severity="warning")


def _names(schema: Schema) -> frozenset[str]:
    return frozenset(schema.get("required", ()))


def _required(where: str, producer: str, given: Schema, wanted: Schema, path: str) -> Iterator[Problem]:
    known = _properties(given)
    for key in sorted(_names(wanted) - _names(given)):
        never = known is not None and key not in known and given.get("additionalProperties") is False
        what = f"`{path}.{key}` {'is never given' if never else 'may be missing'}: '{producer}' does not promise it"
        remedy = f"add it to `required` in `steps.{producer}.output`"
        yield Problem(where, what, remedy, "error" if never else "warning")


def _never_meet(given: Schema, wanted: Schema) -> str:
    """Return why no value fits both schemas, as far as types and lists of values tell; else nothing."""
    one, other = _types(given), _types(wanted)
    if one and other and not one & other:
        return f"it is {' or '.join(sorted(one))}, the contract wants {' or '.join(sorted(other))}"
    for values, schema in ((_values(given), wanted), (_values(wanted), given)):
        if values and all(mismatch(schema, value) for value in values):
            both = _values(given) or "what its schema says", _values(wanted) or "what the contract says"
            return f"{both[0]} and {both[1]} have nothing in common"
    return ""


def _types(schema: Schema) -> frozenset[str]:
    said = schema.get("type", ())
    types = {said} if isinstance(said, str) else set(said)
    return frozenset(types | ({"integer"} if "number" in types else set()))


def _values(schema: Schema) -> list[Json]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))
