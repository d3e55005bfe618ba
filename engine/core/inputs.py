"""The inputs of a run, and of a saga inside one: defaults filled in, checked against what is declared."""

from __future__ import annotations

from typing import Any

from engine.core.errors import CommandRejected
from engine.core.saga import canonical_json
from engine.core.schema import mismatch

Json = Any


def input_with_defaults(declared: dict[str, dict[str, Json]], given: dict[str, Json]) -> dict[str, Json]:
    """Return the inputs of a run, defaults filled in.

    Raises:
        CommandRejected: naming the input that is unknown, missing, or does not fit its schema.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise CommandRejected(
            f"input '{unknown[0]}' is not declared; inputs are {', '.join(declared) or 'none'}"
        )
    complete = {name: given.get(name, schema.get("default")) for name, schema in declared.items()}
    for name, schema in declared.items():
        if name not in given and "default" not in schema:
            raise CommandRejected(f"input '{name}' is missing; {schema.get('description') or 'give a value'}")
        wrong = mismatch(schema, complete[name], formats=True)
        if wrong is not None:
            raise CommandRejected(f"input '{name}': {wrong[1]}")
    try:
        canonical_json(complete)
    except (TypeError, ValueError, RecursionError):
        raise CommandRejected("an input is no JSON, such as nan or infinity; give plain values") from None
    return complete
