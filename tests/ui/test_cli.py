"""The command line: what it prints, how it exits, and that bad input stores nothing."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.ports import Incident, RunFilter
from storage.store import SqlStore, open_store
from tests.contract.makers import T0, Told
from ui.cli import main
from ui.settings import Settings

GOOD = "saga: good\nsteps:\n  a: {kind: python, with: {function: echo, args: {x: 1}}}\noutput: {x: '${steps.a.output.x}'}\n"
ASKS = "saga: asks\nsteps:\n  a: {kind: approval, with: {question: 'Go?'}}\n"
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

BAD = {
    "a cycle": ("saga: x\nsteps:\n  a: {kind: wait, needs: b, with: {duration_s: 1}}\n  b: {kind: wait, needs: a, with: {duration_s: 1}}", "a cycle: a -> b -> a"),
    "a missing dependency": ("saga: x\nsteps:\n  a: {kind: wait, needs: nobody, with: {duration_s: 1}}", "needs 'nobody', which is not a step"),
    "a duplicate id": ("saga: x\nsteps:\n  a: {kind: wait, with: {duration_s: 1}}\n  a: {kind: wait, with: {duration_s: 1}}", "'a' is there twice"),
    "a bad expression": ("saga: x\nsteps:\n  a: {kind: wait, when: '1 +', with: {duration_s: 1}}", "is not an expression"),
    "an unknown kind": ("saga: x\nsteps:\n  a: {kind: htpp, with: {}}", "did you mean http?"),
    "a YAML bomb": (BOMB, "the alias"),
    "a 10 MB file": ("saga: x\n#" + "x" * 10_000_000, "bytes; a definition may have"),
    "not a mapping": ("[1, 2]", "a saga is a mapping"),
    "not YAML": ("saga: [", "this is not YAML or JSON"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_MODEL", "scripted")


def saga(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "saga.yaml"
    path.write_text(text)
    return str(path)


def test_help_names_every_command_with_an_example() -> None:
    listed = saga("--help").output
    for name in (
        "serve",
        "templates",
        "run",
        "validate",
        "show",
        "runs",
        "approve",
        "deny",
        "verdict",
        "sandbox",
        "schema",
    ):
        assert name in listed
        told = saga(name, "--help")
        assert told.exit_code == 0
        assert f"saga {name}" in told.output.split("Example:")[1]


def test_validate_says_when_more_may_be_found(tmp_path: Path) -> None:
    more = "More may be found once"
    assert more in saga("validate", written(tmp_path, BAD["an unknown kind"][0])).output
    assert more in saga("validate", written(tmp_path, BAD["not YAML"][0])).output
    assert more not in saga("validate", written(tmp_path, BAD["a cycle"][0])).output


def test_a_run_prints_its_way_and_its_output(tmp_path: Path) -> None:
    result = saga("run", written(tmp_path, GOOD))
    assert result.exit_code == 0, result.output
    assert "✓ a" in result.output
    assert '"x": 1' in result.output


def test_a_run_as_json_is_json_alone(tmp_path: Path) -> None:
    result = saga("run", written(tmp_path, GOOD), "--json")
    told = json.loads(result.output)
    assert told["status"] == "completed"
    shown = json.loads(saga("show", told["id"], "--json").output)
    assert [event["event"]["type"] for event in shown["events"]][-1] == "run_completed"
    assert told["id"] in saga("runs").output
    assert json.loads(saga("runs", "--json", "--search", told["id"]).output)[0]["id"] == told["id"]


@pytest.mark.parametrize(("answer", "code"), [("approve", 0), ("deny", 3)])
def test_a_run_that_waits_for_a_person_exits_4_and_goes_on_with_the_answer(
    tmp_path: Path, answer: str, code: int
) -> None:
    waiting = saga("run", written(tmp_path, ASKS))
    assert waiting.exit_code == 4
    assert "saga approve" in waiting.output
    run_id = json.loads(saga("runs", "--json").output)[0]["id"]
    for listed in (waiting.output, saga("runs").output, saga("show", run_id).output):
        assert "Waiting for approval" in listed
    told = saga(answer, run_id, "a", "--reason", "because")
    assert told.exit_code == code, told.output
    again = saga(answer, run_id, "a")
    assert again.exit_code == 2
    assert "has ended" in again.output


def test_approve_all_says_yes(tmp_path: Path) -> None:
    assert saga("run", written(tmp_path, ASKS), "--approve-all").exit_code == 0


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_error_quickly_and_stores_nothing(tmp_path: Path, name: str) -> None:
    text, said = BAD[name]
    path = written(tmp_path, text)
    started = time.thread_time()
    checked = saga("validate", path)
    assert time.thread_time() - started < 1
    assert checked.exit_code == 2
    assert said in checked.output
    assert checked.output.count("✗") == 1
    assert saga("run", path).exit_code == 2
    store = open_store(Settings().database)
    assert store.count(RunFilter()) == 0
    assert store.versions() == []
    store.close()


def test_bad_arguments_are_told_in_words(tmp_path: Path) -> None:
    assert "neither a file nor a template" in saga("run", "nobody").output
    assert "write NAME=VALUE" in saga("run", written(tmp_path, GOOD), "-i", "x").output
    assert "input 'y' is not declared" in saga("run", written(tmp_path, GOOD), "-i", "y=1").output
    assert "there is no run 'r-0'" in saga("show", "r-0").output
    assert saga("approve", "r-0", "a").exit_code == 2


def test_the_schema_is_json_schema_that_the_templates_fit() -> None:
    import jsonschema

    from engine.core.document import parse_document
    from engine.templates import examples, templates

    shipped = (*templates(), *examples())
    schema = json.loads(saga("schema").output)
    jsonschema.Draft202012Validator.check_schema(schema)
    for entry in shipped:
        jsonschema.validate(parse_document(entry.text), schema)
    listed = json.loads(saga("templates", "--json").output)
    assert [(t["name"], t["check"]) for t in listed] == [(t.name, t.check) for t in shipped]
    told = saga("templates").output
    assert all(f"{t.name}  {t.saga.name}" in told for t in shipped)


@pytest.mark.parametrize(("case", "code", "said"), [("caught", 3, "12:00:00Z"), ("near_miss", 0, "Leave at")])
def test_an_example_of_one_check_runs_from_the_command_line(case: str, code: int, said: str) -> None:
    result = saga("run", "check-consistency", "--input", f"case={case}")
    assert result.exit_code == code, result.output
    assert said in result.output


def test_an_example_with_a_judge_needs_no_key() -> None:
    result = saga("run", "check-semantic", "--json")
    assert result.exit_code == 3, result.output
    assert "the reply says that it goes on" in result.output


def test_show_tells_of_incidents_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path))
    told = Told("r1")
    with closing(SqlStore(tmp_path / "saga.db")) as store:
        store.publish(told.run.saga, "ada")
        store.append(told.start()).result(timeout=60)
        store.open_incident(Incident(id="i", run_id="r1", step="a", at=T0, what="'a' landed after all"))
    shown = CliRunner().invoke(main, ["show", "r1"])
    assert "after the end: 'a' landed after all" in shown.output
    as_json = json.loads(CliRunner().invoke(main, ["show", "r1", "--json"]).output)
    assert [incident["what"] for incident in as_json["incidents"]] == ["'a' landed after all"]
