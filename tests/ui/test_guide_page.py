"""The guide: its examples are real, its reference is complete, its page turns."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from streamlit.testing.v1 import AppTest

from engine.core import parts, saga, validators
from engine.core.checks import publish_problems
from engine.core.document import parse_saga
from engine.core.expressions import FUNCTIONS, compile_expression
from engine.sandbox.faults import FaultKind
from engine.steps import functions  # noqa: F401 - registers what ships
from engine.steps.python import FUNCTIONS as REGISTERED
from ui.cli import main
from ui.models.guide import Block, blocks, chapter, chapters, neighbours
from ui.models.world_words import kind_name
from ui.settings import Settings

YAML = [block for block in blocks() if block.info.startswith("yaml")]
SAGAS = [block for block in YAML if block.info == "yaml saga"]
SCOPE = {
    "run": {"input": {"x": 3, "start": "2027-06-07", "tags": ["a", "b"]}},
    "steps": {"a": {"status": "committed", "output": {"y": 2.5, "items": [{"p": 1}, {"p": 20}]}}},
    "app": {"z": 10},
    "output": {"cost_usd": 12.345, "text": "hello"},
    "undo": {"refund_usd": 3},
    "key": "r-1:a:1",
}


def name_of(block: Block) -> str:
    return f"{block.chapter}:{block.code.splitlines()[0]}"


def text_of(slug: str) -> str:
    return chapter(slug).text


@pytest.mark.parametrize("block", SAGAS, ids=name_of)
def test_a_saga_of_the_guide_can_be_published_as_it_stands(block: Block) -> None:
    assert publish_problems(parse_saga(block.code)) == []


def test_yaml_is_either_a_whole_saga_or_marked_as_a_fragment() -> None:
    assert {block.info for block in YAML} == {"yaml saga", "yaml fragment"}
    assert len(SAGAS) >= 6


def models() -> list[type[parts.Part]]:
    known = {**vars(parts), **vars(saga), **vars(validators)}.values()
    found = [value for value in known if isinstance(value, type)]
    return [value for value in found if issubclass(value, parts.Part) and value is not parts.Part]


def test_the_reference_names_every_key_of_the_format() -> None:
    keys = {field.alias or name for model in models() for name, field in model.model_fields.items()}
    reference = text_of("file-format")
    missing = {key for key in keys if not re.search(rf"`{key}`|\b{key}:", reference)}
    assert not missing


def test_the_reference_has_the_defaults_of_the_code() -> None:
    reference = text_of("file-format")
    retry, undo = parts.Retry(), parts.UNDO_RETRY
    for name in parts.Retry.model_fields.keys() - {"per_code"}:
        step, back = getattr(retry, name), getattr(undo, name)
        assert re.search(rf"\| `{name}` \|[^|]*\| {step:g} \| {back:g} \|", reference), name
    for kind in saga.KINDS:
        assert f"## `kind: {kind}`" in reference
    for name in ("noop", "echo", "sleep", "total"):
        assert name in REGISTERED.names


def test_the_reference_has_every_kind_type_and_response_of_validators() -> None:
    reference, checks = text_of("file-format"), text_of("checks-and-context")
    for kind in validators.VALIDATOR_KINDS:
        assert f"| `{kind}` |" in reference
        assert f"kind: {kind}," in reference or kind == "rule", "its saga shows each"
    for check in get_args(validators.CheckType):
        assert f"`{check}`" in reference
        assert f"| {check} |" in checks
    for response in get_args(validators.OnFail):
        assert f"`{response}`" in reference
        assert f"| `{response}` |" in checks
    tokens = validators.ContextPolicy().budget_tokens, validators.JUDGE_CONTEXT.budget_tokens
    assert f"| {tokens[0]:,}; judges {tokens[1]:,} |" in reference


def rows() -> list[tuple[str, Any]]:
    found = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", text_of("expressions"), re.MULTILINE)
    return [(source.replace(r"\|", "|"), json.loads(value)) for source, value in found]


@pytest.mark.parametrize(("source", "value"), rows(), ids=str)
def test_an_expression_of_the_guide_gives_what_it_says(source: str, value: Any) -> None:
    assert compile_expression(source).evaluate(SCOPE) == value


def test_the_expressions_show_our_own_functions() -> None:
    shown = " ".join(source for source, _ in rows())
    assert all(f"{name}(" in shown for name in FUNCTIONS)
    assert len(rows()) >= 20


def test_the_command_line_chapter_has_every_command_and_setting() -> None:
    text = text_of("command-line")
    assert all(f"`saga {name}" in text for name in main.commands)
    assert all(f"`SAGA_{name.upper()}`" in text for name in Settings.model_fields)


def test_every_kind_of_fault_is_explained() -> None:
    text = text_of("when-something-fails")
    assert all(f"| {kind_name(kind)} |" in text for kind in FaultKind)


def test_chapters_have_titles_and_neighbours() -> None:
    found = chapters()
    assert len(found) >= 12
    assert len({one.slug for one in found}) == len(found)
    assert neighbours(found[0]) == (None, found[1])
    assert neighbours(found[-1]) == (found[-2], None)
    assert chapter("no-such-chapter") == found[0]


def page(**query: str) -> AppTest:
    app = AppTest.from_file("../../ui/views/guide.py", default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_the_page_opens_the_chapter_of_the_link_and_turns_pages() -> None:
    app = page(chapter="expressions")
    assert app.radio(key="guide_chapter").value == "expressions"
    app.button(key="guide_next").click().run()
    assert app.title[0].value == "The file format"
    assert app.query_params["chapter"] == "file-format"
    app.radio(key="guide_chapter").set_value("approvals").run()
    assert app.title[0].value == "Approvals and people"


@pytest.mark.parametrize("slug", [one.slug for one in chapters()])
def test_every_chapter_is_drawn(slug: str) -> None:
    assert page(chapter=slug).title[0].value == chapter(slug).title
