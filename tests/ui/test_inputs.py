"""The form of a saga's inputs: fields from schemas, values from fields."""

from __future__ import annotations

from datetime import date

import pytest

from engine.core.document import parse_saga
from engine.core.inputs import input_with_defaults
from engine.core.saga import Saga
from engine.templates import examples, templates
from ui.models.inputs import Unreadable, can_start_at_once, input_fields, input_values, label_of


def saga_of(**schemas: dict) -> Saga:
    return parse_saga(
        f"saga: s\ninput: {__import__('json').dumps(schemas)}\nsteps: {{a: {{kind: python, with: {{function: noop}}}}}}"
    )


@pytest.mark.parametrize(
    ("schema", "widget", "default"),
    [
        ({"type": "string", "default": "x"}, "text", "x"),
        ({"type": "string"}, "text", None),
        ({"type": "string", "maxLength": 500}, "long", None),
        ({"type": "string", "default": "y" * 150}, "long", "y" * 150),
        ({"type": "string", "format": "date", "default": "2027-06-07"}, "date", date(2027, 6, 7)),
        ({"type": "string", "format": "date", "default": "soon"}, "text", "soon"),
        ({"type": "number", "default": 3}, "number", 3.0),
        ({"type": "number", "default": 3, "maximum": 2}, "number", None),
        ({"type": "integer", "default": 3}, "whole", 3),
        ({"type": "boolean", "default": True}, "toggle", True),
        ({"type": "string", "enum": ["a", "b"], "default": "b"}, "choice", "b"),
        ({"type": "array", "default": [1]}, "json", "[\n 1\n]"),
        ({"type": ["string", "null"]}, "json", None),
        ({}, "json", None),
    ],
)
def test_each_schema_gets_its_widget(schema: dict, widget: str, default: object) -> None:
    (field,) = input_fields(saga_of(x=schema))
    assert (field.widget, field.default) == (widget, default)
    assert field.required == ("default" not in schema)


def test_bounds_help_and_digits_come_from_the_schema() -> None:
    schema = {"type": "number", "minimum": 0, "maximum": 1, "default": 0.125, "description": "a share"}
    (field,) = input_fields(saga_of(error_rate=schema))
    assert (field.low, field.high, field.decimals, field.help) == (0, 1, 3, "a share")
    assert field.label == "Error rate"


@pytest.mark.parametrize(
    ("name", "label"), [("budget_usd", "Budget (USD)"), ("sku", "SKU"), ("usd", "USD"), ("start", "Start")]
)
def test_labels_read_as_words(name: str, label: str) -> None:
    assert label_of(name) == label


def test_values_are_json_and_whole_numbers_stay_whole() -> None:
    fields = input_fields(
        saga_of(
            n={"type": "number"},
            d={"type": "string", "format": "date"},
            j={"type": "object"},
            b={"type": "boolean"},
            t={"type": "string", "default": "x"},
            opt={"type": "number", "default": 2},
        )
    )
    given = {"n": 5.0, "d": date(2027, 1, 2), "j": '{"a": 1}', "b": False, "t": "", "opt": None}
    values = input_values(fields, given)
    assert values == {"n": 5, "d": "2027-01-02", "j": {"a": 1}, "b": False, "t": ""}
    assert isinstance(values["n"], int)


@pytest.mark.parametrize(
    ("schema", "raw", "words"),
    [({"type": "object"}, "{", "is not JSON"), ({"type": "string"}, "  ", "X is empty"), ({"type": "number"}, None, "X is empty"),
     ({"type": "string", "maxLength": 80}, "a" * 500, "X has 500 characters; at most 80"),
     ({"type": "integer", "maximum": 20, "default": 3}, 500, "X is 500; at most 20"),
     ({"type": "number", "minimum": 0.5, "default": 3}, 0.25, "X is 0.25; at least 0.5")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_words(schema: dict, raw: object, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        input_values(input_fields(saga_of(x=schema)), {"x": raw})


@pytest.mark.parametrize("entry", [*templates(), *examples()], ids=lambda entry: entry.name)
def test_the_form_of_a_template_left_as_it_is_gives_its_defaults(entry) -> None:
    fields = input_fields(entry.saga)
    values = input_values(fields, {field.name: field.default for field in fields})
    assert can_start_at_once(entry.saga)
    declared = entry.saga.input
    assert input_with_defaults(declared, values) == input_with_defaults(declared, {})


def test_an_input_without_default_must_be_asked_for() -> None:
    assert not can_start_at_once(saga_of(x={"type": "string"}))
