"""Drafts as graphs, as forms and as inputs."""

import pytest

from engine.core.document import parse_document
from engine.core.saga import KINDS
from engine.templates import template
from ui.models import draft as ops
from ui.models import draft_inputs as inputs
from ui.models.design_fit import BOX, fitted
from ui.models.design_forms import (
    GATE_FIELDS,
    KIND_FIELDS,
    PROBE_FIELDS,
    RETRY_FIELDS,
    SAGA_FIELDS,
    UNDO_RETRY_FIELDS,
    FieldSpec,
    time_fields,
)
from ui.models.design_values import as_json, from_widget, to_widget
from ui.models.draft_graph import draft_graph, step_of_card
from ui.models.draft_problems import problems
from ui.models.graph import arrange, to_agraph


def test_the_graph_shows_steps_branches_undos_and_problems():
    document = parse_document(template("incident-response").text)
    document = ops.put(document, ("steps", "draft", "with", "prompt"), "${nobody}")
    graph = draft_graph(document, problems(document))
    nodes = {node.id: node for node in graph.nodes}
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    assert nodes["draft"].marks == ("problem", "to_check")
    assert nodes["apply"].subtitle == "POST /changes"
    assert nodes["undo:apply"].lane == "undo"
    assert edges["triage", "draft"].label == "act"
    assert edges["triage", "draft"].kind == "branch"
    assert edges["notify", "log"].label == "or"
    assert edges["apply", "undo:apply"].kind == "undo"
    assert step_of_card("undo:apply") == ("apply", "Undo")
    assert step_of_card("apply") == ("apply", None)


@pytest.mark.parametrize(
    "steps",
    [
        {},
        None,
        [],
        {"a": None, "b": {"needs": ["a", "zz"]}},
        {"a": {"kind": "nobody", "with": [], "needs": "((b", "compensate": {}}, "b": {"needs": ["a"]}},
        {"a": {"kind": "route", "with": {"branches": 3}, "needs": {"x": 1}, "compensate": {"with": 3}}},
    ],
)
def test_a_broken_draft_is_drawn_as_far_as_it_can_be(steps):
    document = {"saga": "x", "steps": steps}
    graph = draft_graph(document, problems(document))
    assert {node.id for node in graph.nodes} >= set(ops.steps_of(document))
    to_agraph(graph, arrange(graph), "light")


def test_a_fitted_drawing_stays_in_its_box_however_much_it_grows():
    document, last = ops.new("x"), None
    for _ in range(9):
        document, last = ops.add_step(document, "http", last)
        graph = draft_graph(document)
        data, _config = to_agraph(graph, arrange(graph), "dark")
        drawing = fitted(data)
        assert {node["id"] for node in data["nodes"]} < {node["id"] for node in drawing["nodes"]}
        assert max(abs(node["x"]) for node in drawing["nodes"]) <= BOX[0] / 2 * 1.06
    assert fitted({"nodes": [], "edges": []}) == {"nodes": [], "edges": []}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_shows_a_new_step_and_reads_back_what_it_shows(kind):
    document, step = ops.add_step(ops.new("x"), kind)
    body = document["steps"][step]
    for spec in (*KIND_FIELDS[kind], *RETRY_FIELDS, *time_fields(kind), *GATE_FIELDS, *PROBE_FIELDS):
        value = ops.get(body, spec.path)
        back = from_widget(spec, to_widget(spec, value))
        assert back in ({value, None, ""} if isinstance(value, str | int | None) else [value])


def test_fields_follow_the_definition():
    fields = {spec.path[-1]: spec for spec in (*RETRY_FIELDS, *SAGA_FIELDS, *KIND_FIELDS["http"])}
    assert (fields["max_attempts"].widget, fields["max_attempts"].low, fields["max_attempts"].high) == (
        "whole",
        1,
        100,
    )
    assert fields["max_attempts"].help == "Tries in all, the first one included"
    assert fields["method"].options == ("GET", "POST", "PUT", "PATCH", "DELETE")
    assert fields["recovery"].default == "compensate"
    assert fields["url"].is_required
    assert UNDO_RETRY_FIELDS[0].default == 8
    assert [spec.default for spec in time_fields("llm")] == [120]
    assert [spec.default for spec in time_fields("http")] == [30, 2.0, None]


def test_a_value_that_is_the_default_is_left_out():
    tries = RETRY_FIELDS[0]
    assert from_widget(tries, 3) is None
    assert from_widget(tries, 4) == 4
    assert from_widget(FieldSpec(("x",), "X", "number", default=1.0), 2.0) == 2


@pytest.mark.parametrize(
    ("shape", "text", "said"),
    [
        ("any", "{'a': 1}", "not JSON"),
        ("any", '{"a": NaN}', "NaN"),
        ("object", "[1]", "object"),
        ("numbers", '["a"]', "whole numbers"),
    ],
)
def test_a_text_that_cant_be_read_says_what_to_do(shape, text, said):
    with pytest.raises(ValueError, match=said):
        from_widget(FieldSpec(("x",), "X", "json", shape=shape), text)


def test_a_duration_is_a_number_or_an_expression():
    spec = KIND_FIELDS["wait"][0]
    assert from_widget(spec, "2.5") == 2.5
    assert from_widget(spec, "${run.input.pause_s}") == "${run.input.pause_s}"
    with pytest.raises(ValueError, match="seconds"):
        from_widget(spec, "inf")


def test_json_is_written_short_where_it_fits():
    assert as_json({"a": 1}) == '{"a": 1}'
    assert as_json({"type": "object", "required": ["confirmation", "cost_usd"]}) == (
        '{\n  "type": "object",\n  "required": ["confirmation", "cost_usd"]\n}'
    )


def test_inputs_are_declared_renamed_and_asked_for():
    document, step = ops.add_step(inputs.add_input(ops.new("x")), "llm")
    document = ops.put(document, ("steps", step, "with", "prompt"), "Write to ${run.input.input}.")
    document = inputs.rename_input(document, "input", "who")
    assert document["input"] == {"who": {"type": "string"}}
    assert document["steps"][step]["with"]["prompt"] == "Write to ${run.input.who}."
    document = inputs.set_type(ops.put(document, ("input", "who", "description"), "whom"), "who", "integer")
    assert document["input"]["who"] == {"type": "integer", "description": "whom"}
    assert not [p for p in problems(inputs.delete_input(document, "who")) if p.problem.path == "input.who"]
