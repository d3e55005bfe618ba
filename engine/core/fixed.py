"""What calls send. Where nothing is to be filled in, it is the same each time: rendered and hashed once for a version."""

from __future__ import annotations

from typing import Any

from engine.core.expressions import Scope
from engine.core.parts import Compensation, Probe
from engine.core.saga import Step, request_hash, with_document
from engine.core.templates import expressions_in, render

Json = Any
Caller = Step | Compensation | Probe


def rendered(call: Caller, scope: Scope) -> dict[str, Json]:
    """Return the `with` of a call, filled in; not to be changed, since one without holes is shared.

    Raises:
        ExpressionError: if a placeholder can't be filled.
    """
    document = with_document(call)
    if "_is_fixed" not in call.__dict__:
        call.__dict__["_is_fixed"] = next(iter(expressions_in(document)), None) is None
    if call.__dict__["_is_fixed"]:
        return document
    filled: dict[str, Json] = render(document, scope)
    return filled


def hash_of(call: Caller, request: Json) -> str:
    """Return the hash of what a call sends (R33)."""
    if request is not call.__dict__.get("_with_document"):
        return request_hash(request)
    known = call.__dict__.get("_request_hash")
    if known is None:
        known = call.__dict__["_request_hash"] = request_hash(request)
    return str(known)
