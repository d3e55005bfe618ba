"""What a step comes after: conditions on how steps ended, and how many are enough, in picker, arrows and edits."""

import pytest

from engine.core.document import parse_document
from ui.models import draft as ops
from ui.models.draft_graph import draft_graph
from ui.models.draft_names import terms
from ui.models.draft_needs import Picked, edge_label, picked, with_end, written
from ui.models.draft_problems import problems
from ui.models.graph import arrange, to_agraph

FALLBACK = """
saga: shop
steps:
  cheap: {kind: python, with: {function: noop}}
  other: {kind: python, with: {function: noop}}
  of: {kind: python, with: {function: noop}}
  dear: {kind: python, needs: cheap.failed, with: {function: noop}}
  slow: {kind: python, needs: cheap.timed_out || other, with: {function: noop}}
  most: {kind: python, needs: "2 of (cheap, other.skipped, of)", with: {function: noop}}
"""


def needs(document, step):
    return document["steps"][step].get("needs")


@pytest.mark.parametrize(
    ("condition", "terms_", "enough"),
    [
        (None, (), 0),
        ("a.failed", ("a.failed",), 0),
        (["a", "b.x"], ("a", "b.x"), 0),
        ("a && b.skipped", ("a", "b.skipped"), 0),
        ("a.timed_out || b", ("a.timed_out", "b"), 1),
        ("2 of (a, b.failed, c)", ("a", "b.failed", "c"), 2),
    ],
)
def test_the_picker_shows_a_simple_condition_and_writes_the_same(condition, terms_, enough):
    choice = picked(condition)
    assert choice == Picked(terms_, enough)
    assert terms(written(choice)) == terms(condition)
    assert picked(written(choice)) == choice


@pytest.mark.parametrize("condition", ["!a", "(a && b) || c", "2 of (a, !b, c)", "4 of (a, b)", "a || "])
def test_what_the_picker_cant_show_it_leaves_to_the_text(condition):
    assert picked(condition) is None


def test_the_picker_changes_how_a_step_ended_and_how_many_are_enough():
    choice = with_end(picked("2 of (a, b, c)"), "b", "failed")
    assert written(choice) == "2 of (a, b.failed, c)"
    assert written(with_end(choice, "b.failed", "")) == "2 of (a, b, c)"
    assert written(Picked(("a", "b"), 1)) == "a || b"
    assert written(Picked(("a", "b"), 2)) == ["a", "b"], "all of them is a plain list"
    assert written(Picked(("a",), 1)) == ["a"]
    assert written(Picked((), 2)) is None


def test_rename_follows_a_step_into_how_it_ended_and_never_touches_the_word_of():
    document = ops.rename_step(parse_document(FALLBACK), "cheap", "first")
    assert needs(document, "dear") in ("first.failed", ["first.failed"])
    assert needs(document, "slow") == "first.timed_out || other"
    document = ops.rename_step(document, "of", "last")
    assert needs(document, "most") == "2 of (first, other.skipped, last)"
    assert problems(document) == problems(parse_document(FALLBACK)) == []


def test_delete_takes_a_step_out_of_how_it_ended_and_out_of_k_of_n():
    document = ops.delete_step(parse_document(FALLBACK), "cheap")
    assert needs(document, "dear") is None
    assert needs(document, "slow") == "other"
    assert needs(document, "most") == "2 of (other.skipped, of)"
    document = ops.delete_step(document, "of")
    assert needs(document, "most") == "1 of (other.skipped)"
    assert problems(document) == []


def test_one_arrow_of_k_of_n_is_removed_and_another_added():
    document = parse_document(FALLBACK)
    document = ops.disconnect(document, "other", "most", "skipped")
    assert needs(document, "most") == "2 of (cheap, of)"
    document = ops.connect(document, "other", "most", "failed")
    assert needs(document, "most") == "(2 of (cheap, of)) && other.failed"
    assert problems(document) == []


def test_a_broken_k_of_n_names_its_steps_and_not_the_word_of():
    assert terms("2 of (a, b.failed") == (("a", None), ("b", "failed"))


def test_arrows_say_how_a_step_must_have_ended_and_are_dashed():
    document = parse_document(FALLBACK)
    graph = draft_graph(document)
    edges = {(e.source, e.target): e for e in graph.edges}
    assert (edges["cheap", "dear"].label, edges["cheap", "dear"].kind) == ("failed", "outcome")
    assert (edges["cheap", "slow"].label, edges["cheap", "slow"].kind) == ("timed out", "outcome")
    assert (edges["other", "slow"].label, edges["other", "slow"].kind) == ("or", "needs")
    assert (edges["other", "most"].label, edges["other", "most"].kind) == ("skipped · 2 of 3", "outcome")
    drawn, _ = to_agraph(graph, arrange(graph), "light")
    dashes = {edge["id"]: bool(edge["dashes"]) for edge in drawn["edges"]}
    assert dashes["cheap.failed>dear"]
    assert not dashes["other.>slow"]


def test_an_arrow_without_a_word_of_its_own_says_or_where_one_is_enough():
    assert [edge_label(None, "a || b"), edge_label(None, ["a", "b"]), edge_label("go", ["a.go"])] == [
        "or",
        "",
        "go",
    ]
