"""Drafts: what people do to a document, and what is wrong with it."""

import pytest

from engine.core.document import parse_document
from engine.core.saga import KINDS
from engine.templates import examples, templates
from ui.models import draft as ops
from ui.models.draft_diff import yaml_diff
from ui.models.draft_history import LIMIT, History
from ui.models.draft_names import needs_list, without
from ui.models.draft_problems import at, checked, form_problems, problems, why_not_ready


def chain(*kinds):
    document, last = ops.new("shop"), None
    for kind in kinds:
        document, last = ops.add_step(document, kind, last)
    return document


def needs(document, step):
    return document["steps"][step].get("needs")


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_step_of_any_kind_can_be_saved_at_once(kind):
    saga, found = checked(chain(kind))
    assert saga is not None
    assert found == []


def test_new_steps_come_after_the_one_before_and_have_ids_and_titles_of_their_own():
    document = chain("http", "http", "wait")
    assert list(document["steps"]) == ["call_service", "call_service_2", "pause"]
    assert document["steps"]["call_service_2"]["title"] == "Call a service 2"
    assert needs(document, "call_service") is None
    assert needs(document, "pause") == ["call_service_2"]


def test_what_comes_after_a_route_takes_a_branch_that_is_still_free():
    document = chain("route", "python")
    document, _ = ops.add_step(document, "python", "choose")
    assert needs(document, "run_function") == ["choose.go_on"]
    assert needs(document, "run_function_2") == ["choose.stop"]
    assert problems(document) == []


def test_no_operation_changes_the_document_it_was_given():
    document = chain("http", "wait")
    before = yaml_diff({}, document, ("a", "b"))
    ops.delete_step(document, "call_service")
    ops.rename_step(document, "pause", "rest")
    ops.set_effect(document, "call_service", "compensatable")
    ops.put(document, ("steps", "pause", "with", "duration_s"), 9)
    assert yaml_diff({}, document, ("a", "b")) == before


def test_put_makes_what_is_missing_and_unset_leaves_nothing_empty_behind():
    document = chain("http")
    path = ("steps", "call_service", "retry", "max_attempts")
    with_retry = ops.put(document, path, 5)
    assert with_retry["steps"]["call_service"]["retry"] == {"max_attempts": 5}
    assert ops.put(with_retry, path, ops.UNSET) == document
    assert ops.put(document, path, ops.UNSET) == document


def test_put_reaches_into_lists():
    document = ops.put(chain("llm"), ("steps", "ask_model", "validate"), [{"name": "a"}, {"name": "b"}])
    changed = ops.put(document, ("steps", "ask_model", "validate", 1, "rule"), "true")
    assert changed["steps"]["ask_model"]["validate"][1] == {"name": "b", "rule": "true"}
    once = ops.put(changed, ("steps", "ask_model", "validate", 0), ops.UNSET)
    assert [rule["name"] for rule in once["steps"]["ask_model"]["validate"]] == ["b"]
    none = ops.put(once, ("steps", "ask_model", "validate", 0), ops.UNSET)
    assert "validate" not in none["steps"]["ask_model"]


RENAMED = """
saga: shop
invariants: [{name: low, rule: "!has(steps.pay.output) || steps.pay.output.usd < 9"}]
steps:
  pay: {kind: python, with: {function: echo, args: {usd: 3}}, validate: [{name: sane, rule: "output.usd > 0"}]}
  pay_2: {kind: python, needs: pay, with: {function: noop}}
  tell:
    kind: llm
    needs: pay || (pay_2 && !pay)
    when: steps.pay.output.usd > 1 && steps['pay'].output.usd != 0 && 'steps.pay' != ''
    with: {prompt: "steps.pay cost ${steps.pay.output.usd}, ${'steps.pay'}, ${steps.pay_2.status}"}
    writes: {usd: steps.pay.output.usd}
output: {usd: "${steps.pay.output.usd}"}
"""


def test_rename_follows_a_step_through_needs_conditions_and_expressions_only():
    document = ops.rename_step(parse_document(RENAMED), "pay", "charge")
    tell = document["steps"]["tell"]
    assert list(document["steps"]) == ["charge", "pay_2", "tell"]
    assert needs(document, "pay_2") == "charge"
    assert tell["needs"] == "charge || (pay_2 && !charge)"
    assert (
        tell["when"] == "steps.charge.output.usd > 1 && steps['charge'].output.usd != 0 && 'steps.pay' != ''"
    )
    assert (
        tell["with"]["prompt"]
        == "steps.pay cost ${steps.charge.output.usd}, ${'steps.pay'}, ${steps.pay_2.status}"
    )
    assert tell["writes"] == {"usd": "steps.charge.output.usd"}
    assert document["output"] == {"usd": "${steps.charge.output.usd}"}
    assert document["invariants"][0]["rule"].count("steps.charge") == 2


@pytest.mark.parametrize("template", [*templates(), *examples()], ids=lambda template: template.name)
def test_every_step_of_every_template_can_be_renamed_and_back(template):
    document = parse_document(template.text)
    renamed = document
    for step in document["steps"]:
        renamed = ops.rename_step(renamed, step, f"x_{step}")
    assert not [finding for finding in problems(renamed) if finding.is_error]
    for step in document["steps"]:
        renamed = ops.rename_step(renamed, f"x_{step}", step)
    assert renamed == document


def test_a_chain_stays_a_chain_when_its_middle_is_deleted():
    document = ops.delete_step(chain("http", "python", "wait"), "run_function")
    assert list(document["steps"]) == ["call_service", "pause"]
    assert needs(document, "pause") == ["call_service"]


def test_delete_takes_a_step_out_of_conditions():
    document = ops.delete_step(parse_document(RENAMED), "pay_2")
    assert needs(document, "tell") == "pay || !pay"


@pytest.mark.parametrize(
    ("condition", "rest"),
    [
        ("a && b", ["b"]),
        ("a || b", "b"),
        ("(a && b) || c", "b || c"),
        ("!a", None),
        ("(a || b) && (c || d)", "b && (c || d)"),
        (["a", "a.left"], None),
        ("&& broken", "&& broken"),
    ],
)
def test_without_simplifies_a_condition(condition, rest):
    assert without(condition, "a") == rest


def test_connect_adds_to_a_list_and_to_a_condition_and_disconnect_takes_one_arrow_away():
    document = chain("route", "python", "wait")
    document = ops.connect(document, "choose", "pause", "stop")
    assert needs(document, "pause") == ["run_function", "choose.stop"]
    document = ops.put(document, ("steps", "pause", "needs"), "run_function || choose.stop")
    assert ops.connect(document, "choose", "pause", "stop") == document, "it is there already"
    assert ops.connect(document, "pause", "pause") == document, "no step comes after itself"
    more = ops.connect(document, "choose", "pause", "go_on")
    assert needs(more, "pause") == "(run_function || choose.stop) && choose.go_on"
    assert needs(ops.disconnect(more, "choose", "pause", "stop"), "pause") == "run_function && choose.go_on"
    assert (
        "needs"
        not in ops.disconnect(chain("wait", "python"), "pause", "run_function")["steps"]["run_function"]
    )


def test_needs_are_a_list_while_all_of_them_must_hold():
    assert needs_list("a && r.b") == ["a", "r.b"]
    assert needs_list("a") == ["a"]
    assert needs_list("a || b") is None
    assert needs_list(None) == []


def test_downstream_tells_what_would_close_a_circle():
    document = chain("http", "python", "wait")
    assert ops.downstream(document, "run_function") == {"run_function", "pause"}


def test_a_step_that_can_be_undone_gets_an_undo_by_key_and_loses_it_with_the_effect():
    document = ops.put(
        chain("http"), ("steps", "call_service", "with"), {"method": "POST", "url": "${world}/notices"}
    )
    undoable = ops.set_effect(document, "call_service", "compensatable")
    step = undoable["steps"]["call_service"]
    assert step["compensate"]["with"] == {
        "method": "DELETE",
        "url": "${world}/notices",
        "params": {"key": "${key}"},
    }
    assert problems(undoable) == []
    assert "compensate" not in ops.set_effect(undoable, "call_service", "readonly")["steps"]["call_service"]
    for way in ("python", "none", "http"):
        undoable = ops.set_undo(undoable, "call_service", way)
        assert not [finding for finding in problems(undoable) if finding.is_error]
    assert [f.problem.path for f in problems(ops.set_undo(undoable, "call_service", ""))] == [
        "steps.call_service.compensate"
    ]


def test_an_undo_at_the_same_address_follows_the_step():
    document = ops.set_effect(chain("http"), "call_service", "compensatable")
    moved = ops.readdress(document, "call_service", "${world}/notices")["steps"]["call_service"]
    assert moved["with"]["url"] == moved["compensate"]["with"]["url"] == moved["probe"]["with"]["url"]
    apart = ops.put(
        document, ("steps", "call_service", "compensate", "with", "url"), "https://a.example/undo"
    )
    kept = ops.readdress(apart, "call_service", "${world}/notices")["steps"]["call_service"]
    assert kept["compensate"]["with"]["url"] == "https://a.example/undo"


def test_undo_and_redo_go_through_the_changes_and_a_new_change_ends_redo():
    history = History.of({"saga": "a"}).changed({"saga": "b"}).changed({"saga": "c"})
    assert history.undone().undone().undone().document == {"saga": "a"}
    assert history.undone().redone().document == {"saga": "c"}
    assert history.undone().changed({"saga": "d"}).redone().document == {"saga": "d"}
    assert history.changed({"saga": "c"}) is history


def test_history_is_bounded():
    history = History.of({"n": 0})
    for n in range(LIMIT + 20):
        history = history.changed({"n": n + 1})
    assert len(history.past) == LIMIT
    assert history.past[0].document == {"n": 20}


def test_problems_belong_to_steps_and_forms():
    document = chain("http", "llm")
    document = ops.put(document, ("steps", "call_service", "retry", "max_attempts"), 0)
    document = ops.put(document, ("steps", "ask_model", "compensate"), {"kind": "http", "with": {}})
    found = {(f.step, f.segment) for f in problems(document)}
    assert found == {("call_service", "Retry"), ("ask_model", "Undo")}
    assert [f.step for f in at(problems(document), "steps.call_service.retry")] == ["call_service"]
    assert why_not_ready(problems(document)).startswith("First mend steps.")


def test_a_saga_without_steps_is_a_draft_with_one_problem_in_words():
    (finding,) = problems(ops.new("shop"))
    assert finding.problem.problem == "there is no step yet"
    assert form_problems(ops.new("shop")) == []


def test_the_diff_is_of_the_yaml():
    before = chain("wait")
    after = ops.put(before, ("steps", "pause", "with", "duration_s"), 5)
    assert "-      duration_s: 2\n+      duration_s: 5" in yaml_diff(before, after, ("v1", "draft"))
    assert yaml_diff(before, before, ("v1", "draft")) == ""
