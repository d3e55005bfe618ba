"""The inputs of a draft: declared by name, type, default; and the form that asks for them before a run."""

from __future__ import annotations

from typing import Any, Final

from ui.models.design_forms import FieldSpec, Widget
from ui.models.draft import UNSET, Document, put
from ui.models.draft_defaults import free_name
from ui.models.draft_names import rename_input_in_document

Json = Any
TYPES: Final = {"string": "Text", "number": "Number", "integer": "Whole number", "boolean": "Yes or no"}
_WIDGETS: Final[dict[str, Widget]] = {
    "string": "text",
    "number": "number",
    "integer": "whole",
    "boolean": "toggle",
}


def inputs_of(document: Document) -> dict[str, Document]:
    """Return the declared inputs that are schemas."""
    found = document.get("input")
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def add_input(document: Document) -> Document:
    """Return the document with one more input, a text."""
    name = free_name("input", inputs_of(document), "_")
    return put(document, ("input", name), {"type": "string"})


def delete_input(document: Document, name: str) -> Document:
    """Return the document without an input; expressions that use it become problems."""
    return put(document, ("input", name), UNSET)


def rename_input(document: Document, old: str, new: str) -> Document:
    """Return the document with an input renamed in its place and in every expression."""
    return rename_input_in_document(document, old, new)


def set_type(document: Document, name: str, kind: str) -> Document:
    """Return the document with another type for an input; what only fits the old type goes."""
    schema = inputs_of(document)[name]
    kept = {key: value for key, value in schema.items() if key in {"description", "title"}}
    return put(document, ("input", name), {"type": kind, **kept})


def default_field(schema: Document) -> FieldSpec:
    """Return the field for an input's default, below the input itself."""
    kind = str(schema.get("type"))
    return FieldSpec(("default",), "Default", _WIDGETS.get(kind, "json"), "Empty: it must be given")
