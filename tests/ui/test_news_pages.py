"""Signals, progress, events and memory on the pages and by command."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from engine.core.commands import Signal
from engine.core.document import parse_saga
from engine.ports import Draft
from engine.steps.python import FUNCTIONS
from engine.templates import template
from tests.ui.run_studio import Tab, open_studio, until
from ui.cli import main
from ui.models.draft_events import event_edges, events_in, new_event
from ui.models.draft_graph import draft_graph

WAITS = """
saga: waits
input: {order: {type: string, default: o1}}
memory: {key: "${run.input.order}", writes: {sum: "${steps.paid.output.sum}"}}
steps:
  paid:
    kind: wait
    title: Payment
    with: {event: payment, key: "${run.input.order}"}
    output: {type: object, required: [sum], properties: {sum: {type: number}}}
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def waiting(studio):
    run_id = studio.engine.start_run(parse_saga(WAITS), {}, "ann")
    until(studio, run_id, lambda row: row.last_seq >= 3)
    return run_id


def test_a_run_says_what_it_waits_for_and_takes_the_signal_from_its_page(studio):
    run_id = waiting(studio)
    tab = Tab("run", id=run_id)
    assert "Payment waits for payment for o1" in tab.words()
    assert "Waiting for payment" in tab.words()
    (flow,) = [c for c in tab.app.get("bidi_component") if "nodes" in json.loads(c.proto.json)]
    assert {n["word"] for n in json.loads(flow.proto.json)["nodes"] if n["status"] == "waiting"} == {
        "Waiting for a signal"
    }
    key = f"run-{run_id}-ask-signal-paid"
    tab.app.text_area(key=f"{key}-payload").set_value('{"sum": "much"}')
    tab.click(f"{key}-send")
    assert "does not fit what 'paid' waits for" in tab.words()
    tab.app.text_area(key=f"{key}-payload").set_value("{")
    tab.click(f"{key}-send")
    assert "is no JSON" in tab.words()
    tab.app.text_area(key=f"{key}-payload").set_value('{"sum": 5}')
    tab.click(f"{key}-send")
    until(studio, run_id, lambda row: row.status == "completed")
    tab.run()
    assert "Left to later runs" in tab.words()


def test_what_is_remembered_is_shown_found_and_forgotten(studio):
    studio.store.forget("waits")
    assert "Nothing is remembered" in Tab("memory").words()
    run_id = waiting(studio)
    studio.engine.submit(run_id, Signal(id="x", name="payment", payload={"sum": 7}, by="shop")).result()
    until(studio, run_id, lambda row: row.status == "completed")
    tab = Tab("memory")
    (table,) = tab.app.dataframe
    assert table.value["Fact"].tolist() == ["sum"]
    assert table.value["Value"].tolist() == ["7"]
    assert table.value["From step"].tolist() == ["paid"]
    before = tab.app.dataframe[0].proto.id
    tab.app.text_input(key="memory-text").set_value("nothing like it")
    tab.run()
    assert tab.app.dataframe[0].value.empty
    assert tab.app.dataframe[0].proto.id != before  # what was selected there is not selected here
    assert tab.app.button(key="memory-forget").disabled


def test_a_long_call_shows_how_far_it_is(studio):
    go = threading.Event()

    def work(heartbeat):
        heartbeat("frame 3", 0.5)
        go.wait(20)
        return {}

    FUNCTIONS.register("a_long_work")(work)
    text = "saga: long\nsteps: {film: {kind: python, title: Film, with: {function: a_long_work}}}"
    run_id = studio.engine.start_run(parse_saga(text), {}, "ann")
    until(studio, run_id, lambda _: studio.engine.progress(run_id))
    tab = Tab("run", id=run_id)
    (bar,) = tab.app.get("progress")
    assert bar.proto.value == 50
    assert "Film · 50% · frame 3" in bar.proto.text
    go.set()
    until(studio, run_id, lambda row: row.status == "completed")


def test_the_designer_draws_the_flow_of_events_and_edits_it(studio):
    document = template("choreographed-order").saga.document()
    edges = {(edge.source, edge.target): edge for edge in draft_graph(document).edges if edge.kind == "event"}
    assert edges["pay", "ship"].label == "payment_taken"
    assert edges["pay", "release"].label == "payment_failed"
    assert ("reserve", "tell") not in edges
    assert events_in(document)[:2] == ["order_placed", "payment_taken"]
    assert new_event({"steps": {"a": {"emits": ["event_1"]}}}) == "event_2"
    assert event_edges({"steps": {"a": {"emits": 7}, "b": {"on": "&&"}}}, "b") == []
    draft = Draft(saga="choreographed-order", document=document, by="ada", updated_at=datetime.now(UTC))
    studio.store.save_draft(draft)
    tab = Tab("designer", saga="choreographed-order")
    tab.app.session_state["designer"].selected = "pay"
    tab.run()
    tab.field("designer-step-pay-on").set_value("order_placed && nothing_such")
    tab.run()
    assert "Nobody emits 'nothing_such'" in tab.words()
    tab.field("designer-step-pay-on").set_value("order_placed")
    tab.run()
    assert studio.store.draft("choreographed-order").document["steps"]["pay"]["on"] == "order_placed"


# By command


def saga(*arguments):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def waits(tmp_path, monkeypatch):
    """A run that waits, as `saga run` leaves it."""
    monkeypatch.setenv("SAGA_MODEL", "scripted")
    monkeypatch.setenv("SAGA_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "waits.yaml").write_text(WAITS)
    told = saga("run", str(tmp_path / "waits.yaml"))
    assert told.exit_code == 4
    (line,) = [line for line in told.output.splitlines() if "saga signal" in line]
    return line.split()[2]


def test_a_signal_by_command_ends_the_wait_and_what_is_left_can_be_forgotten(waits):
    assert saga("signal", waits, "payment", "--json", "{}").exit_code == 2
    told = saga("signal", waits, "payment", "--json", '{"sum": 9}')
    assert told.exit_code == 0
    assert "Completed" in told.output
    (fact,) = json.loads(saga("memory", "waits", "--json").output)
    assert (fact["key"], fact["name"], fact["value"], fact["steps"]) == ("o1", "sum", 9, ["paid"])
    assert "waits · o1 · sum: 9" in saga("memory", "--key", "o1").output
    assert saga("forget", "waits").exit_code == 2
    assert "forgotten: 1" in saga("forget", "waits", "--key", "o1").output
    assert saga("forget", "waits", "--all").exit_code == 2


def test_a_signal_by_key_finds_its_run_and_says_where_none_waits(waits):
    assert saga("signal", "payment").exit_code == 2
    assert (
        "no open run waits for 'payment' with the key 'o2'" in saga("signal", "payment", "--key", "o2").output
    )
    told = saga("signal", "payment", "--key", "o1", "--json", '{"sum": 1}')
    assert f"{waits}: Completed" in told.output
    assert "is no JSON" in saga("signal", waits, "payment", "--json", "{").output
