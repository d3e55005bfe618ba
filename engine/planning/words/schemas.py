"""The schemas of one node: of what goes into it, of what comes out, and of what is put on record of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from engine.planning.words.answers import Node, Spec
from engine.planning.words.outline import Outline, literal

Json = Any
_TYPES = {bool: "boolean", int: "integer", float: "number"}
_HOLE = re.compile(r"\$\{\s*(?:run\.input\.(\w+)|steps\.(\w+)\.output\.(\w+))\s*\}")


class Schemas(NamedTuple):
    """The JSON Schemas of a node."""

    input: dict[str, Json]
    output: dict[str, Json]
    log: dict[str, Json]


def schemas(outline: Outline, node: Node) -> Schemas:
    """Return a node's schemas; what an argument is follows from where its value comes from."""
    spec = outline.specs.get(node.id, Spec())
    given = {entry.name: _schema(outline, entry.name, node, entry.value) for entry in spec.args}
    gives = outline.gives(node) or {}
    logged = {key: gives.get(key, {}) for key in spec.log}
    return Schemas(_object(given), _object(gives), _object(logged))


def _schema(outline: Outline, name: str, node: Node, value: str) -> dict[str, Json]:
    """Return the schema of an argument: that of the input or output it is, or that of the value it holds."""
    match = _HOLE.fullmatch(value.strip())
    if match is None:
        tool = outline.tool(node)
        kind = {**tool.takes, **tool.optional}.get(name, "any") if tool else "any"
        found = literal(value, kind)
        return {"type": _TYPES.get(type(found), "string")} | ({} if "${" in value else {"const": found})
    if match[1]:
        known = outline.input_schemas().get(match[1], {})
        return {key: part for key, part in known.items() if key != "default"}
    source = outline.node(match[2])
    return (outline.gives(source) or {}).get(match[3], {}) if source else {}


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": list(properties)}
