"""Validators, fallbacks, contexts and goals in the Designer: as forms, and through renames and the source."""

import pytest

from engine.core.checks import publish_problems
from engine.core.document import parse_document, saga_from_document, to_yaml
from engine.core.validators import VALIDATOR_KINDS
from tests.ui.run_studio import open_studio
from tests.ui.test_designer import Page
from ui.models import draft as ops
from ui.models import draft_checks as checks
from ui.models.check_forms import KIND_FIELDS, KINDS, ON_FAIL, kinds_for
from ui.models.design_values import from_widget, safe, to_widget
from ui.models.draft_graph import draft_graph
from ui.models.draft_names import rename_in_document
from ui.models.gallery import signs

TWO = """
saga: s
steps:
  a: {kind: python, with: {function: noop}}
  ask: {kind: approval, needs: a}
  b: {kind: python, needs: ask, with: {function: noop}}
"""
RICH = """
saga: rich
goals: ["Plan a trip for ${run.input.who}", "Two\\nlines"]
constraints: ["stay under ${steps.price.output.most}"]
input: {who: {type: string, default: Ada}}
steps:
  price: {kind: python, with: {function: echo, args: {most: 9, day: "2026-05-01"}}, states: {constraints: output.most}, reads: [spent]}
  draft:
    kind: llm
    needs: price
    explain: true
    context: {budget_tokens: 500, inputs: [steps.price.output.most], query: "about ${steps.price.output.day}"}
    with: {prompt: Write.}
    fallback: [{kind: llm, with: {prompt: "Shorter, at most ${steps.price.output.most}"}}, {kind: value, value: {text: none}}]
    validate:
      - {name: known, kind: facts, facts: {most: steps.price.output.most}, claims: {most: "9"}, look_for: [money]}
      - {name: kept, kind: keeps, keep: [steps.price.output.day]}
      - {name: stay, kind: dates, cover: {start: steps.price.output.day, end: "'2026-05-02'"}, list: "[]", on_fail: feedback}
      - {name: tone, kind: judge, rubric: "Is ${steps.price.output.most} named?", on_fail: augment, may_add: [text], votes: 3}
edges:
  - {from: price, to: draft, validate: [{name: handed, kind: schema, schema: {type: object, required: [most]}}]}
validate:
  - {name: both, kind: agree, values: {a: steps.price.output.most, b: "9"}, steps: [price, draft]}
  - {name: all_or_none, kind: together, steps: [price, draft]}
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture
def page(studio):
    yield Page().click("designer-blank")
    for draft in studio.store.drafts():
        studio.store.delete_draft(draft.saga)


def test_every_kind_of_validator_has_a_form_and_words():
    assert set(KINDS) == set(KIND_FIELDS) == set(VALIDATOR_KINDS)
    assert "together" not in kinds_for("step")
    assert "together" in kinds_for("saga")
    assert set(ON_FAIL) == {"reject", "retry", "augment", "ask", "feedback"}


@pytest.mark.parametrize("kind", VALIDATOR_KINDS)
def test_a_new_validator_of_every_kind_can_be_published_as_it_is(kind):
    document = parse_document(TWO)
    where = ("validate",) if kind == "together" else ("steps", "a", "validate")
    changed = checks.add_validator(checks.add_validator(document, where, kind), where, kind)
    errors = [p for p in publish_problems(saga_from_document(changed)) if p.severity == "error"]
    assert not errors
    names = [body["name"] for body in checks.validators_at(changed, where)]
    assert len(set(names)) == 2


@pytest.mark.parametrize("kind", kinds_for("step"))
def test_the_form_of_every_kind_is_drawn_and_changes_only_what_is_edited(page, kind):
    page.click("designer-add-python")
    step = "designer-step-run_function"
    page.form("Validate").fill(f"{step}-validate-kind", kind, "selectbox").click(f"{step}-validate-add")
    before = page.document["steps"]["run_function"]["validate"][0]
    page.fill(f"{step}-validate-0-name", "mine")
    assert page.document["steps"]["run_function"]["validate"] == [{**before, "name": "mine"}]
    page.fill(f"{step}-validate-0-on_fail", "feedback", "radio")
    assert page.document["steps"]["run_function"]["validate"][0]["on_fail"] == "feedback"
    page.click(f"{step}-validate-0-remove")
    assert "validate" not in page.document["steps"]["run_function"]


def test_fallbacks_context_goals_and_the_sagas_checks_are_forms(page):
    page.click("designer-add-llm")
    step = "designer-step-ask_model"
    page.fill(f"{step}-sees", True, "toggle").fill(f"{step}-context-inputs", "run.input\nrun.id", "text_area")
    page.fill(f"{step}-explain", True, "toggle").fill(f"{step}-reads", "spent, left")
    page.form("Validate").click(f"{step}-fallback-add-value")
    page.fill(f"{step}-fallback-0-value", '{"text": "sorry"}', "text_area")
    body = page.document["steps"]["ask_model"]
    assert body["context"] == {"budget_tokens": 2000, "inputs": ["run.input", "run.id"]}
    assert (body["explain"], body["reads"]) == (True, ["spent", "left"])
    assert body["fallback"] == [{"kind": "value", "value": {"text": "sorry"}}]
    page.click("designer-settings").fill("designer-saga-form", "Goals", "segmented_control")
    page.fill("designer-saga-goals", "be kind\nbe brief", "text_area")
    assert page.document["goals"] == ["be kind", "be brief"]
    page.fill("designer-saga-form", "Checks", "segmented_control")
    page.fill("designer-saga-validate-kind", "together", "selectbox").click("designer-saga-validate-add")
    assert page.document["validate"] == [{"name": "together", "kind": "together", "steps": ["ask_model"]}]


def test_an_edge_is_selected_in_the_table_and_gets_validators(page):
    page.click("designer-add-python", "designer-add-python")
    page.view("Edges").click("designer-edge-run_function--run_function_2-checks")
    prefix = "designer-edge-run_function-run_function_2"
    page.fill(f"{prefix}-kind", "schema", "selectbox").click(f"{prefix}-add")
    (edge,) = page.document["edges"]
    assert (edge["from"], edge["to"], edge["validate"][0]["kind"]) == (
        "run_function",
        "run_function_2",
        "schema",
    )
    page.fill(f"{prefix}-0-name", "contract")
    assert page.document["edges"][0]["validate"][0]["name"] == "contract"
    page.click(f"{prefix}-0-remove")
    assert "edges" not in page.document


def test_a_deleted_step_leaves_nothing_behind_on_edges_and_in_the_sagas_checks(page):
    document = checks.without_step(ops.delete_step(parse_document(RICH), "draft"), "draft")
    assert "edges" not in document
    assert [body["steps"] for body in document["validate"]] == [["price"], ["price"]]
    assert "validate" not in checks.without_step(document, "price")


def test_a_rename_follows_into_every_expression_of_validators_and_contexts():
    renamed = rename_in_document(parse_document(RICH), "price", "cost")
    text = to_yaml(renamed)
    assert "price" not in text
    assert "steps.cost.output.day" in text
    assert renamed["edges"][0]["from"] == "cost"
    assert renamed["validate"][1]["steps"] == ["cost", "draft"]


def test_what_has_no_form_survives_every_edit_and_the_source(page):
    page.view("Source").fill("designer-source", RICH, "text_area").click("designer-source-apply")
    written = page.document
    assert written["steps"]["draft"]["context"]["query"] == "about ${steps.price.output.day}"
    page.pick("draft").form("Validate")
    page.fill("designer-step-draft-validate-3-votes", 5, "number_input")
    expected = parse_document(RICH)
    expected["steps"]["draft"]["validate"][3]["votes"] = 5
    assert page.document == expected
    page.pick(None).fill("designer-saga-form", "Goals", "segmented_control")
    assert page.document["goals"][1] == "Two\nlines"


def test_a_list_that_lines_or_words_would_break_is_shown_as_json():
    (goals,) = [spec for spec in KIND_FIELDS["keeps"] if spec.path == ("keep",)]
    assert safe(goals, ["a", "b"]).widget == "lines"
    broken = safe(goals, ["a\nb", "c"])
    assert broken.widget == "json"
    assert from_widget(broken, to_widget(broken, ["a\nb", "c"])) == ["a\nb", "c"]


def test_the_canvas_and_the_gallery_say_what_is_checked():
    document = parse_document(RICH)
    graph = draft_graph(document)
    assert [edge.label for edge in graph.edges] == ["1 check"]
    assert {node.id: node.marks for node in graph.nodes} == {"price": (), "draft": ("to_check",)}
    assert "7 checks" in [sign.word for sign in signs(saga_from_document(document))]
