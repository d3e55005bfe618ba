"""Drafts as graphs, as forms and as inputs."""

import pytest

from engine.core.document import parse_document
from engine.core.saga import KINDS
from engine.templates import template
from ui.models import draft as ops
from ui.models import draft_inputs as inputs
from ui.models import draft_places as places
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


BODIES = {
    "saga": "x",
    "steps": {
        "a": {"kind": "map", "title": "Each", "with": {"over": [1]}, "body": {"steps": {"b": {"kind": "python", "with": {"function": "noop"}}}}},
        "t": {"kind": "team", "title": "Team", "with": {"tasks": "${steps.a.output}"}, "workers": {"w": {"steps": {"c": {"kind": "wait", "with": {"duration_s": 1}}}}}},
    },
}  # fmt: skip
EACH, WORKER = ("steps", "a", "body"), ("steps", "t", "workers", "w")


def test_a_body_is_shown_and_changed_like_a_draft_of_its_own():
    shown = places.view(BODIES, WORKER)
    assert list(ops.steps_of(shown)) == ["c"]
    changed, added = ops.add_step(shown, "http", "c")
    whole = places.written(BODIES, WORKER, changed)
    assert list(whole["steps"]["t"]["workers"]["w"]["steps"]) == ["c", added]
    assert "saga" not in whole["steps"]["t"]["workers"]["w"]
    assert places.written(BODIES, EACH, places.view(BODIES, EACH)) == BODIES


def test_the_way_to_a_body_leads_back_and_a_lost_place_to_what_is_around_it():
    assert places.way(BODIES, WORKER) == [((), ""), (WORKER, "Team: w")]
    assert places.way(BODIES, EACH) == [((), ""), (EACH, "Each")]
    assert places.around(WORKER) == ()
    assert places.known(BODIES, ("steps", "gone", "body")) == ()
    assert places.bodies_in("t", BODIES["steps"]["t"]) == {"w": WORKER}
    assert draft_graph(BODIES).nodes[0].count == 2


def test_a_problem_in_a_body_leads_to_the_step_and_the_form_there():
    broken = ops.put(BODIES, (*EACH, "steps", "b", "retry"), {"max_attempts": "no"})
    (finding,) = [found for found in problems(broken) if found.is_error]
    assert finding.step == "a"
    assert places.leads_to(finding, broken) == (EACH, "b", "Retry")
    (seen,) = [found for found in places.seen_at([finding], broken, EACH) if found.is_error]
    assert (seen.step, seen.segment) == ("b", "Retry")
    assert seen.problem.path.startswith("steps.b.retry")
    assert places.seen_at([finding], broken, WORKER) == []


def test_a_saga_that_is_chosen_takes_the_place_of_the_one_that_was_written_here():
    document, step = ops.add_step(ops.new("x"), "saga")
    assert "definition" in document["steps"][step]
    chosen = places.choose_saga(document, step, "trip-to-germany")
    assert chosen["steps"][step]["with"] == {"saga": "trip-to-germany"}
    assert "definition" not in chosen["steps"][step]
